/* The plan of a task's cgroups for each layout, and making, marking and removing them in a tree of plain directories. */
#include "tests/unit/unit.h"

#include "protocol/config.h"
#include "protocol/state_files.h"
#include "shim/cgroup.h"
#include "shim/cgroup_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ANY_TASK                                                                                   \
	"'ociVersion':'1.0.0','process':{'args':['x'],'cwd':'/'},'taskshim':{'chroot':'host'}"

/* The config with this in linux.resources. */
static struct config *decode(const char *resources)
{
	char text[2048];
	struct ts_error e = {0};
	struct config *config = NULL;
	struct json_object *document;

	(void)snprintf(text, sizeof text, "{" ANY_TASK ",'linux':{'resources':%s}}", resources);
	document = parse_quoted(text);
	if (config_decode(document, &config, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	json_object_put(document);
	return config;
}

/* "/m/unified/taskshim/t /m/memory/taskshim/t memory.limit_in_bytes=1 ..." */
static void describe(const struct cgroup_plan *plan, char *text, size_t size)
{
	text[0] = '\0';
	for (size_t i = 0; i < plan->n_dirs; i++) {
		append(text, size, i ? " " : "");
		append(text, size, plan->dirs[i].path);
	}
	for (size_t i = 0; i < plan->n_writes; i++) {
		append(text, size, " ");
		append(text, size, plan->writes[i].file);
		append(text, size, "=");
		append(text, size, plan->writes[i].value);
	}
	if (plan->devices.v)
		(void)snprintf(text + strlen(text), size - strlen(text), " %zu device rules",
			       plan->devices.n);
}

static const struct {
	enum ts_cgroup_layout layout;
	const char *resources, *expected;
} plans[] = {
	{TS_CGROUP_NONE, "{}", ""},
	{TS_CGROUP_V1, "{}", "/m/freezer/taskshim/t /m/memory/taskshim/t"},
	{TS_CGROUP_HYBRID, "{}", "/m/unified/taskshim/t /m/memory/taskshim/t"},
	{TS_CGROUP_V2, "{}", "/m/taskshim/t"},
	{TS_CGROUP_HYBRID, "{'memory':{'limit':1048576,'reservation':65536,'swap':2097152}}",
	 "/m/unified/taskshim/t /m/memory/taskshim/t memory.limit_in_bytes=1048576 "
	 "memory.soft_limit_in_bytes=65536 memory.memsw.limit_in_bytes=2097152"},
	{TS_CGROUP_V2, "{'memory':{'limit':1048576,'reservation':65536,'swap':2097152}}",
	 "/m/taskshim/t memory.max=1048576 memory.low=65536 memory.swap.max=1048576"},
	{TS_CGROUP_V2, "{'memory':{'limit':1048576,'swap':1048576}}",
	 "/m/taskshim/t memory.max=1048576 memory.swap.max=0"},
	{TS_CGROUP_V2, "{'memory':{'limit':-1,'swap':-1}}",
	 "/m/taskshim/t memory.max=max memory.swap.max=max"},
	{TS_CGROUP_V1, "{'memory':{'limit':-1}}",
	 "/m/freezer/taskshim/t /m/memory/taskshim/t memory.limit_in_bytes=-1"},
	{TS_CGROUP_V1, "{'cpu':{'shares':512,'quota':50000,'period':100000}}",
	 "/m/freezer/taskshim/t /m/memory/taskshim/t /m/cpu/taskshim/t cpu.shares=512 "
	 "cpu.cfs_period_us=100000 cpu.cfs_quota_us=50000"},
	{TS_CGROUP_V2, "{'cpu':{'shares':1024,'quota':50000}}",
	 "/m/taskshim/t cpu.weight=39 cpu.max=50000 100000"},
	{TS_CGROUP_V2, "{'cpu':{'quota':-1,'period':20000}}", "/m/taskshim/t cpu.max=max 20000"},
	{TS_CGROUP_V1, "{'cpu':{'quota':-1}}",
	 "/m/freezer/taskshim/t /m/memory/taskshim/t /m/cpu/taskshim/t cpu.cfs_quota_us=-1"},
	{TS_CGROUP_V2, "{'pids':{'limit':7}}", "/m/taskshim/t pids.max=7"},
	{TS_CGROUP_HYBRID, "{'pids':{'limit':-1}}",
	 "/m/unified/taskshim/t /m/memory/taskshim/t /m/pids/taskshim/t pids.max=max"},
	{TS_CGROUP_V1, "{'blockIO':{'weight':500}}",
	 "/m/freezer/taskshim/t /m/memory/taskshim/t /m/blkio/taskshim/t blkio.weight=500"},
	{TS_CGROUP_V2, "{'blockIO':{'weight':1000}}", "/m/taskshim/t io.bfq.weight=1000"},
	{TS_CGROUP_V2, "{'memory':{'limit':0},'cpu':{'shares':0,'quota':0},'pids':{'limit':0}}",
	 "/m/taskshim/t"},
	{TS_CGROUP_V1, "{'devices':[{'allow':true},{'allow':false,'type':'b','major':8}]}",
	 "/m/freezer/taskshim/t /m/memory/taskshim/t /m/devices/taskshim/t devices.allow=a "
	 "devices.deny=b 8:* rw"},
	{TS_CGROUP_HYBRID,
	 "{'devices':[{'allow':true,'type':'c','major':1,'minor':11,'access':'r'}]}",
	 "/m/unified/taskshim/t /m/memory/taskshim/t /m/devices/taskshim/t devices.deny=a "
	 "devices.allow=c 1:11 rm devices.allow=c *:* m devices.allow=b *:* m "
	 "devices.allow=c 1:3 rwm devices.allow=c 1:8 rwm devices.allow=c 1:7 rwm "
	 "devices.allow=c 5:0 rwm devices.allow=c 1:5 rwm devices.allow=c 1:9 rwm "
	 "devices.allow=c 136:* rwm devices.allow=c 5:2 rwm devices.allow=c 10:200 rwm"},
	/* everything: nothing to do */
	{TS_CGROUP_V1, "{'devices':[{'allow':true}]}",
	 "/m/freezer/taskshim/t /m/memory/taskshim/t"},
	{TS_CGROUP_V2, "{'devices':[{'allow':true}]}", "/m/taskshim/t"},
	{TS_CGROUP_V2, "{'devices':[{'allow':false}]}", "/m/taskshim/t 11 device rules"},
};

static void test_cgroup_plan_each_layout(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(plans); i++) {
		struct config *config = decode(plans[i].resources);
		struct cgroup_plan plan;
		struct ts_error e = {0};
		char text[1024];

		if (cgroup_plan_build("/m", plans[i].layout, NULL, "t", &config->linux_.resources,
				      device_rules_needed(config), &plan, &e) < 0)
			fail_msg("row %s: %s", plans[i].resources, e.msg);
		describe(&plan, text, sizeof text);
		assert_row_text(plans[i].resources, text, plans[i].expected);
		cgroup_plan_done(&plan);
		config_free(config);
	}
}

static const struct {
	enum ts_cgroup_layout layout;
	const char *path, *resources, *message;
} refused[] = {
	{TS_CGROUP_NONE, NULL, "{'pids':{'limit':7}}",
	 "linux.resources: no cgroup filesystem at: /m"},
	{TS_CGROUP_V1, NULL,
	 "{'devices':[{'allow':true,'type':'c'},{'allow':false,'type':'c','major':1}]}",
	 "linux.resources.devices: [1] takes back a part of what an earlier one says: cgroup v1 "
	 "cannot do that"},
	{TS_CGROUP_HYBRID, NULL,
	 "{'devices':[{'allow':true},{'allow':false,'type':'c','major':5}]}",
	 "linux.resources.devices: cgroup v1 cannot deny what the default devices are a part of"},
	{TS_CGROUP_NONE, NULL, "{'devices':[{'allow':true}]}",
	 "linux.resources: no cgroup filesystem at: /m"},
	{TS_CGROUP_V2, NULL, "{'unified':{'memory.high':'1'}}",
	 "linux.resources.unified: not supported yet"},
	{TS_CGROUP_V2, "a.slice:b:c", "{}",
	 "linux.cgroupsPath: systemd's form \"a.slice:b:c\" is not supported yet"},
	{TS_CGROUP_V2, "/../x", "{}",
	 "linux.cgroupsPath: \"/../x\" has empty, . or .. components, or none"},
	{TS_CGROUP_V2, "/", "{}",
	 "linux.cgroupsPath: \"/\" has empty, . or .. components, or none"},
};

static void test_cgroup_plan_refuses_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct config *config = decode(refused[i].resources);
		struct cgroup_plan plan;
		struct ts_error e = {0};

