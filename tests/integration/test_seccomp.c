/* linux.seccomp: each field is observed in the running task; filters that deny what we need ourselves; listeners that fail. */
#include "tests/integration/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLED_BY_FILTER = 128 + SIGSYS };

static void set_rules(struct json_object *c, const char *rules)
{
	cfg_set(c, "linux.seccomp", "{'defaultAction':'SCMP_ACT_ALLOW'}");
	cfg_set_text(c, "linux.seccomp.syscalls", rules);
}

/* --- the process --- */

static void test_filter_is_loaded_and_nothing_else_is_changed(void **state)
{
	static const char *const users[] = {"'1000'", "'0'"};
	struct it *t = *state;
	struct json_object *c =
		it_rootfs_config(t, "cat /proc/self/status caps flags ids fds", "p");

	for (int i = 0; i < 4; i++) {
		cfg_set(c, "process.noNewPrivileges", i & 1 ? "true" : "false");
		cfg_set(c, "taskshim.user", "%s", users[i / 2]);
		cfg_del(c, "linux");
		const char *without = it_output(t, c);

		set_rules(c, "[{'names':['mkdir'],'action':'SCMP_ACT_ERRNO'}]");
		const char *out = it_output(t, c);

		expect_contains(out, "Seccomp:\t2\n");
		expect_contains(out, "Seccomp_filters:\t1\n");
		expect_fact(t, out, "nnp", i & 1 ? "1" : "0");
		/* CAP_SYS_ADMIN, which loads it without no_new_privs, is gone */
		assert_string_equal(strstr(out, "\nbounding "), strstr(without, "\nbounding "));
		expect_fact(t, out, "permitted", "0000000000000000");
		expect_fact(t, out, "effective", "0000000000000000");
		expect_fact(t, out, "bounding", "0000000000000000");
	}
}

static void test_capabilities_are_as_asked_for(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "caps");

	cfg_set(c, "process.capabilities",
		"{'bounding':['CAP_SYS_ADMIN','CAP_KILL'],'permitted':['CAP_KILL'],"
		"'effective':['CAP_KILL'],'inheritable':['CAP_KILL'],'ambient':['CAP_KILL']}");
	cfg_set(c, "taskshim.user", "'1000'");
	set_rules(c, "[]");
	const char *out = it_output(t, c);

	expect_fact(t, out, "permitted", "0000000000000020");
	expect_fact(t, out, "effective", "0000000000000020");
	expect_fact(t, out, "bounding", "0000000000200020");
	expect_fact(t, out, "ambient", "0000000000000020");
}

static void drop_sys_admin(void *arg)
{
	(void)arg;
	(void)setresgid(1000, 1000, 1000);
	(void)setresuid(1000, 1000, 1000);
}

static void test_needs_no_new_privs_or_cap_sys_admin(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 0");

	cfg_set(c, "taskshim.isolation", "'none'");
	cfg_del(c, "taskshim.chroot");
	set_rules(c, "[]");
	(void)it_expect_error_with(t, &(struct start){.prepare = drop_sys_admin}, c, 125, "seccomp",
				   EPERM, "process.noNewPrivileges");
}

/* There all capabilities are ours, whoever we are outside. */
static void test_user_without_rights_loads_it_in_a_user_namespace(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, it_text(t, "caps flags call %d", SYS_mkdirat));

	cfg_set(c, "linux.namespaces", "[{'type':'user'},{'type':'pid'}]");
	cfg_set(c, "linux.uidMappings", "[{'containerID':0,'hostID':1000,'size':1}]");
	cfg_set(c, "linux.gidMappings", "[{'containerID':0,'hostID':1000,'size':1}]");
	cfg_set(c, "process.user", "{'uid':0,'gid':0}");
	set_rules(c, "[{'names':['mkdirat'],'action':'SCMP_ACT_ERRNO','errnoRet':95}]");
	struct run *r = it_run_with(t, &(struct start){.prepare = drop_sys_admin}, c);

	assert_int_equal(run_wait(r), 0);
	const char *out = run_task_out(t, r);

	expect_contains(out, it_text(t, "call %d EOPNOTSUPP\n", SYS_mkdirat));
	expect_fact(t, out, "nnp", "0");
	expect_fact(t, out, "effective", "0000000000000000");
	expect_fact(t, out, "permitted", "0000000000000000");
}

