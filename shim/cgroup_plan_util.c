/* Plans a task's cgroups. Pure. Value conversions from v1 to v2 are those of runc, so that a config means the same. */
#include "shim/cgroup_plan.h"

#include "util/path.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first ones have a name on v2 as well. */
enum { CTL_MEMORY, CTL_PIDS, CTL_CPU, CTL_IO, CTL_CPUSET, CTL_HUGETLB, CTL_DEVICES, CTL_COUNT };

const char *const cgroup_controllers[] = {"memory", "pids", "cpu", "io", "cpuset", "hugetlb", NULL};
static const char *const v1_controllers[CTL_COUNT] = {"memory", "pids",	   "cpu",    "blkio",
						      "cpuset", "hugetlb", "devices"};

enum { PERIOD_DEFAULT_US = 100000 };

/* The plan and what is constant while it is made. */
struct planner {
	struct cgroup_plan *plan;
	const char *mount;
	enum ts_cgroup_layout layout;
	const char *path; /* below each hierarchy, with a leading slash */
	struct ts_error *e;
};

static int fail(struct planner *p, int err, const char *what, const char *object)
{
	p->e->step = TS_STEP_CGROUP;
	return ts_fail(p->e, err, what, object);
}

static int invalid(struct planner *p, const char *field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static int invalid(struct planner *p, const char *field, const char *format, ...)
{
	char reason[160];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(reason, sizeof reason, format, ap);
	va_end(ap);
	p->e->step = TS_STEP_CONFIG;
	return ts_failf(p->e, 0, "linux.resources.%s: %s", field, reason);
}

/* The index of the directory of @controller, planned now if it was not yet; -1 with e filled. */
static int dir_of(struct planner *p, const char *controller, bool v2, bool required)
{
	struct cgroup_plan *plan = p->plan;
	struct cgroup_dir *dir;
	bool root = v2 && p->layout == TS_CGROUP_V2; /* cgroup2 is the mount itself */
	int n;

	for (size_t i = 0; i < plan->n_dirs; i++) {
		if (strcmp(plan->dirs[i].controller, controller) != 0)
			continue;
		plan->dirs[i].required |= required;
		return (int)i;
	}
	if (plan->n_dirs == CGROUP_DIRS_MAX)
		return fail(p, E2BIG, "too many cgroups", NULL);
	dir = &plan->dirs[plan->n_dirs];
	n = asprintf(&dir->path, "%s%s%s%s", p->mount, root ? "" : "/", root ? "" : controller,
		     p->path);
	if (n < 0) {
		dir->path = NULL;
		return fail(p, ENOMEM, "cgroup", controller);
	}
	dir->controller = controller;
	dir->root_len = (size_t)n - strlen(p->path);
	dir->v2 = v2;
	dir->required = required;
	return (int)plan->n_dirs++;
}

/* The directory in which @controller's limits are set on this layout. */
static int limit_dir(struct planner *p, int controller)
{
	if (p->layout != TS_CGROUP_V2)
		return dir_of(p, v1_controllers[controller], false, true);
	p->plan->v2_required |= 1U << controller;
	return dir_of(p, TS_CGROUP_UNIFIED, true, true);
}

static bool is_v2(const struct planner *p)
{
	return p->layout == TS_CGROUP_V2;
}

static struct cgroup_write *add(struct planner *p, int controller, const char *field,
				const char *file, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Plans one write; NULL with e filled. */
static struct cgroup_write *add(struct planner *p, int controller, const char *field,
				const char *file, const char *format, ...)
{
	struct cgroup_plan *plan = p->plan;
	struct cgroup_write *writes, *w;
	int dir = limit_dir(p, controller), n;
	va_list ap;

	if (dir < 0)
		return NULL;
	writes = reallocarray(plan->writes, plan->n_writes + 1, sizeof *writes);
	if (!writes) {
		(void)fail(p, ENOMEM, "cgroup", field);
		return NULL;
	}
	plan->writes = writes;
	w = &writes[plan->n_writes];
	*w = (struct cgroup_write){.dir = (unsigned)dir, .file = file, .field = field};
	va_start(ap, format);
	n = vasprintf(&w->value, format, ap);
	va_end(ap);
	if (n < 0) {
		(void)fail(p, ENOMEM, "cgroup", field);
		return NULL;
	}
	plan->n_writes++;
	return w;
}

/* -1 is "no limit": "max" on v2, "-1" on v1. */
static struct cgroup_write *add_limit(struct planner *p, int controller, const char *field,
				      const char *v1_file, const char *v2_file, int64_t value)
{
	const char *file = is_v2(p) ? v2_file : v1_file;

	if (value >= 0)
		return add(p, controller, field, file, "%" PRId64, value);
	return add(p, controller, field, file, "%s", is_v2(p) ? "max" : "-1");
}

/* v2 counts swap apart from memory; OCI and v1 count both together. */
static int plan_swap(struct planner *p, const struct oci_memory *m)
{
	static const char field[] = "memory.swap";
	int64_t swap = m->swap_bytes.value;
	struct cgroup_write *w;

	if (!m->swap_bytes.set || swap == 0)
		return 0;
	if (is_v2(p) && swap > 0)
		swap -= m->limit_bytes
				.value; /* set, and not the larger one: config_decode() has checked */
	w = add_limit(p, CTL_MEMORY, field, "memory.memsw.limit_in_bytes", "memory.swap.max", swap);
	if (w)
		w->may_lack = true;
	return w ? 0 : -1;
}

static int plan_memory(struct planner *p, const struct oci_memory *m)
{
	if (m->kernel_bytes.set || m->kernel_tcp_bytes.set)
		return invalid(p, m->kernel_bytes.set ? "memory.kernel" : "memory.kernelTCP",
			       "not supported yet");
	if (m->use_hierarchy == OPT_FALSE)
		return invalid(p, "memory.useHierarchy", "false is not supported by this kernel");
	if (m->limit_bytes.set && m->limit_bytes.value != 0 &&
	    !add_limit(p, CTL_MEMORY, "memory.limit", "memory.limit_in_bytes", "memory.max",
		       m->limit_bytes.value))
		return -1;
	if (m->reservation_bytes.set && m->reservation_bytes.value != 0 &&
	    !add_limit(p, CTL_MEMORY, "memory.reservation", "memory.soft_limit_in_bytes",
		       "memory.low", m->reservation_bytes.value))
		return -1;
	if (plan_swap(p, m) < 0)
		return -1;
	if (is_v2(p)) {
		if (m->swappiness.set)
			return invalid(p, "memory.swappiness", "cgroup v2 has none");
		if (m->disable_oom_killer == OPT_TRUE)
			return invalid(p, "memory.disableOOMKiller", "cgroup v2 has none");
		return 0;
	}
	if (m->swappiness.set && m->swappiness.value > 100)
		return invalid(p, "memory.swappiness", "%" PRIu64 " is not within 0 to 100",
			       m->swappiness.value);
	if (m->swappiness.set && !add(p, CTL_MEMORY, "memory.swappiness", "memory.swappiness",
				      "%" PRIu64, m->swappiness.value))
		return -1;
	if (m->disable_oom_killer == OPT_TRUE &&
	    !add(p, CTL_MEMORY, "memory.disableOOMKiller", "memory.oom_control", "1"))
		return -1;
	return 0;
}

static int plan_cpu_quota(struct planner *p, const struct oci_cpu *c)
{
	uint64_t period = c->period_us.set ? c->period_us.value : 0;
	bool quota = c->quota_us.set && c->quota_us.value != 0;

	if (!quota && period == 0)
		return 0;
	if (is_v2(p)) {
		period = period ? period : PERIOD_DEFAULT_US;
		if (quota && c->quota_us.value > 0)
			return add(p, CTL_CPU, "cpu.quota", "cpu.max", "%" PRId64 " %" PRIu64,
				   c->quota_us.value, period)
				       ? 0
				       : -1;
		return add(p, CTL_CPU, "cpu.period", "cpu.max", "max %" PRIu64, period) ? 0 : -1;
	}
	if (period && !add(p, CTL_CPU, "cpu.period", "cpu.cfs_period_us", "%" PRIu64, period))
		return -1;
	if (quota && !add(p, CTL_CPU, "cpu.quota", "cpu.cfs_quota_us", "%" PRId64,
			  c->quota_us.value > 0 ? c->quota_us.value : -1))
		return -1;
	return 0;
}

static int plan_cpu(struct planner *p, const struct oci_cpu *c)
{
	if (c->realtime_period_us.set || c->realtime_runtime_us.set)
		return invalid(
			p, c->realtime_period_us.set ? "cpu.realtimePeriod" : "cpu.realtimeRuntime",
			"not supported yet");
	if (c->shares.set && c->shares.value != 0) {
		if (is_v2(p) ? !add(p, CTL_CPU, "cpu.shares", "cpu.weight", "%" PRIu64,
				    ts_cgroup_weight_from_shares(c->shares.value))
			     : !add(p, CTL_CPU, "cpu.shares", "cpu.shares", "%" PRIu64,
				    c->shares.value))
			return -1;
	}
	if (plan_cpu_quota(p, c) < 0)
		return -1;
	if (c->burst_us.set &&
	    !add(p, CTL_CPU, "cpu.burst", is_v2(p) ? "cpu.max.burst" : "cpu.cfs_burst_us",
		 "%" PRIu64, c->burst_us.value))
		return -1;
	if (c->idle.set && !add(p, CTL_CPU, "cpu.idle", "cpu.idle", "%" PRId64, c->idle.value))
		return -1;
	if (c->cpus && !add(p, CTL_CPUSET, "cpu.cpus", "cpuset.cpus", "%s", c->cpus))
		return -1;
	if (c->mems && !add(p, CTL_CPUSET, "cpu.mems", "cpuset.mems", "%s", c->mems))
		return -1;
	return 0;
}

static int plan_throttle(struct planner *p, const struct oci_throttle_list *list, const char *field,
			 const char *v1_file, const char *v2_key)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct oci_throttle_device *d = &list->v[i];
		struct cgroup_write *w = is_v2(p) ? add(p, CTL_IO, field, "io.max",
							"%" PRId64 ":%" PRId64 " %s=%" PRIu64,
							d->major, d->minor, v2_key, d->rate)
						  : add(p, CTL_IO, field, v1_file,
							"%" PRId64 ":%" PRId64 " %" PRIu64,
							d->major, d->minor, d->rate);

		if (!w)
			return -1;
	}
	return 0;
}

