/* The process: every field of `process` is observed in the running task, and what the caller may have left in
 * spawn-daemon's process is not inherited. design.md sections 4 and 7 (5, 6, 8); behaviours.md F14 to F16. */
#include "tests/integration/harness.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- working directory --- */

static void test_cwd_is_observed(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "cwd");

	cfg_set(c, "process.cwd", "'/bin'");
	expect_fact(t, it_output(t, c), "cwd", "/bin");
	cfg_set(c, "process.cwd", "'/dev/../etc/.'");
	expect_fact(t, it_output(t, c), "cwd", "/etc");
}

static void test_cwd_missing_or_a_file_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "cwd");

	cfg_set(c, "process.cwd", "'/nowhere'");
	(void)it_expect_error(t, c, 125, "cwd", ENOENT, "/nowhere");
	cfg_set(c, "process.cwd", "'/bin/probe'");
	(void)it_expect_error(t, c, 125, "cwd", ENOTDIR, "/bin/probe");
}

static void test_cwd_needs_the_tasks_own_rights(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "cwd", "");

	make_dir(it_text(t, "%s/private", t->root), 0700);
	cfg_set(c, "process.cwd", "'/private'");
	(void)it_expect_error(t, c, 125, "cwd", EACCES, "/private");
}

/* CVE-2024-21626: a directory of the host that the caller left open must not become the working directory. */
static void test_cwd_through_an_inherited_descriptor_is_refused(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "cwd ls .");
	int host = open_fd(t, "/", O_RDONLY | O_DIRECTORY);

	cfg_set(c, "process.user", "{'uid':0,'gid':0}");
	for (int fd = 3; fd < 24; fd++) {
		struct start how = {.fds = {host, host, host, host, host, host, host, host}};

		cfg_set(c, "process.cwd", "'/proc/self/fd/%d'", fd);
		struct run *r = it_run_with(t, &how, c);

		assert_int_equal(r->n_lines, 1);
		assert_string_equal(js_str(r->lines[0], "step"), "cwd");
		assert_int_equal(run_wait(r), 125);
	}
}

/* --- args and env --- */

static void test_args_arrive_byte_for_byte(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "");

	cfg_set(c, "process.args",
		"['/bin/probe','args','',' "
		"','=','a=b','-x','--','$HOME','${HOME}','`id`','*','\\n','a\\nb\\t','\\\"q\\\"',"
		"'\\u0001\\u007f','\\u00e9\\u20ac\\ud83d\\ude00','\\\\','%%s']");
	assert_string_equal(
		it_output(t, c),
		"arg \narg  \narg =\narg a=b\narg -x\narg --\narg $HOME\narg ${HOME}\narg "
		"`id`\narg *\n"
		"arg \\x0a\narg a\\x0ab\\x09\narg \"q\"\narg \\x01\\x7f\n"
		"arg \\xc3\\xa9\\xe2\\x82\\xac\\xf0\\x9f\\x98\\x80\narg \\x5c\narg %s\n");
}

static void test_args_may_hold_127_kib(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "");
	enum { LEN = 127 * 1024 };
	char *big = malloc(LEN + 1);

	assert_non_null(big);
	for (int i = 0; i < LEN; i++)
		big[i] = (char)('a' + i % 26);
	big[LEN] = '\0';
	cfg_set(c, "process.args", "['/bin/probe','args','%s','end']", big);
	assert_string_equal(it_output(t, c), it_text(t, "arg %s\narg end\n", big));
	free(big);
}

static void test_args_too_large_for_the_kernel_say_so(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "");
	enum { LEN = 200 * 1024 }; /* over MAX_ARG_STRLEN */
	char *big = malloc(LEN + 1);

	assert_non_null(big);
	memset(big, 'x', LEN);
	big[LEN] = '\0';
	cfg_set(c, "process.args", "['/bin/probe','args','%s']", big);
	free(big);
	struct run *r = it_run(t, c);

	assert_int_equal(r->n_lines, 2);
	expect_error_line(r->lines[1], "exec", E2BIG, "/bin/probe");
	assert_int_equal(run_wait(r), 126);
}

static void test_env_arrives_byte_for_byte_and_alone(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "env");
	const char *const host_env[] = {"PATH=/usr/bin:/bin", "LEAK=from-the-caller", NULL};

	cfg_set(c, "process.env",
		"['EMPTY=','EQ=a=b=c','NL=a\\nb','Z=\\u00e9','lower.case=1','A=1','A=2',' S= ']");
	struct run *r = it_run_with(t, &(struct start){.env = host_env}, c);

	assert_int_equal(run_wait(r), 0);
	assert_string_equal(run_task_out(t, r),
			    "env EMPTY=\nenv EQ=a=b=c\nenv NL=a\\x0ab\nenv Z=\\xc3\\xa9\n"
			    "env lower.case=1\nenv A=1\nenv A=2\nenv  S= \n");
	cfg_set(c, "process.env", "[]");
	assert_string_equal(it_output(t, c), "");
	cfg_del(c, "process.env");
	assert_string_equal(it_output(t, c), "");
}