static void test_process_1_of_init_stays_without_the_filter(void **state)
{
	struct it *t = *state;
	struct json_object *c =
		it_rootfs_config(t, "cat /proc/self/status cat /proc/1/status", "p");

	cfg_set(c, "linux.namespaces", "[{'type':'pid'}]");
	cfg_set(c, "taskshim.init", "true");
	set_rules(c, "[{'names':['wait4','read','kill'],'action':'SCMP_ACT_LOG'}]");
	const char *out = it_output(t, c), *second = strstr(out, "Seccomp:\t2\n");

	assert_non_null(second);
	expect_contains(second, "Seccomp:\t0\n");
	/* nor did it keep what would have loaded it */
	expect_contains(second, "CapPrm:\t0000000000000000\n");
}

/* --- actions --- */

static void test_each_action(void **state)
{
	static const struct {
		const char *action, *seen;
		int status;
	} rows[] = {
		{"'SCMP_ACT_KILL'", "", KILLED_BY_FILTER},
		{"'SCMP_ACT_KILL_THREAD'", "", KILLED_BY_FILTER},
		{"'SCMP_ACT_KILL_PROCESS'", "", KILLED_BY_FILTER},
		{"'SCMP_ACT_TRAP'", "", KILLED_BY_FILTER},
		{"'SCMP_ACT_ERRNO'", "EPERM", 7},
		{"'SCMP_ACT_ERRNO','errnoRet':38", "ENOSYS", 7},
		{"'SCMP_ACT_ERRNO','errnoRet':0", "OK", 7},
		{"'SCMP_ACT_TRACE'", "ENOSYS", 7}, /* there is no tracer */
		{"'SCMP_ACT_LOG'", "EFAULT", 7}, /* what the call itself says */
		{"'SCMP_ACT_ALLOW'", "EFAULT", 7},
	};
	struct it *t = *state;
	const char *call = it_text(t, "%d", SYS_mkdirat);
	struct json_object *c = it_config(t, it_text(t, "call %s exit 7", call));

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cfg_set(c, "linux.seccomp",
			"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['mkdirat',"
			"'no_such_call'],'action':%s}]}",
			rows[i].action);
		struct run *r = it_run(t, c);

		assert_int_equal(run_wait(r), rows[i].status);
		assert_string_equal(run_task_out(t, r),
				    rows[i].seen[0] ? it_text(t, "call %s %s\n", call, rows[i].seen)
						    : "");
	}
}

/* The other way round: what is not listed. */
static void test_default_action(void **state)
{
	struct it *t = *state;
	const char *call = it_text(t, "%d", SYS_mkdirat);
	struct json_object *c = it_config(t, it_text(t, "call %s exit 7", call));

	cfg_set(c, "linux.seccomp",
		"{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':95,'syscalls':[{'names':["
		"'execve','arch_prctl','set_tid_address','set_robust_list','rseq','prlimit64',"
		"'mprotect','brk','newfstatat','fstat','write','exit_group','readlink','readlinkat'"
		","
		"'getrandom','uname','mmap','munmap'],'action':'SCMP_ACT_ALLOW'}]}");
	struct run *r = it_run(t, c);

	assert_int_equal(run_wait(r), 7);
	assert_string_equal(run_task_out(t, r), it_text(t, "call %s EOPNOTSUPP\n", call));
	/* the first call of the command is its last one: it did start */
	cfg_set(c, "linux.seccomp",
		"{'defaultAction':'SCMP_ACT_KILL_PROCESS','syscalls':[{'names':['execve'],"
		"'action':'SCMP_ACT_ALLOW'}]}");
	r = it_run(t, c);
	assert_int_equal(run_wait(r), KILLED_BY_FILTER);
	assert_string_equal(js_str(r->lines[1], "type"), "started");
	assert_int_equal(js_int(r->lines[2], "signal"), SIGSYS);
}

/* --- arguments --- */

