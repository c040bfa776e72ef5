/* Hooks: each kind runs in its place and at its time, with the state that OCI says; a failure is what OCI says; nothing is left of a
 * hook whose time is up, or whose runner was killed. */
#include "tests/integration/harness.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const kinds[] = {"prestart",	      "createRuntime", "createContainer",
				    "startContainer", "poststart",     "poststop"};

enum { KINDS = 6, START_CONTAINER = 3, POSTSTART = 4, POSTSTOP = 5 };

/* Appends a hook that runs the shell @script, which says what it says to LOG. startContainer hooks have no shell: probe. */
static void add_script(struct it *t, struct json_object *c, const char *kind, const char *script)
{
	struct json_object *args = json_object_new_array();

	(void)json_object_array_add(args, json_object_new_string("a-hook"));
	(void)json_object_array_add(args, json_object_new_string("-c"));
	(void)json_object_array_add(args, json_object_new_string(script));
	cfg_set(c, it_text(t, "hooks.%s[+]", kind),
		"{'path':'/bin/sh','env':['LOG=%s/log','A=b c']}", t->dir);
	struct json_object *list = js_get(c, it_text(t, "hooks.%s", kind));
	struct json_object *hook =
		json_object_array_get_idx(list, json_object_array_length(list) - 1);

	(void)json_object_object_add(hook, "args", args);
}

static void add_probe(struct it *t, struct json_object *c, const char *kind, const char *words)
{
	const char *program = strcmp(kind, "startContainer") == 0
				      ? "/bin/probe"
				      : it_text(t, "%s/bin/probe", t->dir);
	const char *file = strcmp(kind, "startContainer") == 0 ? "/alloc/log"
							       : it_text(t, "%s/alloc/log", t->dir);

	cfg_set(c, it_text(t, "hooks.%s[+]", kind),
		"{'path':'%s','env':['A=b c','KIND=%s'],'args':['a-hook','to','%s']}", program,
		kind, file);
	struct json_object *list = js_get(c, it_text(t, "hooks.%s", kind));
	struct json_object *args =
		js_get(json_object_array_get_idx(list, json_object_array_length(list) - 1), "args");
	char *copy = strdup(words), *save = NULL;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		(void)json_object_array_add(args, json_object_new_string(w));
	free(copy);
}

/* Anybody may write to it: startContainer hooks run as the task's user. */
static void clear_log(struct it *t)
{
	const char *path = it_text(t, "%s/alloc/log", t->dir);

	(void)unlink(path);
	write_file(path, "", 0666);
	assert_int_equal(chmod(path, 0666), 0);
}

/* A task whose hooks can write to it->dir/alloc, in the task /alloc. */
static struct json_object *hook_config(struct it *t, const char *words)
{
	struct json_object *c = it_config(t, words);

	if (!exists(it_text(t, "%s/alloc", t->dir))) {
		make_dir(it_text(t, "%s/alloc", t->dir), 0755);
		clear_log(t);
	}
	cfg_set(c, "taskshim.allocDir", "'%s/alloc'", t->dir);
	return c;
}

static const char *log_of(struct it *t)
{
	const char *text = read_file(t, it_text(t, "%s/alloc/log", t->dir));

	return text ? text : "";
}

/* A hook of each kind that writes down its name. */
static void add_all(struct it *t, struct json_object *c)
{
	for (int i = 0; i < KINDS; i++)
		add_probe(t, c, kinds[i], it_text(t, "echo %s", kinds[i]));
}

static bool log_has(void *arg)
{
	return strstr(log_of(*(struct it **)arg), ((const char **)arg)[1]) != NULL;
}

static void wait_log(struct it *t, const char *text)
{
	void *arg[] = {t, (void *)(uintptr_t)text};

	wait_until(log_has, arg, text);
}

/* --- where, when, with what --- */

/* The part of the log that the hook of @kind wrote. */
static const char *part_of(struct it *t, const char *log, const char *kind)
{
	const char *start = strstr(log, it_text(t, "begin %s\n", kind));
	const char *end = start ? strstr(start, "that-is-all\n") : NULL;

	if (!end)
		fail_msg("no %s in:\n%s", kind, log);
	return it_text(t, "%.*s", (int)(end - start), start);
}

static struct json_object *state_in(struct it *t, const char *part)
{
	const char *brace = strchr(part, '{');