static void test_env_may_hold_2000_variables(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "env"), *list = json_object_new_array();
	const char *want = "";
	char *all = calloc(2000, 32);

	assert_non_null(all);
	for (int i = 0; i < 2000; i++) {
		char entry[32];

		(void)snprintf(entry, sizeof entry, "VAR_%d=%d", i, i * 7);
		(void)json_object_array_add(list, json_object_new_string(entry));
		(void)strcat(strcat(strcat(all, "env "), entry), "\n");
	}
	want = it_text(t, "%s", all);
	free(all);
	(void)json_object_object_add(js_get(c, "process"), "env", list);
	assert_string_equal(it_output(t, c), want);
}

/* F16: what stands in argv or in the environment of a helper can be read by others. */
static void test_secrets_stand_in_no_argv_environment_or_message(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "pause");

	cfg_set(c, "process.env", "['TOKEN=hunter2-secret']");
	cfg_set(c, "process.args", "['/bin/probe','pause','hunter2-secret']");
	struct run *r = it_start_config(t, NULL, c);
	struct json_object *created = run_expect(r, "created");

	run_send(r, "true");
	(void)run_expect(r, "started");
	expect_not_contains(json_object_to_json_string(created), "hunter2");
	expect_not_contains(proc_file(t, r->pid, "cmdline"), "hunter2");
	expect_not_contains(proc_file(t, r->pid, "environ"), "hunter2");
	expect_contains(proc_file(t, r->pid, "comm"), "spawn-daemon");
	assert_string_equal(run_err(t, r), "");
	cfg_set(c, "process.env", "['TOKEN=hunter2-secret','hunter2-without-a-name']");
	expect_not_contains(it_expect_error(t, c, 125, "config", EINVAL, "process.env[1]"),
			    "hunter2");
}

static void test_interpolate_expands_what_is_defined(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "");

	cfg_set(c, "process.env", "['NAME=value','EMPTY=','A_1=x y','SELF=$NAME']");
	cfg_set(c, "process.args",
		"['/bin/probe','args','$NAME','${NAME}','a${NAME}b','$NAME$A_1','$EMPTY.','$UNDEF',"
		"'${UNDEF}','$','$$','${','${}','$1','${NAME','$SELF','$NAMEx']");
	assert_string_equal(
		it_output(t, c),
		"arg $NAME\narg ${NAME}\narg a${NAME}b\narg $NAME$A_1\narg $EMPTY.\narg $UNDEF\n"
		"arg ${UNDEF}\narg $\narg $$\narg ${\narg ${}\narg $1\narg ${NAME\narg $SELF\narg "
		"$NAMEx\n");
	cfg_set(c, "taskshim.interpolate", "true");
	assert_string_equal(it_output(t, c),
			    "arg value\narg value\narg avalueb\narg valuex y\narg .\narg $UNDEF\n"
			    "arg ${UNDEF}\narg $\narg $$\narg ${\narg ${}\narg $1\narg ${NAME\narg "
			    "$NAME\narg $NAMEx\n");
}

/* --- command lookup --- */

static void test_command_is_found_through_the_tasks_path(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo found");

	cfg_set(c, "process.args[0]", "'probe'");
	assert_string_equal(it_output(t, c), "found\n");
	cfg_set(c, "process.env", "['PATH=/nowhere:/etc:/bin']");
	assert_string_equal(it_output(t, c), "found\n");
	cfg_set(c, "process.env", "['PATH=/nowhere']");
	(void)it_expect_error(t, c, 127, "command", ENOENT, "probe");
	cfg_del(c, "process.env"); /* the default path has /bin */
	assert_string_equal(it_output(t, c), "found\n");
}

static void test_command_with_a_slash_is_relative_to_the_cwd(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo found");

	cfg_set(c, "process.args[0]", "'bin/probe'");
	assert_string_equal(it_output(t, c), "found\n");
	cfg_set(c, "process.cwd", "'/etc'");
	(void)it_expect_error(t, c, 127, "command", ENOENT, "bin/probe");
	cfg_set(c, "process.args[0]", "'../bin/probe'");
	assert_string_equal(it_output(t, c), "found\n");
}