static void test_each_op(void **state)
{
	static const struct {
		const char *op;
		unsigned long long value, value_two, yes, no;
	} rows[] = {
		{"NE", 5, 0, 4, 5},
		{"LT", 5, 0, 4, 5},
		{"LE", 5, 0, 5, 6},
		{"EQ", 5, 0, 5, 0x100000005},
		{"GE", 5, 0, 0x100000000, 4},
		{"GT", 5, 0, 6, 5},
		{"MASKED_EQ", 0x10000000f, 0x100000003, 0x1000000f3, 0xf3},
	};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (unsigned index = 0; index < 6; index++) {
			static const char zeros[] = "0,0,0,0,0,";
			const char *yes = it_text(t, "%d:%.*s%llu", SYS_getppid, (int)(2 * index),
						  zeros, rows[i].yes);
			const char *no = it_text(t, "%d:%.*s%llu", SYS_getppid, (int)(2 * index),
						 zeros, rows[i].no);
			struct json_object *c =
				it_config(t, it_text(t, "call %s call %s", yes, no));

			cfg_set(c, "linux.seccomp",
				"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['getppid']"
				","
				"'action':'SCMP_ACT_ERRNO','errnoRet':95,'args':[{'index':%u,"
				"'value':%llu,'valueTwo':%llu,'op':'SCMP_CMP_%s'}]}]}",
				index, rows[i].value, rows[i].value_two, rows[i].op);
			assert_string_equal(
				it_output(t, c),
				it_text(t, "call %s EOPNOTSUPP\ncall %s OK\n", yes, no));
			it_forget(t);
		}
}

/* --- architectures --- */

static void test_architectures(void **state)
{
#ifdef __x86_64__
	enum { GETPPID32 = 64, MKDIR32 = 39 };
	struct it *t = *state;
	struct json_object *c = it_config(t, it_text(t, "call32 %d call32 %d", GETPPID32, MKDIR32));
	const char *out = it_output(t, c);

	if (strcmp(fact(t, out, "call32"), it_text(t, "%d OK", GETPPID32)) != 0)
		it_skip("this kernel has no 32-bit system calls");
	set_rules(c, "[{'names':['mkdir'],'action':'SCMP_ACT_ERRNO','errnoRet':95}]");
	struct run *r = it_run(t, c);

	/* not listed: no way around the filter */
	assert_int_equal(run_wait(r), KILLED_BY_FILTER);
	assert_string_equal(run_task_out(t, r), "");
	cfg_set(c, "linux.seccomp.architectures", "['SCMP_ARCH_X86']");
	assert_string_equal(it_output(t, c),
			    it_text(t, "call32 %d OK\ncall32 %d EOPNOTSUPP\n", GETPPID32, MKDIR32));
#else
	(void)state;
	it_skip("knows the other architectures of x86 only");
#endif
}

/* --- flags --- */

static void test_flags(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 0");
	const char *log = it_text(t, "%s/strace", t->dir);
	const char *const words[] = {"strace", "-f", "-qq", "-o", log, "-e", "trace=seccomp", NULL};

	if (system("command -v strace >/dev/null") != 0)
		it_skip("needs strace");
	set_rules(c, "[]");
	cfg_set(c, "linux.seccomp.flags",
		"['SECCOMP_FILTER_FLAG_TSYNC','SECCOMP_FILTER_FLAG_LOG',"
		"'SECCOMP_FILTER_FLAG_SPEC_ALLOW']");
	struct run *r = it_run_with(t, &(struct start){.wrapper = words}, c);

	assert_int_equal(run_wait(r), 0);
	expect_contains(read_file(t, log),
			"SECCOMP_FILTER_FLAG_LOG|SECCOMP_FILTER_FLAG_SPEC_ALLOW, {len=");
}

/* --- filters that deny what we need --- */

static void test_filter_that_denies_the_exec_is_an_error_before_the_gate(void **state)
{
	static const char *const actions[] = {"'SCMP_ACT_ERRNO'", "'SCMP_ACT_ERRNO','errnoRet':0",
					      "'SCMP_ACT_KILL_PROCESS'", "'SCMP_ACT_TRAP'",
					      "'SCMP_ACT_KILL'"};
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 0");

	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
		cfg_set(c, "linux.seccomp",
			"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['execve'],"
			"'action':%s}]}",
			actions[i]);
		struct run *r = it_start_config(t, NULL, c);

		expect_error_line(run_expect(r, "error"), "seccomp", EPERM, "execve");
		assert_int_equal(run_wait(r), 125);
	}
}

/* All that init may have called after the filter was loaded, had it been loaded earlier: the command runs. */
static void test_filter_that_denies_our_own_calls(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 7");

	set_rules(c,
		  "[{'names':['close','close_range','prctl','rt_sigprocmask','rt_sigaction',"
		  "'setresuid','setresgid','setgroups','capset','capget','poll','ppoll','read',"
		  "'recvfrom','recvmsg','sendto','sendmsg','chdir','fchdir','setrlimit','umask',"
		  "'seccomp','write','writev','accept4','openat','open','nanosleep','clone',"
		  "'clone3','setsid','kill','tgkill','exit'],'action':'SCMP_ACT_KILL_PROCESS'}]");
	struct run *r = it_run(t, c);

	assert_int_equal(run_wait(r), 7);
	cfg_set(c, "process.noNewPrivileges", "true");
	r = it_run(t, c);
	assert_int_equal(run_wait(r), 7);
}

