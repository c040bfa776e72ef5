/* Which cgroups a task gets and what is written into them: linux.cgroupsPath and linux.resources turned into paths,
 * files and values for the machine's layout. Planning is pure; cgroup_make() (shim/cgroup.h) does it.
 *
 * Lifecycle: cgroup_plan_build() -> cgroup_resolve() -> cgroup_make() -> cgroup_plan_done(). */
#ifndef SHIM_CGROUP_PLAN_H
#define SHIM_CGROUP_PLAN_H

#include "protocol/config.h"
#include "shim/device_rules.h"
#include "util/cgroup.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { CGROUP_DIRS_MAX = 12 };

/* One cgroup: a directory in one hierarchy. */
struct cgroup_dir {
	const char *controller; /* key of the id string and of taskshim.cgroup; static storage */
	char *path; /* absolute */
	size_t root_len; /* of the hierarchy's mount point in path */
	bool v2;
	bool required; /* a limit needs it; else it is left out where the hierarchy is not mounted */
};

/* One value for one file. */
struct cgroup_write {
	unsigned dir; /* index into dirs */
	const char *file; /* may belong to the document */
	const char *alternative; /* the file's name on other kernels, tried on ENOENT; NULL: none */
	char *value;
	char *alternative_value; /* NULL: the same */
	const char *field; /* the JSON path it came from */
	bool may_lack; /* no such file is a warning: swap accounting */
};

struct cgroup_plan {
	struct cgroup_dir dirs[CGROUP_DIRS_MAX];
	size_t n_dirs;
	struct cgroup_write *writes; /* in the order in which they must be made */
	size_t n_writes;
	/* Controllers to enable down the path on v2, as bits of cgroup_controllers[]. */
	unsigned v2_required, v2_wanted;
	struct device_rules devices; /* v2: what a program is made of; .v NULL: none */
};

/* Names of the v2 controllers that we know; the bit of [i] is 1 << i. NULL-terminated. */
extern const char *const cgroup_controllers[];

/* Plans for @layout mounted at @mount. @path: linux.cgroupsPath or NULL, then /taskshim/<id>. @resources may be NULL.
 * @devices: whether device rules are needed, device_rules_needed(). Returns 0 and fills *@ret, or -1 with @e filled: a value out of range or a field that is not supported, by its JSON
 * path; limits without cgroups to put them in. */
int cgroup_plan_build(const char *mount, enum ts_cgroup_layout layout, const char *path,
		      const char *id, const struct oci_resources *resources, bool devices,
		      struct cgroup_plan *ret, struct ts_error *e);

/* Whether any limit is asked for. */
bool cgroup_resources_ask(const struct oci_resources *resources);

void cgroup_plan_done(struct cgroup_plan *plan);

#endif
