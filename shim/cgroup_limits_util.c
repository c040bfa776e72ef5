/* Turns linux.resources into writes to cgroup files, on v1 and on v2. Pure. */
#include "shim/cgroup_planner.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PERIOD_DEFAULT_US = 100000, SHARES_MAX = 262144, SWAPPINESS_MAX = 100, NAME_ROOM = 96 };

/* -1 is "no limit": "max" on v2, "-1" on v1. */
static struct cgroup_write *add_limit(struct planner *p, enum controller controller,
				      const char *field, const char *v1_file, const char *v2_file,
				      int64_t value)
{
	bool v2 = planner_is_v2(p, controller);
	const char *file = v2 ? v2_file : v1_file;

	if (value >= 0)
		return planner_add(p, controller, field, file, "%" PRId64, value);
	return planner_add(p, controller, field, file, "%s", v2 ? "max" : "-1");
}

/* --- memory --- */

static bool is_limit(const struct opt_i64 *limit)
{
	return limit->set && limit->value != 0;
}

/* v2 counts swap apart from memory; OCI and v1 count both together. Memory without a limit is meant for both, as in runc. */
static int plan_swap(struct planner *p, const struct oci_memory *m)
{
	static const char field[] = "memory.swap";
	bool given = is_limit(&m->swap_bytes), v2 = planner_is_v2(p, CTL_MEMORY);
	int64_t swap = given ? m->swap_bytes.value : -1;
	struct cgroup_write *w;

	if (!given && !(is_limit(&m->limit_bytes) && m->limit_bytes.value < 0))
		return 0;
	if (v2 && swap > 0)
		swap -= m->limit_bytes
				.value; /* set, and not the larger one: config_decode() has checked */
	w = add_limit(p, CTL_MEMORY, field, "memory.memsw.limit_in_bytes", "memory.swap.max", swap);
	if (!w)
		return -1;
	w->lack = given ? LACK_IS_WARNING : LACK_IS_FINE;
	if (m->check_before_update == OPT_TRUE && given && m->swap_bytes.value > 0) {
		w->not_below = (uint64_t)m->swap_bytes.value;
		w->usage_file = v2 ? "memory.current" : "memory.memsw.usage_in_bytes";
	}
	return 0;
}

static int plan_memory_limit(struct planner *p, const struct oci_memory *m)
{
	struct cgroup_write *w;

	if (!is_limit(&m->limit_bytes))
		return 0;
	w = add_limit(p, CTL_MEMORY, "memory.limit", "memory.limit_in_bytes", "memory.max",
		      m->limit_bytes.value);
	if (!w)
		return -1;
	if (m->check_before_update == OPT_TRUE && m->limit_bytes.value > 0) {
		w->not_below = (uint64_t)m->limit_bytes.value;
		w->usage_file =
			planner_is_v2(p, CTL_MEMORY) ? "memory.current" : "memory.usage_in_bytes";
	}
	return 0;
}

/* v1 alone has these, and later kernels of it have given the first one up. */
static int plan_kernel_memory(struct planner *p, const struct opt_i64 *limit, const char *field,
			      const char *file)
{
	struct cgroup_write *w;

	if (!is_limit(limit))
		return 0;
	if (planner_is_v2(p, CTL_MEMORY))
		return limit->value < 0 ? 0
					: planner_invalid(p, field,
							  "cgroup v2 counts it as memory: set "
							  "memory.limit alone");
	w = add_limit(p, CTL_MEMORY, field, file, NULL, limit->value);
	if (w && limit->value < 0)
		w->lack = LACK_IS_FINE;
	else if (w)
		w->at_most = (uint64_t)limit->value;
	return w ? 0 : -1;
}

static int plan_use_hierarchy(struct planner *p, const struct oci_memory *m)
{
	static const char field[] = "memory.useHierarchy";
	struct cgroup_write *w;

	if (m->use_hierarchy == OPT_UNSET || planner_is_update(p))
		return 0;
	if (planner_is_v2(p, CTL_MEMORY))
		return m->use_hierarchy == OPT_TRUE
			       ? 0
			       : planner_invalid(p, field,
						 "cgroup v2 always counts with what is below");
	w = planner_add(p, CTL_MEMORY, field, "memory.use_hierarchy", "%d",
			m->use_hierarchy == OPT_TRUE);
	if (w && m->use_hierarchy == OPT_TRUE)
		w->lack = LACK_IS_FINE;
	return w ? 0 : -1;
}

