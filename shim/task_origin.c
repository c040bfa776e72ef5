/* Where a task comes from: whose it is and which root it has, as runc's `state` names them. */
#include "shim/json_put.h"
#include "shim/task.h"

#include "protocol/stream.h"
#include "util/fd.h"
#include "util/passwd.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PASSWD_MAX = 1024 * 1024 };

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_STATE;
	return ts_fail(e, err, what, object);
}

static int put(const taskshim_task *task, struct json_object *state, const char *key,
	       const char *value, struct ts_error *e)
{
	return json_put_string(state, key, value) == 0
		       ? 0
		       : fail(e, ENOMEM, "encode the state of", taskshim_task_id(task));
}

/* The host's file, not NSS: a library that runs in others' processes, and in a static program, loads none. */
static void look_up(uid_t uid, struct task_owner *ret)
{
	_cleanup_free_ char *passwd = NULL;
	struct ts_passwd user;
	size_t len;

	ret->uid = uid;
	if (ts_read_file_at(AT_FDCWD, "/etc/passwd", PASSWD_MAX, &passwd, &len) == 0 &&
	    ts_passwd_find(passwd, NULL, uid, &user))
		(void)snprintf(ret->name, sizeof ret->name, "%s", user.name);
	else
		(void)snprintf(ret->name, sizeof ret->name, "%u", (unsigned)uid);
}

int task_put_owner(const taskshim_task *task, struct task_owner *owner, struct json_object *state,
		   struct ts_error *e)
{
	struct stat st;

	if (task->has_state && task->state.owner)
		return put(task, state, "owner", task->state.owner, e);
	if (task->dir.fd < 0)
		return 0;
	if (fstat(task->dir.fd, &st) < 0)
		return fail(e, errno, "stat", task->dir.path);
	if (!owner->name[0] || owner->uid != st.st_uid)
		look_up(st.st_uid, owner);
	return put(task, state, "owner", owner->name, e);
}

/* *@ret: the config that the task was started with; NULL: there is none, or it is not to be understood. */
static int read_config(const taskshim_task *task, struct json_object **ret, struct ts_error *e)
{
	static const char *const names[] = {STATEDIR_CONFIG, STATEDIR_UNFINISHED};

	*ret = NULL;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (task_read_json(task, names[i], STREAM_DOCUMENT_MAX, ret, e) == 0)
			return 0;
		if (e->err != ENOENT)
			return e->err == EINVAL ? 0 : -1;
	}
	return 0;
}

int task_put_rootfs(const taskshim_task *task, struct json_object *state, struct ts_error *e)
{
	struct json_object *document, *root, *value;
	char path[PATH_MAX];
	const char *text;
	int r = 0;

	if (!task->has_state)
		return 0;
	if (read_config(task, &document, e) < 0)
		return -1;
	if (json_object_object_get_ex(document, "root", &root) &&
	    json_object_object_get_ex(root, "path", &value) &&
	    json_object_is_type(value, json_type_string)) {
		text = json_object_get_string(value);
		if (text[0] == '/')
			r = put(task, state, "rootfs", text, e);
		else if (snprintf(path, sizeof path, "%s/%s", task->state.bundle, text) < PATH_MAX)
			r = put(task, state, "rootfs", path, e);
	}
	json_object_put(document);
	return r;
}
