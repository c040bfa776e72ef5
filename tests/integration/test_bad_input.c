/* Bad input: each kind gives one clear message that names step, object and reason, the documented exit status, and leaves
 * nothing behind. Issue 2, "Bad input". What concerns one area is also in that area's file. */
#include "tests/integration/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- text that is no config --- */

static void expect_raw_error(struct it *t, const char *data, size_t len, const char *object)
{
	struct run *r = it_start(t, NULL);

	run_send_bytes(r, data, len);
	run_close_in(r);
	struct json_object *line = run_expect(r, "error");

	if (strcmp(js_str(line, "step"), "config") != 0)
		fail_msg("%.60s: %s", data, json_object_to_json_string(line));
	if (!strstr(js_str(line, "message"), object))
		fail_msg("%.60s: \"%s\" is not in %s", data, object,
			 json_object_to_json_string(line));
	run_expect_eof(r);
	assert_int_equal(run_wait(r), 125);
}

static void test_text_that_is_no_json(void **state)
{
	static const struct {
		const char *text, *object;
	} rows[] = {
		{"", "ended before the config"},
		{" \n\t ", "ended before the config"},
		{"{", ""},
		{"{\"process\":{\"args\":[\"/bin/tr", ""},
		{"{\"process\":{}", ""},
		{"{]", "line 1"},
		{"{\"a\" 1}", "line 1, column 6"},
		{"{\n\n  \"a\":\n  nope}", "line 4"},
		{"{'a':1}", "line 1"},
		{"{\"a\":1,}", "line 1"},
		{"{\"a\":01}", "line 1"},
		{"{\"a\":.5}", "line 1"},
		{"{\"a\":+1}", "line 1"},
		{"{\"a\":NaN}", "NaN"},
		{"{\"a\":Infinity}", "Infinity"},
		{"{\"a\":-Infinity}", "Infinity"},
		{"{\"a\":1e999}", ""},
		{"{\"a\":18446744073709551616}", "64 bits"},
		{"{\"a\":-9223372036854775809}", "64 bits"},
		{"/* comment */ {}", "line 1"},
		{"{\"a\":\"\x01\"}", "control character"},
		{"{\"a\":\"\\u0000\"}", "NUL"},
		{"{\"a\\u0000b\":1}", "NUL"},
		{"{\"a\":\"\\ud800\"}", "surrogate"},
		{"{\"a\":\"\\x41\"}", "escape"},
		{"{\"a\":\"\xff\"}", "UTF-8"},
		{"{\"a\":\"\xc0\xaf\"}", "UTF-8"},
		{"{\"a\":\"\xed\xa0\x80\"}", "UTF-8"},
		{"{\"\xf5\x80\x80\x80\":1}", "UTF-8"},
		{"{\"a\":\"\xe2\x82\"}", "UTF-8"},
		{"\xef\xbb\xbf{}", "line 1"},
	};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		expect_raw_error(t, rows[i].text, strlen(rows[i].text), rows[i].object);
}

static void test_json_that_is_no_object(void **state)
{
	static const char *const texts[] = {"true\n",	   "null\n", "[]",
					    "\"process\"", "17 ",    "[{\"process\":{}}]"};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		expect_raw_error(t, texts[i], strlen(texts[i]), "object");
}

static void test_nul_bytes_in_the_stream(void **state)
{
	static const char inside[] = "{\"process\":{\"args\":[\"a\0b\"]}}",
			  between[] = "{\"a\":\0 1}", before[] = "\0{}";
	struct it *t = *state;

	expect_raw_error(t, inside, sizeof inside - 1, "NUL");
	expect_raw_error(t, between, sizeof between - 1, "line 1");
	expect_raw_error(t, before, sizeof before - 1, "line 1");
}

static void test_config_over_4_mib(void **state)
{
	struct it *t = *state;
	size_t len = (4 << 20) + 100;
	char *big = malloc(len + 1);

	assert_non_null(big);
	memset(big, 'x', len);
	memcpy(big, "{\"annotations\":{\"a\":\"", 21);
	memcpy(big + len - 3, "\"}}", 4);
	struct run *r = it_start(t, NULL);

	run_send_bytes(r, big, len);
	free(big);
	run_close_in(r);
	struct json_object *line = run_expect(r, "error");

	assert_string_equal(js_str(line, "step"), "config");
	expect_contains(js_str(line, "message"), "4 MiB");
	assert_int_equal(run_wait(r), 125);
}

