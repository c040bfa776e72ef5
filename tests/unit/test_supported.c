/* config_check_supported() and config_list_unknown(). */
#include "tests/unit/unit.h"

#include "protocol/config.h"
#include "tests/unit/full_config.h"

#include <errno.h>

/* What is put into a document that is supported without it, and the answer. */
static const struct {
	const char *section, *part, *error;
} refused[] = {
	{"linux", "'intelRdt':{}",
	 "linux.intelRdt: not supported: nothing here sets up resctrl groups of caches and memory "
	 "bandwidth"},
};

/* What looks much like the above, but asks for nothing that we do not do. */
static const struct {
	const char *section, *part;
} supported[] = {
	{"process", "'terminal':true,'apparmorProfile':'p','selinuxLabel':'l','scheduler':null"},
	{"process", "'scheduler':{'policy':'SCHED_IDLE'},'execCPUAffinity':{'initial':'0'}"},
	{"process", "'ioPriority':{'class':'IOPRIO_CLASS_RT','priority':0}"},
	{"taskshim", "'logs':{'maxFiles':1,'maxFileSize':1}"},
	{"linux", "'mountLabel':'x','personality':{'domain':'LINUX'}"},
	{"linux", "'memoryPolicy':{'mode':'MPOL_LOCAL'}"},
	{"process", "'user':{'uid':1,'gid':2,'umask':18,'additionalGids':[3]},'env':['A=b']"},
	{"process", "'capabilities':{'bounding':['CAP_KILL']},'oomScoreAdj':10"},
	{"process", "'rlimits':[{'type':'RLIMIT_AS','soft':1,'hard':1}],'noNewPrivileges':true"},
	{"hooks", "'prestart':[],'poststop':null"},
	{"hooks", "'prestart':[{'path':'/x'}],'poststop':[{'path':'/x'}]"},
	{"linux", "'namespaces':[{'type':'pid'},{'type':'network'},{'type':'mount'},{'type':'ipc'},"
		  "{'type':'uts'},{'type':'cgroup'}],'cgroupsPath':'/x'"},
	{"linux", "'devices':[{'path':'/dev/x','type':'c','major':1,'minor':3}],'sysctl':{},"
		  "'rootfsPropagation':'rshared','seccomp':{'defaultAction':'SCMP_ACT_ALLOW'}"},
	{"linux", "'maskedPaths':['/proc/kcore'],'readonlyPaths':['/proc/sys']"},
	{"resources", "'memory':{'limit':1,'reservation':1,'swap':2,'kernel':1,'kernelTCP':1,"
		      "'swappiness':0,'disableOOMKiller':true,'useHierarchy':true,"
		      "'checkBeforeUpdate':true}"},
	{"resources",
	 "'cpu':{'shares':2,'quota':1000,'period':1000,'burst':1,'cpus':'0','mems':'0',"
	 "'realtimeRuntime':1,'realtimePeriod':1,'idle':1},'pids':{'limit':1}"},
	{"resources", "'blockIO':{'weight':10,'leafWeight':10,'weightDevice':[{'major':8,"
		      "'minor':0}]},'devices':[{'allow':false,'access':'rwm'}]"},
	{"resources", "'hugepageLimits':[{'pageSize':'2MB','limit':0}],'network':{'classID':1,"
		      "'priorities':[{'name':'lo','priority':0}]},'rdma':{'x':{}},"
		      "'unified':{'a':'b'}"},
	{"taskshim",
	 "'init':false,'chroot':'host','chrootMethod':'copy','timeout':1,'killSignal':'INT'"},
	{"mount", "'options':['nosuid','rro','rslave','mode=755','ro','noatime','tmpcopyup']"},
	{"mount", "'options':['ridmap'],'uidMappings':[{'size':1}],'gidMappings':[{'size':1}]"},
};

static struct config *decode_section(const char *section, const char *part)
{
	static const char form[] = "{'ociVersion':'1.2.0','root':{'path':'r'},"
				   "'process':{'args':['x'],'cwd':'/'%s},'hooks':{%s},"
				   "'linux':{'resources':{%s}%s},'taskshim':{%s},"
				   "'mounts':[{'destination':'/p','type':'proc'},"
				   "{'destination':'/x','type':'tmpfs'%s}]}";
	char with_comma[512], *text = NULL;
	struct json_object *document;
	struct config *config = NULL;
	struct ts_error e = {0};