	assert_non_null(brace);
	return cfg_parse(t, "%s", it_text(t, "%.*s", (int)strcspn(brace, "\n"), brace));
}

static void test_each_kind_has_its_place_and_its_state(void **state)
{
	static const char *const statuses[] = {"creating", "creating", "creating",
					       "created",  "running",  "stopped"};
	struct it *t = *state;
	struct json_object *c = hook_config(t, "exit 0");
	char *own_mnt = read_link(t, "/proc/self/ns/mnt"),
	     *own_pid = read_link(t, "/proc/self/ns/pid");
	const char *log;
	pid_t pid;

	cfg_set(c, "linux.namespaces", "[{'type':'pid'},{'type':'mount'},{'type':'uts'}]");
	cfg_set(c, "hostname", "'of-the-task'");
	cfg_set(c, "annotations", "{'a/b':'c d','slash':'/'}");
	for (int i = 0; i < KINDS; i++)
		add_probe(t, c, kinds[i],
			  it_text(t,
				  "echo begin echo %s readin ids ns host cwd env session umask "
				  "signals "
				  "fds echo that-is-all",
				  kinds[i]));
	/* "begin KIND" as one line */
	for (int i = 0; i < KINDS; i++) {
		struct json_object *args = js_get(c, it_text(t, "hooks.%s[0].args", kinds[i]));

		(void)json_object_array_put_idx(
			args, 4, json_object_new_string(it_text(t, "begin %s", kinds[i])));
		(void)json_object_array_del_idx(args, 5, 2);
	}
	struct run *r = it_run(t, c);

	assert_int_equal(run_wait(r), 0);
	pid = (pid_t)js_int(r->lines[0], "pid");
	log = log_of(t);
	for (int i = 0; i < KINDS; i++) {
		bool inside = i == 2 || i == START_CONTAINER;
		const char *part = part_of(t, log, kinds[i]);
		struct json_object *s = state_in(t, part);

		assert_string_equal(js_str(s, "status"), statuses[i]);
		assert_string_equal(js_str(s, "ociVersion"), "1.2.0");
		assert_string_equal(js_str(s, "id"), js_str(c, "taskshim.id"));
		assert_string_equal(js_str(s, "bundle"), t->dir);
		assert_string_equal(js_str(s, "annotations.a/b"), "c d");
		if (i == POSTSTOP)
			assert_null(js_get(s, "pid"));
		else
			assert_int_equal(js_int(s, "pid"), inside ? 1 : pid);
		expect_fact(t, part, "hostname",
			    inside ? "of-the-task" : fact(t, part, "hostname"));
		assert_int_equal(strcmp(fact(t, part, "ns.mnt"), own_mnt) == 0, !inside);
		if (i != 2) /* the host's /proc names it otherwise */
			assert_int_equal(strcmp(fact(t, part, "ns.pid"), own_pid) == 0, !inside);
		expect_fact(t, part, "cwd", i == START_CONTAINER ? "/" : t->dir);
		expect_fact(t, part, "uid",
			    i == START_CONTAINER ? "65534 65534 65534 65534" : "0 0 0 0");
		expect_contains(part, it_text(t, "env A=b c\nenv KIND=%s\n", kinds[i]));
		assert_null(strstr(part, "env PATH"));
		expect_fact(t, part, "sid", fact(t, part, "pid"));
		expect_fact(t, part, "umask", "0022");
		expect_fact(t, part, "ignored", "");
		expect_fact(t, part, "blocked", "0000000000000000");
		expect_contains(part, "fd 2 ");
		assert_null(strstr(strstr(part, "fd 2 ") + 1, "\nfd 4"));
	}
}

/* In the order of their kinds and of their lists, each at its moment. */
static void test_each_kind_has_its_time(void **state)
{
	struct it *t = *state;
	struct json_object *c = hook_config(t, "to /alloc/log echo command readin");
	int input[2];

	assert_int_equal(pipe2(input, O_CLOEXEC), 0);
	cfg_set(c, "taskshim.stdin", "'fd:5'");
	add_all(t, c);
	add_probe(t, c, "createRuntime", "echo second");
	add_probe(t, c, "poststop", "echo last");
	struct run *r = it_start_config(t, &(struct start){.fds = {input[0]}}, c);

	(void)run_expect(r, "created");
	assert_string_equal(log_of(t), "prestart\ncreateRuntime\nsecond\ncreateContainer\n");
	clear_log(t);
	run_send(r, "true");
	(void)run_expect(r, "started");
	wait_log(t, "command");
	const char *log = log_of(t);

	expect_contains(log, "poststart\n"); /* in either order: the command runs already */
	assert_true(strncmp(log, "startContainer\n", 15) == 0);
	clear_log(t);
	assert_int_equal(close(input[0]), 0);
	assert_int_equal(close(input[1]), 0);
	assert_int_equal(run_wait(r), 0);
	expect_contains(log_of(t), "poststop\nlast\n");
}

