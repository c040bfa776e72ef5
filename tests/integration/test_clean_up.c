/* taskshim.cleanUp: once its parent is dead, a task leaves no process, no cgroup and no state directory; and what is not
 * proven to be the task's is left alone. */
#include "tests/integration/harness.h"

#include "util/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static struct json_object *clean_up_config(struct it *t, const char *words, const char **ret_dir)
{
	struct json_object *c = it_state_config(t, words, ret_dir);

	cfg_set(c, "taskshim.onParentDeath", "'kill'");
	cfg_set(c, "taskshim.cleanUp", "true");
	return c;
}

static void mark(const char *path, const char *value)
{
	assert_int_equal(setxattr(path, TS_CGROUP_MARK, value, strlen(value), 0), 0);
}

/* A cgroup as `taskshim` makes them: <ts-it...>/ours/task, marked with the run id, its parent with "parent". NULL without
 * such a hierarchy. *@ret_parent: the parent's path. */
static const char *make_marked(struct it *t, const char *controller, const char **ret_parent)
{
	const char *base = it_cgroup(t, controller), *path;

	if (!base)
		return NULL;
	*ret_parent = it_cgroup_below(t, base, "ours");
	mark(*ret_parent, "parent");
	path = it_cgroup_below(t, *ret_parent, "task");
	mark(path, IT_RUN_ID);
	return path;
}

/* Joins what this machine has of memory, freezer and unified; the paths in *@ret, three of them, may be NULL. */
static void join_marked(struct it *t, struct json_object *c, const char *ret_paths[static 3],
			const char *ret_parents[static 3])
{
	static const char *const names[] = {"memory", "freezer", "unified"};
	unsigned n = 0;

	for (size_t i = 0; i < 3; i++) {
		ret_paths[i] = make_marked(t, names[i], &ret_parents[i]);
		if (!ret_paths[i])
			continue;
		cfg_set(c, it_text(t, "taskshim.cgroup.%s", names[i]), "'%s'", ret_paths[i]);
		n++;
	}
	if (n == 0)
		it_skip("no cgroup hierarchy can be written to");
}

static void expect_cgroups_gone(const char *const paths[static 3],
				const char *const parents[static 3])
{
	for (size_t i = 0; i < 3; i++) {
		if (!paths[i])
			continue;
		if (exists(paths[i]) || exists(parents[i]))
			fail_msg("left: %s", paths[i]);
	}
}

/* --- after the start --- */

static void test_parent_s_death_leaves_nothing(void **state)
{
	struct it *t = *state;
	const char *dir, *paths[3], *parents[3];
	struct json_object *c =
		clean_up_config(t, "stray session stray group ignore 15 echo ready pause", &dir);
	pid_t pid;

	join_marked(t, c, paths, parents);
	struct run *r = it_start_task(t, c, &pid);

	it_wait_ready(t, r);
	write_file(it_text(t, "%s/config.json", dir), "{}", 0600); /* as `taskshim` leaves it */
	run_close_in(r);
	assert_int_equal(run_wait(r), 137);
	assert_false(alive(pid));
	assert_false(exists(dir));
	expect_cgroups_gone(paths, parents);
	/* the line is written all the same: somebody may read it */
	assert_string_equal(js_str(run_expect(r, "exited"), "cause"), "stopped");
}

static void test_parent_s_death_without_clean_up_leaves_the_record(void **state)
{
	struct it *t = *state;
	const char *dir, *paths[3], *parents[3];
	struct json_object *c = clean_up_config(t, "echo ready pause", &dir), *record;
	pid_t pid;

	cfg_del(c, "taskshim.cleanUp");
	join_marked(t, c, paths, parents);
	struct run *r = it_start_task(t, c, &pid);

	run_close_in(r);
	assert_int_equal(run_wait(r), 137);
	record = it_json_file(t, dir, "exit.json");
	assert_string_equal(js_str(record, "cause"), "stopped");
	assert_int_equal(js_int(record, "stopSignal"), SIGKILL);
	for (size_t i = 0; i < 3; i++)
		assert_true(!paths[i] || exists(paths[i]));
}