static const char *const denials[] = {
	/* the status cannot be told by a call, nor the error */
	"{'names':['exit_group','exit','write','kill','tgkill','sendto','sendmsg'],"
	"'action':'SCMP_ACT_ERRNO'}",
	"{'names':['exit_group'],'action':'SCMP_ACT_KILL_PROCESS'}",
	"{'names':['exit_group'],'action':'SCMP_ACT_TRAP'}",
	"{'names':['exit_group','exit'],'action':'SCMP_ACT_ERRNO','errnoRet':0}",
	/* what would look for the reason kills */
	"{'names':['open','openat','access','faccessat','statfs','pread64','close'],"
	"'action':'SCMP_ACT_KILL_PROCESS'}",
	"{'names':['statfs'],'action':'SCMP_ACT_TRAP'}",
};

static void test_exec_that_fails_under_a_filter_is_told(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "");

	write_file(it_text(t, "%s/bin/script", t->dir), "#!/no/interpreter\n", 0755);
	cfg_set(c, "process.args", "['/bin/script']");
	for (unsigned in_pid_namespace = 0; in_pid_namespace <= 1; in_pid_namespace++) {
		if (in_pid_namespace)
			cfg_set(c, "linux.namespaces", "[{'type':'pid'}]");
		for (size_t i = 0; i < sizeof denials / sizeof denials[0]; i++) {
			set_rules(c, it_text(t, "[%s]", denials[i]));
			struct run *r = it_run(t, c);

			expect_error_line(r->lines[r->n_lines - 1], "exec", ENOENT, "/bin/script");
			assert_int_equal(run_wait(r), 126);
		}
	}
	/* where nothing hinders it, the reason is looked for */
	set_rules(c, "[{'names':['mkdir'],'action':'SCMP_ACT_ERRNO'}]");
	struct run *r = it_run(t, c);

	expect_error_line(r->lines[r->n_lines - 1], "exec", ENOENT, "/no/interpreter");
	assert_int_equal(run_wait(r), 126);
}

/* --- without a monitor --- */

static pid_t start_unmonitored(struct it *t, struct json_object *c, struct run **ret)
{
	cfg_set(c, "taskshim.monitor", "false");
	struct run *r = it_start_config(t, NULL, c);
	pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

	run_expect_eof(r);
	assert_int_equal(run_wait(r), 0);
	*ret = r;
	return pid;
}

/* Opens the gate in @dir and reads what is said there to its end. */
static const char *open_gate(struct it *t, const char *dir)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = own_fd(t, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	char text[16384];
	size_t used = 0;
	ssize_t n;

	(void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/gate",
		       open_fd(t, dir, O_PATH | O_DIRECTORY));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(write(fd, "true", 4), 4);
	while ((n = read(fd, text + used, sizeof text - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	return it_text(t, "%s", text);
}

static void test_unmonitored_task_gets_its_filter_and_tells_of_a_failed_exec(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, it_text(t, "call %d exit 7", SYS_mkdirat), &dir);
	struct run *r;
	int status;

	set_rules(c, "[{'names':['mkdirat'],'action':'SCMP_ACT_ERRNO','errnoRet':95}]");
	pid_t pid = start_unmonitored(t, c, &r);

	expect_contains(open_gate(t, dir), "\"started\"");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_string_equal(run_task_out(t, r), it_text(t, "call %d EOPNOTSUPP\n", SYS_mkdirat));

	write_file(it_text(t, "%s/bin/script", t->dir), "#!/no/interpreter\n", 0755);
	for (size_t i = 0; i < sizeof denials / sizeof denials[0]; i++) {
		c = it_state_config(t, "", &dir);
		cfg_set(c, "process.args", "['/bin/script']");
		set_rules(c, it_text(t, "[%s]", denials[i]));
		pid = start_unmonitored(t, c, &r);
		const char *said = open_gate(t, dir);

		if (!strstr(denials[i], "sendto"))
			expect_contains(said, "\"error\"");
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_false(WIFEXITED(status) && WEXITSTATUS(status) != 126);
	}
}

/* --- the listener --- */

static int make_listener(struct it *t, const char **ret_path, int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = own_fd(t, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	*ret_path = it_text(t, "%s/listener", t->dir);
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", *ret_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static void wait_readable(int fd, const char *what)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (poll(&p, 1, it_timeout_ms()) <= 0)
		fail_msg("hang: %s", what);
}

/* Accepts one connection and reads the message to its end; *@ret_fd: the descriptor that came with it. */
static struct json_object *receive(struct it *t, int listener, int *ret_fd)
{
	static char text[1 << 20];
	char control[CMSG_SPACE(2 * sizeof(int))];
	struct iovec iov = {text, sizeof text - 1};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof control};
	size_t used;
	ssize_t n;

	wait_readable(listener, "nobody connects to the listener");
	int fd = own_fd(t, accept4(listener, NULL, NULL, SOCK_CLOEXEC));

	wait_readable(fd, "the listener gets no message");
	n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	assert_true(n > 0);
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	assert_non_null(header);
	assert_int_equal(header->cmsg_type, SCM_RIGHTS);
	assert_int_equal(header->cmsg_len, CMSG_LEN(sizeof(int)));
	memcpy(ret_fd, CMSG_DATA(header), sizeof *ret_fd);
	(void)own_fd(t, *ret_fd);
	for (used = (size_t)n; (n = read(fd, text + used, sizeof text - 1 - used)) > 0;)
		used += (size_t)n;
	text[used] = '\0';
	return cfg_parse(t, "%s", text);
}

/* Answers one call: with @error (an errno), or with 0: let it go on. */
static int answer(int fd, int error)
{
	struct seccomp_notif call = {0};
	struct seccomp_notif_resp response = {0};

	wait_readable(fd, "no call is notified");
	assert_int_equal(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &call), 0);
	response.id = call.id;
	response.error = -error;
	response.flags = error ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	assert_int_equal(ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &response), 0);
	return call.data.nr;
}

