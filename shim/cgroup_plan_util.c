/* Plans a task's cgroups: which directories, and the device rules. Pure. Value conversions from v1 to v2 are those of runc, so that
 * a config means the same. */
#include "shim/cgroup_planner.h"

#include "util/path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const cgroup_controllers[] = {"memory",  "pids", "cpu",  "io", "cpuset",
					  "hugetlb", "rdma", "misc", NULL};
static const char *const v1_controllers[CTL_COUNT] = {"memory",	 "pids",    "cpu",     "blkio",
						      "cpuset",	 "hugetlb", "rdma",    "misc",
						      "devices", "net_cls", "net_prio"};

int planner_fail(struct planner *p, int err, const char *what, const char *object)
{
	p->e->step = TS_STEP_CGROUP;
	return ts_fail(p->e, err, what, object);
}

int planner_invalid(struct planner *p, const char *field, const char *format, ...)
{
	char reason[192];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(reason, sizeof reason, format, ap);
	va_end(ap);
	p->e->step = TS_STEP_CONFIG;
	return ts_failf(p->e, 0, "linux.resources.%s: %s", field, reason);
}

bool planner_is_v2(const struct planner *p, enum controller controller)
{
	if (p->host->layout == TS_CGROUP_V2)
		return true;
	return p->host->layout == TS_CGROUP_HYBRID && controller < CTL_V1_ONLY &&
	       p->host->unified & 1U << controller;
}

bool planner_is_update(const struct planner *p)
{
	return !p->path;
}

/* --- directories --- */

static int find_dir(const struct cgroup_plan *plan, const char *controller)
{
	for (size_t i = 0; i < plan->n_dirs; i++)
		if (strcmp(plan->dirs[i].controller, controller) == 0)
			return (int)i;
	return -1;
}

/* The index of the directory of @controller, planned now if it was not yet; -1 with e filled. @field: the limit that needs it,
 * NULL: none. */
static int dir_of(struct planner *p, const char *controller, bool v2, const char *field)
{
	struct cgroup_plan *plan = p->plan;
	struct cgroup_dir *dir;
	const char *path = v2 ? p->path : p->v1_path;
	bool root = v2 && p->host->layout == TS_CGROUP_V2; /* cgroup2 is the mount itself */
	int i = find_dir(plan, controller), n;

	if (i >= 0 && !plan->dirs[i].field)
		plan->dirs[i].field = field;
	if (i >= 0)
		return i;
	if (planner_is_update(p))
		return planner_invalid(
			p, field,
			"the task has no cgroup in the hierarchy of %s: it was started "
			"without limits there",
			controller);
	if (plan->n_dirs == CGROUP_DIRS_MAX)
		return planner_fail(p, E2BIG, "too many cgroups", NULL);
	dir = &plan->dirs[plan->n_dirs];
	n = asprintf(&dir->path, "%s%s%s%s", p->host->mount, root ? "" : "/",
		     root ? "" : controller, path);
	if (n < 0) {
		dir->path = NULL;
		return planner_fail(p, ENOMEM, "cgroup", controller);
	}
	dir->controller = controller;
	dir->root_len = (size_t)n - strlen(path);
	dir->v2 = v2;
	dir->field = field;
	return (int)plan->n_dirs++;
}

/* The directory in which @controller's limits are set on this layout. */
static int limit_dir(struct planner *p, enum controller controller, const char *field)
{
	if (!planner_is_v2(p, controller))
		return dir_of(p, v1_controllers[controller], false, field);
	p->plan->v2_required |= 1U << controller;
	return dir_of(p, TS_CGROUP_UNIFIED, true, field);
}

int planner_want(struct planner *p, enum controller controller)
{
	if (planner_is_update(p))
		return 0;
	if (!planner_is_v2(p, controller))
		return dir_of(p, v1_controllers[controller], false, NULL) < 0 ? -1 : 0;
	p->plan->v2_wanted |= 1U << controller;
	return 0;
}

/* --- writes --- */

static struct cgroup_write *no_memory(struct planner *p, const char *field)
{
	(void)planner_fail(p, ENOMEM, "linux.resources", field);
	return NULL;
}

/* Takes @value over. */
static struct cgroup_write *add_write(struct planner *p, int dir, const char *field,
				      const char *file, char *value)
{
	struct cgroup_plan *plan = p->plan;
	struct cgroup_write *writes =
		reallocarray(plan->writes, plan->n_writes + 1, sizeof *writes);
	char *name = strdup(file);

	if (writes)
		plan->writes = writes;
	if (!writes || !name || !value) {
		free(name);
		free(value);
		return no_memory(p, field);
	}
	writes[plan->n_writes] = (struct cgroup_write){
		.dir = (unsigned)dir, .field = field, .file = name, .value = value};
	return &writes[plan->n_writes++];
}