static void test_end_while_the_parent_lives_is_the_parent_s_to_clean_up(void **state)
{
	struct it *t = *state;
	const char *dir, *paths[3], *parents[3];
	struct json_object *c = clean_up_config(t, "exit 3", &dir);

	pid_t pid;

	join_marked(t, c, paths, parents);
	struct run *r = it_start_task(t, c, &pid);

	assert_int_equal(run_wait(r), 3);
	assert_int_equal(js_int(it_json_file(t, dir, "exit.json"), "exitCode"), 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(!paths[i] || exists(paths[i]));
}

/* Both ends at once: the monitor, which sleeps, sees them in one look. */
static void test_parent_that_dies_with_the_task_leaves_nothing(void **state)
{
	struct it *t = *state;
	const char *dir, *paths[3], *parents[3];
	struct json_object *c = clean_up_config(t, "echo ready pause", &dir);
	pid_t pid;

	join_marked(t, c, paths, parents);
	struct run *r = it_start_task(t, c, &pid);

	it_wait_ready(t, r);
	assert_int_equal(kill(r->pid, SIGSTOP), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	wait_gone(pid);
	run_close_in(r);
	assert_int_equal(kill(r->pid, SIGCONT), 0);
	assert_int_equal(run_wait(r), 137);
	assert_false(exists(dir));
	expect_cgroups_gone(paths, parents);
}

/* v1 alone: no cgroup.kill, and what is frozen takes no signal. */
static void test_parent_s_death_ends_a_frozen_task(void **state)
{
	struct it *t = *state;
	const char *dir, *path, *parent;
	struct json_object *c = clean_up_config(t, "stray session echo ready pause", &dir);
	pid_t pid;

	path = make_marked(t, "freezer", &parent);
	if (!path)
		it_skip("this machine has no v1 freezer hierarchy");
	cfg_set(c, "taskshim.cgroup.freezer", "'%s'", path);
	struct run *r = it_start_task(t, c, &pid);

	it_wait_ready(t, r);
	write_file(it_text(t, "%s/freezer.state", path), "FROZEN", 0644);
	run_close_in(r);
	assert_int_equal(run_wait(r), 137);
	assert_false(exists(dir));
	assert_false(exists(path));
}

static void test_timeout_ends_a_frozen_task(void **state)
{
	struct it *t = *state;
	const char *dir, *path, *parent;
	struct json_object *c = it_state_config(t, "stray session echo ready pause", &dir);
	pid_t pid;

	path = make_marked(t, "freezer", &parent);
	if (!path)
		it_skip("this machine has no v1 freezer hierarchy");
	cfg_set(c, "taskshim.cgroup.freezer", "'%s'", path);
	cfg_set(c, "taskshim.timeout", "'500ms'");
	cfg_set(c, "taskshim.killTimeout", "'20ms'");
	struct run *r = it_start_task(t, c, &pid);

	write_file(it_text(t, "%s/freezer.state", path), "FROZEN", 0644);
	run_wait(r); /* by which signal depends on who is thawed first */
	assert_string_equal(js_str(it_json_file(t, dir, "exit.json"), "cause"), "timeout");
	assert_int_equal(cgroup_count(t, path), 0);
}

/* --- before the start, and a start that fails --- */

static void test_parent_s_death_at_the_gate_leaves_nothing(void **state)
{
	struct it *t = *state;
	const char *dir, *paths[3], *parents[3];
	struct json_object *c = clean_up_config(t, "echo ran", &dir);

	join_marked(t, c, paths, parents);
	struct run *r = it_start_config(t, NULL, c);

	(void)run_expect(r, "created");
	write_file(it_text(t, "%s/config.json", dir), "{}", 0600);
	run_close_in(r);
	assert_string_equal(js_str(run_expect(r, "aborted"), "reason"), "parent-gone");
	assert_int_equal(run_wait(r), 0);
	assert_false(exists(dir));
	expect_cgroups_gone(paths, parents);
	assert_string_equal(run_task_out(t, r), "");
}

static void test_gate_that_says_false_is_the_parent_s_to_clean_up(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct run *r = it_start_config(t, NULL, clean_up_config(t, "echo ran", &dir));

	(void)run_expect(r, "created");
	run_send(r, "false");
	(void)run_expect(r, "aborted");
	assert_int_equal(run_wait(r), 0);
	assert_true(exists(dir));
}

/* Standard input of a parent that has said everything and died: @c, the gate, end of file. */
static struct run *start_orphan(struct it *t, struct json_object *c)
{
	const char *text = it_text(t, "%s\ntrue\n", json_object_to_json_string(c));
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(close(ends[1]), 0);
	return it_start(t, &(struct start){.in_fd = own_fd(t, ends[0])});
}

/* At every kind of place: before anything is opened, in the plan, in init's steps, at the exec. */
static void test_failed_start_of_a_dead_parent_leaves_nothing(void **state)
{
	static const struct {
		const char *field, *value, *step;
	} rows[] = {
		{"linux.cgroupsPath", "'/x'", "config"},
		{"taskshim.stdout", "'/no-such/dir/file'", "stdio"},
		{"process.cwd", "'/no-such'", "cwd"},
		{"process.args", "['/bin/passwd-like']", "exec"},
	};
	struct it *t = *state;

	write_file(it_text(t, "%s/bin/passwd-like", t->dir), "#!/no/interpreter\n", 0755);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *dir, *paths[3], *parents[3];
		struct json_object *c = clean_up_config(t, "echo ran", &dir);

		join_marked(t, c, paths, parents);
		cfg_set(c, "taskshim.stdout", "'null'");
		cfg_set(c, "taskshim.stderr", "'null'");
		cfg_set(c, rows[i].field, "%s", rows[i].value);
		struct run *r = start_orphan(t, c);
		struct json_object *error = run_line(r);

		while (error && strcmp(js_str(error, "type"), "error") != 0)
			error = run_line(r);
		if (!error || strcmp(js_str(error, "step"), rows[i].step) != 0)
			fail_msg("%s: %s", rows[i].field,
				 error ? json_object_to_json_string(error) : "no error");
		(void)run_wait(r);
		if (exists(dir))
			fail_msg("%s: left: %s", rows[i].field, it_names(t, dir));
		expect_cgroups_gone(paths, parents);
	}
}

static void test_task_of_a_dead_parent_is_ended(void **state)
{
	struct it *t = *state;
	const char *dir, *paths[3], *parents[3];
	struct json_object *c = clean_up_config(t, "pause", &dir);

	join_marked(t, c, paths, parents);
	cfg_set(c, "taskshim.stdout", "'null'");
	cfg_set(c, "taskshim.stderr", "'null'");
	(void)run_wait(start_orphan(t, c));
	assert_false(exists(dir));
	expect_cgroups_gone(paths, parents);
}

/* --- what is not proven to be the task's --- */

static void test_cgroup_without_the_mark_stays(void **state)
{
	static const char *const marks[] = {NULL, "ffffffffffffffffffffffffffffffff", "parent"};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		const char *dir, *path = it_cgroup(t, "unified");
		struct json_object *c = clean_up_config(t, "echo ready pause", &dir);
		pid_t pid;

		if (!path)
			it_skip("this machine has no unified hierarchy");
		if (marks[i])
			mark(path, marks[i]);
		cfg_set(c, "taskshim.cgroup.unified", "'%s'", path);
		struct run *r = it_start_task(t, c, &pid);

		run_close_in(r);
		assert_int_equal(run_wait(r), 137);
		assert_true(exists(path));
		assert_false(exists(dir));
	}
}