static void set_notify(struct json_object *c, const char *path, const char *names)
{
	set_rules(c, "[]");
	cfg_set(c, "linux.seccomp.syscalls", "[{'names':[%s],'action':'SCMP_ACT_NOTIFY'}]", names);
	cfg_set(c, "linux.seccomp.listenerPath", "'%s'", path);
}

static void test_listener_gets_descriptor_state_and_metadata(void **state)
{
	struct it *t = *state;
	struct json_object *c =
		it_config(t, it_text(t, "fds call %d call %d exit 7", SYS_mkdirat, SYS_mkdirat));
	const char *path;
	int listener = make_listener(t, &path, 8), fd;

	set_notify(c, path, "\"mkdirat\"");
	cfg_set(c, "linux.seccomp.listenerMetadata", "'a \\\"word\\\"'");
	cfg_set(c, "linux.seccomp.flags",
		"['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV',"
		"'SECCOMP_FILTER_FLAG_TSYNC']");
	cfg_set(c, "linux.namespaces", "[{'type':'pid'}]");
	cfg_set(c, "annotations", "{'a.b':'c'}");
	struct run *r = it_start_config(t, NULL, c);
	pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

	run_send(r, "true");
	struct json_object *message = receive(t, listener, &fd);

	(void)run_expect(r, "started");
	assert_string_equal(js_str(message, "ociVersion"), "1.2.0");
	assert_string_equal(json_object_to_json_string_ext(js_get(message, "fds"), 0),
			    "[\"seccompFd\"]");
	assert_int_equal(js_int(message, "pid"), pid);
	assert_string_equal(js_str(message, "metadata"), "a \"word\"");
	assert_string_equal(js_str(message, "state.status"), "created");
	assert_string_equal(js_str(message, "state.id"), js_str(c, "taskshim.id"));
	assert_string_equal(js_str(message, "state.bundle"), t->dir);
	assert_int_equal(js_int(message, "state.pid"), pid);
	assert_string_equal(json_object_get_string(json_object_object_get(
				    js_get(message, "state.annotations"), "a.b")),
			    "c");
	assert_int_equal(answer(fd, EUCLEAN), SYS_mkdirat);
	assert_int_equal(answer(fd, 0), SYS_mkdirat);
	assert_int_equal(run_wait(r), 7);
	expect_contains(run_task_out(t, r),
			it_text(t, "call %d EUCLEAN\ncall %d EFAULT\n", SYS_mkdirat, SYS_mkdirat));
	/* neither the descriptor nor the connection is the command's */
	assert_null(strstr(strstr(run_task_out(t, r), "fd 2 ") + 1, "\nfd "));
}