static int plan_reclaim(struct planner *p, const struct oci_memory *m)
{
	bool v2 = planner_is_v2(p, CTL_MEMORY);

	if (m->swappiness.set && v2)
		return planner_invalid(p, "memory.swappiness", "cgroup v2 has none");
	if (m->disable_oom_killer == OPT_TRUE && v2)
		return planner_invalid(p, "memory.disableOOMKiller", "cgroup v2 has none");
	if (m->swappiness.set && m->swappiness.value > SWAPPINESS_MAX)
		return planner_invalid(p, "memory.swappiness", "%" PRIu64 " is not within 0 to %d",
				       m->swappiness.value, SWAPPINESS_MAX);
	if (m->swappiness.set && !planner_add(p, CTL_MEMORY, "memory.swappiness",
					      "memory.swappiness", "%" PRIu64, m->swappiness.value))
		return -1;
	if (v2 || m->disable_oom_killer == OPT_UNSET ||
	    (m->disable_oom_killer == OPT_FALSE && !planner_is_update(p)))
		return 0;
	return planner_add(p, CTL_MEMORY, "memory.disableOOMKiller", "memory.oom_control", "%d",
			   m->disable_oom_killer == OPT_TRUE)
		       ? 0
		       : -1;
}

static int plan_memory(struct planner *p, const struct oci_memory *m)
{
	if (plan_use_hierarchy(p, m) < 0 || plan_memory_limit(p, m) < 0)
		return -1;
	if (is_limit(&m->reservation_bytes) &&
	    !add_limit(p, CTL_MEMORY, "memory.reservation", "memory.soft_limit_in_bytes",
		       "memory.low", m->reservation_bytes.value))
		return -1;
	if (plan_swap(p, m) < 0 ||
	    plan_kernel_memory(p, &m->kernel_bytes, "memory.kernel", "memory.kmem.limit_in_bytes") <
		    0 ||
	    plan_kernel_memory(p, &m->kernel_tcp_bytes, "memory.kernelTCP",
			       "memory.kmem.tcp.limit_in_bytes") < 0)
		return -1;
	return plan_reclaim(p, m);
}

/* --- cpu --- */

static int plan_shares(struct planner *p, const struct oci_cpu *c)
{
	static const char field[] = "cpu.shares";
	uint64_t shares = c->shares.set ? c->shares.value : 0;

	if (shares == 0)
		return 0;
	if (planner_is_v2(p, CTL_CPU))
		return planner_add(p, CTL_CPU, field, "cpu.weight", "%" PRIu64,
				   ts_cgroup_weight_from_shares(shares))
			       ? 0
			       : -1;
	/* the kernel would take less without a word */
	if (shares > SHARES_MAX)
		return planner_invalid(p, field, "%" PRIu64 " is more than the kernel's %d", shares,
				       SHARES_MAX);
	return planner_add(p, CTL_CPU, field, "cpu.shares", "%" PRIu64, shares) ? 0 : -1;
}

static int plan_quota_v2(struct planner *p, const struct oci_cpu *c, bool quota, uint64_t period)
{
	if (quota && c->quota_us.value > 0)
		return planner_add(p, CTL_CPU, "cpu.quota", "cpu.max", "%" PRId64 " %" PRIu64,
				   c->quota_us.value, period ? period : PERIOD_DEFAULT_US)
			       ? 0
			       : -1;
	if (quota)
		return planner_add(p, CTL_CPU, "cpu.quota", "cpu.max", "max %" PRIu64,
				   period ? period : PERIOD_DEFAULT_US)
			       ? 0
			       : -1;
	return planner_add(p, CTL_CPU, "cpu.period", "cpu.max", "max %" PRIu64, period) ? 0 : -1;
}