		assert_row(refused[i].message,
			   cgroup_plan_build("/m", refused[i].layout, refused[i].path, "t",
					     &config->linux_.resources, device_rules_needed(config),
					     &plan, &e) < 0);
		assert_row_text(refused[i].message, e.msg, refused[i].message);
		config_free(config);
	}
}

static void test_cgroup_plan_path_of_the_config(void **state)
{
	struct cgroup_plan plan;
	struct ts_error e = {0};

	(void)state;
	assert_int_equal(cgroup_plan_build("/m", TS_CGROUP_V2, "a/b", "t", NULL, false, &plan, &e),
			 0);
	assert_string_equal(plan.dirs[0].path, "/m/a/b");
	cgroup_plan_done(&plan);
}

/* --- a tree that looks like v1, with "cpu" as a symlink, below a temporary directory --- */

struct tree {
	char mount[64], path[128];
	struct cgroup_plan plan;
	struct cgroup_refs refs;
};

static const char *in_tree(struct tree *t, const char *path)
{
	(void)snprintf(t->path, sizeof t->path, "%s%s", t->mount, path);
	return t->path;
}

static void make_tree(struct tree *t)
{
	*t = (struct tree){.refs = {.run_id = "0123456789abcdef0123456789abcdef"}};
	strcpy(t->mount, "/tmp/cgroup-test-XXXXXX");
	assert_non_null(mkdtemp(t->mount));
	assert_int_equal(mkdir(in_tree(t, "/freezer"), 0755), 0);
	assert_int_equal(mkdir(in_tree(t, "/cpu,cpuacct"), 0755), 0);
	assert_int_equal(symlink("cpu,cpuacct", in_tree(t, "/cpu")), 0);
}