/* With the calls denied that would send the descriptor, and the exec itself asked about. */
static void test_listener_is_reached_whatever_the_filter_denies(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, it_text(t, "call %d exit 7", SYS_mkdirat));
	const char *path;
	int listener = make_listener(t, &path, 8), fd;

	set_rules(c, "[{'names':['execve','mkdirat'],'action':'SCMP_ACT_NOTIFY'},"
		     "{'names':['sendmsg','sendto','close','nanosleep','clock_nanosleep','futex',"
		     "'rt_sigprocmask','prctl','exit','read'],'action':'SCMP_ACT_KILL_PROCESS'}]");
	cfg_set(c, "linux.seccomp.listenerPath", "'%s'", path);
	struct run *r = it_start_config(t, NULL, c);

	(void)run_expect(r, "created");
	run_send(r, "true");
	(void)receive(t, listener, &fd);
	assert_int_equal(answer(fd, 0), SYS_execve);
	(void)run_expect(r, "started");
	assert_int_equal(answer(fd, EUCLEAN), SYS_mkdirat);
	assert_int_equal(run_wait(r), 7);
	/* an exec that the listener refuses is a failed start */
	r = it_start_config(t, NULL, c);
	(void)run_expect(r, "created");
	run_send(r, "true");
	(void)receive(t, listener, &fd);
	assert_int_equal(answer(fd, EACCES), SYS_execve);
	expect_error_line(run_expect(r, "error"), "exec", EACCES, "/bin/probe");
	assert_int_equal(run_wait(r), 126);
}

/* More than a socket takes at once. */
static void test_message_may_be_long(void **state)
{
	enum { LENGTH = 500000 };
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 7");
	static char text[LENGTH + 1];
	const char *path;
	int listener = make_listener(t, &path, 8), fd;

	memset(text, 'x', LENGTH);
	set_notify(c, path, "\"mkdirat\"");
	cfg_set(c, "annotations", "{'long':'%s'}", text);
	struct run *r = it_start_config(t, NULL, c);

	(void)run_expect(r, "created");
	run_send(r, "true");
	assert_int_equal(strlen(js_str(receive(t, listener, &fd), "state.annotations.long")),
			 LENGTH);
	(void)run_expect(r, "started");
	assert_int_equal(run_wait(r), 7);
}

static void test_unmonitored_task_reaches_its_listener(void **state)
{
	struct it *t = *state;
	const char *dir, *path;
	struct json_object *c = it_state_config(t, it_text(t, "call %d exit 7", SYS_mkdirat), &dir);
	int listener = make_listener(t, &path, 8), fd, status;
	struct run *r;

	set_notify(c, path, "\"mkdirat\"");
	pid_t pid = start_unmonitored(t, c, &r);

	expect_contains(open_gate(t, dir), "\"started\"");
	assert_int_equal(js_int(receive(t, listener, &fd), "pid"), pid);
	assert_int_equal(answer(fd, EUCLEAN), SYS_mkdirat);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_string_equal(run_task_out(t, r), it_text(t, "call %d EUCLEAN\n", SYS_mkdirat));
}

static void test_listener_that_is_absent_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 0");
	const char *path = it_text(t, "%s/nobody", t->dir);

	set_notify(c, path, "\"mkdirat\"");
	(void)it_expect_error(t, c, 125, "seccomp", ENOENT, path);
	cfg_set(c, "linux.seccomp.listenerPath", "'/%0200d'", 1);
	(void)it_expect_error(t, c, 125, "seccomp", ENAMETOOLONG, "linux.seccomp.listenerPath");
	/* nobody is asked, so nobody has to be there */
	cfg_del(c, "linux.seccomp.syscalls");
	(void)it_output(t, c);
}

static void test_listener_that_does_not_accept_is_an_error_in_time(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 0");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path;
	int fd;

	(void)make_listener(t, &path, 0);
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	do
		fd = own_fd(t, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	while (connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	assert_int_equal(errno, EAGAIN);
	set_notify(c, path, "\"mkdirat\"");
	(void)it_expect_error(t, c, 125, "seccomp", EAGAIN, path);
}

static void test_listener_that_closes_before_the_start_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo ran");
	const char *path;
	int listener = make_listener(t, &path, 8);

	set_notify(c, path, "\"mkdirat\",\"exit_group\",\"write\"");
	struct run *r = it_start_config(t, NULL, c);

	(void)run_expect(r, "created");
	wait_readable(listener, "nobody connects");
	assert_int_equal(close(accept4(listener, NULL, NULL, SOCK_CLOEXEC)), 0);
	run_send(r, "true");
	expect_error_line(run_expect(r, "error"), "seccomp", EPIPE, path);
	assert_int_equal(run_wait(r), 125);
	assert_string_equal(run_task_out(t, r), "");
}

/* Its calls wait, for that is what was asked for; it can be stopped. */
static void test_listener_that_never_reads_does_not_hold_the_start(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, it_text(t, "echo ready call %d", SYS_mkdirat));
	const char *path;
	pid_t pid;

	(void)make_listener(t, &path, 8);
	set_notify(c, path, "\"mkdirat\"");
	struct run *r = it_start_task(t, c, &pid);

	it_wait_ready(t, r);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(run_wait(r), 128 + SIGKILL);
}