static void test_hook_without_args_has_its_path(void **state)
{
	struct it *t = *state;
	struct json_object *c = hook_config(t, "exit 0");
	const char *script = it_text(t, "%s/script", t->dir);

	write_file(script, it_text(t, "#!/bin/sh\necho \"$0 $#\" >>%s/alloc/log\n", t->dir), 0755);
	cfg_set(c, "hooks.prestart", "[{'path':'%s'}]", script);
	assert_int_equal(run_wait(it_run(t, c)), 0);
	assert_string_equal(log_of(t), it_text(t, "%s 0\n", script));
}

static void test_a_large_state_arrives_whole(void **state)
{
	struct it *t = *state;
	struct json_object *c = hook_config(t, "exit 0");
	enum { LEN = 300000 };
	char *big = malloc(LEN + 1);

	/* the rest of a state, with a random path in it, has none of that */
	memset(big, '~', LEN);
	big[LEN] = '\0';
	cfg_set(c, "annotations", "{'big':'%s'}", big);
	free(big);
	add_script(t, c, "createRuntime", it_text(t, "tr -dc '~' | wc -c >%s/alloc/log", t->dir));
	assert_int_equal(run_wait(it_run(t, c)), 0);
	assert_string_equal(log_of(t), "300000\n");
}

/* --- failures --- */

/* Kinds that prevent the start: the kinds before have run, those behind have not, and poststop has. */
static void test_failure_prevents_the_start(void **state)
{
	struct it *t = *state;

	for (int bad = 0; bad <= START_CONTAINER; bad++) {
		struct json_object *c = hook_config(t, "to /alloc/log echo command");
		const char *expected = "";

		clear_log(t);
		for (int i = 0; i < KINDS; i++) {
			add_probe(t, c, kinds[i], it_text(t, "echo %s", kinds[i]));
			if (i <= bad)
				expected = it_text(t, "%s%s\n", expected, kinds[i]);
		}
		/* what it prints is said, what it reads is not waited for */
		cfg_set(c, it_text(t, "hooks.%s[+]", kinds[bad]),
			"{'path':'%s','args':['a-hook','err','some','echo','last "
			"words','exit','3']}",
			bad == START_CONTAINER ? "/bin/probe" : it_text(t, "%s/bin/probe", t->dir));
		add_probe(t, c, kinds[bad], "echo one-too-many");
		struct run *r = it_run(t, c);
		struct json_object *line = r->lines[r->n_lines - 1];

		expect_error_line(line, "hook", 0, it_text(t, "%s[1]: ", kinds[bad]));
		expect_contains(js_str(line, "message"), "/bin/probe: exited with status 3");
		expect_contains(js_str(line, "message"), "last words");
		assert_int_equal(run_wait(r), 125);
		assert_string_equal(log_of(t), it_text(t, "%spoststop\n", expected));
		assert_string_equal(run_err(t, r), "");
	}
}

static void test_failures_are_told_apart(void **state)
{
	struct it *t = *state;
	struct json_object *c = hook_config(t, "exit 0");

	cfg_set(c, "hooks.prestart", "[{'path':'/no/such/hook'}]");
	(void)it_expect_error(t, c, 125, "hook", ENOENT, "prestart[0]: /no/such/hook: execute");
	cfg_set(c, "hooks.prestart", "[{'path':'/etc/passwd'}]");
	(void)it_expect_error(t, c, 125, "hook", EACCES, "/etc/passwd: execute");
	cfg_del(c, "hooks");
	add_script(t, c, "createContainer", "kill -9 $$");
	(void)it_expect_error(t, c, 125, "hook", 0,
			      "createContainer[0]: /bin/sh: killed by signal 9");
	cfg_del(c, "hooks");
	add_script(t, c, "createRuntime",
		   "head -c 100000 /dev/zero | tr '\\0' x; echo; printf 'the\\tend\\n\\n'; "
		   "exit 255");
	(void)it_expect_error(t, c, 125, "hook", 0, "exited with status 255: ");
	expect_contains(it_expect_error(t, c, 125, "hook", 0, "createRuntime[0]"), "x the end");
}