static void remove_tree(struct tree *t)
{
	cgroup_plan_done(&t->plan);
	cgroup_refs_done(&t->refs);
	assert_int_equal(unlink(in_tree(t, "/cpu")), 0);
	assert_int_equal(rmdir(in_tree(t, "/cpu,cpuacct")), 0); /* empty: nothing is left in it */
	assert_int_equal(rmdir(in_tree(t, "/freezer")), 0);
	assert_int_equal(rmdir(t->mount), 0);
}

static void plan_in_tree(struct tree *t)
{
	struct ts_error e = {0};

	if (cgroup_plan_build(t->mount, TS_CGROUP_V1, NULL, "t", NULL, false, &t->plan, &e) < 0)
		fail_msg("%s", e.msg);
}

/* trusted.* needs privilege and a filesystem that has it. */
static bool can_mark(struct tree *t)
{
	return setxattr(t->mount, TS_CGROUP_MARK, "x", 1, 0) == 0;
}

static void test_cgroup_resolve_drops_what_is_not_mounted(void **state)
{
	struct tree t;
	struct ts_error e = {0};

	(void)state;
	make_tree(&t);
	plan_in_tree(&t);
	assert_int_equal(t.plan.n_dirs, 2);
	assert_int_equal(cgroup_resolve(&t.plan, &e), 0);
	assert_int_equal(t.plan.n_dirs, 1); /* no memory */
	assert_string_equal(t.plan.dirs[0].controller, "freezer");
	remove_tree(&t);
}

static void test_cgroup_resolve_needed_but_not_mounted(void **state)
{
	struct tree t;
	struct ts_error e = {0};
	struct config *config = decode("{'pids':{'limit':7}}");

	(void)state;
	make_tree(&t);
	assert_int_equal(cgroup_plan_build(t.mount, TS_CGROUP_V1, NULL, "t",
					   &config->linux_.resources, false, &t.plan, &e),
			 0);
	assert_int_equal(cgroup_resolve(&t.plan, &e), -1);
	assert_int_equal(e.err, ENOENT);
	assert_string_equal(e.msg, "controller is not mounted: pids");
	config_free(config);
	remove_tree(&t);
}

static void test_cgroup_resolve_writes_symlinks_out(void **state)
{
	struct tree t;
	struct ts_error e = {0};
	struct config *config = decode("{'cpu':{'shares':2}}");

	(void)state;
	make_tree(&t);
	assert_int_equal(cgroup_plan_build(t.mount, TS_CGROUP_V1, NULL, "t",
					   &config->linux_.resources, false, &t.plan, &e),
			 0);
	assert_int_equal(cgroup_resolve(&t.plan, &e), 0);
	assert_int_equal(t.plan.n_dirs, 2);
	assert_string_equal(t.plan.dirs[1].path, in_tree(&t, "/cpu,cpuacct/taskshim/t"));
	assert_int_equal(t.plan.writes[0].dir, 1);
	config_free(config);
	remove_tree(&t);
}

