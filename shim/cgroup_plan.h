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
#include <stdint.h>

enum { CGROUP_DIRS_MAX = 16 };

/* What the plan is for. */
struct cgroup_host {
	const char
		*mount; /* "/sys/fs/cgroup"; NULL: no cgroups are to be made, the layout is NONE */
	enum ts_cgroup_layout layout;
	unsigned
		unified; /* HYBRID: controllers that the cgroup2 hierarchy has, as bits of cgroup_controllers[] */
};

/* One cgroup: a directory in one hierarchy. */
struct cgroup_dir {
	const char *controller; /* key of the id string and of taskshim.cgroup */
	char *path; /* absolute */
	size_t root_len; /* of the hierarchy's mount point in path */
	bool v2;
	const char *
		field; /* the limit that needs it; NULL: it is left out where the hierarchy is not mounted */
};

/* A cgroup that a task has. */
struct cgroup_ready {
	const char *controller, *path;
	size_t root_len;
};

/* What it means that a write's file is not there. */
enum cgroup_lack {
	LACK_IS_ERROR,
	LACK_IS_WARNING, /* swap accounting */
	LACK_IS_FINE, /* what is written is what goes without saying */
};

/* One value for one file. */
struct cgroup_write {
	unsigned dir; /* index into dirs */
	char *file;
	const char *alternative; /* the file's name on other kernels, tried on ENOENT; NULL: none */
	char *value;
	char *alternative_value; /* NULL: the same */
	const char *field; /* the JSON path it came from */
	enum cgroup_lack lack; /* LACK_IS_FINE: so is EOPNOTSUPP */
	uint64_t not_below; /* the usage in .usage_file must be less than this; 0: not asked */
	const char *usage_file;
	uint64_t
		at_most; /* if the file says more when it is written, the kernel takes no limits there; 0: not asked */
};

struct cgroup_plan {
	struct cgroup_dir dirs[CGROUP_DIRS_MAX];
	size_t n_dirs;
	struct cgroup_write *writes; /* in the order in which they are tried */
	size_t n_writes;
	/* Controllers to enable down the path on v2, as bits of cgroup_controllers[]. */
	unsigned v2_required, v2_wanted;
	struct device_rules devices; /* v2: what a program is made of; .v NULL: none */
};

/* Names of the v2 controllers that we know; the bit of [i] is 1 << i. NULL-terminated. */
extern const char *const cgroup_controllers[];

/* Plans for @host. @path: linux.cgroupsPath or NULL, then /taskshim/<id>. @resources may be NULL.
 * @devices: whether device rules are needed, device_rules_needed(). Returns 0 and fills *@ret, or -1 with @e filled: a value out of range or a field that this layout does not have, by its JSON
 * path; limits without cgroups to put them in. */
int cgroup_plan_build(const struct cgroup_host *host, const char *path, const char *id,
		      const struct oci_resources *resources, bool devices, struct cgroup_plan *ret,
		      struct ts_error *e);

/* Plans other limits for the cgroups @ready of a task that runs: none is added. A section that the config may leave empty
 * says nothing, and 0 is a value where the kernel knows it (cpu.burst, cpu.idle). Returns 0, or -1 with @e filled. */
int cgroup_plan_update(const struct cgroup_host *host, const struct cgroup_ready *ready,
		       size_t n_ready, const struct oci_resources *resources,
		       struct cgroup_plan *ret, struct ts_error *e);

/* Leaves out dirs[@i], to which no write may refer. */
void cgroup_plan_drop(struct cgroup_plan *plan, size_t i);

/* Whether any limit is asked for. */
bool cgroup_resources_ask(const struct oci_resources *resources);

void cgroup_plan_done(struct cgroup_plan *plan);

#endif