static int plan_quota(struct planner *p, const struct oci_cpu *c)
{
	uint64_t period = c->period_us.set ? c->period_us.value : 0;
	bool quota = is_limit(&c->quota_us);

	if (!quota && period == 0)
		return 0;
	if (planner_is_v2(p, CTL_CPU))
		return plan_quota_v2(p, c, quota, period);
	if (period &&
	    !planner_add(p, CTL_CPU, "cpu.period", "cpu.cfs_period_us", "%" PRIu64, period))
		return -1;
	if (quota && !planner_add(p, CTL_CPU, "cpu.quota", "cpu.cfs_quota_us", "%" PRId64,
				  c->quota_us.value > 0 ? c->quota_us.value : -1))
		return -1;
	return 0;
}

/* The kernel's own value need not be written into a new cgroup, whose kernel may not know the file. */
static int plan_burst_and_idle(struct planner *p, const struct oci_cpu *c)
{
	bool update = planner_is_update(p);
	struct cgroup_write *w;

	if (c->burst_us.set && (c->burst_us.value || update)) {
		w = planner_add(p, CTL_CPU, "cpu.burst",
				planner_is_v2(p, CTL_CPU) ? "cpu.max.burst" : "cpu.cfs_burst_us",
				"%" PRIu64, c->burst_us.value);
		if (!w)
			return -1;
		w->lack = c->burst_us.value ? LACK_IS_ERROR : LACK_IS_FINE;
	}
	if (c->idle.set && (c->idle.value || update)) {
		w = planner_add(p, CTL_CPU, "cpu.idle", "cpu.idle", "%" PRId64, c->idle.value);
		if (!w)
			return -1;
		w->lack = c->idle.value ? LACK_IS_ERROR : LACK_IS_FINE;
	}
	return 0;
}

static int plan_realtime(struct planner *p, const struct oci_cpu *c)
{
	bool runtime = is_limit(&c->realtime_runtime_us),
	     period = c->realtime_period_us.set && c->realtime_period_us.value != 0;

	if ((runtime || period) && planner_is_v2(p, CTL_CPU))
		return planner_invalid(p, period ? "cpu.realtimePeriod" : "cpu.realtimeRuntime",
				       "cgroup v2 has none");
	if (period && !planner_add(p, CTL_CPU, "cpu.realtimePeriod", "cpu.rt_period_us", "%" PRIu64,
				   c->realtime_period_us.value))
		return -1;
	if (runtime && !planner_add(p, CTL_CPU, "cpu.realtimeRuntime", "cpu.rt_runtime_us",
				    "%" PRId64, c->realtime_runtime_us.value))
		return -1;
	return 0;
}

static int plan_cpu(struct planner *p, const struct oci_cpu *c)
{
	if (c->set && planner_want(p, CTL_CPU) < 0)
		return -1;
	if (plan_realtime(p, c) < 0 || plan_shares(p, c) < 0 || plan_quota(p, c) < 0 ||
	    plan_burst_and_idle(p, c) < 0)
		return -1;
	if (c->cpus && c->cpus[0] &&
	    !planner_add(p, CTL_CPUSET, "cpu.cpus", "cpuset.cpus", "%s", c->cpus))
		return -1;
	if (c->mems && c->mems[0] &&
	    !planner_add(p, CTL_CPUSET, "cpu.mems", "cpuset.mems", "%s", c->mems))
		return -1;
	return 0;
}

/* --- blockIO --- */

/* The scheduler that implements weights names the file; bfq keeps the range of v1. @device: "8:0 ", or "". */
static int plan_weight(struct planner *p, uint64_t weight, const char *device, const char *field)
{
	bool v2 = planner_is_v2(p, CTL_IO);
	const char *v1_file = device[0] ? "blkio.weight_device" : "blkio.weight";
	struct cgroup_write *w = planner_add(p, CTL_IO, field, v2 ? "io.bfq.weight" : v1_file,
					     "%s%" PRIu64, device, weight);

	if (!w)
		return -1;
	if (v2)
		return planner_alternative(p, w, "io.weight", "%s%" PRIu64,
					   device[0] ? device : "default ",
					   ts_cgroup_io_weight_from_blkio(weight));
	w->alternative = device[0] ? "blkio.bfq.weight_device" : "blkio.bfq.weight";
	return 0;
}