/* The tree is its own state directory. */
static int make_cgroups(struct tree *t, struct ts_error *e)
{
	int fd = open(in_tree(t, "/"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = cgroup_make(&t->plan, &t->refs, fd, &(struct warner){0}, e);

	assert_true(fd >= 0);
	close(fd);
	return r;
}

static void test_cgroup_make_then_remove_leaves_nothing(void **state)
{
	struct tree t;
	struct ts_error e = {0};
	char mark[64];

	(void)state;
	make_tree(&t);
	if (!can_mark(&t)) {
		remove_tree(&t);
		skip();
	}
	plan_in_tree(&t);
	assert_int_equal(cgroup_resolve(&t.plan, &e), 0);
	assert_int_equal(make_cgroups(&t, &e), 0);
	assert_int_equal(access(in_tree(&t, "/" STATEDIR_PARENT), F_OK), -1);
	assert_int_equal(
		getxattr(in_tree(&t, "/freezer/taskshim/t"), TS_CGROUP_MARK, mark, sizeof mark),
		32);
	assert_memory_equal(mark, t.refs.run_id, 32);
	assert_int_equal(cgroup_remove(&t.refs, false, 100, &e), 0);
	remove_tree(&t);
}

static void test_cgroup_make_existing_one_is_an_error(void **state)
{
	struct tree t;
	struct ts_error e = {0};

	(void)state;
	make_tree(&t);
	plan_in_tree(&t);
	assert_int_equal(cgroup_resolve(&t.plan, &e), 0);
	assert_int_equal(mkdir(in_tree(&t, "/freezer/taskshim"), 0755), 0);
	assert_int_equal(mkdir(in_tree(&t, "/freezer/taskshim/t"), 0755), 0);
	assert_int_equal(make_cgroups(&t, &e), -1);
	assert_int_equal(e.err, EEXIST);
	assert_int_equal(t.refs.n, 0);
	assert_int_equal(rmdir(in_tree(&t, "/freezer/taskshim/t")), 0);
	assert_int_equal(rmdir(in_tree(&t, "/freezer/taskshim")), 0);
	remove_tree(&t);
}

static void test_cgroup_remove_spares_what_is_not_ours(void **state)
{
	struct tree t;
	struct ts_error e = {0};

	(void)state;
	make_tree(&t);
	assert_int_equal(mkdir(in_tree(&t, "/freezer/other"), 0755), 0);
	assert_int_equal(cgroup_refs_add(&t.refs, "freezer", in_tree(&t, "/freezer/other"), 0), 0);
	assert_int_equal(cgroup_remove(&t.refs, true, 100, &e), 0); /* no mark */
	assert_int_equal(access(in_tree(&t, "/freezer/other"), F_OK), 0);
	if (setxattr(in_tree(&t, "/freezer/other"), TS_CGROUP_MARK,
		     "ffffffffffffffffffffffffffffffff", 32, 0) == 0) {
		assert_int_equal(cgroup_remove(&t.refs, true, 100, &e), 0); /* another run's */
		assert_int_equal(access(in_tree(&t, "/freezer/other"), F_OK), 0);
		assert_int_equal(setxattr(in_tree(&t, "/freezer/other"), TS_CGROUP_MARK,
					  t.refs.run_id, 32, 0),
				 0);
		t.refs.v[0].inode = 1; /* ours by its mark, but not the one that was recorded */
		assert_int_equal(cgroup_remove(&t.refs, true, 100, &e), 0);
		assert_int_equal(access(in_tree(&t, "/freezer/other"), F_OK), 0);
	}
	assert_int_equal(rmdir(in_tree(&t, "/freezer/other")), 0);
	remove_tree(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cgroup_plan_each_layout),
		cmocka_unit_test(test_cgroup_plan_refuses_by_name),
		cmocka_unit_test(test_cgroup_plan_path_of_the_config),
		cmocka_unit_test(test_cgroup_resolve_drops_what_is_not_mounted),
		cmocka_unit_test(test_cgroup_resolve_needed_but_not_mounted),
		cmocka_unit_test(test_cgroup_resolve_writes_symlinks_out),
		cmocka_unit_test(test_cgroup_make_then_remove_leaves_nothing),
		cmocka_unit_test(test_cgroup_make_existing_one_is_an_error),
		cmocka_unit_test(test_cgroup_remove_spares_what_is_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
