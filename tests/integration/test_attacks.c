/* Attacks: what broke other runtimes, tried on this one. behaviours.md 3a; docs/attacks.md says which attack is where, and
 * tests/defences/run takes each defence out and demands that its test fails. */
#include "tests/integration/harness.h"

#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const users[] = {"{'uid':1000,'gid':1000}", "{'uid':0,'gid':0}"};
enum { N_USERS = sizeof users / sizeof users[0] };

static const char up[] = "../../../../../../../../../../../..";

/* --- CVE-2024-21626: descriptors of the host that are open when a path of the task is followed ---
 *
 * Seen before step_close() was there: the state directory and taskDir were open until the exec, and each attack but the last
 * two ran the host's program or found the host's user. */

/* A task with all that spawn-daemon can have open: state directory, task directories, cgroups. */
static struct json_object *task_with_directories(struct it *t)
{
	static const char *const controllers[] = {"unified", "memory"};
	const char *dir;
	struct json_object *c = it_state_config(t, "", &dir);

	cfg_del(c, "taskshim.chroot");
	cfg_set(c, "root.path", "'%s'", it_rootfs(t));
	cfg_set(c, "mounts", "[{'destination':'/proc','type':'proc','source':'proc'}]");
	make_dir(it_text(t, "%s/task-%u", t->dir, t->n_made), 0755);
	make_dir(it_text(t, "%s/alloc-%u", t->dir, t->n_made), 0755);
	cfg_set(c, "taskshim.taskDir", "'%s/task-%u'", t->dir, t->n_made);
	cfg_set(c, "taskshim.allocDir", "'%s/alloc-%u'", t->dir, t->n_made);
	t->n_made++;
	for (size_t i = 0; t->n_cgroups < 2 && i < 2; i++)
		(void)it_cgroup(t, controllers[i]);
	for (size_t i = 0; i < t->n_cgroups; i++)
		cfg_set(c,
			strstr(t->cgroups[i], "/memory/") ? "taskshim.cgroup.memory"
							  : "taskshim.cgroup.unified",
			"'%s'", t->cgroups[i]);
	return c;
}

/* The host's copy of probe, out of the root and of everything that is mounted in it. */
static const char *host_program(struct it *t)
{
	const char *path = it_text(t, "%s/outside", t->dir);

	if (!exists(path))
		copy_file(it_text(t, "%s/bin/probe", t->dir), path, 0755);
	return path;
}

static void replace_link(const char *target, const char *path)
{
	(void)unlink(path);
	make_link(target, path);
}

enum { FDS_TRIED = 24 };

static void test_command_that_leads_through_proc_self_fd(void **state)
{
	struct it *t = *state;

	for (int i = 0; i < FDS_TRIED * N_USERS; i++) {
		struct json_object *c = task_with_directories(t);
		const char *to =
			it_text(t, "/proc/self/fd/%d/%s%s", 3 + i / N_USERS, up, host_program(t));

		replace_link(to, it_text(t, "%s/bin/out", t->root));
		cfg_set_text(c, "process.user", users[i % N_USERS]);
		cfg_set(c, "process.args", "['/bin/out','echo','outside']");
		struct run *r = it_run(t, c);

		assert_string_equal(run_task_out(t, r), "");
		assert_int_equal(r->n_lines, 1);
		expect_error_line(r->lines[0], "command", ENOENT, "/bin/out");
		assert_int_equal(run_wait(r), 127);
		it_forget(t);
	}
}

static void test_interpreter_that_leads_through_proc_self_fd(void **state)
{
	struct it *t = *state;

	for (int fd = 3; fd < 3 + FDS_TRIED; fd++) {
		struct json_object *c = task_with_directories(t);

		write_file(it_text(t, "%s/bin/script", t->root),
			   it_text(t, "#!/proc/self/fd/%d/%s%s args\n", fd, up, host_program(t)),
			   0755);
		cfg_set(c, "process.args", "['/bin/script','outside']");
		struct run *r = it_run(t, c);

		assert_string_equal(run_task_out(t, r), "");
		struct json_object *line = r->lines[r->n_lines - 1];

		/* no such descriptor, or init's way to the monitor, which is no directory */
		expect_error_line(line, "exec", js_int(line, "errno") == ENOTDIR ? ENOTDIR : ENOENT,
				  "/bin/script");
		assert_int_equal(run_wait(r), 126);
		it_forget(t);
	}
}

