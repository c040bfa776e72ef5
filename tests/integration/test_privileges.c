/* Attacks on a task's privileges, and by one task on another: behaviours.md 3a, guarantees 4 to 6. docs/attacks.md says which
 * attack is where; tests/defences/run takes each defence out and demands that its test fails. */
#include "tests/integration/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *const users[] = {"{'uid':1000,'gid':1000}", "{'uid':0,'gid':0}"};
enum { N_USERS = sizeof users / sizeof users[0] };

/* --- a system call that does nothing, and says that it did (Nomad 1.11: the gid was never set) --- */

struct lie {
	const char *what;
	unsigned call;
	int args[2]; /* the first two; 0: whatever it is */
	bool no_groups; /* the caller has none; else group 4 */
	const char *message;
};

/* Line @at - 1 and @at of eight: leads to the last one unless argument @n is @value. */
#define CHECK_ARGUMENT(n, value, at)                                                               \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n])),                \
		BPF_JUMP(BPF_JMP | ((value) ? BPF_JEQ : BPF_JGE) | BPF_K, (unsigned)(value), 0,    \
			 6 - (at))

static void tell_lie(void *arg)
{
	const struct lie *lie = arg;
	const gid_t groups[] = {4};
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, lie->call, 0, 5),
		CHECK_ARGUMENT(0, lie->args[0], 3),
		CHECK_ARGUMENT(1, lie->args[1], 5),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO), /* errno 0: success */
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof code / sizeof code[0], code};

	if (setgroups(lie->no_groups ? 0 : 1, groups) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(123);
}

static void test_credentials_that_were_not_set_are_noticed(void **state)
{
	static const struct lie lies[] = {
		{"setgroups", SYS_setgroups, {0}, false, "groups"},
		{"setgroups of none", SYS_setgroups, {0}, true, "groups"},
		{"setresgid", SYS_setresgid, {0}, false, "ids"},
		{"setresuid", SYS_setresuid, {0}, false, "ids"},
		{"capset", SYS_capset, {0}, false, "capabilities"},
		{"drop of the bounding set", SYS_prctl, {PR_CAPBSET_DROP}, false, "capabilities"},
		{"ambient set",
		 SYS_prctl,
		 {PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE},
		 false,
		 "capabilities"},
	};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct json_object *c = it_config(t, "ids caps");
		const struct start how = {.prepare = tell_lie, .arg = (void *)(uintptr_t)&lies[i]};

		cfg_set(c, "process.user", "{'uid':1000,'gid':1000,'additionalGids':[7]}");
		cfg_set(c, "process.capabilities",
			"{'bounding':['CAP_KILL'],'permitted':['CAP_KILL'],'effective':['CAP_KILL']"
			","
			"'inheritable':['CAP_KILL'],'ambient':[%s]}",
			lies[i].args[1] ? "\"CAP_KILL\"" : "");
		struct run *r = it_run_with(t, &how, c);

		if (strcmp(js_str(r->lines[0], "type"), "error") != 0)
			fail_msg("%s: %s", lies[i].what, run_task_out(t, r));
		expect_error_line(r->lines[0], "user", EPERM, lies[i].message);
		assert_int_equal(run_wait(r), 125);
		assert_string_equal(run_task_out(t, r), "");
	}
}

/* --- programs that give privileges (CVE-2019-14803) --- */

/* cap_net_raw,cap_sys_admin+ep */
static void give_file_capabilities(const char *path)
{
	struct vfs_cap_data caps = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data = {{.permitted = 1u << CAP_NET_RAW | 1u << CAP_SYS_ADMIN}},
	};

	assert_int_equal(setxattr(path, "security.capability", &caps, sizeof caps, 0), 0);
}

/* @dir: of the host; gets the programs `suid` and `caps`. */
static void plant_programs(struct it *t, const char *dir)
{
	const char *probe = it_text(t, "%s/bin/probe", t->dir);

	copy_file(probe, it_text(t, "%s/suid", dir), 06755);
	copy_file(probe, it_text(t, "%s/caps", dir), 0755);
	give_file_capabilities(it_text(t, "%s/caps", dir));
}

