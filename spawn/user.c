/* Who the task runs as. Names are looked up in the task's own /etc/passwd and /etc/group; a name that is not there is an
 * error, never root. */
#include "spawn/steps.h"
#include "spawn/taskdir.h"

#include "util/fd.h"
#include "util/passwd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

enum { FILE_MAX = 4 * 1024 * 1024, NOBODY = 65534, GROUPS_MAX = 65536 };

/* Reads /etc/passwd or /etc/group of the root we are in; a missing file reads as empty. */
static int read_database(const char *path, char **ret, struct ts_error *e)
{
	_cleanup_fd_ int fd = ts_open_here(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	size_t len;

	if (fd >= 0 && ts_read_file(fd, FILE_MAX, ret, &len) == 0)
		return 0;
	if (errno != ENOENT && errno != ENOTDIR)
		return ts_fail(e, errno, "read", path);
	*ret = calloc(1, 1);
	return *ret ? 0 : ts_fail(e, ENOMEM, "read", path);
}

static int resolve_group(const char *group, struct credentials *ret, struct ts_error *e)
{
	_cleanup_free_ char *text = NULL;
	unsigned id;

	if (ts_id_parse(group, strlen(group), &id)) {
		ret->gid = id;
		return 0;
	}
	if (read_database("/etc/group", &text, e) < 0)
		return -1;
	if (!ts_group_find(text, group, &ret->gid))
		return ts_fail(e, 0, "group not found in the root's /etc/group", group);
	return 0;
}

/* The groups that list @name, as initgroups(3) gives a login. */
static int resolve_memberships(const char *name, struct credentials *ret, struct ts_error *e)
{
	_cleanup_free_ char *text = NULL;
	size_t n;

	if (read_database("/etc/group", &text, e) < 0)
		return -1;
	n = ts_group_memberships(text, name, NULL, 0);
	if (n > GROUPS_MAX)
		return ts_fail(e, E2BIG, "too many groups", name);
	ret->groups = n ? calloc(n, sizeof *ret->groups) : NULL;
	if (n && !ret->groups)
		return ts_fail(e, ENOMEM, "groups of", name);
	ret->n_groups = ts_group_memberships(text, name, ret->groups, n);
	return 0;
}

/* @user: the part before ':'. Digits are always a uid, also where somebody is named so. */
static int resolve_user(const char *user, bool group_given, struct credentials *ret,
			struct ts_error *e)
{
	_cleanup_free_ char *text = NULL;
	struct ts_passwd entry;
	unsigned id;
	bool numeric = ts_id_parse(user, strlen(user), &id);

	if (numeric && group_given) {
		ret->uid = id;
		return 0;
	}
	if (read_database("/etc/passwd", &text, e) < 0)
		return -1;
	if (ts_passwd_find(text, numeric ? NULL : user, numeric ? id : 0, &entry)) {
		ret->uid = entry.uid;
		ret->gid = entry.gid;
		return group_given ? 0 : resolve_memberships(entry.name, ret, e);
	}
	if (!numeric)
		return ts_fail(e, 0, "user not found in the root's /etc/passwd", user);
	ret->uid = id;
	ret->gid = id; /* the group of that number, and never root's, where nobody says otherwise */
	return 0;
}

static int resolve_name(const char *user, struct credentials *ret, struct ts_error *e)
{
	const char *colon = strchr(user, ':');
	char name[256];

	if (!colon)
		return resolve_user(user, false, ret, e);
	if (colon == user || !colon[1] || (size_t)(colon - user) >= sizeof name)
		return ts_fail(e, EINVAL, "not a user: want NAME, UID, NAME:GROUP or UID:GID",
			       user);
	memcpy(name, user, (size_t)(colon - user));
	name[colon - user] = '\0';
	if (resolve_user(name, true, ret, e) < 0)
		return -1;
	return resolve_group(colon + 1, ret, e);
}

static int resolve_nobody(struct credentials *ret, struct ts_error *e)
{
	_cleanup_free_ char *text = NULL;
	struct ts_passwd entry;

	if (read_database("/etc/passwd", &text, e) < 0)
		return -1;
	bool found = ts_passwd_find(text, "nobody", 0, &entry) && entry.uid != 0;

	ret->uid = found ? entry.uid : NOBODY;
	ret->gid = found && entry.gid != 0 ? entry.gid : NOBODY;
	return 0;
}

static int resolve(const struct config *config, struct credentials *ret, struct ts_error *e)
{
	const struct oci_user *user = &config->process.user;

	if (config->taskshim.user)
		return resolve_name(config->taskshim.user, ret, e);
	if (!user->set)
		return resolve_nobody(ret, e);
	ret->uid = user->uid;
	ret->gid = user->gid;
	ret->n_groups = user->n_additional_gids;
	ret->groups = ret->n_groups ? calloc(ret->n_groups, sizeof *ret->groups) : NULL;
	if (ret->n_groups && !ret->groups)
		return ts_fail(e, ENOMEM, "groups", NULL);
	for (size_t i = 0; i < ret->n_groups; i++)
		ret->groups[i] = user->additional_gids[i];
	return 0;
}

int step_lookup(struct task *task, struct ts_error *e)
{
	struct credentials *who = &task->credentials;

	if (task->plan->keep_credentials && !task->plan->set_user)
		return 0;
	if (resolve(task->plan->config, who, e) < 0)
		return -1;
	return taskdir_give(task, who->uid, who->gid, e);
}

int step_user(struct task *task, struct ts_error *e)
{
	const struct credentials *who = &task->credentials;

	if (task->plan->keep_credentials && !task->plan->set_user)
		return 0;
	/* Capabilities that the config grants survive the change of user; step_capabilities takes the others away. */
	if ((task->plan->capabilities.permitted || task->plan->capability_for_seccomp) &&
	    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return ts_fail(e, errno, "keep capabilities", NULL);
	if (task->groups_denied && who->n_groups > 0)
		return ts_failf(
			e, EPERM,
			"the user namespace does not allow setgroups(2): %zu supplementary groups",
			who->n_groups);
	if (!task->groups_denied && setgroups(who->n_groups, who->groups) < 0)
		return ts_failf(e, errno, "set %zu supplementary groups", who->n_groups);
	if (setresgid(who->gid, who->gid, who->gid) < 0)
		return ts_failf(e, errno, "set gid %u", who->gid);
	if (setresuid(who->uid, who->uid, who->uid) < 0)
		return ts_failf(e, errno, "set uid %u", who->uid);
	return 0;
}
