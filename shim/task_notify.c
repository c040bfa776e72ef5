/* sd_notify(3) for a task. A directory of its state directory is its /run/notify: there whoever starts the task makes the socket,
 * which would be dead if who created the task had made it and ended. */
#include "shim/task.h"
#include "shim/json_put.h"
#include "shim/mounts.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MOUNT_POINT "/run/notify"
#define SOCKET_NAME "notify.sock"
#define VARIABLE "NOTIFY_SOCKET="

static int fail(struct ts_error *e, enum ts_step step, int err, const char *what,
		const char *object)
{
	e->step = step;
	return ts_fail(e, err, what, object);
}

/* What is of the wrong type is for who decodes it to say. */
static int put_variable(struct json_object *document)
{
	struct json_object *process = json_object_object_get(document, "process"), *env;

	if (!json_object_is_type(process, json_type_object))
		return 0;
	env = json_object_object_get(process, "env");
	if (!env && json_put(process, "env", env = json_object_new_array()) < 0)
		return -1;
	if (!json_object_is_type(env, json_type_array))
		return 0;
	for (size_t i = json_object_array_length(env); i-- > 0;) {
		const char *text = json_object_get_string(json_object_array_get_idx(env, i));

		if (text && strncmp(text, VARIABLE, strlen(VARIABLE)) == 0)
			(void)json_object_array_del_idx(env, i, 1);
	}
	return json_append(env, json_object_new_string(VARIABLE MOUNT_POINT "/" SOCKET_NAME));
}

static int put_mount(const taskshim_task *task, struct json_object *document)
{
	static const char *const options[] = {"bind", "ro", "nosuid", "nodev", "noexec"};
	struct json_object *mounts = mounts_in_effect(document);
	char path[PATH_MAX + sizeof "/" STATEDIR_NOTIFY];

	if (!json_object_is_type(mounts, json_type_array))
		return mounts ? 0 : -1;
	(void)snprintf(path, sizeof path, "%s/" STATEDIR_NOTIFY, task->dir.path);
	return mounts_add(mounts, MOUNT_POINT, "bind", path, options,
			  sizeof options / sizeof options[0]);
}

int task_add_notify(taskshim_task *task, struct json_object *document, struct ts_error *e)
{
	if (put_variable(document) < 0 || put_mount(task, document) < 0)
		return fail(e, TS_STEP_CONFIG, ENOMEM, "edit the config", NULL);
	/* The task's user passes through it; the state directory, which nobody else may enter, is not above it there. */
	if (mkdirat(task->dir.fd, STATEDIR_NOTIFY, 0700) < 0 ||
	    fchmodat(task->dir.fd, STATEDIR_NOTIFY, 0755, 0) < 0)
		return fail(e, TS_STEP_STATE, errno, "make " STATEDIR_NOTIFY " of",
			    taskshim_task_id(task));
	return 0;
}

static int bind_in(int dir_fd)
{
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	/* through the descriptor: the directory's own path may be longer than an address */
	(void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" SOCKET_NAME,
		       dir_fd);
	if (fd < 0 || (unlinkat(dir_fd, SOCKET_NAME, 0) < 0 && errno != ENOENT) ||
	    bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
	    fchmodat(dir_fd, SOCKET_NAME, 0666, 0) < 0)
		return -1;
	return ts_fd_take(&fd);
}

int task_listen_notify(taskshim_task *task, struct ts_error *e)
{
	_cleanup_fd_ int dir_fd = task->dir.fd < 0
					  ? -1
					  : openat(task->dir.fd, STATEDIR_NOTIFY,
						   O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int fd;

	if (dir_fd < 0)
		return fail(e, TS_STEP_STATE, task->dir.fd < 0 ? ENOENT : errno,
			    "open " STATEDIR_NOTIFY " of", taskshim_task_id(task));
	fd = bind_in(dir_fd);
	return fd < 0 ? fail(e, TS_STEP_STATE, errno, "make the notify socket of",
			     taskshim_task_id(task))
		      : fd;
}

int taskshim_task_notify_fd(taskshim_task *task, struct taskshim_error *error)
{
	struct ts_error e = {0};
	int fd = task_listen_notify(task, &e);

	return fd < 0 ? task_fail_public(&e, error) : fd;
}