static void test_user_database_that_leads_through_proc_self_fd(void **state)
{
	struct it *t = *state;

	write_file(it_text(t, "%s/outside-passwd", t->dir), "mallory:x:0:0::/:\n", 0644);
	(void)it_rootfs(t);
	for (int fd = 0; fd < 3 + FDS_TRIED; fd++) {
		struct json_object *c = task_with_directories(t);

		replace_link(it_text(t, "/proc/self/fd/%d/%s%s/outside-passwd", fd, up, t->dir),
			     it_text(t, "%s/etc/passwd", t->root));
		cfg_set(c, "process.args", "['/bin/probe','ids']");
		cfg_set(c, "taskshim.user", "'mallory'");
		struct run *r = it_run(t, c);

		assert_int_equal(r->n_lines, 1);
		assert_string_equal(js_str(r->lines[0], "step"), "user");
		assert_int_equal(run_wait(r), 125);
		it_forget(t);
	}
}

/* A process of the host with the task's uid, which that may look at. */
static pid_t start_neighbour(uid_t uid)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
			_exit(1);
		(void)prctl(PR_SET_DUMPABLE, 1);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)pause();
	}
	assert_true(pid > 0);
	return pid;
}

static void end_neighbour(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* With startContainer hooks the host's procfs is open until they have run: to kill what they leave behind. A process of the task's
 * user is a way out there. @as_hook: it is a hook that leads there, else the command. */
static void lead_through_procfs(struct it *t, bool as_hook)
{
	pid_t neighbour = start_neighbour(1000);
	const char *seen = it_text(t, "%s/seen", it_rootfs(t));

	make_dir(seen, 0777);
	for (int fd = 3; fd < 3 + FDS_TRIED; fd++) {
		struct json_object *c = task_with_directories(t);

		replace_link(
			it_text(t, "/proc/self/fd/%d/%d/root%s", fd, neighbour, host_program(t)),
			it_text(t, "%s/bin/out", t->root));
		cfg_set_text(c, "process.user", users[0]);
		cfg_set_text(c, "process.args",
			     as_hook ? "['/bin/probe','ids']" : "['/bin/out','touch','/seen/x']");
		cfg_set(c, "linux.namespaces", "[{'type':'pid'}]");
		cfg_set_text(c, "hooks.startContainer",
			     as_hook ? "[{'path':'/bin/out','args':['out','touch','/seen/x']}]"
				     : "[{'path':'/bin/probe','args':['probe','ids']}]");
		(void)run_wait(it_run(t, c));
		it_forget(t);
	}
	end_neighbour(neighbour);
	assert_string_equal(it_tree(t, seen), "");
}

static void test_hook_that_leads_through_the_hosts_procfs(void **state)
{
	lead_through_procfs(*state, true);
}

static void test_command_that_leads_through_the_hosts_procfs(void **state)
{
	lead_through_procfs(*state, false);
}

static void test_working_directory_of_another_process(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "cwd ls .", "p");
	pid_t neighbour = start_neighbour(1000);
	static const char *const names[] = {"root", "cwd", "root/tmp"};
	const char *text = "";

	cfg_set_text(c, "process.user", users[0]);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		cfg_set(c, "process.cwd", "'/proc/%d/%s'", neighbour, names[i]);
		struct run *r = it_run(t, c);

		text = it_text(t, "%s%s: %s%s\n", text, names[i],
			       js_get(r->lines[0], "message") ? js_str(r->lines[0], "message") : "",
			       run_task_out(t, r));
	}
	end_neighbour(neighbour);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		expect_contains(text,
				it_text(t, "%s: working directory is outside the root", names[i]));
}

/* A directory of the host as standard input is a way out like any other. */
static void test_directory_as_standard_stream(void **state)
{
	static const char *const streams[] = {"stdin", "stdout", "stderr"};
	struct it *t = *state;
	int root = open_fd(t, "/", O_RDONLY | O_DIRECTORY), path = open_fd(t, "/", O_PATH);

	for (size_t i = 0; i < 3; i++) {
		struct json_object *c = it_config(t, "ls /proc/self/fd/0");
		const struct start how = {.fds = {root, path}};

		for (int fd = 5; fd <= 6; fd++) {
			cfg_set(c, it_text(t, "taskshim.%s", streams[i]), "'fd:%d'", fd);
			expect_contains(it_expect_error_with(t, &how, c, 125, "stdio", EISDIR,
							     it_text(t, "fd:%d", fd)),
					streams[i]);
		}
	}
}