static void test_endless_white_space_is_refused(void **state)
{
	struct it *t = *state;
	size_t len = 5 << 20;
	char *big = malloc(len);

	assert_non_null(big);
	memset(big, ' ', len);
	struct run *r = it_start(t, NULL);

	run_send_bytes(r, big, len);
	free(big);
	run_close_in(r);
	assert_string_equal(js_str(run_expect(r, "error"), "step"), "config");
	assert_int_equal(run_wait(r), 125);
}

static void test_64_levels_are_the_limit(void **state)
{
	struct it *t = *state;
	char text[512];

	/* {"annotations-x": [[[...]]]}: the object and N arrays */
	for (int levels = 63; levels <= 64; levels++) {
		struct json_object *c = it_config(t, "exit 0");

		memset(text, '[', (size_t)levels);
		memset(text + levels, ']', (size_t)levels);
		text[2 * levels] = '\0';
		if (levels == 63) {
			const char *config =
				json_object_to_json_string_ext(c, JSON_C_TO_STRING_PLAIN);
			struct run *r = it_start(t, NULL);

			run_send(r, it_text(t, "{\"x-deep\":%s,%s\ntrue", text, config + 1));
			(void)run_expect(r, "created");
			(void)run_expect(r, "started");
			(void)run_expect(r, "exited");
			assert_int_equal(run_wait(r), 0);
		} else {
			expect_raw_error(t, it_text(t, "{\"x\":%s}", text), strlen(text) + 6,
					 "64 levels");
		}
	}
}

static void test_last_duplicate_key_wins(void **state)
{
	struct it *t = *state;
	struct run *r = it_start(t, NULL);
	const char *config =
		json_object_to_json_string_ext(it_config(t, "exit 6"), JSON_C_TO_STRING_PLAIN);

	run_send(r, it_text(t, "{\"process\":{\"args\":[\"/bin/nothing\"],\"cwd\":\"/\"},%s true",
			    config + 1));
	run_close_in(r);
	while (run_line(r))
		;
	assert_int_equal(run_wait(r), 6);
}

/* --- fields --- */

struct bad_field {
	const char *path, *value; /* ' stands for "; NULL: removed */
	const char *object; /* in the message; NULL: path */
};

/* Whether @row gives the one error that it should; says so when not. */
static bool check_field(struct it *t, const struct bad_field *row)
{
	struct json_object *c = it_config(t, "exit 0"), *line;

	if (row->value)
		cfg_set_text(c, row->path, row->value);
	else
		cfg_del(c, row->path);
	struct run *r = it_run(t, c);

	line = r->n_lines == 1 ? r->lines[0] : NULL;
	if (line && strcmp(js_str(line, "type"), "error") == 0 &&
	    strcmp(js_str(line, "step"), "config") == 0 && js_int(line, "errno") == EINVAL &&
	    strstr(js_str(line, "message"), row->object ? row->object : row->path) &&
	    run_wait(r) == 125)
		return true;
	(void)fprintf(stderr, "%s = %s: status %d, %zu lines: %s\n", row->path, row->value,
		      run_wait(r), r->n_lines,
		      r->n_lines ? json_object_to_json_string(r->lines[0]) : "");
	return false;
}

static void check_fields(struct it *t, const struct bad_field *rows, size_t n)
{
	size_t wrong = 0;

	for (size_t i = 0; i < n; i++) {
		wrong += !check_field(t, &rows[i]);
		it_forget(t);
	}
	assert_int_equal(wrong, 0);
}