struct cgroup_write *planner_add(struct planner *p, enum controller controller, const char *field,
				 const char *file, const char *format, ...)
{
	int dir = limit_dir(p, controller, field);
	char *value;
	va_list ap;

	if (dir < 0)
		return NULL;
	va_start(ap, format);
	if (vasprintf(&value, format, ap) < 0)
		value = NULL;
	va_end(ap);
	return add_write(p, dir, field, file, value);
}

int planner_alternative(struct planner *p, struct cgroup_write *w, const char *file,
			const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&w->alternative_value, format, ap) < 0)
		w->alternative_value = NULL;
	va_end(ap);
	w->alternative = file;
	return w->alternative_value ? 0 : planner_fail(p, ENOMEM, "linux.resources", w->field);
}

struct cgroup_write *planner_add_unified(struct planner *p, const char *field, const char *file,
					 const char *value, size_t len)
{
	size_t prefix = strcspn(file, ".");
	int dir;

	for (unsigned i = 0; cgroup_controllers[i]; i++)
		if (strlen(cgroup_controllers[i]) == prefix &&
		    strncmp(cgroup_controllers[i], file, prefix) == 0)
			p->plan->v2_required |= 1U << i;
	dir = dir_of(p, TS_CGROUP_UNIFIED, true, field);
	return dir < 0 ? NULL : add_write(p, dir, field, file, strndup(value, len));
}

/* --- devices --- */

/* v1: everything is denied or allowed first, then come the exceptions. */
static int plan_devices_v1(struct planner *p, struct device_rules *rules)
{
	static const char field[] = "devices", allow[] = "devices.allow", deny[] = "devices.deny";
	char text[DEVICE_RULE_TEXT];
	size_t index;

	if (device_rules_to_exceptions(rules, &index) < 0) {
		if (index == SIZE_MAX)
			return planner_invalid(p, field,
					       "cgroup v1 cannot deny what the default devices "
					       "are a part of");
		return planner_invalid(
			p, field,
			"[%zu] takes back a part of what an earlier one says: cgroup v1 "
			"cannot do that",
			index);
	}
	if (!planner_add(p, CTL_DEVICES, field, rules->allow_rest ? allow : deny, "a"))
		return -1;
	for (size_t i = 0; i < rules->n; i++) {
		device_rule_text(&rules->v[i], text);
		if (!planner_add(p, CTL_DEVICES, field, rules->allow_rest ? deny : allow, "%s",
				 text))
			return -1;
	}
	return 0;
}

static int plan_devices(struct planner *p, const struct oci_resources *r)
{
	struct device_rules rules;
	int result = 0;

	if (device_rules_build(r ? r->devices : NULL, r ? r->n_devices : 0, &rules) < 0)
		return planner_fail(p, errno, "linux.resources", "devices");
	if (planner_is_v2(p, CTL_DEVICES) && !device_rules_allow_all(&rules)) {
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
		m->disable_oom_killer == OPT_TRUE || m->use_hierarchy == OPT_FALSE ||
		c->shares.set || c->quota_us.set || c->period_us.set ||
		(c->burst_us.set && c->burst_us.value) || (c->idle.set && c->idle.value) ||
		(c->cpus && c->cpus[0]) || (c->mems && c->mems[0]) || c->realtime_period_us.set ||
		c->realtime_runtime_us.set || r->pids_limit.set || b->weight.set ||
		b->leaf_weight.set || b->n_weight_devices || b->read_bps.n || b->write_bps.n ||
		b->read_iops.n || b->write_iops.n || r->n_hugepage_limits || r->n_devices ||
		r->network_class_id.set || r->network_priorities.n || r->n_rdma || r->unified.n);
}

/* Who names a cgroup reads the task's numbers there himself, as containerd and podman do: where there is no cgroup of that name they
 * would take the root's. */
static int plan_measured(struct planner *p)
{
	static const enum controller measured[] = {CTL_CPU, CTL_PIDS, CTL_IO};

	for (size_t i = 0; i < sizeof measured / sizeof measured[0]; i++)
		if (planner_want(p, measured[i]) < 0)
			return -1;
	return planner_is_v2(p, CTL_CPU) || dir_of(p, "cpuacct", false, NULL) >= 0 ? 0 : -1;
}