static void test_command_argv0_is_as_given(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "cat /proc/self/cmdline");

	cfg_set(c, "process.args[0]", "'probe'");
	assert_string_equal(it_output(t, c), "probe"); /* up to its NUL */
}

/* --- user --- */

static void expect_user(struct it *t, struct json_object *c, const char *uid, const char *gid,
			const char *groups)
{
	const char *out = it_output(t, c);

	expect_fact(t, out, "uid", it_text(t, "%s %s %s %s", uid, uid, uid, uid));
	expect_fact(t, out, "gid", it_text(t, "%s %s %s %s", gid, gid, gid, gid));
	expect_fact(t, out, "groups", groups);
}

static void test_user_forms(void **state)
{
	static const struct {
		const char *user, *uid, *gid, *groups;
	} rows[] = {
		{"alice", "1000", "1001", "29 100"},
		{"1000", "1000", "1001", "29 100"},
		{"alice:users", "1000", "100", ""},
		{"alice:100", "1000", "100", ""},
		{"1000:100", "1000", "100", ""},
		{"1000:audio", "1000", "29", ""},
		{"1234", "1234", "1234",
		 ""}, /* digits are a uid, also where somebody has that name */
		{"1234:77", "1234", "77", ""},
		{"70000:80000", "70000", "80000", ""},
		{"70000", "70000", "70000", ""},
		{"4294967294:4294967294", "4294967294", "4294967294", ""},
		{"daemon", "1", "1", ""},
		{"root", "0", "0", ""},
		{"0:0", "0", "0", ""},
		{"nobody", "65534", "65533", ""},
	};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct json_object *c = it_config(t, "ids");

		cfg_set(c, "taskshim.user", "'%s'", rows[i].user);
		expect_user(t, c, rows[i].uid, rows[i].gid, rows[i].groups);
	}
}

/* CVE-2026-30892, CVE-2016-3697: never root, never somebody else, because a text was read leniently. */
static void test_user_that_is_none_is_an_error(void **state)
{
	static const char *const users[] = {
		"bob",
		"www-data",
		"",
		":",
		":5",
		"1000:",
		"alice:",
		"alice:nogrp",
		"-1",
		"+1",
		"0x0",
		"1e3",
		"4294967295",
		"4294967296",
		"99999999999999999999",
		"root ",
		" root",
		"root\\n",
		"alice:4294967295",
		"alice:-1",
		"alice:x:y",
		"1000:1001:1",
		"alice,bob",
		"ROOT",
		"root:x",
		"0 ",
		"\\u0660",
		"x",
		"/root",
	};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
		struct json_object *c = it_config(t, "ids");

		cfg_set(c, "taskshim.user", "'%s'", users[i]);
		struct run *r = it_run(t, c);

		if (r->n_lines != 1 || strcmp(js_str(r->lines[0], "type"), "error") != 0 ||
		    run_wait(r) != 125)
			fail_msg("user \"%s\": %s", users[i],
				 json_object_to_json_string(r->lines[0]));
		if (strcmp(js_str(r->lines[0], "step"), "config") != 0)
			assert_string_equal(js_str(r->lines[0], "step"), "user");
		assert_string_equal(run_task_out(t, r), "");
	}
}

static void test_user_not_found_names_user_and_file(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "ids");

	cfg_set(c, "taskshim.user", "'bob'");
	expect_contains(it_expect_error(t, c, 125, "user", 0, "bob"), "passwd");
	cfg_set(c, "taskshim.user", "'alice:nogrp'");
	expect_contains(it_expect_error(t, c, 125, "user", 0, "nogrp"), "group");
}

static void test_user_default_is_nobody_never_root(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "ids");

	expect_user(t, c, "65534", "65533", "");
	cfg_set(c, "taskshim.chroot", "{'/bin':'%s/bin'}", t->dir); /* no /etc/passwd */
	expect_user(t, c, "65534", "65534", "");
	write_file(it_text(t, "%s/etc/passwd", t->dir), "root:x:0:0::/:\nnobody:x:0:0:a trap:/:\n",
		   0644);
	cfg_set(c, "taskshim.chroot", "{'/bin':'%s/bin','/etc':'%s/etc'}", t->dir, t->dir);
	expect_user(t, c, "65534", "65534", "");
}

static void test_user_database_broken_lines_are_skipped(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "ids");

	write_file(it_text(t, "%s/etc/passwd", t->dir),
		   "\n#comment\nalice\nalice:x\nalice:x:\nalice:x:abc:1:\nalice:x:99999999999:1::/"
		   ":\n+::::::\n"
		   "alice:x:1000:1001:ok:/:/bin/sh\nalice:x:0:0:later:/:/bin/sh",
		   0644);
	cfg_set(c, "taskshim.user", "'alice'");
	expect_user(t, c, "1000", "1001", "29 100");
}