/* What init has open at the gate: nothing of the host but the standard streams. */
static void test_nothing_of_the_host_is_open_at_the_gate(void **state)
{
	struct it *t = *state;
	int root = open_fd(t, "/", O_RDONLY | O_DIRECTORY);
	struct json_object *c = task_with_directories(t);

	cfg_set(c, "process.args", "['/bin/probe','exit','0']");
	struct run *r =
		it_start_config(t, &(struct start){.fds = {root, root, root, root, root}}, c);
	pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

	for (int fd = 3; fd < 200; fd++) {
		const char *link = read_link(t, it_text(t, "/proc/%d/fd/%d", pid, fd));

		if (link && strncmp(link, "socket:", 7) != 0)
			fail_msg("descriptor %d is %s", fd, link);
	}
	run_send(r, "true");
	assert_int_equal(run_wait(r), 0);
}

/* --- whoever may write above taskDir has another file where a directory was made --- */

/* Turns @local, once it is there, into a hard link to @victim, after a number of looks that changes. */
static void link_forever(const char *local, const char *aside, const char *victim)
	__attribute__((noreturn));
static void link_forever(const char *local, const char *aside, const char *victim)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned round = 0;; round++) {
		while (!exists(local))
			;
		for (unsigned looks = round % 97 * 2; looks > 0; looks--)
			(void)exists(aside);
		if (rename(local, aside) < 0)
			continue;
		(void)link(victim, local);
		while (exists(local)) /* the test removes it */
			(void)poll(NULL, 0, 1);
		(void)rmdir(aside);
	}
}

static void test_directory_of_the_task_that_becomes_a_hard_link(void **state)
{
	enum { STARTS = 400 };
	struct it *t = *state;
	const char *task = it_text(t, "%s/task", t->dir), *local = it_text(t, "%s/local", task),
		   *aside = it_text(t, "%s/aside", t->dir),
		   *victim = it_text(t, "%s/victim", t->dir);
	unsigned ran = 0;
	struct stat st;
	pid_t racer;

	make_dir(task, 0777);
	write_file(victim, "the host's\n", 0600);
	racer = fork();
	if (racer == 0)
		link_forever(local, aside, victim);
	for (int i = 0; i < STARTS; i++) {
		struct json_object *c = it_config(t, "exit 0");

		cfg_set(c, "taskshim.taskDir", "'%s'", task);
		cfg_set_text(c, "process.user", users[0]);
		ran += run_wait(it_run(t, c)) == 0;
		it_forget(t);
		while (exists(local) || exists(aside)) { /* until the racer has seen it */
			(void)unlink(local);
			(void)rmdir(local);
		}
	}
	(void)kill(racer, SIGKILL);
	(void)waitpid(racer, NULL, 0);
	(void)fprintf(stderr, "%u of %d tasks ran\n", ran, STARTS);
	assert_int_equal(stat(victim, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_gid, 0);
}

/* --- out of the root, by ".." --- */

static void test_root_has_no_way_up(void **state)
{
	static const char *const isolations[] = {"pivot", "chroot"};
	struct it *t = *state;

	write_file(it_text(t, "%s/secret", t->dir), "the host's\n", 0644);
	for (size_t i = 0; i < 4; i++) { /* a directory, and private memory */
		struct json_object *c = i < 2 ? it_rootfs_config(t, "", "p") : it_config(t, "");

		cfg_set(c, "taskshim.isolation", "'%s'", isolations[i % 2]);
		cfg_set_text(c, "process.user", users[1]);
		cfg_set(c, "process.capabilities",
			"{'bounding':['CAP_SYS_CHROOT'],'permitted':['CAP_SYS_CHROOT'],"
			"'effective':['CAP_SYS_CHROOT']}");
		cfg_set(c, "process.args",
			"['/bin/probe','escape','/bin','stat','/bin/probe','stat','/usr','cat',"
			"'%s/secret']",
			t->dir);
		const char *out = it_output(t, c);

		expect_fact(t, out, "escape", "OK"); /* to where it was before */
		expect_contains(fact(t, out, "stat /bin/probe"), "f 0755");
		expect_fact(t, out, "stat /usr", "ENOENT");
		expect_not_contains(out, "the host's");
	}
}

/* Every path of the config that is the task's, with ".." in it. */
static void test_dots_in_a_path_stay_inside(void **state)
{
	static const struct {
		const char *path, *before, *after;
	} rows[] = {
		{"mounts", "[{'destination':'", "/new/mount','type':'tmpfs'}]"},
		{"mounts", "[{'destination':'", "','type':'tmpfs','options':['tmpcopyup']}]"},
		{"mounts", "[{'destination':'",
		 "/bound','source':'etc/passwd','options':['bind']}]"},
		{"linux.devices", "[{'type':'c','major':1,'minor':3,'path':'", "/new/null'}]"},
		{"linux.maskedPaths", "['", "/secret']"},
		{"linux.readonlyPaths", "['", "']"},
		{"taskshim.chroot", "{'", "/new/map':'/etc'}"},
		{"process.cwd", "'", "'"},
	};
	struct it *t = *state;
	const char *outside = it_text(t, "%s/outside", t->dir), *before;

	make_dir(outside, 0777);
	write_file(it_text(t, "%s/secret", outside), "the host's\n", 0644);
	before = it_tree(t, outside);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct json_object *c = it_rootfs_config(t, "ls . cat secret", "");

		cfg_set_text(
			c, rows[i].path,
			it_text(t, "%s/bin/%s%s%s", rows[i].before, up, outside, rows[i].after));
		struct run *r = it_run(t, c);

		if (run_wait(r) != 0)
			assert_int_equal(run_wait(r), 125);
		expect_not_contains(run_task_out(t, r), "secret f");
		assert_string_equal(it_tree(t, outside), before);
	}
}

