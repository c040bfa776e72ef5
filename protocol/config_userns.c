/* What the config says about user and time namespaces, where several fields are concerned: mappings of ids and offsets of
 * clocks are for a namespace that is made, and the kernel's own answer to a mapping that it does not take is EINVAL alone. */
#include "protocol/config_tables.h"

#include <string.h>

enum { MAPPINGS_MAX = 340 /* user_namespaces(7), since Linux 4.15 */ };

static bool overlap(uint32_t a, uint32_t b, uint32_t a_size, uint32_t b_size)
{
	return a < (uint64_t)b + b_size && b < (uint64_t)a + a_size;
}

/* Ids end at ID_MAX: the one after it stands for "no change". */
static bool is_too_long(uint32_t first, uint32_t size)
{
	return (uint64_t)first + size > (uint64_t)ID_MAX + 1;
}

static int check_one(const struct json_reader *r, const struct json_path *at,
		     const struct oci_id_mapping *list, size_t i)
{
	const struct oci_id_mapping *m = &list[i];
	struct json_path size = {.up = at, .key = "size"};

	if (is_too_long(m->container_id, m->size) || is_too_long(m->host_id, m->size))
		return json_fail(r, &size, "%u: ids end at %u", m->size, ID_MAX);
	for (size_t j = 0; j < i; j++) {
		if (overlap(m->container_id, list[j].container_id, m->size, list[j].size))
			return json_fail(r, at,
					 "the ids of the container overlap with those of [%zu]", j);
		if (overlap(m->host_id, list[j].host_id, m->size, list[j].size))
			return json_fail(r, at, "the ids of the host overlap with those of [%zu]",
					 j);
	}
	return 0;
}

int config_check_mappings(const struct json_reader *r, const struct json_path *at,
			  const struct oci_id_mapping *list, size_t n)
{
	if (n > MAPPINGS_MAX)
		return json_fail(r, at, "%zu mappings: the kernel takes %d", n, MAPPINGS_MAX);
	for (size_t i = 0; i < n; i++) {
		struct json_path here = {.up = at, .index = i};

		if (check_one(r, &here, list, i) < 0)
			return -1;
	}
	return 0;
}

/* --- linux.uidMappings, linux.gidMappings --- */

static int check_list(const struct json_reader *r, const struct oci_linux *l, const char *key,
		      const struct oci_id_mapping *list, size_t n)
{
	const struct oci_namespace *user = &l->namespaces[OCI_NS_USER];
	struct json_path up = {.key = "linux"};
	struct json_path at = {.up = &up, .key = key};

	if (n > 0 && !user->set)
		return json_fail(r, &at, "needs a user namespace: list one in linux.namespaces");
	if (n > 0 && user->path)
		return json_fail(r, &at, "the user namespace that is joined has mappings already");
	if (n == 0 && user->set && !user->path)
		return json_fail(r, &at, "missing: a new user namespace has no ids without them");
	return config_check_mappings(r, &at, list, n);
}

/* --- linux.timeOffsets --- */

static int check_time_offsets(const struct json_reader *r, const struct oci_linux *l)
{
	const struct oci_namespace *time = &l->namespaces[OCI_NS_TIME];
	struct json_path up = {.key = "linux"};
	struct json_path at = {.up = &up, .key = "timeOffsets"};

	if (l->n_time_offsets > 0 && (!time->set || time->path))
		return json_fail(r, &at,
				 "needs a new time namespace: list one in linux.namespaces");
	for (size_t i = 0; i < l->n_time_offsets; i++) {
		const char *clock = l->time_offsets[i].clock;
		struct json_path here = {.up = &at, .key = clock};

		if (strcmp(clock, "monotonic") != 0 && strcmp(clock, "boottime") != 0)
			return json_fail(r, &here,
					 "no such clock: expected \"monotonic\" or \"boottime\"");
	}
	return 0;
}

int config_check_userns(const struct json_reader *r, const struct config *c)
{
	const struct oci_linux *l = &c->linux_;

	if (check_list(r, l, "uidMappings", l->uid_mappings, l->n_uid_mappings) < 0 ||
	    check_list(r, l, "gidMappings", l->gid_mappings, l->n_gid_mappings) < 0)
		return -1;
	return check_time_offsets(r, l);
}