static void test_user_database_that_is_a_fifo_does_not_block(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "ids", "");

	assert_int_equal(unlink(it_text(t, "%s/etc/passwd", t->root)), 0);
	assert_int_equal(mkfifo(it_text(t, "%s/etc/passwd", t->root), 0644), 0);
	cfg_set(c, "taskshim.user", "'alice'");
	struct run *r = it_run(t, c);

	assert_string_equal(js_str(r->lines[0], "step"), "user");
	assert_int_equal(run_wait(r), 125);
}

static void test_process_user_is_exact(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "ids");

	cfg_set(c, "process.user", "{'uid':1000,'gid':500}");
	expect_user(t, c, "1000", "500", "");
	cfg_set(c, "process.user.additionalGids", "[7,500,9,70000,7]");
	expect_user(t, c, "1000", "500", "7 7 9 500 70000");
	cfg_set(c, "process.user", "{'uid':0,'gid':0}");
	expect_user(t, c, "0", "0", "");
	cfg_set(c, "taskshim.user", "'alice'"); /* wins */
	expect_user(t, c, "1000", "1001", "29 100");
}

static void join_groups(void *arg)
{
	const gid_t groups[] = {4, 27};

	(void)arg;
	(void)syscall(SYS_setgroups, 2, groups);
}

static void test_callers_groups_are_dropped(void **state)
{
	struct it *t = *state;
	struct run *r =
		it_run_with(t, &(struct start){.prepare = join_groups}, it_config(t, "ids"));

	assert_int_equal(run_wait(r), 0);
	expect_fact(t, run_task_out(t, r), "groups", "");
}

/* --- capabilities --- */

static uint64_t bounding_here(void)
{
	uint64_t mask = 0;

	for (unsigned long i = 0; i < 64; i++)
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
			mask |= 1ull << i;
	return mask;
}

struct sets {
	uint64_t bounding, effective, permitted, inheritable, ambient;
};

static void expect_sets(struct it *t, const char *out, const struct sets *want)
{
	expect_fact(t, out, "bounding", it_text(t, "%016llx", (unsigned long long)want->bounding));
	expect_fact(t, out, "effective",
		    it_text(t, "%016llx", (unsigned long long)want->effective));
	expect_fact(t, out, "permitted",
		    it_text(t, "%016llx", (unsigned long long)want->permitted));
	expect_fact(t, out, "inheritable",
		    it_text(t, "%016llx", (unsigned long long)want->inheritable));
	expect_fact(t, out, "ambient", it_text(t, "%016llx", (unsigned long long)want->ambient));
}

/* capabilities(7), "Transformation of capabilities during execve()", for a program without file capabilities. */
static struct sets after_exec(const struct sets *before, bool root, bool no_new_privs)
{
	struct sets s = *before;

	s.permitted = s.effective = s.ambient;
	if (root) {
		s.permitted = s.inheritable | s.bounding;
		if (no_new_privs)
			s.permitted &= before->permitted;
		s.ambient &= s.permitted;
		s.permitted |= s.ambient;
		s.effective = s.permitted;
	}
	return s;
}

#define BIT(cap) (1ull << (cap))
enum { NET_BIND = CAP_NET_BIND_SERVICE };

static const struct sets matrix[] = {
	{0},
	{.bounding = BIT(CAP_CHOWN)},
	{.bounding = BIT(CAP_CHOWN), .permitted = BIT(CAP_CHOWN)},
	{.bounding = BIT(CAP_CHOWN), .permitted = BIT(CAP_CHOWN), .effective = BIT(CAP_CHOWN)},
	{.bounding = BIT(CAP_CHOWN) | BIT(CAP_KILL),
	 .permitted = BIT(CAP_KILL),
	 .inheritable = BIT(CAP_KILL)},
	{.bounding = BIT(NET_BIND),
	 .permitted = BIT(NET_BIND),
	 .effective = BIT(NET_BIND),
	 .inheritable = BIT(NET_BIND),
	 .ambient = BIT(NET_BIND)},
	{.bounding = BIT(NET_BIND) | BIT(CAP_CHOWN) | BIT(CAP_SETPCAP),
	 .permitted = BIT(NET_BIND) | BIT(CAP_CHOWN),
	 .effective = BIT(CAP_CHOWN),
	 .inheritable = BIT(NET_BIND),
	 .ambient = BIT(NET_BIND)},
	{.permitted = BIT(CAP_KILL),
	 .effective = BIT(CAP_KILL)}, /* more than the bounding set: lost at the exec */
	{.bounding = BIT(CAP_MKNOD) | BIT(CAP_AUDIT_WRITE) | BIT(CAP_CHECKPOINT_RESTORE),
	 .permitted = BIT(CAP_MKNOD) | BIT(CAP_AUDIT_WRITE) | BIT(CAP_CHECKPOINT_RESTORE),
	 .effective = BIT(CAP_MKNOD) | BIT(CAP_AUDIT_WRITE) | BIT(CAP_CHECKPOINT_RESTORE)},
};