/* --- CVE-2020-27195, CVE-2022-24683, CVE-2024-1329, CVE-2026-6959: traps that a task laid where it can write ---
 *
 * Seen before spellings were compared by inode: each of the first test's but the plain ones led outside; so did those of
 * the others. */

struct trap {
	const char *secret; /* a file of the host, in outside/ */
	const char *outside, *before;
};

/* outside/, and symlinks to it in taskDir, allocDir and the root that all are called "trap". */
static struct trap lay_traps(struct it *t)
{
	static const char *const dirs[] = {"task", "alloc", "root"};
	struct trap trap = {.outside = it_text(t, "%s/outside", t->dir)};

	make_dir(trap.outside, 0777);
	trap.secret = it_text(t, "%s/secret", trap.outside);
	write_file(trap.secret, "the host's\n", 0666);
	(void)it_rootfs(t);
	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
		const char *dir = it_text(t, "%s/%s", t->dir, dirs[i]);

		if (!exists(dir))
			make_dir(dir, 0777);
		make_link(trap.outside, it_text(t, "%s/trap", dir));
	}
	make_link("root", it_text(t, "%s/alias", t->dir));
	make_link("alloc", it_text(t, "%s/alias-of-alloc", t->dir));
	trap.before = it_tree(t, trap.outside);
	return trap;
}

static const char *const trap_spellings[] = {
	"%s/root/trap",	  "%s/task/trap",	    "%s/alloc/trap",
	"%s//alloc/trap", "%s/./alloc/trap",	    "%s/alloc/../alloc/trap",
	"%s/alias/trap",  "%s/alias-of-alloc/trap", "root/trap",
	"./alloc/trap",	  "alias/../alloc/trap",
};
enum { N_TRAPS = sizeof trap_spellings / sizeof trap_spellings[0] };

static const char *trap_path(struct it *t, size_t i)
{
	return trap_spellings[i][0] == '%' ? it_text(t, "%s%s", t->dir, trap_spellings[i] + 2)
					   : trap_spellings[i];
}

static struct json_object *task_with_traps(struct it *t, const char *words)
{
	struct json_object *c = it_rootfs_config(t, words, "");

	cfg_set(c, "root.path", "'root'"); /* relative to the bundle: another spelling, again */
	cfg_set(c, "taskshim.taskDir", "'%s/task'", t->dir);
	cfg_set(c, "taskshim.allocDir", "'%s/alloc'", t->dir);
	return c;
}

/* @key: where a source goes in the config, in which %s stands for it. */
static void check_sources(struct it *t, const char *step, const char *path, const char *before,
			  const char *after, const char *more)
{
	(void)lay_traps(t);
	(void)it_run(t, task_with_traps(t, "exit 0")); /* makes what it makes in taskDir */
	for (size_t i = 0; i < N_TRAPS; i++) {
		const char *source = trap_path(t, i);
		struct json_object *c = task_with_traps(t, "cat /m/secret");

		if (strcmp(step, "root") == 0 && source[0] != '/')
			continue; /* sources of the map are absolute */
		cfg_set_text(c, path, it_text(t, "%s%s%s", before, source, after));
		if (more)
			cfg_set(c, "taskshim.chrootMethod", "'%s'", more);
		(void)it_expect_error(t, c, 125, step, ELOOP, source);
	}
}