/* The bounding set lets everything through, so that only nosuid or no_new_privs holds it back. */
static struct json_object *tempted_task(struct it *t, struct json_object *c, const char *program)
{
	cfg_set_text(c, "process.user", users[0]);
	cfg_set(c, "process.capabilities", "{'bounding':['CAP_NET_RAW','CAP_SYS_ADMIN']}");
	cfg_set(c, "process.args", "['/bin/probe','exec','%s','ids','caps']", program);
	(void)t;
	return c;
}

static void expect_unprivileged(struct it *t, struct json_object *c)
{
	const char *out = it_output(t, c);

	expect_fact(t, out, "uid", "1000 1000 1000 1000");
	expect_fact(t, out, "gid", "1000 1000 1000 1000");
	expect_fact(t, out, "effective", "0000000000000000");
	expect_fact(t, out, "permitted", "0000000000000000");
}

static void test_setuid_programs_on_our_mounts_are_powerless(void **state)
{
	static const char *const places[] = {"local", "secrets", "tmp", "alloc", "map"};
	static const char *const programs[] = {"suid", "caps"};
	struct it *t = *state;

	make_dir(it_text(t, "%s/task", t->dir), 0755);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		const char *dir = it_text(t, i < 3 ? "%s/task/%s" : "%s/%s", t->dir, places[i]);

		if (!exists(dir)) /* the first start has made it, perhaps */
			make_dir(dir, 0755);
		plant_programs(t, dir);
		for (size_t k = 0; k < 2; k++) {
			struct json_object *c = it_config(t, "");

			cfg_set(c, "taskshim.chroot./map", "'%s/map'", t->dir);
			if (i < 4)
				cfg_del(c, "taskshim.chroot./map");
			cfg_set(c, "taskshim.taskDir", "'%s/task'", t->dir);
			if (i == 3)
				cfg_set(c, "taskshim.allocDir", "'%s/alloc'", t->dir);
			expect_unprivileged(
				t,
				tempted_task(t, c, it_text(t, "/%s/%s", places[i], programs[k])));
		}
	}
}

/* A root may have such programs, as images do: no_new_privs makes them powerless. */
static void test_setuid_programs_of_the_root_are_powerless_with_no_new_privs(void **state)
{
	static const char *const programs[] = {"/bin/suid", "/bin/caps"};
	struct it *t = *state;

	plant_programs(t, it_text(t, "%s/bin", it_rootfs(t)));
	for (size_t i = 0; i < 2; i++) {
		struct json_object *c = tempted_task(t, it_rootfs_config(t, "", ""), programs[i]);

		assert_string_not_equal(it_output(t, c), ""); /* they do work */
		if (i == 0)
			expect_fact(t, it_output(t, c), "uid", "1000 0 0 0");
		cfg_set(c, "process.noNewPrivileges", "true");
		expect_unprivileged(t, c);
	}
}

/* --- another task, of the same user, that shares the host's pid namespace (CVE-2021-3283) --- */

/* While a task waits at its gate, no process of its user may look into it: it holds the way to the monitor. */
static void test_task_at_its_gate_is_closed_to_others_of_its_user(void **state)
{
	struct it *t = *state;

	for (int i = 0; i < N_USERS; i++) {
		struct json_object *victim = it_config(t, "exit 0"), *attacker = it_config(t, "");
		struct run *v;
		pid_t pid;

		cfg_set_text(victim, "process.user", users[i]);
		v = it_start_config(t, NULL, victim);
		pid = (pid_t)js_int(run_expect(v, "created"), "pid");
		cfg_set_text(attacker, "process.user", users[i]);
		cfg_set(attacker, "process.args",
			"['/bin/probe','ptrace','%d','read','/proc/%d/environ','open','/proc/%d/"
			"mem',"
			"'open','/proc/%d/fd/0','ls','/proc/%d/root/','ls','/proc/%d/cwd/']",
			pid, pid, pid, pid, pid, pid);
		const char *out = it_output(t, attacker);

		expect_fact(t, out, it_text(t, "ptrace %d", pid), "EPERM");
		expect_fact(t, out, it_text(t, "read /proc/%d/environ", pid), "EACCES");
		expect_not_contains(out, "OK");
		expect_not_contains(out, "stat ");
		run_send(v, "true");
		assert_int_equal(run_wait(v), 0);
	}
}