/* The secret that a hook has in its environment is in no message of ours. */
static void test_environment_of_hooks_is_not_shown(void **state)
{
	struct it *t = *state;
	struct json_object *c = hook_config(t, "exit 0");

	cfg_set(c, "hooks.prestart",
		"[{'path':'/bin/false','args':['false','hunter2'],'env':['TOKEN=hunter2']}]");
	expect_not_contains(it_expect_error(t, c, 125, "hook", 0, "exited with status 1"),
			    "hunter2");
}

static void test_poststart_and_poststop_failures_are_warnings(void **state)
{
	struct it *t = *state;
	struct json_object *c = hook_config(t, "exit 7");

	for (int kind = POSTSTART; kind <= POSTSTOP; kind++) {
		add_script(t, c, kinds[kind], "echo words; exit 4");
		add_probe(t, c, kinds[kind], it_text(t, "echo %s", kinds[kind]));
	}
	struct run *r = it_run(t, c);

	assert_int_equal(run_wait(r), 7);
	assert_string_equal(js_str(r->lines[2], "type"), "exited");
	expect_contains(run_err(t, r), "spawn-daemon: warning: hook: poststart[0]: /bin/sh: exited "
				       "with status 4: words\n");
	expect_contains(run_err(t, r), "hook: poststop[0]: /bin/sh: exited with status 4: words\n");
	assert_string_equal(log_of(t), "poststart\npoststop\n");
}

/* --- time, and what a hook leaves --- */

/* Its children too, also those that went into a session of their own. */
static void test_timeout_ends_the_hook_and_its_children(void **state)
{
	struct it *t = *state;

	for (int i = 0; i < KINDS; i++) {
		struct json_object *c = hook_config(t, "exit 0");

		clear_log(t);
		add_probe(t, c, kinds[i], "stray child stray session ignore 15 echo hangs pause");
		cfg_set(c, it_text(t, "hooks.%s[0].timeout", kinds[i]), "1");
		struct run *r = it_run(t, c);
		const char *said =
			i < POSTSTART ? js_str(r->lines[r->n_lines - 1], "message") : run_err(t, r);

		assert_int_equal(run_wait(r), i < POSTSTART ? 125 : 0);
		if (i < POSTSTART)
			expect_error_line(r->lines[r->n_lines - 1], "hook", ETIMEDOUT,
					  "not done after 1 s");
		expect_contains(said, it_text(t, "%s[0]: ", kinds[i]));
		expect_contains(said, "not done after 1 s");
		expect_contains(log_of(t), "hangs");
		assert_int_equal(reap_children(t), 0);
	}
}

static void test_failed_hook_leaves_no_children(void **state)
{
	struct it *t = *state;

	for (int i = 0; i < KINDS; i++) {
		struct json_object *c = hook_config(t, "exit 0");

		add_probe(t, c, kinds[i], "stray child stray session exit 1");
		assert_int_equal(run_wait(it_run(t, c)), i < POSTSTART ? 125 : 0);
		assert_int_equal(reap_children(t), 0);
	}
}

/* Some hooks start what the task needs. It is not the monitor's: neither waited for nor ended with the task. */
static void test_hook_that_went_well_may_leave_a_process(void **state)
{
	struct it *t = *state;
	struct json_object *c = hook_config(t, "exit 0");
	pid_t pid;

	cfg_set(c, "taskshim.waitFor", "'all'");
	add_script(t, c, "createRuntime",
		   it_text(t, "sleep 1000 >/dev/null 2>&1 & echo $! >%s/alloc/log", t->dir));
	assert_int_equal(run_wait(it_run(t, c)), 0);
	pid = (pid_t)atoi(log_of(t));
	assert_true(alive(pid));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid); /* it came to us, the next subreaper */
}

/* --- deaths --- */

/* A hook of kind @i that says that it runs, and hangs with children of its own. */
static struct run *start_hanging(struct it *t, struct json_object *c, int i)
{
	clear_log(t);
	add_probe(t, c, kinds[i], "stray child stray session ignore 15 echo hangs pause");
	struct run *r = it_start_config(t, NULL, c);