static void test_bind_source_that_is_a_trap(void **state)
{
	check_sources(*state, "mount", "mounts", "[{'destination':'/m','source':'",
		      "','options':['rbind']}]", NULL);
}

static void test_bound_source_of_the_map_that_is_a_trap(void **state)
{
	check_sources(*state, "root", "taskshim.chroot", "{'/m':'", "'}", "bind");
}

static void test_copied_source_of_the_map_that_is_a_trap(void **state)
{
	check_sources(*state, "root", "taskshim.chroot", "{'/m':'", "'}", "copy");
}

static void test_standard_stream_that_is_a_trap(void **state)
{
	static const char *const streams[] = {"stdin", "stdout", "stderr"};
	struct it *t = *state;
	struct trap trap = lay_traps(t);

	for (size_t i = 0; i < N_TRAPS; i++) {
		if (trap_path(t, i)[0] != '/')
			continue; /* paths of streams are absolute */
		for (size_t k = 0; k < 3; k++) {
			struct json_object *c = task_with_traps(t, "readin echo out err err");

			cfg_set(c, it_text(t, "taskshim.%s", streams[k]), "'%s/secret'",
				trap_path(t, i));
			struct run *r = it_run(t, c);

			if (strcmp(js_str(r->lines[0], "type"), "error") != 0)
				fail_msg("%s %s: %s", streams[k], trap_path(t, i),
					 run_task_out(t, r));
			/* ".." leaves the directory, whatever comes after */
			expect_error_line(r->lines[0], "stdio",
					  strstr(trap_path(t, i), "alloc/..") ? EXDEV : ELOOP,
					  trap_path(t, i));
			it_forget(t);
		}
	}
	assert_string_equal(it_tree(t, trap.outside), trap.before);
	assert_string_equal(read_file(t, trap.secret), "the host's\n");
}

/* The log changes between runs into all that a task can make of a name. */
static void test_log_that_was_replaced_between_runs(void **state)
{
	struct it *t = *state;
	struct trap trap = lay_traps(t);
	const char *log = it_text(t, "%s/alloc/log", t->dir);
	struct json_object *c = task_with_traps(t, "echo x");

	cfg_set(c, "taskshim.stdout", "'%s'", log);
	assert_int_equal(run_wait(it_run(t, c)), 0);
	assert_int_equal(unlink(log), 0);
	make_link(trap.secret, log);
	(void)it_expect_error(t, c, 125, "stdio", ELOOP, log);
	assert_int_equal(unlink(log), 0);
	assert_int_equal(link(trap.secret, log), 0);
	(void)it_expect_error(t, c, 125, "stdio", EMLINK, log);
	assert_int_equal(unlink(log), 0);
	make_dir(log, 0777);
	(void)it_expect_error(t, c, 125, "stdio", EISDIR, log);
	assert_int_equal(rmdir(log), 0);
	assert_int_equal(mkfifo(log, 0666), 0); /* Nomad's own way, and nobody reads */
	assert_int_equal(run_wait(it_run(t, c)), 0);
	assert_int_equal(unlink(log), 0);
	assert_string_equal(read_file(t, trap.secret), "the host's\n");
}

static void exchange_forever(const char *a, const char *b) __attribute__((noreturn));
static void exchange_forever(const char *a, const char *b)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		(void)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */);
}

/* ... and while a task is started. */
static void test_log_that_changes_places_with_a_symlink(void **state)
{
	enum { STARTS = 150 };
	struct it *t = *state;
	struct trap trap = lay_traps(t);
	const char *logs = it_text(t, "%s/alloc/logs", t->dir);
	unsigned ran = 0;
	pid_t racer;

	make_dir(logs, 0777);
	racer = fork();
	if (racer == 0)
		exchange_forever(logs, it_text(t, "%s/alloc/trap", t->dir));
	for (int i = 0; i < STARTS; i++) {
		struct json_object *c = task_with_traps(t, "echo x err x");

		cfg_set(c, "taskshim.stdout", "'%s/out'", logs);
		cfg_set(c, "taskshim.stderr", "'%s/secret'", logs);
		ran += run_wait(it_run(t, c)) == 0;
		it_forget(t);
	}
	(void)kill(racer, SIGKILL);
	(void)waitpid(racer, NULL, 0);
	(void)fprintf(stderr, "%u of %d tasks ran\n", ran, STARTS);
	assert_string_equal(it_tree(t, trap.outside), trap.before);
	assert_string_equal(read_file(t, trap.secret), "the host's\n");
}

