/* Finds and removes what is left of a task. */
#include "spawn/remains.h"
#include "spawn/hooks.h"

#include "protocol/id_string.h"
#include "protocol/state.h"
#include "protocol/state_files.h"
#include "protocol/stream.h"
#include "util/dir.h"
#include "util/fd.h"
#include "util/path.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	KILL_TIMEOUT_MS = 1000,
	REMOVE_TIMEOUT_MS = 5000,
	TRIES = 3, /* clean-up goes on after an error that does not last */
};

static int read_state(int state_dir_fd, struct state *ret)
{
	_cleanup_free_ char *text = NULL;
	struct json_object *object;
	struct ts_error ignored;
	size_t len;
	int r = -1;

	for (int tries = 0; !text && tries < TRIES; tries++)
		(void)ts_read_file_at(state_dir_fd, STATEDIR_STATE, STREAM_DOCUMENT_MAX, &text,
				      &len);
	if (!text || document_parse(text, len, &object, &ignored) < 0)
		return -1;
	r = state_decode(object, ret, &ignored);
	json_object_put(object);
	return r;
}

static int take_id(const struct id_string *id, struct remains *ret)
{
	memcpy(ret->cgroups.run_id, id->run_id, sizeof ret->cgroups.run_id);
	for (size_t i = 0; i < id->n_cgroups; i++)
		if (cgroup_refs_add(&ret->cgroups, id->cgroups[i].controller, id->cgroups[i].path,
				    id->cgroups[i].inode) < 0)
			return -1;
	ret->state_dir = id->state_dir ? strdup(id->state_dir) : NULL;
	return ret->state_dir ? 0 : -1;
}

int remains_read(int state_dir_fd, struct remains *ret)
{
	struct ts_error ignored;
	struct id_string id;
	struct state state;
	int r;

	*ret = (struct remains){.state_dir = NULL};
	if (read_state(state_dir_fd, &state) < 0)
		return -1;
	r = id_string_decode(state.id_string, &id, &ignored);
	state_done(&state);
	if (r < 0)
		return -1;
	r = take_id(&id, ret);
	id_string_done(&id);
	if (r < 0)
		remains_done(ret);
	return r;
}

int remains_from_config(const struct config *config, struct remains *ret)
{
	const struct ts_extension *taskshim = &config->taskshim;

	*ret = (struct remains){.state_dir = strdup(taskshim->state_dir)};
	if (!ret->state_dir)
		return -1;
	if (taskshim->run_id)
		memcpy(ret->cgroups.run_id, taskshim->run_id, sizeof ret->cgroups.run_id);
	for (size_t i = 0; i < taskshim->cgroups.n; i++)
		if (cgroup_refs_add(&ret->cgroups, taskshim->cgroups.v[i].key,
				    taskshim->cgroups.v[i].value, 0) < 0) {
			remains_done(ret);
			return -1;
		}
	return 0;
}

void remains_kill(const struct remains *remains)
{
	struct ts_error ignored;

	(void)cgroup_kill(&remains->cgroups, KILL_TIMEOUT_MS, &ignored);
}

static void remove_directory(const char *path, int fd)
{
	const char *slash = strrchr(path, '/');
	_cleanup_fd_ int parent_fd = -1;
	char parent[PATH_MAX];

	if (!slash || snprintf(parent, sizeof parent, "%.*s",
			       slash == path ? 1 : (int)(slash - path), path) >= PATH_MAX)
		return;
	for (int tries = 0; parent_fd < 0 && tries < TRIES; tries++)
		parent_fd = ts_open_no_symlinks(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY, 0);
	if (parent_fd < 0 || !ts_dir_has_name(fd, parent_fd, slash + 1))
		return;
	for (int tries = 0; tries < TRIES; tries++) {
		(void)ts_dir_clear(fd);
		if (unlinkat(parent_fd, slash + 1, AT_REMOVEDIR) == 0)
			return;
	}
}

void remains_remove(const struct remains *remains, int state_dir_fd, int lock_ms)
{
	struct ts_error ignored;

	if (ts_dir_lock(state_dir_fd, lock_ms) < 0)
		return;
	/* The directory names the cgroups until they are gone. */
	if (cgroup_remove(&remains->cgroups, true, REMOVE_TIMEOUT_MS, &ignored) < 0)
		return;
	hooks_run_owed(state_dir_fd);
	remove_directory(remains->state_dir, state_dir_fd);
}

void remains_done(struct remains *remains)
{
	cgroup_refs_done(&remains->cgroups);
	free(remains->state_dir);
	remains->state_dir = NULL;
}