/* The cgroup was removed by hand, and another run has one of that path now: same mark even, not the recorded inode. */
static void test_cgroup_of_another_inode_stays(void **state)
{
	struct it *t = *state;
	const char *dir, *parent, *path = make_marked(t, "unified", &parent);
	struct json_object *c = clean_up_config(t, "echo ready pause", &dir);
	pid_t pid;

	if (!path)
		it_skip("this machine has no unified hierarchy");
	cfg_set(c, "taskshim.cgroup.unified", "'%s'", path);
	struct run *r = it_start_task(t, c, &pid);

	it_wait_ready(t, r);
	write_file(it_text(t, "%s/cgroup.procs", parent), it_text(t, "%d", pid), 0644);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	mark(path, IT_RUN_ID);
	run_close_in(r);
	assert_int_equal(run_wait(r), 137);
	assert_true(exists(path));
}

static void test_directory_that_has_another_s_name_stays(void **state)
{
	struct it *t = *state;
	const char *dir, *away;
	struct json_object *c = clean_up_config(t, "echo ready pause", &dir);
	pid_t pid;
	struct run *r = it_start_task(t, c, &pid);

	it_wait_ready(t, r);
	away = it_text(t, "%s/away", t->dir);
	assert_int_equal(rename(dir, away), 0);
	make_dir(dir, 0700);
	write_file(it_text(t, "%s/theirs", dir), "x", 0600);
	run_close_in(r);
	assert_int_equal(run_wait(r), 137);
	assert_string_equal(it_names(t, dir), "theirs ");
	assert_true(exists(away));
	assert_true(js_bool(it_json_file(t, away, "exit.json"), "known"));
}