/* They went with the scheduler CFQ. */
static int plan_leaf_weight(struct planner *p, uint64_t weight, const char *device,
			    const char *field)
{
	if (planner_is_v2(p, CTL_IO))
		return planner_invalid(p, field, "cgroup v2 has none");
	return planner_add(p, CTL_IO, field,
			   device[0] ? "blkio.leaf_weight_device" : "blkio.leaf_weight",
			   "%s%" PRIu64, device, weight)
		       ? 0
		       : -1;
}

static int plan_weights(struct planner *p, const struct oci_block_io *b)
{
	char device[48];

	if (b->weight.set && b->weight.value &&
	    plan_weight(p, b->weight.value, "", "blockIO.weight") < 0)
		return -1;
	if (b->leaf_weight.set && b->leaf_weight.value &&
	    plan_leaf_weight(p, b->leaf_weight.value, "", "blockIO.leafWeight") < 0)
		return -1;
	for (size_t i = 0; i < b->n_weight_devices; i++) {
		const struct oci_weight_device *d = &b->weight_devices[i];

		(void)snprintf(device, sizeof device, "%" PRId64 ":%" PRId64 " ", d->major,
			       d->minor);
		if (d->weight.set && d->weight.value &&
		    plan_weight(p, d->weight.value, device, "blockIO.weightDevice") < 0)
			return -1;
		if (d->leaf_weight.set && d->leaf_weight.value &&
		    plan_leaf_weight(p, d->leaf_weight.value, device,
				     "blockIO.weightDevice.leafWeight") < 0)
			return -1;
	}
	return 0;
}

static int plan_throttle(struct planner *p, const struct oci_throttle_list *list, const char *field,
			 const char *v1_file, const char *v2_key)
{
	bool v2 = planner_is_v2(p, CTL_IO);

	for (size_t i = 0; i < list->n; i++) {
		const struct oci_throttle_device *d = &list->v[i];
		struct cgroup_write *w;

		if (v2 && d->rate == 0) /* v1's word for none */
			w = planner_add(p, CTL_IO, field, "io.max",
					"%" PRId64 ":%" PRId64 " %s=max", d->major, d->minor,
					v2_key);
		else if (v2)
			w = planner_add(p, CTL_IO, field, "io.max",
					"%" PRId64 ":%" PRId64 " %s=%" PRIu64, d->major, d->minor,
					v2_key, d->rate);
		else
			w = planner_add(p, CTL_IO, field, v1_file,
					"%" PRId64 ":%" PRId64 " %" PRIu64, d->major, d->minor,
					d->rate);
		if (!w)
			return -1;
	}
	return 0;
}