/* The cgroups that every task has, limits or not: one to kill everything by, one to read OOM kills and the peak from. */
static int plan_base(struct planner *p, bool named)
{
	if (p->host->layout == TS_CGROUP_V2)
		p->plan->v2_wanted = 1U << CTL_MEMORY | 1U << CTL_PIDS;
	if (dir_of(p, p->host->layout == TS_CGROUP_V1 ? "freezer" : TS_CGROUP_UNIFIED,
		   p->host->layout != TS_CGROUP_V1, NULL) < 0)
		return -1;
	if (planner_want(p, CTL_MEMORY) < 0)
		return -1;
	return named ? plan_measured(p) : 0;
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

/* Without any cgroup: what needs one is refused. */
static int plan_none(struct planner *p, bool ask, bool devices)
{
	const char *mount = p->host->mount;

	if (!ask && !devices)
		return 0;
	if (!mount)
		return planner_fail(p, ENOENT,
				    ask ? "linux.resources needs cgroups, and none are to be made"
					: "CAP_MKNOD needs a device cgroup, and none is to be made",
				    "--cgroup-manager disabled");
	return planner_fail(p, ENOENT,
			    ask ? "linux.resources: no cgroup filesystem at"
				: "CAP_MKNOD needs a device cgroup: no cgroup filesystem at",
			    mount);
}

/* A parent for all tasks is one more cgroup to make and to destroy where there is no other task. On cgroup2 it is worth it: who reads
 * the numbers of many tasks has the kernel add them up there once. On v1 it would be a memory cgroup, a tenth of a start's time. */
static int default_paths(const char *id, char path[static PATH_MAX], char v1_path[static PATH_MAX])
{
	(void)snprintf(v1_path, PATH_MAX, TS_CGROUP_V1_NAME "%s", id);
	return snprintf(path, PATH_MAX, "/taskshim/%s", id);
}

int cgroup_plan_build(const struct cgroup_host *host, const char *path, const char *id,
		      const struct oci_resources *r, bool devices, struct cgroup_plan *ret,
		      struct ts_error *e)
{
	char text[PATH_MAX], v1_text[PATH_MAX];
	struct planner p = {
		.plan = ret, .host = host, .path = text, .v1_path = path ? text : v1_text, .e = e};
	int n = path ? snprintf(text, sizeof text, "%s%s", path[0] == '/' ? "" : "/", path)
		     : default_paths(id, text, v1_text);

	*ret = (struct cgroup_plan){0};
	if (n >= (int)sizeof text)
		return planner_fail(&p, ENAMETOOLONG, "linux.cgroupsPath", path);
	if (check_path(&p, path ? path : text) < 0)
		return -1;
	if (host->layout == TS_CGROUP_NONE)
		return plan_none(&p, r && cgroup_resources_ask(r), devices);
	if (plan_base(&p, path) == 0 && (!r || planner_limits(&p, r) == 0) &&
	    (!devices || plan_devices(&p, r) == 0))
		return 0;
	cgroup_plan_done(ret);
	return -1;
}

static int add_ready(struct cgroup_plan *plan, const struct cgroup_ready *ready)
{
	struct cgroup_dir *dir = &plan->dirs[plan->n_dirs];

	if (plan->n_dirs == CGROUP_DIRS_MAX) {
		errno = E2BIG;
		return -1;
	}
	*dir = (struct cgroup_dir){.controller = ready->controller,
				   .path = strdup(ready->path),
				   .root_len = ready->root_len,
				   .v2 = strcmp(ready->controller, TS_CGROUP_UNIFIED) == 0};
	if (!dir->path)
		return -1;
	plan->n_dirs++;
	return 0;
}

int cgroup_plan_update(const struct cgroup_host *host, const struct cgroup_ready *ready,
		       size_t n_ready, const struct oci_resources *r, struct cgroup_plan *ret,
		       struct ts_error *e)
{
	struct planner p = {.plan = ret, .host = host, .e = e};
	int result = 0;

	*ret = (struct cgroup_plan){0};
	for (size_t i = 0; i < n_ready && result == 0; i++)
		if (add_ready(ret, &ready[i]) < 0)
			result = planner_fail(&p, errno, "cgroup", ready[i].path);
	/* The rules of devices stay, as in runc: containerd sends all resources, those too. */
	if (result == 0)
		result = planner_limits(&p, r);
	if (result < 0)
		cgroup_plan_done(ret);
	return result;
}

void cgroup_plan_drop(struct cgroup_plan *plan, size_t i)
{
	struct cgroup_dir *dir = &plan->dirs[i];

	free(dir->path);
	memmove(dir, dir + 1, (plan->n_dirs - i - 1) * sizeof *dir);
	plan->n_dirs--;
	for (size_t k = 0; k < plan->n_writes; k++)
		plan->writes[k].dir -= plan->writes[k].dir > i;
}

void cgroup_plan_done(struct cgroup_plan *plan)
{
	for (size_t i = 0; i < plan->n_dirs; i++)
		free(plan->dirs[i].path);
	for (size_t i = 0; i < plan->n_writes; i++) {
		free(plan->writes[i].file);
		free(plan->writes[i].value);
		free(plan->writes[i].alternative_value);
	}
	free(plan->writes);
	device_rules_done(&plan->devices);
	*plan = (struct cgroup_plan){0};
}