/* --- CVE-2025-52881: what is written to /proc goes elsewhere --- */

struct fake_proc {
	const char *link; /* a symlink to a directory that plays /proc/self */
};

/* A mount on the symlink /proc/self: whoever opens a file below it gets the fake one's. */
static void fake_proc_self(void *arg)
{
	const struct fake_proc *fake = arg;
	int at, tree;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		_exit(123);
	at = open("/proc/self", O_PATH | O_NOFOLLOW);
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, fake->link,
			    OPEN_TREE_CLONE | AT_SYMLINK_NOFOLLOW);
	if (syscall(SYS_move_mount, tree, "", at, "",
		    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		_exit(errno);
	(void)close(at);
	(void)close(tree);
}

static void test_oom_score_adj_that_is_another_file(void **state)
{
	struct it *t = *state;
	struct fake_proc fake = {.link = it_text(t, "%s/self", t->dir)};
	const struct start how = {.prepare = fake_proc_self, .arg = &fake};
	const char *dir = it_text(t, "%s/fake", t->dir),
		   *file = it_text(t, "%s/oom_score_adj", dir);
	struct json_object *c = it_config(t, "exit 0");
	pid_t victim = start_neighbour(0);

	make_dir(dir, 0755);
	make_link(dir, fake.link);
	cfg_set(c, "process.oomScoreAdj", "567");
	cfg_set(c, "process.noNewPrivileges", "true"); /* or /proc/self/exe would be missed first */
	write_file(file, "0\n", 0644); /* on another filesystem */
	(void)it_expect_error_with(t, &how, c, 125, "oom", EXDEV, "oom_score_adj");
	assert_string_equal(read_file(t, file), "0\n");
	assert_int_equal(unlink(file), 0);
	make_link(it_text(t, "/proc/%d/oom_score_adj", victim), file); /* another of a procfs */
	(void)it_expect_error_with(t, &how, c, 125, "oom", EXDEV, "oom_score_adj");
	const char *now = proc_file(t, victim, "oom_score_adj");

	end_neighbour(victim);
	assert_string_not_equal(now, "567\n");
}

/* The /proc that we write to is proven to be one, as a whole and file by file. */
static void test_proc_that_is_none(void **state)
{
	struct it *t = *state;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int fd;

		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount(it_text(t, "%s/etc/passwd", t->dir), "/proc/self/oom_score_adj", NULL,
			  MS_BIND, NULL) < 0)
			_exit(1);
		fd = ts_open_proc();
		if (fd < 0 || ts_open_proc_file(fd, "self/comm", O_RDONLY) < 0)
			_exit(2);
		if (ts_open_proc_file(fd, "self/oom_score_adj", O_RDONLY) >= 0 || errno != EXDEV)
			_exit(3);
		if (mount("/proc/sys", "/proc", NULL, MS_BIND, NULL) < 0)
			_exit(1);
		if (ts_open_proc() >= 0 || errno != EMEDIUMTYPE)
			_exit(4);
		if (mount("none", "/proc", "tmpfs", 0, NULL) < 0)
			_exit(1);
		if (ts_open_proc() >= 0 || errno != EMEDIUMTYPE)
			_exit(5);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_command_that_leads_through_proc_self_fd),
		IT(test_interpreter_that_leads_through_proc_self_fd),
		IT(test_user_database_that_leads_through_proc_self_fd),
		IT(test_hook_that_leads_through_the_hosts_procfs),
		IT(test_command_that_leads_through_the_hosts_procfs),
		IT(test_working_directory_of_another_process),
		IT(test_directory_as_standard_stream),
		IT(test_nothing_of_the_host_is_open_at_the_gate),
		IT(test_directory_of_the_task_that_becomes_a_hard_link),
		IT(test_root_has_no_way_up),
		IT(test_dots_in_a_path_stay_inside),
		IT(test_oom_score_adj_that_is_another_file),
		IT(test_proc_that_is_none),
		IT(test_bind_source_that_is_a_trap),
		IT(test_bound_source_of_the_map_that_is_a_trap),
		IT(test_copied_source_of_the_map_that_is_a_trap),
		IT(test_standard_stream_that_is_a_trap),
		IT(test_log_that_was_replaced_between_runs),
		IT(test_log_that_changes_places_with_a_symlink),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