static int plan_block_io(struct planner *p, const struct oci_block_io *b)
{
	if ((b->set && planner_want(p, CTL_IO) < 0) || plan_weights(p, b) < 0)
		return -1;
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

/* --- the rest --- */

/* "2MB", "1GB", "64KB": how the kernel names the files. */
static bool is_page_size(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && text[0] != '0' && digits < 8 && text[digits] &&
	       strchr("KMG", text[digits]) && strcmp(text + digits + 1, "B") == 0;
}

/* What is used, and what is reserved (Linux 5.7): a program may reserve pages without touching them. */
static int plan_hugepages(struct planner *p, const struct oci_resources *r)
{
	static const char field[] = "hugepageLimits";
	const char *limit = planner_is_v2(p, CTL_HUGETLB) ? "max" : "limit_in_bytes";
	char file[NAME_ROOM];

	for (size_t i = 0; i < r->n_hugepage_limits; i++) {
		const struct oci_hugepage_limit *h = &r->hugepage_limits[i];
		struct cgroup_write *w;

		if (!is_page_size(h->page_size))
			return planner_invalid(p, field, "\"%.40s\": expected a size such as 2MB",
					       h->page_size);
		(void)snprintf(file, sizeof file, "hugetlb.%s.%s", h->page_size, limit);
		if (!planner_add(p, CTL_HUGETLB, field, file, "%" PRIu64, h->limit_bytes))
			return -1;
		(void)snprintf(file, sizeof file, "hugetlb.%s.rsvd.%s", h->page_size, limit);
		w = planner_add(p, CTL_HUGETLB, field, file, "%" PRIu64, h->limit_bytes);
		if (!w)
			return -1;
		w->lack = LACK_IS_FINE;
	}
	return 0;
}

static int plan_network(struct planner *p, const struct oci_resources *r)
{
	const struct key_value_list *priorities = &r->network_priorities;
	bool v2 = p->host->layout == TS_CGROUP_V2;

	if (r->network_class_id.set && v2)
		return planner_invalid(p, "network.classID", "cgroup v2 has none");
	if (priorities->n && v2)
		return planner_invalid(p, "network.priorities", "cgroup v2 has none");
	if (r->network_class_id.set &&
	    !planner_add(p, CTL_NET_CLS, "network.classID", "net_cls.classid", "%" PRIu64,
			 r->network_class_id.value))
		return -1;
	for (size_t i = 0; i < priorities->n; i++)
		if (!planner_add(p, CTL_NET_PRIO, "network.priorities", "net_prio.ifpriomap",
				 "%s %s", priorities->v[i].key, priorities->v[i].value))
			return -1;
	return 0;
}

static int plan_rdma(struct planner *p, const struct oci_resources *r)
{
	for (size_t i = 0; i < r->n_rdma; i++) {
		const struct oci_rdma *d = &r->rdma[i];
		char handles[48] = "", objects[48] = "";

		if (d->hca_handles.set)
			(void)snprintf(handles, sizeof handles, " hca_handle=%" PRIu64,
				       d->hca_handles.value);
		if (d->hca_objects.set)
			(void)snprintf(objects, sizeof objects, " hca_object=%" PRIu64,
				       d->hca_objects.value);
		if (!handles[0] && !objects[0])
			continue;
		if (!planner_add(p, CTL_RDMA, "rdma", "rdma.max", "%s%s%s", d->device, handles,
				 objects))
			return -1;
	}
	return 0;
}

static int plan_pids(struct planner *p, const struct oci_resources *r)
{
	if (!is_limit(&r->pids_limit))
		return 0;
	return (r->pids_limit.value > 0 ? planner_add(p, CTL_PIDS, "pids.limit", "pids.max",
						      "%" PRId64, r->pids_limit.value)
					: planner_add(p, CTL_PIDS, "pids.limit", "pids.max", "max"))
		       ? 0
		       : -1;
}

/* Whoever writes to these does what taskshim does by itself. */
static bool is_managed(const char *file)
{
	static const char *const files[] = {
		"cgroup.procs",	 "cgroup.threads",	   "cgroup.kill",
		"cgroup.freeze", "cgroup.subtree_control", "cgroup.type"};

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (strcmp(files[i], file) == 0)
			return true;
	return false;
}

/* One write a line, as the kernel takes them. */
static int plan_unified_file(struct planner *p, const char *file, const char *value)
{
	do {
		size_t len = strcspn(value, "\n");

		if (!planner_add_unified(p, "unified", file, value, len))
			return -1;
		value += len;
		value += *value != '\0';
	} while (*value);
	return 0;
}

static int plan_unified(struct planner *p, const struct oci_resources *r)
{
	for (size_t i = 0; i < r->unified.n; i++) {
		const char *file = r->unified.v[i].key;

		if (p->host->layout == TS_CGROUP_V1)
			return planner_invalid(p, "unified", "there is no cgroup v2");
		if (!strchr(file, '.') || strchr(file, '/') || file[0] == '.' ||
		    strlen(file) >= NAME_ROOM)
			return planner_invalid(p, "unified", "\"%.40s\" is no file of a cgroup",
					       file);
		if (is_managed(file))
			return planner_invalid(p, "unified", "%s is taskshim's own", file);
		if (plan_unified_file(p, file, r->unified.v[i].value) < 0)
			return -1;
	}
	return 0;
}

int planner_limits(struct planner *p, const struct oci_resources *r)
{
	if (!r->set)
		return 0;
	if (plan_memory(p, &r->memory) < 0 || plan_cpu(p, &r->cpu) < 0 ||
	    plan_block_io(p, &r->block_io) < 0 || plan_pids(p, r) < 0 || plan_hugepages(p, r) < 0)
		return -1;
	if (plan_network(p, r) < 0 || plan_rdma(p, r) < 0)
		return -1;
	return plan_unified(p, r); /* last: it wins */
}