/* Who holds the directory's lock lives: a parent that has only closed its end, or an `open --destroy`. */
static void test_directory_that_is_locked_is_left_to_who_locked_it(void **state)
{
	struct it *t = *state;
	const char *dir, *paths[3], *parents[3];
	struct json_object *c = clean_up_config(t, "echo ready pause", &dir);
	pid_t pid;

	join_marked(t, c, paths, parents);
	struct run *r = it_start_task(t, c, &pid);
	int fd = open_fd(t, dir, O_RDONLY | O_DIRECTORY);

	assert_int_equal(flock(fd, LOCK_EX), 0);
	run_close_in(r);
	assert_int_equal(run_wait(r), 137);
	assert_true(js_bool(it_json_file(t, dir, "exit.json"), "known"));
	for (size_t i = 0; i < 3; i++)
		assert_true(!paths[i] || exists(paths[i]));
}

static void test_clean_up_without_a_state_directory_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo ran");

	cfg_set(c, "taskshim.onParentDeath", "'kill'");
	cfg_set(c, "taskshim.cleanUp", "true");
	(void)it_expect_error(t, c, 125, "config", EINVAL, "taskshim.cleanUp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_parent_s_death_leaves_nothing),
		IT(test_parent_s_death_without_clean_up_leaves_the_record),
		IT(test_end_while_the_parent_lives_is_the_parent_s_to_clean_up),
		IT(test_parent_that_dies_with_the_task_leaves_nothing),
		IT(test_parent_s_death_ends_a_frozen_task),
		IT(test_timeout_ends_a_frozen_task),
		IT(test_parent_s_death_at_the_gate_leaves_nothing),
		IT(test_gate_that_says_false_is_the_parent_s_to_clean_up),
		IT(test_failed_start_of_a_dead_parent_leaves_nothing),
		IT(test_task_of_a_dead_parent_is_ended),
		IT(test_cgroup_without_the_mark_stays),
		IT(test_cgroup_of_another_inode_stays),
		IT(test_directory_that_has_another_s_name_stays),
		IT(test_directory_that_is_locked_is_left_to_who_locked_it),
		IT(test_clean_up_without_a_state_directory_is_an_error),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