static void set_list(struct json_object *c, const char *set, uint64_t mask)
{
	static const struct {
		int cap;
		const char *name;
	} names[] = {
		{CAP_CHOWN, "CAP_CHOWN"},
		{CAP_KILL, "CAP_KILL"},
		{NET_BIND, "CAP_NET_BIND_SERVICE"},
		{CAP_SETPCAP, "CAP_SETPCAP"},
		{CAP_MKNOD, "CAP_MKNOD"},
		{CAP_AUDIT_WRITE, "CAP_AUDIT_WRITE"},
		{CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE"},
	};
	char path[64];

	(void)snprintf(path, sizeof path, "process.capabilities.%s", set);
	cfg_set(c, path, "[]");
	(void)strcat(path, "[+]");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (mask & BIT(names[i].cap))
			cfg_set(c, path, "'%s'", names[i].name);
}

static void check_sets(struct it *t, const struct sets *row, const struct sets *granted, bool root,
		       bool no_new_privs)
{
	struct json_object *c = it_config(t, "caps flags");
	struct sets want = after_exec(granted, root, no_new_privs);

	cfg_set_text(c, "process.user", root ? "{'uid':0,'gid':0}" : "{'uid':1000,'gid':1000}");
	cfg_set_text(c, "process.noNewPrivileges", no_new_privs ? "true" : "false");
	set_list(c, "bounding", row->bounding);
	set_list(c, "effective", row->effective);
	set_list(c, "permitted", row->permitted);
	set_list(c, "inheritable", row->inheritable);
	set_list(c, "ambient", row->ambient);
	const char *out = it_output(t, c);

	expect_sets(t, out, &want);
	expect_fact(t, out, "nnp", no_new_privs ? "1" : "0");
	expect_fact(t, out, "keepcaps", "0");
	expect_fact(t, out, "securebits", "0");
}

static void test_capabilities_golden_matrix(void **state)
{
	struct it *t = *state;

	if (~bounding_here() &
	    (BIT(CAP_MKNOD) | BIT(CAP_CHECKPOINT_RESTORE) | BIT(CAP_AUDIT_WRITE)))
		it_skip("this machine's bounding set lacks capabilities");
	for (size_t i = 0; i < sizeof matrix / sizeof matrix[0]; i++)
		for (int bits = 0; bits < 4; bits++)
			check_sets(t, &matrix[i], &matrix[i], bits & 1, bits & 2);
}

static void test_capabilities_absent_are_five_empty_sets(void **state)
{
	static const struct sets none;
	struct it *t = *state;
	struct json_object *c = it_config(t, "caps mknod /tmp/x setuid 0 mount /bin");

	expect_sets(t, it_output(t, c), &none);
	cfg_set(c, "process.user", "{'uid':0,'gid':0}");
	const char *out = it_output(t, c);

	expect_sets(t, out, &none);
	expect_contains(out, "mount /bin EPERM");
	cfg_set(c, "process.capabilities", "{}");
	expect_sets(t, it_output(t, c), &none);
}

static void raise_ambient(void *arg)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	(void)arg;
	(void)syscall(SYS_capget, &head, data);
	data[0].inheritable = data[0].permitted;
	data[1].inheritable = data[1].permitted;
	(void)syscall(SYS_capset, &head, data);
	for (unsigned long i = 0; i < 41; i++)
		(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0);
}

/* CVE-2022-29162, CVE-2022-27650. */
static void test_callers_inheritable_and_ambient_sets_do_not_leak(void **state)
{
	static const struct sets none;
	static const char *const users[] = {"{'uid':0,'gid':0}", "{'uid':1000,'gid':1000}"};
	struct it *t = *state;

	for (size_t i = 0; i < 2; i++) {
		struct json_object *c = it_config(t, "caps");

		cfg_set_text(c, "process.user", users[i]);
		struct run *r = it_run_with(t, &(struct start){.prepare = raise_ambient}, c);

		assert_int_equal(run_wait(r), 0);
		expect_sets(t, run_task_out(t, r), &none);
	}
}