/* --- the default profile --- */

#define PAGE_AT "0x10000" /* a page that is not there */

/* What nobody gets with the filter, and the capability that lifts it (NULL: none does). What the kernel says without it, it may
 * say for other reasons too. */
static const struct {
	int nr;
	const char *args, *with, *capability;
} refused[] = {
	{SYS_ptrace, "0", "EPERM", "CAP_SYS_PTRACE"},
	{SYS_process_vm_readv, "0,0,0,0,0,1", "EPERM", "CAP_SYS_PTRACE"},
	{SYS_kcmp, "0,0,99", "EPERM", "CAP_SYS_PTRACE"},
	{SYS_userfaultfd, "0xf1", "EPERM", "CAP_SYS_PTRACE"},
	{SYS_pidfd_getfd, "-1,0,0", "EPERM", "CAP_SYS_PTRACE"},
	{SYS_bpf, "0,0,99999", "EPERM", "CAP_BPF"},
	{SYS_perf_event_open, PAGE_AT, "EPERM", "CAP_PERFMON"},
	{SYS_clone3, "0,0", "ENOSYS", "CAP_SYS_ADMIN"},
	{SYS_unshare, "0x10000000", "EPERM", "CAP_SYS_ADMIN"},
	{SYS_unshare, "0x200", "OK", NULL},
	{SYS_clone, "0x10010000", "EPERM", "CAP_SYS_ADMIN"},
	{SYS_setns, "-1,0", "EPERM", "CAP_SYS_ADMIN"},
	{SYS_mount, "0,0," PAGE_AT, "EPERM", "CAP_SYS_ADMIN"},
	{SYS_move_mount, "-1,0,-1,0,0xf0000000", "EPERM", "CAP_SYS_ADMIN"},
	{SYS_open_tree, "-1,0,0xf0000000", "EPERM", "CAP_SYS_ADMIN"},
	{SYS_mount_setattr, "-1,0,0xf0000000", "EPERM", "CAP_SYS_ADMIN"},
	{SYS_fanotify_init, "0xf0000000", "EPERM", "CAP_SYS_ADMIN"},
	{SYS_settimeofday, "0," PAGE_AT, "EPERM", "CAP_SYS_TIME"},
	{SYS_clock_settime, "99,0", "EPERM", "CAP_SYS_TIME"},
	{SYS_syslog, "99", "EPERM", "CAP_SYSLOG"},
	{SYS_chroot, PAGE_AT, "EPERM", "CAP_SYS_CHROOT"},
	{SYS_move_pages, "0,0,0,0,0,99", "EPERM", "CAP_SYS_NICE"},
	{SYS_keyctl, "0,-3,0", "EPERM", NULL},
	{SYS_add_key, PAGE_AT, "EPERM", NULL},
	{SYS_request_key, PAGE_AT, "EPERM", NULL},
	{SYS_io_uring_setup, "0,0", "ENOSYS", NULL},
	{SYS_personality, "0x40000", "EPERM", NULL},
	{SYS_personality, "8", "OK", NULL},
	{SYS_socket, "38,5,0", "EAFNOSUPPORT", NULL},
	{SYS_socket, "16,3,0", "OK", NULL},
	{SYS_socketpair, "99,1,0,0", "EAFNOSUPPORT", NULL},
	{SYS_ioctl, "99,0x5412,0", "EPERM", "CAP_SYS_ADMIN"},
	{SYS_ioctl, "99,0xf00005412,0", "EPERM", "CAP_SYS_ADMIN"},
	{SYS_ioctl, "99,0x541c,0", "EPERM", "CAP_SYS_ADMIN"},
	{SYS_ioctl, "99,0x5413,0", "EBADF", NULL},
	{1000, "0", "ENOSYS", NULL},
#ifdef __x86_64__
	{SYS_modify_ldt, "0,0,0", "EPERM", NULL},
	{SYS_uselib, PAGE_AT, "ENOSYS", NULL},
#endif
};

