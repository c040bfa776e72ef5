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

/* "/m/unified/taskshim/t /m/memory/taskshim-t memory.limit_in_bytes=1 ..." */
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

/* Bits of cgroup_controllers[], hugetlb and rdma: what the cgroup2 hierarchy beside v1 has here. */
enum { UNIFIED_HAS = 1 << 5 | 1 << 6 };

#define V1 "/m/freezer/taskshim-t /m/memory/taskshim-t "
#define HYBRID "/m/unified/taskshim/t /m/memory/taskshim-t "

static const struct {
	enum ts_cgroup_layout layout;
	const char *resources, *expected;
} plans[] = {
	{TS_CGROUP_NONE, "{}", ""},
	{TS_CGROUP_V1, "{}", "/m/freezer/taskshim-t /m/memory/taskshim-t"},
	{TS_CGROUP_HYBRID, "{}", "/m/unified/taskshim/t /m/memory/taskshim-t"},
	{TS_CGROUP_V2, "{}", "/m/taskshim/t"},
	{TS_CGROUP_HYBRID, "{'memory':{'limit':1048576,'reservation':65536,'swap':2097152}}",
	 "/m/unified/taskshim/t /m/memory/taskshim-t memory.limit_in_bytes=1048576 "
	 "memory.soft_limit_in_bytes=65536 memory.memsw.limit_in_bytes=2097152"},
	{TS_CGROUP_V2, "{'memory':{'limit':1048576,'reservation':65536,'swap':2097152}}",
	 "/m/taskshim/t memory.max=1048576 memory.low=65536 memory.swap.max=1048576"},
	{TS_CGROUP_V2, "{'memory':{'limit':1048576,'swap':1048576}}",
	 "/m/taskshim/t memory.max=1048576 memory.swap.max=0"},
	{TS_CGROUP_V2, "{'memory':{'limit':-1,'swap':-1}}",
	 "/m/taskshim/t memory.max=max memory.swap.max=max"},
	/* memory without a limit is memory and swap without one */
	{TS_CGROUP_V1, "{'memory':{'limit':-1}}",
	 "/m/freezer/taskshim-t /m/memory/taskshim-t memory.limit_in_bytes=-1 "
	 "memory.memsw.limit_in_bytes=-1"},
	{TS_CGROUP_V2, "{'memory':{'limit':-1}}",
	 "/m/taskshim/t memory.max=max memory.swap.max=max"},
	{TS_CGROUP_V1, "{'cpu':{'shares':512,'quota':50000,'period':100000}}",
	 "/m/freezer/taskshim-t /m/memory/taskshim-t /m/cpu/taskshim-t cpu.shares=512 "
	 "cpu.cfs_period_us=100000 cpu.cfs_quota_us=50000"},
	{TS_CGROUP_V2, "{'cpu':{'shares':1024,'quota':50000}}",
	 "/m/taskshim/t cpu.weight=39 cpu.max=50000 100000"},
	{TS_CGROUP_V2, "{'cpu':{'quota':-1,'period':20000}}", "/m/taskshim/t cpu.max=max 20000"},
	{TS_CGROUP_V1, "{'cpu':{'quota':-1}}",
	 "/m/freezer/taskshim-t /m/memory/taskshim-t /m/cpu/taskshim-t cpu.cfs_quota_us=-1"},
	{TS_CGROUP_V2, "{'pids':{'limit':7}}", "/m/taskshim/t pids.max=7"},
	{TS_CGROUP_HYBRID, "{'pids':{'limit':-1}}",
	 "/m/unified/taskshim/t /m/memory/taskshim-t /m/pids/taskshim-t pids.max=max"},
	{TS_CGROUP_V1, "{'blockIO':{'weight':500}}",
	 "/m/freezer/taskshim-t /m/memory/taskshim-t /m/blkio/taskshim-t blkio.weight=500"},
	{TS_CGROUP_V2, "{'blockIO':{'weight':1000}}", "/m/taskshim/t io.bfq.weight=1000"},
	{TS_CGROUP_V2, "{'memory':{'limit':0},'cpu':{'shares':0,'quota':0},'pids':{'limit':0}}",
	 "/m/taskshim/t"},
	{TS_CGROUP_V1, "{'devices':[{'allow':true},{'allow':false,'type':'b','major':8}]}",
	 "/m/freezer/taskshim-t /m/memory/taskshim-t /m/devices/taskshim-t devices.allow=a "
	 "devices.deny=b 8:* rw"},
	{TS_CGROUP_HYBRID,
	 "{'devices':[{'allow':true,'type':'c','major':1,'minor':11,'access':'r'}]}",
	 "/m/unified/taskshim/t /m/memory/taskshim-t /m/devices/taskshim-t devices.deny=a "
	 "devices.allow=c 1:11 rm devices.allow=c *:* m devices.allow=b *:* m "
	 "devices.allow=c 1:3 rwm devices.allow=c 1:8 rwm devices.allow=c 1:7 rwm "
	 "devices.allow=c 5:0 rwm devices.allow=c 1:5 rwm devices.allow=c 1:9 rwm "
	 "devices.allow=c 136:* rwm devices.allow=c 5:2 rwm devices.allow=c 10:200 rwm"},
	/* everything: nothing to do */
	{TS_CGROUP_V1, "{'devices':[{'allow':true}]}",
	 "/m/freezer/taskshim-t /m/memory/taskshim-t"},
	{TS_CGROUP_V2, "{'devices':[{'allow':true}]}", "/m/taskshim/t"},
	{TS_CGROUP_V2, "{'devices':[{'allow':false}]}", "/m/taskshim/t 11 device rules"},
	/* memory */
	{TS_CGROUP_V1,
	 "{'memory':{'limit':1048576,'kernel':2,'kernelTCP':3,'swappiness':0,"
	 "'disableOOMKiller':true,'useHierarchy':true}}",
	 V1 "memory.use_hierarchy=1 memory.limit_in_bytes=1048576 memory.kmem.limit_in_bytes=2 "
	    "memory.kmem.tcp.limit_in_bytes=3 memory.swappiness=0 memory.oom_control=1"},
	{TS_CGROUP_V1, "{'memory':{'useHierarchy':false,'disableOOMKiller':false}}",
	 V1 "memory.use_hierarchy=0"},
	{TS_CGROUP_V2,
	 "{'memory':{'kernel':-1,'kernelTCP':-1,'disableOOMKiller':false,'useHierarchy':true,"
	 "'checkBeforeUpdate':true}}",
	 "/m/taskshim/t"},
	{TS_CGROUP_V1, "{'memory':{'swap':-1}}", V1 "memory.memsw.limit_in_bytes=-1"},
	/* cpu: the section alone makes the cgroup, for a later update */
	{TS_CGROUP_V1, "{'cpu':{}}", V1 "/m/cpu/taskshim-t"},
	{TS_CGROUP_V2, "{'cpu':{}}", "/m/taskshim/t"},
	{TS_CGROUP_V1,
	 "{'cpu':{'quota':5000,'burst':3000,'idle':1,'realtimeRuntime':9000,'realtimePeriod':"
	 "100000,'cpus':'0-1','mems':'0'}}",
	 V1 "/m/cpu/taskshim-t /m/cpuset/taskshim-t cpu.rt_period_us=100000 cpu.rt_runtime_us=9000 "
	    "cpu.cfs_quota_us=5000 cpu.cfs_burst_us=3000 cpu.idle=1 cpuset.cpus=0-1 "
	    "cpuset.mems=0"},
	{TS_CGROUP_V2, "{'cpu':{'quota':5000,'burst':3000,'idle':1,'cpus':'1','mems':'0'}}",
	 "/m/taskshim/t cpu.max=5000 100000 cpu.max.burst=3000 cpu.idle=1 cpuset.cpus=1 "
	 "cpuset.mems=0"},
	{TS_CGROUP_V1, "{'cpu':{'burst':0,'idle':0,'cpus':'','mems':'','realtimePeriod':0}}",
	 V1 "/m/cpu/taskshim-t"},
	/* blockIO */
	{TS_CGROUP_V1, "{'blockIO':{}}", V1 "/m/blkio/taskshim-t"},
	{TS_CGROUP_V1,
	 "{'blockIO':{'weight':10,'leafWeight':20,'weightDevice':[{'major':8,'minor':0,"
	 "'weight':30,'leafWeight':40}]}}",
	 V1 "/m/blkio/taskshim-t blkio.weight=10 blkio.leaf_weight=20 blkio.weight_device=8:0 30 "
	    "blkio.leaf_weight_device=8:0 40"},
	{TS_CGROUP_V2, "{'blockIO':{'weightDevice':[{'major':8,'minor':0,'weight':505}]}}",
	 "/m/taskshim/t io.bfq.weight=8:0 505"},
	{TS_CGROUP_V1,
	 "{'blockIO':{'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':1}],"
	 "'throttleWriteBpsDevice':[{'major':8,'minor':0,'rate':2},{'major':8,'minor':16,'rate':"
	 "0}],'throttleReadIOPSDevice':[{'major':8,'minor':0,'rate':3}],"
	 "'throttleWriteIOPSDevice':[{'major':8,'minor':0,'rate':4}]}}",
	 V1 "/m/blkio/taskshim-t blkio.throttle.read_bps_device=8:0 1 "
	    "blkio.throttle.write_bps_device=8:0 2 blkio.throttle.write_bps_device=8:16 0 "
	    "blkio.throttle.read_iops_device=8:0 3 blkio.throttle.write_iops_device=8:0 4"},
	{TS_CGROUP_V2,
	 "{'blockIO':{'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':1}],"
	 "'throttleWriteBpsDevice':[{'major':8,'minor':16,'rate':0}],'throttleReadIOPSDevice':"
	 "[{'major':8,'minor':0,'rate':3}],'throttleWriteIOPSDevice':[{'major':8,'minor':0,"
	 "'rate':4}]}}",
	 "/m/taskshim/t io.max=8:0 rbps=1 io.max=8:16 wbps=max io.max=8:0 riops=3 io.max=8:0 "
	 "wiops=4"},
	/* hugepageLimits, network, rdma, unified */
	{TS_CGROUP_V1, "{'hugepageLimits':[{'pageSize':'2MB','limit':4194304}]}",
	 V1 "/m/hugetlb/taskshim-t hugetlb.2MB.limit_in_bytes=4194304 "
	    "hugetlb.2MB.rsvd.limit_in_bytes=4194304"},
	{TS_CGROUP_V2, "{'hugepageLimits':[{'pageSize':'1GB','limit':0}]}",
	 "/m/taskshim/t hugetlb.1GB.max=0 hugetlb.1GB.rsvd.max=0"},
	{TS_CGROUP_HYBRID, "{'hugepageLimits':[{'pageSize':'2MB','limit':0}],'pids':{'limit':1}}",
	 HYBRID "/m/pids/taskshim-t pids.max=1 hugetlb.2MB.max=0 hugetlb.2MB.rsvd.max=0"},
	{TS_CGROUP_HYBRID,
	 "{'network':{'classID':1048577,'priorities':[{'name':'lo','priority':5},{'name':'eth0',"
	 "'priority':0}]}}",
	 HYBRID "/m/net_cls/taskshim-t /m/net_prio/taskshim-t net_cls.classid=1048577 "
		"net_prio.ifpriomap=lo 5 net_prio.ifpriomap=eth0 0"},
	{TS_CGROUP_V1, "{'rdma':{'mlx5_1':{'hcaHandles':2,'hcaObjects':2000},'mlx5_2':{}}}",
	 V1 "/m/rdma/taskshim-t rdma.max=mlx5_1 hca_handle=2 hca_object=2000"},
	{TS_CGROUP_HYBRID, "{'rdma':{'mlx5_1':{'hcaObjects':3}}}",
	 HYBRID "rdma.max=mlx5_1 hca_object=3"},
	{TS_CGROUP_V2, "{'unified':{'memory.high':'1M','io.max':'8:0 rbps=1\\n8:16 wbps=2\\n'}}",
	 "/m/taskshim/t memory.high=1M io.max=8:0 rbps=1 io.max=8:16 wbps=2"},
	{TS_CGROUP_HYBRID, "{'unified':{'cgroup.max.descendants':'3'}}",
	 HYBRID "cgroup.max.descendants=3"},
};

