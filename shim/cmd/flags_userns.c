/* The user namespace that the flags of `run [flags] -- CMD` mean: --userns, and for who is not root, one in any case. */
#include "shim/cmd/cmd.h"

#include "shim/subid.h"
#include "util/fd.h"
#include "util/passwd.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 4 * 1024 * 1024 };

struct range {
	unsigned inside, outside, size;
};

static int fail_usage(struct ts_error *e, const char *flag, const char *value, const char *reason)
{
	e->step = TS_STEP_USAGE;
	return ts_failf(e, 0, "%s %s: %s", flag, value, reason);
}

static int no_memory(struct ts_error *e)
{
	e->step = TS_STEP_CONFIG;
	return ts_fail(e, ENOMEM, "make the config", NULL);
}

static struct json_object *mapping_of(const struct range *range)
{
	struct json_object *mapping = json_object_new_object();

	if (json_put(mapping, "containerID", json_object_new_int64(range->inside)) == 0 &&
	    json_put(mapping, "hostID", json_object_new_int64(range->outside)) == 0 &&
	    json_put(mapping, "size", json_object_new_int64(range->size)) == 0)
		return mapping;
	json_object_put(mapping);
	return NULL;
}

static int put_mappings(struct json_object *linux_object, const char *key,
			const struct range *ranges, size_t n)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < n; i++) {
		struct json_object *mapping = mapping_of(&ranges[i]);

		if (!mapping || json_object_array_add(array, mapping) < 0) {
			json_object_put(mapping);
			json_object_put(array);
			return -1;
		}
	}
	return json_put(linux_object, key, array);
}

static int put_one(struct json_object *linux_object, struct range uids, struct range gids,
		   struct ts_error *e)
{
	return put_mappings(linux_object, "uidMappings", &uids, 1) < 0 ||
			       put_mappings(linux_object, "gidMappings", &gids, 1) < 0
		       ? no_memory(e)
		       : 0;
}

/* "FIRST:SIZE": ids from 0 on. */
static int put_given(struct json_object *linux_object, const char *value, struct ts_error *e)
{
	size_t len = strcspn(value, ":");
	struct range range = {.inside = 0};

	if (value[len] != ':' || !ts_id_parse(value, len, &range.outside) ||
	    !ts_id_parse(value + len + 1, strlen(value + len + 1), &range.size) || range.size == 0)
		return fail_usage(e, "--userns", value,
				  "expected host, FIRST:SIZE or the path of a namespace");
	return put_one(linux_object, range, range, e);
}

/* --- not root --- */

/* The range that /etc/subuid or /etc/subgid gives the caller. */
static bool find_range(const char *path, unsigned uid, struct range *ret)
{
	_cleanup_free_ char *passwd = NULL;
	_cleanup_free_ char *text = NULL;
	struct ts_passwd self;
	size_t len;
	bool named;

	if (ts_read_file_at(AT_FDCWD, path, FILE_MAX, &text, &len) < 0)
		return false;
	named = ts_read_file_at(AT_FDCWD, "/etc/passwd", FILE_MAX, &passwd, &len) == 0 &&
		ts_passwd_find(passwd, NULL, uid, &self);
	return subid_find(text, named ? self.name : NULL, uid, &ret->outside, &ret->size);
}

/* As other rootless tools do: the caller is root in there, and the other ids are those that he may map. */
static int put_ranges(struct json_object *linux_object, bool *ret_found, struct ts_error *e)
{
	struct range uids[] = {{0, geteuid(), 1}, {.inside = 1}};
	struct range gids[] = {{0, getegid(), 1}, {.inside = 1}};

	*ret_found = find_range("/etc/subuid", geteuid(), &uids[1]) &&
		     find_range("/etc/subgid", geteuid(), &gids[1]);
	if (!*ret_found)
		return 0;
	return put_mappings(linux_object, "uidMappings", uids, 2) < 0 ||
			       put_mappings(linux_object, "gidMappings", gids, 2) < 0
		       ? no_memory(e)
		       : 0;
}

/* "UID[:GID]"; without a group it has the user's number. */
static bool parse_numbers(const char *user, unsigned *ret_uid, unsigned *ret_gid)
{
	size_t len = strcspn(user, ":");

	if (!ts_id_parse(user, len, ret_uid))
		return false;
	*ret_gid = *ret_uid;
	return !user[len] || ts_id_parse(user + len + 1, strlen(user + len + 1), ret_gid);
}

static int put_user(struct json_object *taskshim, unsigned uid, unsigned gid, struct ts_error *e)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%u:%u", uid, gid);
	return json_put(taskshim, "user", json_object_new_string(text)) < 0 ? no_memory(e) : 0;
}

/* Nothing asked for: the caller as he is. Another user: if there are ids for him, one of those; else the caller under that
 * number. */
static int put_rootless(const struct flags *f, struct json_object *linux_object,
			struct json_object *taskshim, struct ts_error *e)
{
	struct range uid = {geteuid(), geteuid(), 1}, gid = {getegid(), getegid(), 1};
	bool found = false;

	if (f->user && put_ranges(linux_object, &found, e) < 0)
		return -1;
	if (found)
		return 0;
	if (f->user && !parse_numbers(f->user, &uid.inside, &gid.inside))
		return fail_usage(e, "--user", f->user,
				  "for a name /etc/subuid and /etc/subgid must give you ids (see "
				  "subuid(5)): expected UID or UID:GID");
	return put_one(linux_object, uid, gid, e) < 0
		       ? -1
		       : put_user(taskshim, uid.inside, gid.inside, e);
}

int flags_put_userns(const struct flags *f, struct json_object *linux_object,
		     struct json_object *taskshim, bool *ret_new, struct ts_error *e)
{
	*ret_new = false;
	if (f->userns && (strcmp(f->userns, "host") == 0 || strchr(f->userns, '/')))
		return 0;
	if (!f->userns && !f->not_root)
		return 0;
	*ret_new = true;
	return f->userns ? put_given(linux_object, f->userns, e)
			 : put_rootless(f, linux_object, taskshim, e);
}