	if (i >= START_CONTAINER) {
		(void)run_expect(r, "created");
		run_send(r, "true");
	}
	wait_log(t, "hangs");
	return r;
}

static void test_death_of_the_parent_ends_the_hook(void **state)
{
	struct it *t = *state;

	for (int i = 0; i <= POSTSTART; i++) {
		struct json_object *c = hook_config(t, "exit 0");

		add_script(t, c, "poststop", it_text(t, "echo poststop >>%s/alloc/log", t->dir));
		cfg_set(c, "taskshim.onParentDeath", "'kill'");
		struct run *r = start_hanging(t, c, i);

		run_close_in(r);
		(void)run_wait(r);
		while (run_line(r))
			;
		assert_string_equal(js_str(r->lines[r->n_lines - 1], "type"),
				    i == POSTSTART ? "exited" : "aborted");
		expect_contains(log_of(t), "poststop\n");
		assert_int_equal(reap_children(t), 0);
	}
}

/* Who has said true may leave. */
static void test_parent_that_leaves_after_the_gate_is_no_cancellation(void **state)
{
	struct it *t = *state;
	struct json_object *c = hook_config(t, "echo ran");

	add_script(t, c, "createRuntime",
		   it_text(t, "while [ ! -e %s/go ]; do sleep 0.02; done", t->dir));
	for (int together = 0; together <= 1; together++) {
		struct run *r = it_start(t, NULL);
		const char *text = json_object_to_json_string(c);

		(void)unlink(it_text(t, "%s/go", t->dir));
		run_send(r, together ? it_text(t, "%s true", text) : text);
		if (!together)
			run_send(r, " true");
		run_close_in(r);
		write_file(it_text(t, "%s/go", t->dir), "", 0644);
		assert_int_equal(run_wait(r), 0);
		assert_string_equal(run_task_out(t, r), "ran\n");
	}
}

static void test_killed_spawn_daemon_leaves_nothing_of_the_hook(void **state)
{
	struct it *t = *state;

	for (int i = 0; i <= POSTSTART; i++) {
		struct run *r = start_hanging(t, hook_config(t, "pause"), i);

		assert_int_equal(kill(r->pid, SIGKILL), 0);
		assert_int_equal(run_wait(r), IT_KILLED + SIGKILL);
		assert_int_equal(reap_children(t), 0);
	}
}

/* The child of @pid that is not @other; 0: none. */
static pid_t child_of(struct it *t, pid_t pid, pid_t other)
{
	const char *list = read_file(t, it_text(t, "/proc/%d/task/%d/children", pid, pid));
	char *end;

	for (const char *at = list ? list : ""; *at; at = end) {
		pid_t child = (pid_t)strtol(at, &end, 10);

		if (end == at)
			break;
		if (child != other)
			return child;
	}
	return 0;
}

/* The hook dies with its runner, and what came of the hook with the start. */
static void test_killed_runner_is_a_failure_and_leaves_nothing(void **state)
{
	struct it *t = *state;

	for (int i = 0; i <= START_CONTAINER; i++) {
		struct json_object *c = hook_config(t, "exit 0");
		struct run *r = start_hanging(t, c, i);
		pid_t first = child_of(t, r->pid, 0), runner = child_of(t, r->pid, first),
		      init = first;

		/* spawn-daemon's children are init and, of its own hooks, the runner */
		if (i < 2 && strcmp(proc_file(t, first, "comm"), "probe\n") == 0)
			fail_msg("the hook itself is spawn-daemon's child");
		if (i >= 2)
			runner = child_of(t, init, 0);
		assert_true(runner > 0);
		assert_int_equal(kill(runner, SIGKILL), 0);
		while (run_line(r))
			;
		expect_error_line(r->lines[r->n_lines - 1], "hook", 0, "was killed");
		assert_int_equal(run_wait(r), 125);
		assert_int_equal(reap_children(t), 0);
	}
}

static void test_killed_init_ends_the_hook(void **state)
{
	struct it *t = *state;
	struct json_object *c = hook_config(t, "exit 0");
	struct run *r = start_hanging(t, c, 1);
	pid_t init = child_of(t, r->pid, 0);

	assert_int_equal(kill(init, SIGKILL), 0);
	expect_error_line(run_expect(r, "error"), "hook", 0, "signal 9");
	assert_int_equal(run_wait(r), 125);
	assert_int_equal(reap_children(t), 0);
}