static const struct bad_field config_rows[] = {
	{"process", NULL, "process"},
	{"process", "[]", NULL},
	{"process", "'x'", NULL},
	{"process.args", NULL, "process.args"},
	{"process.args", "[]", NULL},
	{"process.args", "'x'", NULL},
	{"process.args", "[1]", "process.args[0]"},
	{"process.args", "['a',null]", "process.args[1]"},
	{"process.args", "['']", "process.args[0]"},
	{"process.env", "'A=1'", NULL},
	{"process.env", "['NOEQUALS']", "process.env[0]"},
	{"process.env", "['A=1','=x']", "process.env[1]"},
	{"process.cwd", "'relative'", NULL},
	{"process.cwd", "''", NULL},
	{"process.cwd", "17", NULL},
	{"process.user", "'alice'", NULL},
	{"process.user", "{'uid':-1,'gid':0}", "process.user.uid"},
	{"process.user", "{'uid':4294967295,'gid':0}", "process.user.uid"},
	{"process.user", "{'uid':4294967296,'gid':0}", "process.user.uid"},
	{"process.user", "{'uid':0,'gid':99999999999}", "process.user.gid"},
	{"process.user", "{'uid':1.5,'gid':0}", "process.user.uid"},
	{"process.user", "{'uid':'0','gid':0}", "process.user.uid"},
	{"process.user", "{'uid':0,'gid':0,'additionalGids':[-1]}",
	 "process.user.additionalGids[0]"},
	{"process.user", "{'uid':0,'gid':0,'additionalGids':[4294967295]}",
	 "process.user.additionalGids[0]"},
	{"process.user", "{'uid':0,'gid':0,'additionalGids':7}", "process.user.additionalGids"},
	{"process.user", "{'uid':0,'gid':0,'umask':512}", "process.user.umask"},
	{"process.capabilities", "[]", NULL},
	{"process.capabilities", "{'bounding':['CAP_NOPE']}", "CAP_NOPE"},
	{"process.capabilities", "{'ambient':['CHOWN']}", "process.capabilities.ambient[0]"},
	{"process.capabilities", "{'effective':['CAP_64']}", "process.capabilities.effective[0]"},
	{"process.capabilities", "{'permitted':'CAP_CHOWN'}", "process.capabilities.permitted"},
	{"process.rlimits", "[{'type':'RLIMIT_NOPE','soft':1,'hard':1}]", "RLIMIT_NOPE"},
	{"process.rlimits", "[{'type':'NOFILE','soft':1,'hard':1}]", "process.rlimits[0].type"},
	{"process.rlimits", "[{'type':'RLIMIT_CPU','soft':2,'hard':1}]", "process.rlimits[0].soft"},
	{"process.rlimits", "[{'type':'RLIMIT_CPU','soft':-1,'hard':1}]",
	 "process.rlimits[0].soft"},
	{"process.rlimits", "[{'type':'RLIMIT_CPU','hard':1}]", "process.rlimits[0].soft"},
	{"process.rlimits",
	 "[{'type':'RLIMIT_CPU','soft':1,'hard':1},{'type':'RLIMIT_CPU','soft':1,'hard':1}]",
	 "RLIMIT_CPU"},
	{"process.oomScoreAdj", "1001", NULL},
	{"process.oomScoreAdj", "-1001", NULL},
	{"process.oomScoreAdj", "'0'", NULL},
	{"process.noNewPrivileges", "'true'", NULL},
	{"process.noNewPrivileges", "1", NULL},
	{"process.terminal", "true", NULL}, /* and no console socket */
	{"process.terminal", "1", NULL},
	{"taskshim.consoleSocket", "'/tmp/x'", NULL}, /* and no terminal */
	{"taskshim.shell", "'/bin/sh'", NULL},
	{"taskshim.shell", "['sh']", "taskshim.shell[0]"},
	{"taskshim.consoleSocket", "'x'", NULL},
	{"taskshim.consoleSocket", "'fd:2'", NULL},
	{"taskshim.consoleSocket", "5", NULL},
	{"process.apparmorProfile", "7", NULL},
	{"process.selinuxLabel", "[]", NULL},
	{"process.scheduler", "{'policy':'FIFO'}", "process.scheduler.policy"},
	{"process.scheduler", "{'policy':'SCHED_RR','nice':1}", "process.scheduler.nice"},
	{"process.ioPriority", "{'class':'BE','priority':4}", "process.ioPriority.class"},
	{"process.execCPUAffinity", "{'initial':'x'}", "process.execCPUAffinity.initial"},
	{"root", "'x'", NULL},
	{"root", "{'path':17}", "root.path"},
	{"root", "{'path':'/x','readonly':'no'}", "root.readonly"},
	{"mounts", "{}", NULL},
	{"mounts", "[17]", "mounts[0]"},
	{"mounts", "[{'type':'tmpfs'}]", "mounts[0].destination"},
	{"mounts", "[{'destination':'','type':'tmpfs'}]", "mounts[0].destination"},
	{"mounts", "[{'destination':'/x','type':'tmpfs','options':'ro'}]", "mounts[0].options"},
	{"mounts", "[{'destination':'/x','type':'tmpfs','options':['noexce']}]", "noexce"},
	{"mounts", "[{'destination':'/x','type':'proc','options':['tmpcopyup']}]", "tmpcopyup"},
	{"hostname", "17", NULL},
	{"annotations", "{'a':1}", "annotations"},
	{"linux", "[]", NULL},
	{"linux.namespaces", "[{'type':'nope'}]", "nope"},
	{"linux.namespaces", "[{'type':'pid'},{'type':'pid'}]", "linux.namespaces[1]"},
	{"linux.namespaces", "[{}]", "linux.namespaces[0].type"},
	{"linux.namespaces", "['pid']", "linux.namespaces[0]"},
	{"linux.uidMappings", "[{'containerID':0,'hostID':0,'size':1}]", NULL},
	{"linux.devices", "[{'path':'/dev/x','type':'x','major':1,'minor':3}]", NULL},
	{"linux.seccomp", "{'defaultAction':'ALLOW'}", "linux.seccomp.defaultAction"},
	{"linux.sysctl", "{'net.ipv4.ip_forward':'1'}", NULL},
	{"linux.maskedPaths", "'x'", NULL},
	{"linux.readonlyPaths", "[1]", "linux.readonlyPaths[0]"},
	{"linux.rootfsPropagation", "'nope'", NULL},
	{"linux.cgroupsPath", "'/x'", NULL},
	{"linux.resources", "{'pids':{'limit':5}}", NULL},
	{"linux.intelRdt", "{'closID':'x'}", NULL},
	{"linux.personality", "{'domain':'MINIX'}", "linux.personality.domain"},
	{"linux.personality", "{'domain':'LINUX','flags':['f']}", "linux.personality.flags[0]"},
	{"linux.memoryPolicy", "{'mode':'BIND'}", "linux.memoryPolicy.mode"},
	{"linux.mountLabel", "7", NULL},
	{"linux.timeOffsets", "{'monotonic':{'secs':1}}", NULL},
	{"hooks", "{'prestart':{'path':'/bin/true'}}", "hooks.prestart"},
	{"hooks", "{'prestart':[{'path':'/x','timeout':0}]}", "hooks.prestart[0].timeout"},
	{"hooks", "{'poststop':[{'path':'relative'}]}", "hooks.poststop[0].path"},
};