struct tracer {
	atomic_int target; /* a spawn-daemon, whose children are tried; 0: wait */
	atomic_uint tries;
	atomic_int caught;
};

static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};

	for (unsigned long i = 0; prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0; i++)
		;
	if (setgroups(0, NULL) < 0 || syscall(SYS_capset, &head, none) < 0)
		_exit(1);
}

/* uid 0 without a capability: a task of another runtime, say. It owns each user namespace that root makes, and has all
 * capabilities there; against it there is only the dumpable flag. */
static void trace_forever(struct tracer *tracer) __attribute__((noreturn));
static void trace_forever(struct tracer *tracer)
{
	char path[64], text[64];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	drop_capabilities();
	for (;;) {
		int target = atomic_load(&tracer->target), fd;
		ssize_t n;

		(void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", target, target);
		fd = target ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
		if (fd >= 0)
			(void)close(fd);
		if (n <= 0)
			continue;
		text[n] = '\0';
		pid_t pid = (pid_t)strtol(text, NULL, 10);

		atomic_fetch_add(&tracer->tries, 1);
		if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0) {
			atomic_store(&tracer->caught, pid);
			_exit(0); /* which lets it go */
		}
	}
}

/* CVE-2016-9962: init has descriptors of the host, and its user namespace does not protect it. */
static void test_init_with_a_user_namespace_cannot_be_traced(void **state)
{
	enum { STARTS = 60 };
	struct it *t = *state;
	struct tracer *tracer = mmap(NULL, sizeof *tracer, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	assert_true(tracer != MAP_FAILED);
	pid = fork();
	if (pid == 0)
		trace_forever(tracer);
	for (int i = 0; i < STARTS; i++) {
		struct json_object *c = it_config(t, "exit 0");
		struct run *r = it_start(t, NULL);

		cfg_set(c, "linux.namespaces", "[{'type':'user'},{'type':'mount'}]");
		cfg_set(c, "linux.uidMappings", "[{'containerID':0,'hostID':100000,'size':65536}]");
		cfg_set(c, "linux.gidMappings", "[{'containerID':0,'hostID':100000,'size':65536}]");
		atomic_store(&tracer->target, r->pid);
		run_send(r, json_object_to_json_string_ext(c, JSON_C_TO_STRING_PLAIN));
		(void)run_expect(r, "created");
		atomic_store(&tracer->target, 0); /* what is executed now is the task's own */
		run_close_in(r);
		(void)run_expect(r, "aborted");
		assert_int_equal(run_wait(r), 0);
		it_forget(t);
	}
	unsigned tries = atomic_load(&tracer->tries);
	int caught = atomic_load(&tracer->caught);

	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)munmap(tracer, sizeof *tracer);
	(void)fprintf(stderr, "tried %u times\n", tries);
	assert_int_equal(caught, 0);
	assert_true(tries >= STARTS);
}

/* The monitor has all capabilities; a task of uid 0 without any must not get at it. */
static void test_monitor_is_closed_to_its_task(void **state)
{
	struct it *t = *state;

	for (int i = 0; i < N_USERS; i++) {
		struct json_object *c = it_config(t, "");
		struct run *r = it_start(t, NULL);

		cfg_set_text(c, "process.user", users[i]);
		cfg_set(c, "process.args",
			"['/bin/probe','ptrace','%d','read','/proc/%d/environ','open','/proc/%d/"
			"mem',"
			"'open','/proc/%d/exe','open','/proc/%d/fd/0','ls','/proc/%d/root/']",
			r->pid, r->pid, r->pid, r->pid, r->pid, r->pid);
		if (i == 1) /* it is the second exec of a task that may be root: its pid stays */
			cfg_set(c, "process.noNewPrivileges", "true");
		run_send(r, json_object_to_json_string_ext(c, JSON_C_TO_STRING_PLAIN));
		run_send(r, "\ntrue");
		assert_int_equal(run_wait(r), 0);
		const char *out = run_task_out(t, r);

		expect_fact(t, out, it_text(t, "ptrace %d", r->pid), "EPERM");
		expect_not_contains(out, "OK");
		expect_not_contains(out, "stat ");
	}
}

