/* ID strings: round trips, all accepted forms, everything else refused. */
#include "tests/unit/unit.h"

#include "protocol/id_string.h"
#include "protocol/message.h"

#include <errno.h>

#define BOOT "01234567-89ab-cdef-0123-456789abcdef"
#define RUN "0123456789abcdef0123456789abcdef"

static struct id_string decode(const char *text)
{
	struct id_string id;
	struct ts_error e = {0};

	if (id_string_decode(text, &id, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return id;
}

static struct id_string full(struct id_cgroup cgroups[static 2])
{
	static char id[] = "web-1", state_dir[] = "/run/taskshim/web-1", memory[] = "memory",
		    unified[] = "unified", path[] = "/sys/fs/cgroup/memory/taskshim/web-1",
		    path2[] = "/sys/fs/cgroup/unified/t\xc3\xa9";

	cgroups[0] = (struct id_cgroup){memory, path, 77};
	cgroups[1] = (struct id_cgroup){unified, path2, UINT64_MAX};
	return (struct id_string){.id = id,
				  .run_id = RUN,
				  .boot_id = BOOT,
				  .pid = 4194304,
				  .start_time = UINT64_MAX,
				  .pidfd_inode = 4097,
				  .monitor_pid = 12,
				  .monitor_start_time = 13,
				  .state_dir = state_dir,
				  .cgroups = cgroups,
				  .n_cgroups = 2};
}

static void test_id_string_round_trip(void **state)
{
	struct id_cgroup cgroups[2];
	struct id_string id = full(cgroups), back;
	char *text = NULL;
	struct ts_error e = {0};

	(void)state;
	assert_int_equal(id_string_encode(&id, &text, &e), 0);
	assert_string_equal(text, "CGROUP:{\"version\":1,\"id\":\"web-1\",\"runId\":\"" RUN
				  "\",\"bootId\":\"" BOOT "\",\"pid\":4194304,"
				  "\"startTime\":18446744073709551615,\"pidfdInode\":4097,"
				  "\"monitorPid\":12,"
				  "\"monitorStartTime\":13,\"stateDir\":\"/run/taskshim/web-1\","
				  "\"cgroups\":{\"memory\":{\"path\":"
				  "\"/sys/fs/cgroup/memory/taskshim/web-1\",\"inode\":77},"
				  "\"unified\":{\"path\":\"/sys/fs/cgroup/unified/t\xc3\xa9\","
				  "\"inode\":18446744073709551615}}}");
	back = decode(text);
	assert_string_equal(back.id, id.id);
	assert_string_equal(back.run_id, RUN);
	assert_string_equal(back.boot_id, BOOT);
	assert_int_equal(back.pid, id.pid);
	assert_true(back.start_time == id.start_time);
	assert_int_equal(back.pidfd_inode, 4097);
	assert_int_equal(back.monitor_pid, 12);
	assert_int_equal(back.monitor_start_time, 13);
	assert_string_equal(back.state_dir, id.state_dir);
	assert_int_equal(back.n_cgroups, 2);
	assert_string_equal(back.cgroups[0].controller, "memory");
	assert_string_equal(back.cgroups[0].path, cgroups[0].path);
	assert_int_equal(back.cgroups[0].inode, 77);
	assert_string_equal(back.cgroups[1].path, cgroups[1].path);
	assert_true(back.cgroups[1].inode == UINT64_MAX);
	assert_false(back.is_2015);
	id_string_done(&back);
	id_string_done(&back); /* twice does no harm */
	free(text);
}

static void test_id_string_without_cgroups_and_monitor(void **state)
{
	char dir[] = "/run/x";
	struct id_string id = {
		.run_id = RUN, .boot_id = BOOT, .pid = 1, .start_time = 2, .state_dir = dir};
	struct id_string back;
	char *text = NULL;
	struct ts_error e = {0};

	(void)state;
	assert_int_equal(id_string_encode(&id, &text, &e), 0);
	back = decode(text);
	assert_null(back.id);
	assert_int_equal(back.monitor_pid, 0);
	assert_int_equal(back.n_cgroups, 0);
	id_string_done(&back);
	free(text);
}

static void test_id_string_pid_forms(void **state)
{
	struct id_string id = {.boot_id = BOOT, .pid = 42, .start_time = 99}, back;
	char *text = NULL;
	struct ts_error e = {0};

	(void)state;
	assert_int_equal(id_string_encode(&id, &text, &e), 0);
	assert_string_equal(text, "PID:42:99:" BOOT);
	back = decode(text);
	assert_int_equal(back.pid, 42);
	assert_int_equal(back.start_time, 99);
	assert_string_equal(back.boot_id, BOOT);
	id_string_done(&back);
	free(text);
	back = decode("PID:42\n");
	assert_int_equal(back.pid, 42);
	assert_int_equal(back.start_time, 0);
	assert_string_equal(back.boot_id, "");
	id_string_done(&back);
}

static const struct {
	const char *text, *path;
} forms_2015[] = {
	{"{'name':'u-1','parent':'nomad','scope_prefix':'','paths':null,'allowed':[]}",
	 "/nomad/u-1"},
	{"{'Name':'u-1','Parent':'/a//b/','AllowAllDevices':true}", "/a//b/u-1"},
	{"{'NAME':'u-1','parent':''}\n", "/u-1"},
	{"{'name':'u-1'}", "/u-1"},
	{"{'name':'u-1','paths':{}}", "/u-1"},
};

static void test_id_string_of_2015(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(forms_2015); i++) {
		char text[256];
		struct id_string id;

		snprintf(text, sizeof text, "CGROUP:%s", forms_2015[i].text);
		for (char *c = text; *c; c++)
			*c = *c == '\'' ? '"' : *c;
		id = decode(text);
		assert_true(id.is_2015);
		assert_int_equal(id.pid, 0);
		assert_int_equal(id.n_cgroups, 1);
		assert_string_equal(id.cgroups[0].controller, "");
		assert_row_text(text, id.cgroups[0].path, forms_2015[i].path);
		assert_int_equal(id.cgroups[0].inode, 0);
		id_string_done(&id);
	}
}

static void test_id_string_of_2015_with_paths(void **state)
{
	struct id_string id = decode("CGROUP:{\"Name\":\"u\",\"Paths\":{\"memory\":\"/sys/m/u\","
				     "\"name=systemd\":\"/sys/s/u\"}}");

	(void)state;
	assert_true(id.is_2015);
	assert_int_equal(id.n_cgroups, 2);
	assert_string_equal(id.cgroups[0].controller, "memory");
	assert_string_equal(id.cgroups[0].path, "/sys/m/u");
	assert_string_equal(id.cgroups[1].controller, "name=systemd");
	id_string_done(&id);
}

#define OURS "'version':1,'runId':'" RUN "','bootId':'" BOOT "','pid':1,'startTime':2"

static const struct {
	const char *text, *error;
} refused[] = {
	{"", "ID string: starts with neither CGROUP: nor PID:"},
	{"web-1", "ID string: starts with neither CGROUP: nor PID:"},
	{"cgroup:{}", "ID string: starts with neither CGROUP: nor PID:"},
	{"PID:", "ID string: expected PID:<pid> or PID:<pid>:<start time>:<boot id>"},
	{"PID:0", "ID string: expected PID:<pid> or PID:<pid>:<start time>:<boot id>"},
	{"PID:-1", "ID string: expected PID:<pid> or PID:<pid>:<start time>:<boot id>"},
	{"PID: 1", "ID string: expected PID:<pid> or PID:<pid>:<start time>:<boot id>"},
	{"PID:4194305", "ID string: expected PID:<pid> or PID:<pid>:<start time>:<boot id>"},
	{"PID:99999999999999999999",
	 "ID string: expected PID:<pid> or PID:<pid>:<start time>:<boot id>"},
	{"PID:1x", "ID string: text after the process id"},
	{"PID:1\n\n", "ID string: text after the process id"},
	{"PID:1:", "ID string: expected a start time and a boot id after the process id"},
	{"PID:1:2", "ID string: expected a start time and a boot id after the process id"},
	{"PID:1:0:" BOOT, "ID string: expected a start time and a boot id after the process id"},
	{"PID:1:2:", "ID string: malformed boot id"},
	{"PID:1:2:" BOOT "x", "ID string: malformed boot id"},
	{"PID:1:2:01234567-89AB-cdef-0123-456789abcdef", "ID string: malformed boot id"},
	{"CGROUP:", "the document is empty"},
	{"CGROUP:{", "line 1, column 2: the document is cut off"},
	{"CGROUP:{} x", "line 1, column 4: text after the end of the document"},
	{"CGROUP:[]", "document: expected an object, got an array"},
	{"CGROUP:null", "document: expected an object, got null"},
	{"CGROUP:{}", "name: missing"},
	{"CGROUP:{'name':''}", "name: empty"},
	{"CGROUP:{'name':'a/b'}", "ID string: the cgroup's name is not one path component"},
	{"CGROUP:{'name':'..'}", "ID string: the cgroup's name is not one path component"},
	{"CGROUP:{'name':'.'}", "ID string: the cgroup's name is not one path component"},
	{"CGROUP:{'name':'a','parent':'x/../..'}",
	 "ID string: the cgroup's parent has \"..\" in it"},
	{"CGROUP:{'name':'a','paths':{'memory':'../x'}}",
	 "paths.memory: \"../x\": expected an absolute path without \"//\", \".\" and \"..\""},
	{"CGROUP:{'name':'a','paths':{'memory':'/x'},'Paths':{'cpu':'/x'}}", "Paths: there twice"},
	{"CGROUP:{'name':'a','paths':[]}", "paths: expected an object, got an array"},
	{"CGROUP:{'version':2,'name':'a'}",
	 "version: version 2 is not supported: this program knows version 1"},
	{"CGROUP:{'version':'1'}", "version: expected an integer, got a string"},
	{"CGROUP:{'version':1}", "runId: missing"},
	{"CGROUP:{" OURS ",'pid':0}", "pid: 0 is out of range: must be 1 to 4194304"},
	{"CGROUP:{" OURS ",'startTime':0}", "startTime: 0 is out of range: must be at least 1"},
	{"CGROUP:{" OURS ",'runId':'xyz'}", "runId: \"xyz\": malformed"},
	{"CGROUP:{" OURS ",'bootId':'" RUN "'}", "bootId: \"" RUN "\": malformed"},
	{"CGROUP:{" OURS ",'id':'../x'}", "id: not a task id"},
	{"CGROUP:{" OURS ",'stateDir':'x'}",
	 "stateDir: \"x\": expected an absolute path without \"//\", \".\" and \"..\""},
	{"CGROUP:{" OURS ",'stateDir':'/a/../b'}",
	 "stateDir: \"/a/../b\": expected an absolute path without \"//\", \".\" and \"..\""},
	{"CGROUP:{" OURS ",'monitorPid':5}", "monitorStartTime: missing"},
	{"CGROUP:{" OURS ",'cgroups':[]}", "cgroups: expected an object, got an array"},
	{"CGROUP:{" OURS ",'cgroups':{'memory':{}}}", "cgroups.memory.path: missing"},
	{"CGROUP:{" OURS ",'cgroups':{'memory':{'path':'/x'}}}", "cgroups.memory.inode: missing"},
	{"CGROUP:{" OURS ",'cgroups':{'memory':{'path':'/x/','inode':1}}}",
	 "cgroups.memory.path: \"/x/\": expected an absolute path without \"//\", \".\" and "
	 "\"..\""},
	{"CGROUP:{" OURS ",'cgroups':{'../x':{'path':'/x','inode':1}}}",
	 "cgroups[\"../x\"]: not the name of a controller"},
	{"CGROUP:{" OURS ",'cgroups':{'':{'path':'/x','inode':1}}}",
	 "cgroups[\"\"]: not the name of a controller"},
};

static void test_id_string_decode_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		char text[512];
		struct id_string id;
		struct ts_error e = {0};