static const struct bad_field taskshim_rows[] = {
	{"taskshim", "'x'", NULL},
	{"taskshim", "[]", NULL},
	{"taskshim.chrot", "'host'", NULL},
	{"taskshim.version", "2", "1"},
	{"taskshim.version", "'1'", NULL},
	{"taskshim.version", "1.0", NULL},
	{"taskshim.id", "''", NULL},
	{"taskshim.id", "'.'", NULL},
	{"taskshim.id", "'..'", NULL},
	{"taskshim.id", "'a/b'", NULL},
	{"taskshim.id", "'-a'", NULL},
	{"taskshim.id", "'a b'", NULL},
	{"taskshim.id", "17", NULL},
	{"taskshim.runId", "'xyz'", NULL},
	{"taskshim.stateDir", "'relative'", NULL},
	{"taskshim.monitor", "'yes'", NULL},
	{"taskshim.monitorCgroup", "'relative'", NULL},
	{"taskshim.onParentDeath", "'die'", NULL},
	{"taskshim.onMonitorDeath", "true", NULL},
	{"taskshim.cleanUp", "true", "taskshim.cleanUp"},
	{"taskshim.waitFor", "true", NULL},
	{"taskshim.durable", "1", NULL},
	{"taskshim.user", "17", NULL},
	{"taskshim.user", "''", NULL},
	{"taskshim.keyring", "true", NULL},
	{"taskshim.cpuAffinity", "'1-0'", NULL},
	{"taskshim.interpolate", "'yes'", NULL},
	{"taskshim.strays", "'leave'", NULL},
	{"taskshim.baseMountNamespace", "'relative'", NULL},
	{"taskshim.isolation", "'vm'", NULL},
	{"taskshim.chroot", "'guest'", NULL},
	{"taskshim.chroot", "{'relative':'/bin'}", "relative"},
	{"taskshim.chroot", "{'/bin':'relative'}", "taskshim.chroot"},
	{"taskshim.chroot", "{'/a/../b':'/bin'}", "/a/../b"},
	{"taskshim.chroot", "{'/':'/bin'}", "taskshim.chroot"},
	{"taskshim.chroot", "{'/bin':17}", "taskshim.chroot"},
	{"taskshim.chrootMethod", "'link'", NULL},
	{"taskshim.taskDir", "'relative'", NULL},
	{"taskshim.allocDir", "''", NULL},
	{"taskshim.stdin", "'inherit'", NULL},
	{"taskshim.stdout", "'inherit'", NULL},
	{"taskshim.stdout", "'fd:2'", NULL},
	{"taskshim.stdout", "'fd:-1'", NULL},
	{"taskshim.stdout", "'fd:'", NULL},
	{"taskshim.stdout", "'fd:3x'", NULL},
	{"taskshim.stdout", "'fd:99999999999'", NULL},
	{"taskshim.stdout", "'relative'", NULL},
	{"taskshim.stdout", "3", NULL},
	{"taskshim.preserveFds", "-1", NULL},
	{"taskshim.preserveFds", "1025", NULL},
	{"taskshim.preserveFds", "'3'", NULL},
	{"taskshim.logs", "{'maxFiles':3,'maxFileSize':'1M'}", "is a path"},
	{"taskshim.logs", "{'maxFiles':0,'maxFileSize':'1M'}", "taskshim.logs"},
	{"taskshim.cgroup", "'x'", NULL},
	{"taskshim.cgroup", "{'memory':'relative'}", "taskshim.cgroup.memory"},
	{"taskshim.cgroup", "{'memory':'/a/../b'}", "taskshim.cgroup.memory"},
	{"taskshim.cgroup", "{'memory':1}", "taskshim.cgroup.memory"},
	{"taskshim.killSignal", "'SIGNOPE'", NULL},
	{"taskshim.killSignal", "0", NULL},
	{"taskshim.killSignal", "65", NULL},
	{"taskshim.killSignal", "true", NULL},
	{"taskshim.killTimeout", "'5x'", NULL},
	{"taskshim.killTimeout", "-1", NULL},
	{"taskshim.killTimeout", "'99999999999999999999h'", NULL},
	{"taskshim.killTimeout", "1e300", NULL},
	{"taskshim.timeout", "0", NULL},
	{"taskshim.timeout", "''", NULL},
	{"taskshim.init", "true", NULL}, /* without a pid namespace */
	{"taskshim.init", "'no'", NULL},
};