static int plan_block_io(struct planner *p, const struct oci_block_io *b)
{
	static const char field[] = "blockIO.weight";
	uint64_t weight = b->weight.set ? b->weight.value : 0;
	struct cgroup_write *w;

	if (b->leaf_weight.set || b->n_weight_devices)
		return invalid(p,
			       b->leaf_weight.set ? "blockIO.leafWeight" : "blockIO.weightDevice",
			       "not supported yet");
	if (weight) {
		w = add(p, CTL_IO, field, is_v2(p) ? "io.bfq.weight" : "blkio.weight", "%" PRIu64,
			weight);
		if (!w)
			return -1;
		/* The scheduler that implements weights names the file; bfq keeps the range of v1. */
		w->alternative = is_v2(p) ? "io.weight" : "blkio.bfq.weight";
		if (is_v2(p) && asprintf(&w->alternative_value, "default %" PRIu64,
					 ts_cgroup_io_weight_from_blkio(weight)) < 0) {
			w->alternative_value = NULL;
			return fail(p, ENOMEM, "cgroup", field);
		}
	}
	if (plan_throttle(p, &b->read_bps, "blockIO.throttleReadBpsDevice",
			  "blkio.throttle.read_bps_device", "rbps") < 0 ||
	    plan_throttle(p, &b->write_bps, "blockIO.throttleWriteBpsDevice",
			  "blkio.throttle.write_bps_device", "wbps") < 0 ||
	    plan_throttle(p, &b->read_iops, "blockIO.throttleReadIOPSDevice",
			  "blkio.throttle.read_iops_device", "riops") < 0)
		return -1;
	return plan_throttle(p, &b->write_iops, "blockIO.throttleWriteIOPSDevice",
			     "blkio.throttle.write_iops_device", "wiops");
}