		snprintf(text, sizeof text, "%s", refused[i].text);
		for (char *c = text; *c; c++)
			*c = *c == '\'' ? '"' : *c;
		assert_row(text, id_string_decode(text, &id, &e) == -1);
		assert_row_text(text, e.msg, refused[i].error);
	}
}

static void test_id_string_decode_refuses_too_many_cgroups_and_too_much_text(void **state)
{
	char text[8192] = "CGROUP:{\"version\":1,\"cgroups\":{";
	struct id_string id;
	struct ts_error e = {0};

	(void)state;
	for (int i = 0; i <= ID_STRING_MAX_CGROUPS; i++)
		sprintf(text + strlen(text), "%s\"c%d\":{}", i ? "," : "", i);
	append(text, sizeof text, "}}");
	assert_int_equal(id_string_decode(text, &id, &e), -1);
	assert_string_equal(e.msg, "cgroups: more than 24");
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_int_equal(id_string_decode(text, &id, &e), -1);
	assert_string_equal(e.msg, "ID string: too long");
}

static void test_id_string_encode_refuses_what_cannot_be_read_back(void **state)
{
	struct id_cgroup cgroups[2], many[ID_STRING_MAX_CGROUPS + 1];
	struct id_string id = full(cgroups);
	char bad[] = "/\xff", *text = NULL;
	struct ts_error e = {0};

	(void)state;
	cgroups[1].path = bad;
	assert_int_equal(id_string_encode(&id, &text, &e), -1);
	assert_int_equal(e.err, EILSEQ);
	assert_string_equal(e.msg, "ID string: a cgroup's path is not UTF-8: unified");
	id.state_dir = bad;
	assert_int_equal(id_string_encode(&id, &text, &e), -1);
	assert_string_equal(e.msg, "ID string: the state directory's path is not UTF-8");
	id.cgroups = many;
	id.n_cgroups = COUNT(many);
	assert_int_equal(id_string_encode(&id, &text, &e), -1);
	assert_int_equal(e.err, E2BIG);
	assert_null(text);
}