static void test_fields_of_the_config(void **state)
{
	check_fields(*state, config_rows, sizeof config_rows / sizeof config_rows[0]);
}

static void test_fields_of_taskshim(void **state)
{
	check_fields(*state, taskshim_rows, sizeof taskshim_rows / sizeof taskshim_rows[0]);
}

static void test_version_names_both_numbers(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 0");

	cfg_set(c, "taskshim.version", "7");
	const char *message = it_expect_error(t, c, 125, "config", EINVAL, "taskshim.version");

	expect_contains(message, "7");
	expect_contains(message, "1");
}

static void test_unknown_fields_elsewhere_are_ignored(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 0");

	cfg_set(c, "vm", "{'hypervisor':{'path':'/x'}}");
	cfg_set(c, "process.unheardOf", "[1,2,3]");
	cfg_set(c, "linux.unheardOf", "true");
	cfg_set(c, "solaris", "{}");
	(void)it_output(t, c);
}

static void test_ids_of_the_greatest_length(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 0");

	cfg_set(c, "taskshim.id", "'%0200d'", 1);
	(void)it_output(t, c);
	cfg_set(c, "taskshim.id", "'%0201d'", 1);
	(void)it_expect_error(t, c, 125, "config", EINVAL, "taskshim.id");
}

/* Every message is one line of at most 4096 bytes, whatever the config held. */
static void test_huge_values_give_short_messages(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 0");
	char *big = malloc(100001);

	assert_non_null(big);
	memset(big, 'y', 100000);
	big[100000] = '\0';
	cfg_set(c, "taskshim.user", "'%s'", big);
	(void)it_expect_error(t, c, 125, "user", 0, "yyyy");
	cfg_del(c, "taskshim.user");
	cfg_set(c, "process.args", "['/bin/%s']", big);
	struct run *r = it_run(t, c);

	assert_int_equal(r->n_lines, 1);
	assert_string_equal(js_str(r->lines[0], "step"), "command");
	cfg_set(c, "process.args", "['%s']", big);
	r = it_run(t, c);
	assert_int_equal(r->n_lines, 1);
	assert_string_equal(js_str(r->lines[0], "step"), "command");
	cfg_set(c, "process.args", "['/bin/probe']");
	cfg_set(c, "process.cwd", "'/%s'", big);
	r = it_run(t, c);
	assert_int_equal(r->n_lines, 1);
	assert_int_equal(run_wait(r), 125);
	free(big);
}

