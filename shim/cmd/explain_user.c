/* explain: the final user and groups, by the passwd and group files that the task's root will have. */
#include "shim/cmd/explain.h"

#include "util/fd.h"
#include "util/passwd.h"
#include "util/path.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { FILE_MAX = 4 * 1024 * 1024, GROUPS_MAX = 64, NOBODY = 65534 };

struct who {
	unsigned uid, gid;
	gid_t groups[GROUPS_MAX];
	size_t n;
};

/* The host's directory that will be the root as far as @path goes, with the rest of it; -1: it is not known before the start. */
static int open_part(const struct config *config, const char *bundle, const char **path)
{
	const struct key_value_list *map = &config->taskshim.chroot_map;
	char text[PATH_MAX];

	if (config->taskshim.chroot == TS_CHROOT_HOST ||
	    config->taskshim.isolation == TS_ISOLATION_NONE)
		return open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < map->n; i++) {
		if (!ts_path_is_below(*path, map->v[i].key))
			continue;
		*path += strlen(map->v[i].key);
		return open(map->v[i].value, O_PATH | O_CLOEXEC);
	}
	if (!config->root.path)
		return -1;
	(void)snprintf(text, sizeof text, "%s%s%s", config->root.path[0] == '/' ? "" : bundle,
		       config->root.path[0] == '/' ? "" : "/", config->root.path);
	return open(text, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The file @path of the root; empty where there is none. */
static char *read_part(const struct config *config, const char *bundle, const char *path)
{
	_cleanup_fd_ int dir = open_part(config, bundle, &path);
	_cleanup_fd_ int fd = -1;
	char *text = NULL;
	size_t len;

	if (dir >= 0 && !*path) { /* the file itself is in the map */
		char link[64];

		(void)snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
		fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	} else if (dir >= 0) {
		fd = ts_open_in_root(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	}
	if (fd >= 0 && ts_read_file(fd, FILE_MAX, &text, &len) == 0)
		return text;
	return strdup("");
}

static bool find_group(const char *text, const char *group, unsigned *ret)
{
	gid_t gid;

	if (ts_id_parse(group, strlen(group), ret))
		return true;
	if (!ts_group_find(text, group, &gid))
		return false;
	*ret = gid;
	return true;
}

/* taskshim.user, as spawn/user.c looks it up. Returns false when its name is not there. */
static bool look_up(const char *user, const char *passwd, const char *groups, struct who *ret)
{
	const char *colon = strchr(user, ':');
	size_t len = colon ? (size_t)(colon - user) : strlen(user);
	struct ts_passwd entry;
	unsigned id = 0;
	bool numeric = ts_id_parse(user, len, &id), found;
	char name[256];

	(void)snprintf(name, sizeof name, "%.*s", (int)len, user);
	found = !(numeric && colon) && ts_passwd_find(passwd, numeric ? NULL : name, id, &entry);
	if (!found && !numeric)
		return false;
	ret->uid = found ? entry.uid : id;
	ret->gid = found ? entry.gid : id;
	if (colon)
		return find_group(groups, colon + 1, &ret->gid);
	if (found)
		ret->n = ts_group_memberships(groups, entry.name, ret->groups, GROUPS_MAX);
	return true;
}

static void print(const struct who *who, char *ret, size_t size)
{
	int used = snprintf(ret, size, "uid %u, gid %u, %s", who->uid, who->gid,
			    who->n ? "groups" : "no more groups");

	for (size_t i = 0; i < who->n && i < GROUPS_MAX; i++)
		if (used > 0 && (size_t)used < size)
			used += snprintf(ret + used, size - (size_t)used, " %u", who->groups[i]);
	if (who->n > GROUPS_MAX && used > 0 && (size_t)used < size)
		(void)snprintf(ret + used, size - (size_t)used, " ...");
}

static void find_and_print(const struct config *config, const char *passwd, const char *groups,
			   char *ret, size_t size)
{
	const struct oci_user *user = &config->process.user;
	struct who who = {.uid = NOBODY, .gid = NOBODY};
	struct ts_passwd entry;

	if (config->taskshim.user) {
		if (!look_up(config->taskshim.user, passwd, groups, &who)) {
			(void)snprintf(ret, size,
				       "%s: not found in the root's files as they are now",
				       config->taskshim.user);
			return;
		}
	} else if (user->set) {
		who = (struct who){
			.uid = user->uid, .gid = user->gid, .n = user->n_additional_gids};
		for (size_t i = 0; i < who.n && i < GROUPS_MAX; i++)
			who.groups[i] = user->additional_gids[i];
	} else if (ts_passwd_find(passwd, "nobody", 0, &entry) && entry.uid != 0) {
		who.uid = entry.uid;
		who.gid = entry.gid ? entry.gid : NOBODY;
	}
	print(&who, ret, size);
}

void explain_user(const struct config *config, const char *bundle, char *ret, size_t size)
{
	char *passwd = read_part(config, bundle, "/etc/passwd");
	char *groups = read_part(config, bundle, "/etc/group");

	find_and_print(config, passwd ? passwd : "", groups ? groups : "", ret, size);
	free(passwd);
	free(groups);
}