/* What a set cannot have without another; the warning: tests/e2e/test_oci.py. */
static void test_capabilities_that_lack_another_set_are_left_out(void **state)
{
	static const struct {
		struct sets asked, granted;
	} rows[] = {
		{{.bounding = BIT(CAP_KILL), .permitted = BIT(CAP_KILL), .ambient = BIT(CAP_KILL)},
		 {.bounding = BIT(CAP_KILL), .permitted = BIT(CAP_KILL)}},
		{{.permitted = BIT(CAP_KILL),
		  .inheritable = BIT(CAP_KILL),
		  .ambient = BIT(CAP_KILL)},
		 {.permitted = BIT(CAP_KILL)}},
		{{.bounding = BIT(CAP_KILL), .effective = BIT(CAP_KILL)},
		 {.bounding = BIT(CAP_KILL)}},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (int bits = 0; bits < 4; bits++)
			check_sets(*state, &rows[i].asked, &rows[i].granted, bits & 1, bits & 2);
}

static void drop_setpcap(void *arg)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	(void)arg;
	(void)prctl(PR_CAPBSET_DROP, CAP_SETPCAP, 0, 0, 0);
	(void)syscall(SYS_capget, &head, data);
	data[0].permitted &= ~(1u << CAP_SETPCAP);
	data[0].effective &= ~(1u << CAP_SETPCAP);
	(void)syscall(SYS_capset, &head, data);
}

/* A bounding set that cannot be dropped must not stay as it is. */
static void test_bounding_set_that_cannot_be_dropped_is_an_error(void **state)
{
	struct it *t = *state;

	(void)it_expect_error_with(t, &(struct start){.prepare = drop_setpcap},
				   it_config(t, "caps"), 125, "capabilities", EPERM, "bounding");
}

/* --- no_new_privs, rlimits, oom, umask --- */

static void test_no_new_privs(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "flags");

	cfg_set(c, "process.noNewPrivileges", "true");
	expect_fact(t, it_output(t, c), "nnp", "1");
	cfg_set(c, "process.noNewPrivileges", "false");
	expect_fact(t, it_output(t, c), "nnp", "0");
}

static void test_rlimits_are_observed(void **state)
{
	static const char *const names[] = {
		"CPU",	   "FSIZE", "DATA",  "STACK",	   "CORE",     "RSS",  "NPROC",	 "NOFILE",
		"MEMLOCK", "AS",    "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"};
	struct it *t = *state;
	struct json_object *c = it_config(t, "rlimits");

	cfg_set(c, "process.rlimits", "[]");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		unsigned long long soft = 8000000 + i,
				   hard = 9000000 + i; /* large enough to run with */

		if (strcmp(names[i], "NOFILE") == 0)
			soft = 100, hard = 200;
		if (strcmp(names[i], "NICE") == 0 || strcmp(names[i], "RTPRIO") == 0 ||
		    strcmp(names[i], "CORE") == 0)
			soft = hard = 0;
		if (strcmp(names[i], "MEMLOCK") == 0 || strcmp(names[i], "NPROC") == 0 ||
		    strcmp(names[i], "SIGPENDING") == 0 || strcmp(names[i], "MSGQUEUE") == 0)
			soft = 1000, hard = 2000;
		if (strcmp(names[i], "AS") == 0)
			soft = hard = ~0ull;
		cfg_set(c, "process.rlimits[+]", "{'type':'RLIMIT_%s','soft':%llu,'hard':%llu}",
			names[i], soft, hard);
	}
	const char *out = it_output(t, c);

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct json_object *row =
			json_object_array_get_idx(js_get(c, "process.rlimits"), i);
		uint64_t soft = json_object_get_uint64(js_get(row, "soft")),
			 hard = json_object_get_uint64(js_get(row, "hard"));

		expect_fact(t, out, it_text(t, "rlimit.%s", names[i]),
			    it_text(t, "%lld %lld", (long long)soft, (long long)hard));
	}
}

static void limit_files(void *arg)
{
	struct rlimit limit = {333, 444};

	(void)arg;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void test_rlimits_not_given_are_the_operators(void **state)
{
	struct it *t = *state;
	struct run *r =
		it_run_with(t, &(struct start){.prepare = limit_files}, it_config(t, "rlimits"));

	assert_int_equal(run_wait(r), 0);
	expect_fact(t, run_task_out(t, r), "rlimit.NOFILE", "333 444");
}

static void test_rlimits_do_not_disturb_the_set_up(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "rlimits");

	/* The limits are the task's: set late, they must not make spawn-daemon's own steps fail. */
	cfg_set(c, "process.rlimits",
		"[{'type':'RLIMIT_NOFILE','soft':3,'hard':3},{'type':'RLIMIT_FSIZE','soft':65536,'"
		"hard':65536}]");
	cfg_set(c, "taskshim.user", "'alice'");
	expect_fact(t, it_output(t, c), "rlimit.NOFILE", "3 3");
	cfg_set(c, "process.rlimits", "[{'type':'RLIMIT_NPROC','soft':1,'hard':1}]");
	cfg_set(c, "taskshim.user", "'70000:70000'");
	expect_fact(t, it_output(t, c), "rlimit.NPROC", "1 1");
}