/* --- the caller's terminal (CVE-2017-5226) --- */

struct terminal {
	int master;
	char slave[64];
};

static struct terminal open_terminal(struct it *t)
{
	struct terminal terminal = {.master =
					    own_fd(t, posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC))};

	assert_true(terminal.master >= 0);
	assert_int_equal(grantpt(terminal.master), 0);
	assert_int_equal(unlockpt(terminal.master), 0);
	assert_int_equal(ptsname_r(terminal.master, terminal.slave, sizeof terminal.slave), 0);
	return terminal;
}

/* As a shell has it: spawn-daemon's controlling terminal. */
static void take_terminal(void *arg)
{
	const struct terminal *terminal = arg;
	int fd;

	(void)setsid();
	fd = open(terminal->slave, O_RDWR);
	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
		_exit(123);
}

static void test_task_cannot_type_on_the_callers_terminal(void **state)
{
	struct it *t = *state;
	struct terminal terminal = open_terminal(t);
	int slave = open_fd(t, terminal.slave, O_RDWR | O_NOCTTY);
	struct json_object *c = it_config(t, "terminal 0 session");
	const struct start how = {.fds = {slave}, .prepare = take_terminal, .arg = &terminal};
	struct pollfd typed = {.fd = slave, .events = POLLIN};

	cfg_set_text(c, "process.user", users[0]);
	cfg_set(c, "taskshim.stdin", "'fd:5'");
	struct run *r = it_run_with(t, &how, c);
	const char *out = run_task_out(t, r);

	expect_contains(out, "isatty OK");
	expect_not_contains(out, "TIOCSTI OK");
	expect_not_contains(out, "TIOCLINUX OK");
	expect_not_contains(out, "TIOCSCTTY OK");
	expect_fact(t, out, "tty", "ENXIO"); /* of /dev/tty */
	assert_int_equal(poll(&typed, 1, 0), 0);
}

/* --- sockets (CVE-2020-15257) --- */

/* The lines of /proc/net/unix whose sockets the process has open, but those without a name. */
static const char *named_sockets(struct it *t, pid_t pid)
{
	const char *table = read_file(t, "/proc/net/unix"), *found = "";

	for (int fd = 0; fd < 256; fd++) {
		const char *link = read_link(t, it_text(t, "/proc/%d/fd/%d", pid, fd)), *at;
		unsigned long inode;

		if (!link || sscanf(link, "socket:[%lu]", &inode) != 1)
			continue;
		at = strstr(table, it_text(t, " %lu ", inode));
		if (at)
			found = it_text(t, "%s%.*s\n", found, (int)strcspn(at, "\n"), at);
	}
	return found;
}