/* --- with a state directory --- */

/* Whoever removes it runs the poststop hooks: it says which. */
static void test_hooks_json_holds_what_is_left(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "exit 0", &dir), *left;

	(void)hook_config(t, "exit 0"); /* makes the directory */
	add_all(t, c);
	cfg_del(c, "hooks.startContainer");
	assert_int_equal(run_wait(it_run(t, c)), 0);
	left = it_json_file(t, dir, "hooks.json");
	assert_int_equal(js_int(left, "version"), 1);
	assert_string_equal(js_str(left, "state.bundle"), t->dir);
	assert_string_equal(js_str(left, "poststop[0].env[1]"), "KIND=poststop");
	assert_null(js_get(left, "poststart"));
	assert_string_equal(log_of(t), "prestart\ncreateRuntime\ncreateContainer\npoststart\n");
}

static void test_no_hooks_json_without_such_hooks(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "exit 0", &dir);

	(void)hook_config(t, "exit 0"); /* makes the directory */
	add_probe(t, c, "prestart", "echo x");
	add_probe(t, c, "poststart", "echo x");
	assert_int_equal(run_wait(it_run(t, c)), 0);
	expect_not_contains(it_names(t, dir), "hooks.json");
}

static int connect_gate(struct it *t, const char *dir)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = own_fd(t, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	int dir_fd = open_fd(t, dir, O_PATH | O_DIRECTORY);

	(void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/gate", dir_fd);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void test_unmonitored_task_runs_start_container_hooks_at_its_gate(void **state)
{
	struct it *t = *state;

	for (int fails = 0; fails <= 1; fails++) {
		const char *dir;
		struct json_object *c =
			it_state_config(t, "to /alloc/log echo command exit 6", &dir);
		struct json_object *without = hook_config(t, "exit 0"); /* makes the directory */
		char text[8192];
		ssize_t n;
		int status;
		pid_t pid;

		(void)without;
		clear_log(t);
		cfg_set(c, "taskshim.allocDir", "'%s/alloc'", t->dir);
		cfg_set(c, "taskshim.monitor", "false");
		add_all(t, c);
		if (fails)
			add_probe(t, c, "startContainer", "exit 2");
		struct run *r = it_start_config(t, NULL, c);

		pid = (pid_t)js_int(run_expect(r, "created"), "pid");
		run_expect_eof(r);
		assert_int_equal(run_wait(r), 0);
		assert_string_equal(log_of(t), "prestart\ncreateRuntime\ncreateContainer\n");
		assert_non_null(js_get(it_json_file(t, dir, "hooks.json"), "poststart"));
		clear_log(t);
		int gate = connect_gate(t, dir);

		assert_int_equal(write(gate, "true", 4), 4);
		n = ts_read_text(gate, text, sizeof text);
		assert_true(n > 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WEXITSTATUS(status), fails ? 125 : 6);
		assert_string_equal(log_of(t),
				    fails ? "startContainer\n" : "startContainer\ncommand\n");
		struct json_object *line = cfg_parse(t, "%s", text);

		if (fails)
			expect_error_line(line, "hook", 0, "startContainer[1]: /bin/probe");
		else
			assert_string_equal(js_str(line, "type"), "started");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_each_kind_has_its_place_and_its_state),
		IT(test_each_kind_has_its_time),
		IT(test_hook_without_args_has_its_path),
		IT(test_a_large_state_arrives_whole),
		IT(test_failure_prevents_the_start),
		IT(test_failures_are_told_apart),
		IT(test_environment_of_hooks_is_not_shown),
		IT(test_poststart_and_poststop_failures_are_warnings),
		IT(test_timeout_ends_the_hook_and_its_children),
		IT(test_failed_hook_leaves_no_children),
		IT(test_hook_that_went_well_may_leave_a_process),
		IT(test_death_of_the_parent_ends_the_hook),
		IT(test_parent_that_leaves_after_the_gate_is_no_cancellation),
		IT(test_killed_spawn_daemon_leaves_nothing_of_the_hook),
		IT(test_killed_runner_is_a_failure_and_leaves_nothing),
		IT(test_killed_init_ends_the_hook),
		IT(test_hooks_json_holds_what_is_left),
		IT(test_no_hooks_json_without_such_hooks),
		IT(test_unmonitored_task_runs_start_container_hooks_at_its_gate),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