static int plan_rest(struct planner *p, const struct oci_resources *r)
{
	const char *refused = r->n_hugepage_limits	? "hugepageLimits"
			      : r->network_class_id.set ? "network.classID"
			      : r->network_priorities.n ? "network.priorities"
			      : r->n_rdma		? "rdma"
			      : r->unified.n		? "unified"
							: NULL;

	if (refused)
		return invalid(p, refused, "not supported yet");
	if (r->pids_limit.set && r->pids_limit.value != 0 &&
	    !(r->pids_limit.value > 0
		      ? add(p, CTL_PIDS, "pids.limit", "pids.max", "%" PRId64, r->pids_limit.value)
		      : add(p, CTL_PIDS, "pids.limit", "pids.max", "max")))
		return -1;
	return 0;
}

/* v1: everything is denied or allowed first, then come the exceptions. */
static int plan_devices_v1(struct planner *p, struct device_rules *rules)
{
	static const char field[] = "devices", allow[] = "devices.allow", deny[] = "devices.deny";
	char text[DEVICE_RULE_TEXT];
	size_t index;

	if (device_rules_to_exceptions(rules, &index) < 0) {
		if (index == SIZE_MAX)
			return invalid(p, field,
				       "cgroup v1 cannot deny what the default devices "
				       "are a part of");
		return invalid(p, field,
			       "[%zu] takes back a part of what an earlier one says: cgroup v1 "
			       "cannot do that",
			       index);
	}
	if (!add(p, CTL_DEVICES, field, rules->allow_rest ? allow : deny, "a"))
		return -1;
	for (size_t i = 0; i < rules->n; i++) {
		device_rule_text(&rules->v[i], text);
		if (!add(p, CTL_DEVICES, field, rules->allow_rest ? deny : allow, "%s", text))
			return -1;
	}
	return 0;
}