/* Whatever id_string_encode() lets through fits a `created` line, also when quotes double. */
static void test_id_string_encode_fits_a_line_or_fails(void **state)
{
	static const char fill[] = {'x', '"', '\\', '\t'};

	(void)state;
	for (size_t f = 0; f < sizeof fill; f++) {
		size_t longest = 0;

		for (size_t len = 16; len < 3900; len += 1) {
			char *dir = malloc(len + 2), *text = NULL, line[MESSAGE_MAX];
			struct id_string id = {.run_id = RUN,
					       .boot_id = BOOT,
					       .pid = 4194304,
					       .start_time = UINT64_MAX,
					       .state_dir = dir};
			struct ts_error e = {0};

			memset(dir, fill[f], len + 1);
			dir[0] = '/';
			dir[len + 1] = '\0';
			if (id_string_encode(&id, &text, &e) == 0) {
				assert_true(message_created(line, 4194304, 4194304, text) > 0);
				assert_true(message_started(line, 4194304, UINT64_MAX, text) > 0);
				longest = len;
			} else {
				assert_int_equal(e.err, ENAMETOOLONG);
			}
			free(text);
			free(dir);
		}
		assert_true(longest > 400);
	}
}

static void test_id_string_is(void **state)
{
	(void)state;
	assert_true(id_string_is("PID:1"));
	assert_true(id_string_is("CGROUP:{}"));
	assert_false(id_string_is("PID"));
	assert_false(id_string_is("pid:1"));
	assert_false(id_string_is("web-1"));
	assert_false(id_string_is(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id_string_round_trip),
		cmocka_unit_test(test_id_string_without_cgroups_and_monitor),
		cmocka_unit_test(test_id_string_pid_forms),
		cmocka_unit_test(test_id_string_of_2015),
		cmocka_unit_test(test_id_string_of_2015_with_paths),
		cmocka_unit_test(test_id_string_decode_refuses),
		cmocka_unit_test(test_id_string_decode_refuses_too_many_cgroups_and_too_much_text),
		cmocka_unit_test(test_id_string_encode_refuses_what_cannot_be_read_back),
		cmocka_unit_test(test_id_string_encode_fits_a_line_or_fails),
		cmocka_unit_test(test_id_string_is),
	};

	return cmocka_run_group_tests_name("id_string", tests, NULL, NULL);
}