static void test_rlimit_that_the_kernel_refuses_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "rlimits");

	cfg_set(c, "process.rlimits",
		"[{'type':'RLIMIT_NOFILE','soft':1,'hard':1099511627776}]"); /* > fs.nr_open */
	(void)it_expect_error(t, c, 125, "rlimits", EPERM, "RLIMIT_NOFILE");
}

static void test_oom_score_adj(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "cat /proc/self/oom_score_adj");

	cfg_set(c, "process.oomScoreAdj", "567");
	assert_string_equal(it_output(t, c), "567\n");
}

static void set_own_oom(void *arg)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	(void)arg;
	(void)!write(fd, "321", 3);
	(void)close(fd);
}

static void test_oom_score_adj_not_given_is_the_operators(void **state)
{
	struct it *t = *state;
	struct run *r = it_run_with(t, &(struct start){.prepare = set_own_oom},
				    it_config(t, "cat /proc/self/oom_score_adj"));

	assert_int_equal(run_wait(r), 0);
	assert_string_equal(run_task_out(t, r), "321\n");
}

static void drop_sys_resource(void *arg)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	(void)arg;
	(void)prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0);
	(void)syscall(SYS_capget, &head, data);
	data[0].permitted &= ~(1u << CAP_SYS_RESOURCE);
	data[0].effective &= ~(1u << CAP_SYS_RESOURCE);
	(void)syscall(SYS_capset, &head, data);
}

static void test_oom_score_adj_that_cannot_be_set_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 0");

	cfg_set(c, "process.oomScoreAdj", "-1000");
	(void)it_expect_error_with(t, &(struct start){.prepare = drop_sys_resource}, c, 125, "oom",
				   EACCES, "-1000");
}

static void test_umask_is_022_or_as_given(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "umask");
	struct run *r = it_run_with(t, &(struct start){.umask = 0477}, c);

	assert_int_equal(run_wait(r), 0);
	expect_fact(t, run_task_out(t, r), "umask", "0022");
	cfg_set(c, "process.user", "{'uid':1000,'gid':1000,'umask':63}");
	expect_fact(t, it_output(t, c), "umask", "0077");
	cfg_set(c, "process.user.umask", "0");
	expect_fact(t, it_output(t, c), "umask", "0000");
}

/* --- what the caller left --- */

static void test_signals_are_reset(void **state)
{
	struct it *t = *state;
	struct run *r =
		it_run_with(t, &(struct start){.block_signals = true, .ignore_signals = true},
			    it_config(t, "signals exit 3"));

	assert_int_equal(run_wait(r), 3); /* SIGCHLD ignored must not lose the exit status */
	expect_fact(t, run_task_out(t, r), "ignored", "");
	expect_fact(t, run_task_out(t, r), "blocked", "0000000000000000");
}

static void test_task_has_descriptors_0_1_2_only(void **state)
{
	struct it *t = *state;
	int null = open_fd(t, "/dev/null", O_RDWR), dir = open_fd(t, "/", O_RDONLY | O_DIRECTORY);
	struct start how = {.fds = {null, dir, null, dir, null, null, dir, dir, null, null}};
	struct run *r = it_run_with(t, &how, it_config(t, "fds"));
	const char *out = run_task_out(t, r);

	assert_int_equal(run_wait(r), 0);
	expect_fact(t, out, "fd 0", "c 1:3 r");
	expect_fact(t, out, "fd 1", "f 0:0 rw append");
	expect_fact(t, out, "fd 2", "f 0:0 rw append");
	assert_null(strstr(strstr(out, "fd 2 ") + 1, "fd "));
}

static void test_task_has_its_own_session_and_no_terminal(void **state)
{
	struct it *t = *state;
	const char *out = it_output(t, it_config(t, "session"));
	const char *pid = fact(t, out, "pid");

	expect_fact(t, out, "sid", pid);
	expect_fact(t, out, "pgid", pid);
	expect_fact(t, out, "tty", "ENXIO");
}

static void join_keyring(void *arg)
{
	(void)arg;
	(void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "ts-it-callers");
}