static int plan_devices(struct planner *p, const struct oci_resources *r)
{
	struct device_rules rules;
	int result = 0;

	if (device_rules_build(r ? r->devices : NULL, r ? r->n_devices : 0, &rules) < 0)
		return fail(p, errno, "linux.resources", "devices");
	if (is_v2(p) && !device_rules_allow_all(&rules)) {
		p->plan->devices = rules;
		return 0;
	}
	if (!device_rules_allow_all(&rules))
		result = plan_devices_v1(p, &rules);
	device_rules_done(&rules);
	return result;
}

bool cgroup_resources_ask(const struct oci_resources *r)
{
	const struct oci_memory *m = &r->memory;
	const struct oci_cpu *c = &r->cpu;
	const struct oci_block_io *b = &r->block_io;

	return r->set &&
	       (m->limit_bytes.set || m->reservation_bytes.set || m->swap_bytes.set ||
		m->kernel_bytes.set || m->kernel_tcp_bytes.set || m->swappiness.set ||
		m->disable_oom_killer == OPT_TRUE || c->shares.set || c->quota_us.set ||
		c->period_us.set || c->burst_us.set || c->idle.set || c->cpus || c->mems ||
		c->realtime_period_us.set || c->realtime_runtime_us.set || r->pids_limit.set ||
		b->weight.set || b->leaf_weight.set || b->n_weight_devices || b->read_bps.n ||
		b->write_bps.n || b->read_iops.n || b->write_iops.n || r->n_hugepage_limits ||
		r->n_devices || r->network_class_id.set || r->network_priorities.n || r->n_rdma ||
		r->unified.n);
}

/* The cgroups that every task has, limits or not: one to kill everything by, one to read OOM kills and the peak from. */
static int plan_base(struct planner *p)
{
	if (p->layout == TS_CGROUP_V2) {
		p->plan->v2_wanted = 1U << CTL_MEMORY | 1U << CTL_PIDS;
		return dir_of(p, TS_CGROUP_UNIFIED, true, true) < 0 ? -1 : 0;
	}
	if (p->layout == TS_CGROUP_HYBRID ? dir_of(p, TS_CGROUP_UNIFIED, true, true) < 0
					  : dir_of(p, "freezer", false, false) < 0)
		return -1;
	return dir_of(p, "memory", false, false) < 0 ? -1 : 0;
}

static int check_path(struct planner *p, const char *given)
{
	if (strchr(given, ':')) {
		p->e->step = TS_STEP_CONFIG;
		return ts_failf(p->e, 0,
				"linux.cgroupsPath: systemd's form \"%s\" is not supported yet",
				given);
	}
	if (ts_path_is_normal(p->path) && p->path[1] != '\0')
		return 0;
	p->e->step = TS_STEP_CONFIG;
	return ts_failf(p->e, 0, "linux.cgroupsPath: \"%s\" has empty, . or .. components, or none",
			given);
}

int cgroup_plan_build(const char *mount, enum ts_cgroup_layout layout, const char *path,
		      const char *id, const struct oci_resources *r, bool devices,
		      struct cgroup_plan *ret, struct ts_error *e)
{
	struct planner p = {.plan = ret, .mount = mount, .layout = layout, .e = e};
	char text[4096];
	int n = path ? snprintf(text, sizeof text, "%s%s", path[0] == '/' ? "" : "/", path)
		     : snprintf(text, sizeof text, "/taskshim/%s", id);
	bool ask = r && cgroup_resources_ask(r);

	*ret = (struct cgroup_plan){0};
	p.path = text;
	if (n >= (int)sizeof text)
		return fail(&p, ENAMETOOLONG, "linux.cgroupsPath", path);
	if (check_path(&p, path ? path : text) < 0)
		return -1;
	if (layout == TS_CGROUP_NONE && ask)
		return fail(&p, ENOENT, "linux.resources: no cgroup filesystem at", mount);
	if (layout == TS_CGROUP_NONE && devices)
		return fail(&p, ENOENT, "CAP_MKNOD needs a device cgroup: no cgroup filesystem at",
			    mount);
	if (layout == TS_CGROUP_NONE)
		return 0;
	if (plan_base(&p) == 0 &&
	    (!ask || (plan_memory(&p, &r->memory) == 0 && plan_cpu(&p, &r->cpu) == 0 &&
		      plan_block_io(&p, &r->block_io) == 0 && plan_rest(&p, r) == 0)) &&
	    (!devices || plan_devices(&p, r) == 0))
		return 0;
	cgroup_plan_done(ret);
	return -1;
}

void cgroup_plan_done(struct cgroup_plan *plan)
{
	for (size_t i = 0; i < plan->n_dirs; i++)
		free(plan->dirs[i].path);
	for (size_t i = 0; i < plan->n_writes; i++) {
		free(plan->writes[i].value);
		free(plan->writes[i].alternative_value);
	}
	free(plan->writes);
	device_rules_done(&plan->devices);
	*plan = (struct cgroup_plan){0};
}