/* Bytes that JSON cannot hold as they are (a file name of the host, say) must not break the line. */
static void test_odd_characters_in_messages(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 0");

	cfg_set(c, "process.cwd", "'/a\\n\\u0007\\\"\\\\\\u00e9\\u007f'");
	(void)it_expect_error(t, c, 125, "cwd", ENOENT, "/a\n\a\"\\\xc3\xa9\x7f");
}

/* --- the surroundings --- */

static void test_closed_standard_input(void **state)
{
	struct it *t = *state;
	struct run *r = it_start(t, &(struct start){.closed = 1});
	struct json_object *line = run_expect(r, "error");

	expect_error_line(line, "stdio", EBADF, "stdin");
	assert_int_equal(run_wait(r), 125);
}

static void test_closed_standard_output(void **state)
{
	struct it *t = *state;
	const char *before = it_tree(t, t->dir);
	struct run *r = it_start_config(t, &(struct start){.closed = 2}, it_config(t, "echo ran"));

	run_send(r, "true");
	assert_int_equal(run_wait(r), 125);
	assert_string_equal(run_task_out(t, r), "");
	assert_string_equal(it_tree(t, t->dir), before);
}

static void test_closed_standard_error(void **state)
{
	struct it *t = *state;
	struct run *r = it_start_config(t, &(struct start){.closed = 4}, it_config(t, "echo ran"));

	run_send(r, "true");
	expect_error_line(run_expect(r, "error"), "stdio", EBADF, "stderr");
	assert_int_equal(run_wait(r), 125);
	assert_string_equal(run_task_out(t, r), "");
}

static void test_all_standard_streams_closed(void **state)
{
	struct it *t = *state;
	struct run *r = it_start(t, &(struct start){.closed = 7});

	assert_int_equal(run_wait(r), 125);
}

/* CVE-2021-44717: too few descriptors must end in an error, or work; never in the wrong file. */
static void test_few_descriptors(void **state)
{
	struct it *t = *state;
	int host = open_fd(t, it_text(t, "%s/victim", t->dir), O_RDWR | O_CREAT);

	for (unsigned limit = t->sanitized ? 10 : 3; limit <= 40;
	     limit++) { /* the loader of a dynamic program needs some */
		struct json_object *c = it_config(t, "echo ran exit 7");
		const char *state_dir = it_text(t, "%s/%s", t->dir, js_str(c, "taskshim.id"));

		make_dir(state_dir, 0700);
		cfg_set(c, "taskshim.stateDir", "'%s'", state_dir);
		struct run *r = it_run_with(
			t, &(struct start){.nofile = limit, .fds = {limit > 7 ? host : 0}}, c);
		int status = run_wait(r);

		if (status == 7)
			assert_string_equal(run_task_out(t, r), "ran\n");
		else if (status != 125 || r->n_lines == 0 ||
			 strcmp(js_str(r->lines[r->n_lines - 1], "type"), "error") != 0)
			fail_msg("RLIMIT_NOFILE %u: status %d, %zu lines %s", limit, status,
				 r->n_lines, run_err(t, r));
		if (status == 125)
			assert_string_equal(it_tree(t, state_dir), "");
		it_forget(t);
	}
	assert_string_equal(read_file(t, it_text(t, "%s/victim", t->dir)), "");
}