static void test_callers_keyring_is_not_inherited(void **state)
{
	struct it *t = *state;

	if (syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) < 0)
		it_skip("this kernel has no keyrings");
	struct run *r =
		it_run_with(t, &(struct start){.prepare = join_keyring}, it_config(t, "keyring"));

	assert_int_equal(run_wait(r), 0);
	expect_not_contains(run_task_out(t, r), "ts-it-callers");
}

static void test_callers_keyring_is_kept_when_told_so(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "keyring");

	if (syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) < 0)
		it_skip("this kernel has no keyrings");
	cfg_set(c, "taskshim.user", "'root'"); /* another may not look at it */
	cfg_set(c, "taskshim.keyring", "'inherit'");
	struct run *r = it_run_with(t, &(struct start){.prepare = join_keyring}, c);

	assert_int_equal(run_wait(r), 0);
	expect_contains(run_task_out(t, r), "ts-it-callers");
	cfg_set(c, "taskshim.keyring", "'new'");
	r = it_run_with(t, &(struct start){.prepare = join_keyring}, c);
	expect_not_contains(run_task_out(t, r), "ts-it-callers");
}

static void go_odd(void *arg)
{
	cpu_set_t set;

	(void)arg;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	(void)sched_setaffinity(0, sizeof set, &set);
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	(void)prctl(PR_SET_KEEPCAPS, 1);
}

static void test_nice_and_affinity_are_the_operators_other_flags_are_reset(void **state)
{
	struct it *t = *state;
	struct run *r = it_run_with(t, &(struct start){.prepare = go_odd, .nice = 7},
				    it_config(t, "flags affinity"));
	const char *out = run_task_out(t, r);

	assert_int_equal(run_wait(r), 0);
	expect_fact(t, out, "nice", "7");
	expect_fact(t, out, "affinity", "0");
	expect_fact(t, out, "dumpable", "1");
	expect_fact(t, out, "subreaper", "0");
	expect_fact(t, out, "keepcaps", "0");
}

static void test_death_signal_is_set_in_the_task(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "flags");

	expect_fact(t, it_output(t, c), "pdeathsig", "9");
	cfg_set(c, "taskshim.onMonitorDeath", "'keep'");
	expect_fact(t, it_output(t, c), "pdeathsig", "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_cwd_is_observed),
		IT(test_cwd_missing_or_a_file_is_an_error),
		IT(test_cwd_needs_the_tasks_own_rights),
		IT(test_cwd_through_an_inherited_descriptor_is_refused),
		IT(test_args_arrive_byte_for_byte),
		IT(test_args_may_hold_127_kib),
		IT(test_args_too_large_for_the_kernel_say_so),
		IT(test_env_arrives_byte_for_byte_and_alone),
		IT(test_env_may_hold_2000_variables),
		IT(test_secrets_stand_in_no_argv_environment_or_message),
		IT(test_interpolate_expands_what_is_defined),
		IT(test_command_is_found_through_the_tasks_path),
		IT(test_command_with_a_slash_is_relative_to_the_cwd),
		IT(test_command_argv0_is_as_given),
		IT(test_user_forms),
		IT(test_user_that_is_none_is_an_error),
		IT(test_user_not_found_names_user_and_file),
		IT(test_user_default_is_nobody_never_root),
		IT(test_user_database_broken_lines_are_skipped),
		IT(test_user_database_that_is_a_fifo_does_not_block),
		IT(test_process_user_is_exact),
		IT(test_callers_groups_are_dropped),
		IT(test_capabilities_golden_matrix),
		IT(test_capabilities_absent_are_five_empty_sets),
		IT(test_callers_inheritable_and_ambient_sets_do_not_leak),
		IT(test_capabilities_that_lack_another_set_are_left_out),
		IT(test_bounding_set_that_cannot_be_dropped_is_an_error),
		IT(test_no_new_privs),
		IT(test_rlimits_are_observed),
		IT(test_rlimits_not_given_are_the_operators),
		IT(test_rlimits_do_not_disturb_the_set_up),
		IT(test_rlimit_that_the_kernel_refuses_is_an_error),
		IT(test_oom_score_adj),
		IT(test_oom_score_adj_not_given_is_the_operators),
		IT(test_oom_score_adj_that_cannot_be_set_is_an_error),
		IT(test_umask_is_022_or_as_given),
		IT(test_signals_are_reset),
		IT(test_task_has_descriptors_0_1_2_only),
		IT(test_task_has_its_own_session_and_no_terminal),
		IT(test_callers_keyring_is_not_inherited),
		IT(test_callers_keyring_is_kept_when_told_so),
		IT(test_nice_and_affinity_are_the_operators_other_flags_are_reset),
		IT(test_death_signal_is_set_in_the_task),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