static void test_cgroup_plan_each_layout(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(plans); i++) {
		struct config *config = decode(plans[i].resources);
		struct cgroup_host host = {"/m", plans[i].layout, UNIFIED_HAS};
		struct cgroup_plan plan;
		struct ts_error e = {0};
		char text[1024];

		if (cgroup_plan_build(&host, NULL, "t", &config->linux_.resources,
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
	{TS_CGROUP_V2, NULL, "{'memory':{'kernel':4096}}",
	 "linux.resources.memory.kernel: cgroup v2 counts it as memory: set memory.limit alone"},
	{TS_CGROUP_V2, NULL, "{'memory':{'kernelTCP':4096}}",
	 "linux.resources.memory.kernelTCP: cgroup v2 counts it as memory: set memory.limit alone"},
	{TS_CGROUP_V2, NULL, "{'memory':{'swappiness':1}}",
	 "linux.resources.memory.swappiness: cgroup v2 has none"},
	{TS_CGROUP_V1, NULL, "{'memory':{'swappiness':101}}",
	 "linux.resources.memory.swappiness: 101 is not within 0 to 100"},
	{TS_CGROUP_V2, NULL, "{'memory':{'disableOOMKiller':true}}",
	 "linux.resources.memory.disableOOMKiller: cgroup v2 has none"},
	{TS_CGROUP_V2, NULL, "{'memory':{'useHierarchy':false}}",
	 "linux.resources.memory.useHierarchy: cgroup v2 always counts with what is below"},
	{TS_CGROUP_V1, NULL, "{'cpu':{'shares':262145}}",
	 "linux.resources.cpu.shares: 262145 is more than the kernel's 262144"},
	{TS_CGROUP_V2, NULL, "{'cpu':{'realtimeRuntime':1}}",
	 "linux.resources.cpu.realtimeRuntime: cgroup v2 has none"},
	{TS_CGROUP_V2, NULL, "{'cpu':{'realtimePeriod':1}}",
	 "linux.resources.cpu.realtimePeriod: cgroup v2 has none"},
	{TS_CGROUP_V2, NULL, "{'blockIO':{'leafWeight':10}}",
	 "linux.resources.blockIO.leafWeight: cgroup v2 has none"},
	{TS_CGROUP_V2, NULL, "{'blockIO':{'weightDevice':[{'major':8,'minor':0,'leafWeight':10}]}}",
	 "linux.resources.blockIO.weightDevice.leafWeight: cgroup v2 has none"},
	{TS_CGROUP_V1, NULL, "{'hugepageLimits':[{'pageSize':'../x','limit':1}]}",
	 "linux.resources.hugepageLimits: \"../x\": expected a size such as 2MB"},
	{TS_CGROUP_V2, NULL, "{'hugepageLimits':[{'pageSize':'2MiB','limit':1}]}",
	 "linux.resources.hugepageLimits: \"2MiB\": expected a size such as 2MB"},
	{TS_CGROUP_V2, NULL, "{'network':{'classID':1}}",
	 "linux.resources.network.classID: cgroup v2 has none"},
	{TS_CGROUP_V2, NULL, "{'network':{'priorities':[{'name':'lo','priority':1}]}}",
	 "linux.resources.network.priorities: cgroup v2 has none"},
	{TS_CGROUP_V1, NULL, "{'unified':{'memory.high':'1'}}",
	 "linux.resources.unified: there is no cgroup v2"},
	{TS_CGROUP_V2, NULL, "{'unified':{'../memory.max':'1'}}",
	 "linux.resources.unified: \"../memory.max\" is no file of a cgroup"},
	{TS_CGROUP_V2, NULL, "{'unified':{'cgroup.procs':'1'}}",
	 "linux.resources.unified: cgroup.procs is taskshim's own"},
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
		struct cgroup_host host = {"/m", refused[i].layout, 0};
		struct cgroup_plan plan;
		struct ts_error e = {0};

		assert_row(refused[i].message,
			   cgroup_plan_build(&host, refused[i].path, "t", &config->linux_.resources,
					     device_rules_needed(config), &plan, &e) < 0);
		assert_row_text(refused[i].message, e.msg, refused[i].message);
		config_free(config);
	}
}

/* Who names it measures there. */
static void test_cgroup_plan_path_of_the_config(void **state)
{
	static const struct {
		enum ts_cgroup_layout layout;
		const char *expected;
		unsigned wanted; /* as bits of cgroup_controllers[]: memory, pids, cpu, io */
	} rows[] = {
		{TS_CGROUP_V2, "/m/a/b", 15},
		{TS_CGROUP_HYBRID,
		 "/m/unified/a/b /m/memory/a/b /m/cpu/a/b /m/pids/a/b /m/blkio/a/b /m/cpuacct/a/b",
		 0},
		{TS_CGROUP_V1,
		 "/m/freezer/a/b /m/memory/a/b /m/cpu/a/b /m/pids/a/b /m/blkio/a/b /m/cpuacct/a/b",
		 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct cgroup_host host = {"/m", rows[i].layout, 0};
		struct cgroup_plan plan;
		struct ts_error e = {0};
		char text[1024];

		assert_int_equal(cgroup_plan_build(&host, "a/b", "t", NULL, false, &plan, &e), 0);
		describe(&plan, text, sizeof text);
		assert_string_equal(text, rows[i].expected);
		assert_int_equal(plan.v2_wanted, rows[i].wanted);
		for (size_t k = 0; k < plan.n_dirs; k++)
			assert_null(plan.dirs[k].field); /* it can be left out */
		cgroup_plan_done(&plan);
	}
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

static void plan_resources(struct tree *t, struct config *config)
{
	struct cgroup_host host = {t->mount, TS_CGROUP_V1, 0};
	struct ts_error e = {0};

	if (cgroup_plan_build(&host, NULL, "t", config ? &config->linux_.resources : NULL, false,
			      &t->plan, &e) < 0)
		fail_msg("%s", e.msg);
}

static void plan_in_tree(struct tree *t)
{
	plan_resources(t, NULL);
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
	plan_resources(&t, config);
	assert_int_equal(cgroup_resolve(&t.plan, &e), -1);
	assert_int_equal(e.err, ENOENT);
	assert_string_equal(e.msg, "linux.resources.pids.limit: controller is not mounted: pids");
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
	plan_resources(&t, config);
	assert_int_equal(cgroup_resolve(&t.plan, &e), 0);
	assert_int_equal(t.plan.n_dirs, 2);
	assert_string_equal(t.plan.dirs[1].path, in_tree(&t, "/cpu,cpuacct/taskshim-t"));
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
		getxattr(in_tree(&t, "/freezer/taskshim-t"), TS_CGROUP_MARK, mark, sizeof mark),
		32);
	assert_memory_equal(mark, t.refs.run_id, 32);
	assert_int_equal(cgroup_remove(&t.refs, false, 100, &e), 0);
	remove_tree(&t);
}

/* memory and cpu in one hierarchy: one cgroup, and both names lead to it. */
static void test_cgroup_make_controllers_that_are_mounted_together(void **state)
{
	struct tree t;
	struct ts_error e = {0};
	struct config *config = decode("{'cpu':{}}");

	(void)state;
	make_tree(&t);
	if (!can_mark(&t)) {
		config_free(config);
		remove_tree(&t);
		skip();
	}
	assert_int_equal(symlink("cpu,cpuacct", in_tree(&t, "/memory")), 0);
	plan_resources(&t, config);
	assert_int_equal(cgroup_resolve(&t.plan, &e), 0);
	assert_int_equal(t.plan.n_dirs, 3);
	assert_string_equal(t.plan.dirs[1].path, t.plan.dirs[2].path);
	assert_int_equal(make_cgroups(&t, &e), 0);
	assert_int_equal(t.refs.n, 2);
	assert_int_equal(cgroup_remove(&t.refs, false, 100, &e), 0);
	assert_int_equal(unlink(in_tree(&t, "/memory")), 0);
	config_free(config);
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
	assert_int_equal(mkdir(in_tree(&t, "/freezer/taskshim-t"), 0755), 0);
	assert_int_equal(make_cgroups(&t, &e), -1);
	assert_int_equal(e.err, EEXIST);
	assert_int_equal(t.refs.n, 0);
	assert_int_equal(rmdir(in_tree(&t, "/freezer/taskshim-t")), 0);
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
		cmocka_unit_test(test_cgroup_make_controllers_that_are_mounted_together),
		cmocka_unit_test(test_cgroup_make_existing_one_is_an_error),
		cmocka_unit_test(test_cgroup_remove_spares_what_is_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