static void test_eight_descriptors_are_a_clear_error_or_enough(void **state)
{
	struct it *t = *state;
	struct run *r = it_run_with(t, &(struct start){.nofile = 8}, it_config(t, "exit 7"));

	if (run_wait(r) == 7)
		return;
	assert_int_equal(run_wait(r), 125);
	assert_int_equal(r->n_lines, 1);
	assert_string_equal(js_str(r->lines[0], "type"), "error");
	assert_int_equal(js_int(r->lines[0], "errno"), EMFILE);
}

/* CVE-2020-5291: it is no setuid program, and says so before it reads anything. */
static void test_setuid_installation_is_refused(void **state)
{
	struct it *t = *state;
	const char *copy = it_text(t, "%s/setuid", t->dir);

	copy_file(it_text(t, "%s/spawn-daemon", t->build), copy, 04755);
	struct run *r = it_start_config(t, &(struct start){.program = copy, .uid = 65534},
					it_config(t, "ids"));

	run_send(r, "true");
	struct json_object *line = run_expect(r, "error");

	expect_contains(js_str(line, "message"), "setuid");
	run_expect_eof(r);
	assert_int_equal(run_wait(r), 125);
	assert_string_equal(run_task_out(t, r), "");
}

static void test_without_privileges_is_a_clear_error(void **state)
{
	struct it *t = *state;
	struct run *r = it_run_with(t, &(struct start){.uid = 65534}, it_config(t, "ids"));

	assert_int_equal(r->n_lines, 1);
	assert_string_equal(js_str(r->lines[0], "type"), "error");
	assert_int_equal(js_int(r->lines[0], "errno"), EPERM);
	assert_int_equal(run_wait(r), 125);
}

static void test_parent_that_closes_early_at_every_byte(void **state)
{
	struct it *t = *state;
	const char *text = it_text(
		t, "%s\n",
		json_object_to_json_string_ext(it_config(t, "echo ran"), JSON_C_TO_STRING_PLAIN));
	size_t len = strlen(text);

	for (size_t n = 0; n < len; n += n < len - 4 ? 7 : 1) {
		struct run *r = it_start(t, NULL);

		run_send_bytes(r, text, n);
		run_close_in(r);
		struct json_object *line = run_line(r);

		assert_non_null(line);
		if (strcmp(js_str(line, "type"), "error") == 0) {
			assert_string_equal(js_str(line, "step"), "config");
			assert_int_equal(run_wait(r), 125);
		} else {
			assert_true(n >= len - 2);
			assert_string_equal(js_str(run_expect(r, "aborted"), "reason"),
					    "parent-gone");
			assert_int_equal(run_wait(r), 0);
		}
		assert_string_equal(run_task_out(t, r), "");
		it_forget(t);
	}
}

static void test_standard_input_that_cannot_be_read(void **state)
{
	struct it *t = *state;
	int dir = open_fd(t, t->dir, O_RDONLY | O_DIRECTORY),
	    out = open_fd(t, "/dev/null", O_WRONLY);
	struct run *r = it_start(t, &(struct start){.in_fd = dir});

	expect_error_line(run_expect(r, "error"), "config", EISDIR, "");
	assert_int_equal(run_wait(r), 125);
	r = it_start(t, &(struct start){.in_fd = out});
	expect_error_line(run_expect(r, "error"), "config", EBADF, "");
	assert_int_equal(run_wait(r), 125);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_text_that_is_no_json),
		IT(test_json_that_is_no_object),
		IT(test_nul_bytes_in_the_stream),
		IT(test_config_over_4_mib),
		IT(test_endless_white_space_is_refused),
		IT(test_64_levels_are_the_limit),
		IT(test_last_duplicate_key_wins),
		IT(test_fields_of_the_config),
		IT(test_fields_of_taskshim),
		IT(test_version_names_both_numbers),
		IT(test_unknown_fields_elsewhere_are_ignored),
		IT(test_ids_of_the_greatest_length),
		IT(test_huge_values_give_short_messages),
		IT(test_odd_characters_in_messages),
		IT(test_closed_standard_input),
		IT(test_closed_standard_output),
		IT(test_closed_standard_error),
		IT(test_all_standard_streams_closed),
		IT(test_few_descriptors),
		IT(test_eight_descriptors_are_a_clear_error_or_enough),
		IT(test_setuid_installation_is_refused),
		IT(test_without_privileges_is_a_clear_error),
		IT(test_parent_that_closes_early_at_every_byte),
		IT(test_standard_input_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