	snprintf(with_comma, sizeof with_comma, ",%s", part);
	assert_true(asprintf(&text, form, strcmp(section, "process") ? "" : with_comma,
			     strcmp(section, "hooks") ? "" : part,
			     strcmp(section, "resources") ? "" : part,
			     strcmp(section, "linux") ? "" : with_comma,
			     strcmp(section, "taskshim") ? "" : part,
			     strcmp(section, "mount") ? "" : with_comma) > 0);
	document = parse_quoted(text);
	if (config_decode(document, &config, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	json_object_put(document);
	free(text);
	return config;
}

static void test_config_check_supported_refuses_by_path(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct config *config = decode_section(refused[i].section, refused[i].part);
		struct ts_error e = {0};

		if (config_check_supported(config, &e) == 0)
			fail_msg("accepted: %s", refused[i].part);
		assert_row_text(refused[i].part, e.msg, refused[i].error);
		assert_int_equal(e.step, TS_STEP_CONFIG);
		assert_int_equal(e.err, EINVAL);
		config_free(config);
	}
}

static void test_config_check_supported_accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(supported); i++) {
		struct config *config = decode_section(supported[i].section, supported[i].part);
		struct ts_error e = {0};

		if (config_check_supported(config, &e) < 0)
			fail_msg("%s: %s", supported[i].part, e.msg);
		config_free(config);
	}
}

/* --- config_list_unknown --- */

enum { PATHS_ROOM = 2048 };

static void add_path(const char *path, void *arg)
{
	append(arg, PATHS_ROOM, path);
	append(arg, PATHS_ROOM, "|");
}

static void assert_unknown(const char *quoted, const char *expected)
{
	struct json_object *document = parse_quoted(quoted);
	char paths[PATHS_ROOM] = "";

	config_list_unknown(document, add_path, paths);
	assert_string_equal(paths, expected);
	json_object_put(document);
}

static void test_config_list_unknown_names_nothing_in_a_full_config(void **state)
{
	(void)state;
	assert_unknown(full_config, "");
}

static void test_config_list_unknown_names_each_path(void **state)
{
	(void)state;
	assert_unknown(
		"{'x':1,'process':{'foo':1,'user':{'bar':{'deep':1}},'commandLine':'c'},"
		"'mounts':[{},{'destination':'/x','baz':1}],'windows':{'a':1},'vm':{},"
		"'solaris':null,'zos':{}}",
		"x|process.foo|process.user.bar|process.commandLine|mounts[1].baz|windows|vm|"
		"solaris|zos|");
	assert_unknown("{'linux':{'a b':1,'namespaces':[{'type':'pid','q':1}],"
		       "'timeOffsets':{'boottime':{'secs':1,'usecs':1}},"
		       "'resources':{'pids':{'max':1},'blockIO':{'weightDevice':[{'x':1}]},"
		       "'rdma':{'mlx':{'y':1}},'unified':{'any':'thing'}}},"
		       "'annotations':{'any':'thing'},'taskshim':{'chroot':{'/any':'/thing'},"
		       "'cgroup':{'any':'/thing'},'chrot':1,'logs':{'z':1}}}",
		       "linux[\"a b\"]|linux.namespaces[0].q|linux.timeOffsets.boottime.usecs|"
		       "linux.resources.pids.max|linux.resources.blockIO.weightDevice[0].x|"
		       "linux.resources.rdma.mlx.y|taskshim.chrot|taskshim.logs.z|");
}

static void test_config_list_unknown_takes_any_document(void **state)
{
	(void)state;
	assert_unknown("null", "");
	assert_unknown("[{'x':1}]", "");
	assert_unknown("{'process':1,'mounts':{'x':1},'linux':[{'y':1}],'hooks':'z'}",
		       "mounts.x|linux[0].y|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_check_supported_refuses_by_path),
		cmocka_unit_test(test_config_check_supported_accepts),
		cmocka_unit_test(test_config_list_unknown_names_nothing_in_a_full_config),
		cmocka_unit_test(test_config_list_unknown_names_each_path),
		cmocka_unit_test(test_config_list_unknown_takes_any_document),
	};

	return cmocka_run_group_tests_name("supported", tests, NULL, NULL);
}