static void set_capability(struct json_object *c, const char *name)
{
	static const char *const sets[] = {
		"process.capabilities.bounding", "process.capabilities.permitted",
		"process.capabilities.effective", "process.capabilities.inheritable",
		"process.capabilities.ambient"};

	for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
		cfg_set(c, sets[i], "['%s']", name);
}

static void test_default_profile_refuses_and_capabilities_lift_it(void **state)
{
	struct it *t = *state;
	size_t otherwise = 0;

	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		const char *call = it_text(t, "%d:%s", refused[i].nr, refused[i].args);
		const char *with = it_text(t, "call %s %s\n", call, refused[i].with);
		struct json_object *c = it_config(t, it_text(t, "call %s", call));

		cfg_set(c, "process.noNewPrivileges", "true");
		otherwise += strcmp(it_output(t, c), with) != 0;
		cfg_set(c, "taskshim.seccomp", "'default'");
		assert_string_equal(it_output(t, c), with);
		if (refused[i].capability) {
			set_capability(c, refused[i].capability);
			assert_string_not_equal(it_output(t, c), with);
		}
		it_forget(t);
	}
	assert_in_range(otherwise, 15, sizeof refused / sizeof refused[0]);
}

static void test_default_profile_is_for_32_bit_calls_too(void **state)
{
#ifdef __x86_64__
	/* getppid; keyctl; socketcall(SYS_SOCKET), whose arguments cannot be seen; socketcall(SYS_BIND) */
	struct it *t = *state;
	struct json_object *c = it_config(
		t, "call32 64 call32 288:0,-3,0 call32 102:1,0x10000 call32 102:2,0x10000");
	const char *out = it_output(t, c);

	if (!strstr(out, "call32 64 OK\n"))
		it_skip("this kernel has no 32-bit system calls");
	expect_contains(out, "call32 288:0,-3,0 OK\n");
	expect_contains(out, "call32 102:1,0x10000 EFAULT\n");
	cfg_set(c, "taskshim.seccomp", "'default'");
	assert_string_equal(it_output(t, c),
			    "call32 64 OK\ncall32 288:0,-3,0 EPERM\n"
			    "call32 102:1,0x10000 EAFNOSUPPORT\ncall32 102:2,0x10000 EFAULT\n");
#else
	(void)state;
	it_skip("knows the other architectures of x86 only");
#endif
}

static void test_default_profile_and_a_filter_contradict_each_other(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 0");

	cfg_set(c, "taskshim.seccomp", "'default'");
	set_rules(c, "[]");
	(void)it_expect_error(t, c, 125, "config", EINVAL, "taskshim.seccomp");
	cfg_set(c, "taskshim.seccomp", "'none'");
	(void)it_output(t, c);
	cfg_set(c, "taskshim.seccomp", "'docker'");
	(void)it_expect_error(t, c, 125, "config", EINVAL, "taskshim.seccomp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_filter_is_loaded_and_nothing_else_is_changed),
		IT(test_capabilities_are_as_asked_for),
		IT(test_needs_no_new_privs_or_cap_sys_admin),
		IT(test_user_without_rights_loads_it_in_a_user_namespace),
		IT(test_process_1_of_init_stays_without_the_filter),
		IT(test_each_action),
		IT(test_default_action),
		IT(test_each_op),
		IT(test_architectures),
		IT(test_flags),
		IT(test_filter_that_denies_the_exec_is_an_error_before_the_gate),
		IT(test_filter_that_denies_our_own_calls),
		IT(test_exec_that_fails_under_a_filter_is_told),
		IT(test_unmonitored_task_gets_its_filter_and_tells_of_a_failed_exec),
		IT(test_listener_gets_descriptor_state_and_metadata),
		IT(test_listener_is_reached_whatever_the_filter_denies),
		IT(test_message_may_be_long),
		IT(test_unmonitored_task_reaches_its_listener),
		IT(test_listener_that_is_absent_is_an_error),
		IT(test_listener_that_does_not_accept_is_an_error_in_time),
		IT(test_listener_that_closes_before_the_start_is_an_error),
		IT(test_listener_that_never_reads_does_not_hold_the_start),
		IT(test_default_profile_refuses_and_capabilities_lift_it),
		IT(test_default_profile_is_for_32_bit_calls_too),
		IT(test_default_profile_and_a_filter_contradict_each_other),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