static void test_our_sockets_have_no_name_that_a_task_can_reach(void **state)
{
	struct it *t = *state;
	const char *dir;

	for (int monitored = 0; monitored <= 1; monitored++) {
		struct json_object *c = it_state_config(t, "pause", &dir);
		struct run *r;
		struct stat st;
		pid_t pid;

		cfg_set_text(c, "taskshim.monitor", monitored ? "true" : "false");
		r = it_start_config(t, NULL, c);
		pid = (pid_t)js_int(run_expect(r, "created"), "pid");
		const char *names =
			it_text(t, "%s%s", named_sockets(t, pid), named_sockets(t, r->pid));

		expect_not_contains(names, "@");
		assert_int_equal(stat(dir, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
		if (!monitored) { /* one socket, and it is where root alone gets */
			expect_contains(names, "/gate\n");
			assert_int_equal(stat(it_text(t, "%s/gate", dir), &st), 0);
			assert_int_equal(st.st_mode & 0022, 0);
		} else {
			assert_string_equal(names, "");
		}
		assert_int_equal(kill(pid, SIGKILL), 0);
		(void)run_wait(r);
		if (!monitored)
			assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
}

/* Says `true` at the gate as user @uid, who got hold of the directory somehow. */
static void open_gate_as(struct it *t, const char *dir, uid_t uid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int dir_fd = open_fd(t, dir, O_PATH | O_DIRECTORY);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		char end;

		(void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/gate",
			       dir_fd);
		if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0 ||
		    prctl(PR_SET_DUMPABLE, 1) < 0 ||
		    connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
		    send(fd, "true", 4, MSG_NOSIGNAL) < 0)
			_exit(errno);
		_exit(read(fd, &end, 1) > 0 ? 200 : 201);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 200)
		fail_msg("user %u has opened the gate", uid);
	(void)fprintf(stderr, "user %u: %s\n", uid,
		      WEXITSTATUS(status) == 201 ? "turned away" : strerror(WEXITSTATUS(status)));
}

static void test_gate_is_opened_by_no_other_user(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "echo started pause", &dir);
	struct run *r;
	pid_t pid;

	cfg_set(c, "taskshim.monitor", "false");
	r = it_start_config(t, NULL, c);
	pid = (pid_t)js_int(run_expect(r, "created"), "pid");
	assert_int_equal(run_wait(r), 0);
	open_gate_as(t, dir, 1000);
	/* even if it could connect: */
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(chmod(it_text(t, "%s/gate", dir), 0777), 0);
	open_gate_as(t, dir, 1000);
	assert_string_equal(run_task_out(t, r), "");
	assert_true(alive(pid));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* --- cgroups (CVE-2022-0492) --- */

/* Whatever a task of uid 0 gets to see of cgroups, it cannot leave its own, nor name a program for the host to run. */
static void test_cgroups_are_out_of_reach(void **state)
{
	static const char *const controllers[] = {"unified", "memory", "cpu", "pids"};
	static const char *const files[] = {"release_agent", "notify_on_release", "cgroup.procs",
					    "tasks", "memory.limit_in_bytes"};
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "", "p");

	cfg_set_text(c, "process.user", users[1]);
	cfg_set(c, "mounts[+]",
		"{'destination':'/cg','type':'cgroup','source':'cgroup','options':['ro']}");
	for (size_t i = 0; i < sizeof controllers / sizeof controllers[0]; i++) {
		const char *path = it_cgroup(t, controllers[i]);

		if (path)
			cfg_set(c, it_text(t, "taskshim.cgroup.%s", controllers[i]), "'%s'", path);
	}
	cfg_set(c, "process.args", "['/bin/probe','mkdir','/cg/x','mkdir','/cg/memory/x']");
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		cfg_set(c, "process.args[+]", "'open'");
		cfg_set(c, "process.args[+]", "'/cg/memory/%s'", files[i]);
		cfg_set(c, "process.args[+]", "'open'");
		cfg_set(c, "process.args[+]", "'/cg/%s'", files[i]);
	}
	const char *out = it_output(t, c);

	for (size_t i = 0; i < t->n_cgroups; i++) /* what a failure has made there */
		(void)rmdir(it_text(t, "%s/x", t->cgroups[i]));
	expect_not_contains(out, "OK");
	cfg_set(c, "mounts[1].options", "['rw']"); /* asked for: its own, and nothing above it */
	cfg_set(c, "process.args",
		"['/bin/probe','open','/cg/memory/release_agent','stat','/cg/memory/release_agent',"
		"'stat','/cg/memory/..','stat','/cg/memory/../memory','cat','/proc/self/"
		"mountinfo']");
	out = it_output(t, c);
	expect_not_contains(out, "OK");
	if (t->n_cgroups > 0)
		expect_contains(out, "/ts-it-");
	for (const char *at = out; (at = strstr(at, " - cgroup")); at++) { /* none shows the top */
		const char *line = at;

		while (line > out && line[-1] != '\n')
			line--;
		expect_contains(it_text(t, "%.*s", (int)(at - line), line), "/ts-it-");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_credentials_that_were_not_set_are_noticed),
		IT(test_setuid_programs_on_our_mounts_are_powerless),
		IT(test_setuid_programs_of_the_root_are_powerless_with_no_new_privs),
		IT(test_task_at_its_gate_is_closed_to_others_of_its_user),
		IT(test_init_with_a_user_namespace_cannot_be_traced),
		IT(test_monitor_is_closed_to_its_task),
		IT(test_task_cannot_type_on_the_callers_terminal),
		IT(test_our_sockets_have_no_name_that_a_task_can_reach),
		IT(test_gate_is_opened_by_no_other_user),
		IT(test_cgroups_are_out_of_reach),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
