/* Sets other limits for a task that runs: linux.resources again, for the cgroups that it has. */
#include "shim/task.h"

#include "protocol/config.h"
#include "protocol/stream.h"
#include "util/cgroup.h"
#include "util/dir.h"
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(struct ts_error *e, enum ts_step step, int err, const char *what,
		const char *object)
{
	e->step = step;
	return ts_fail(e, err, what, object);
}

static int no_memory(struct ts_error *e)
{
	return fail(e, TS_STEP_CONFIG, ENOMEM, "linux.resources", NULL);
}

/* --- the task's cgroups --- */

struct ready {
	struct cgroup_host host;
	struct cgroup_ready v[CGROUP_REFS_MAX];
	size_t n;
};

/* Of the hierarchy's mount point in the path of a cgroup. */
static size_t root_len_of(const struct ready *ready, const char *path)
{
	size_t len = strlen(CGROUP_MOUNT);

	return ready->host.layout == TS_CGROUP_V2 || strlen(path) <= len
		       ? len
		       : len + 1 + strcspn(path + len + 1, "/");
}

static int find_cgroups(const taskshim_task *task, struct ready *ready, struct ts_error *e)
{
	ready->host = task_cgroup_host(false, ts_cgroup_layout(CGROUP_MOUNT));
	if (ready->host.layout == TS_CGROUP_UNKNOWN)
		return fail(e, TS_STEP_CGROUP, errno, "find the cgroup hierarchies below",
			    CGROUP_MOUNT);
	if (task->id.n_cgroups == 0)
		return fail(e, TS_STEP_CGROUP, ENOENT, "the task was started without cgroups",
			    taskshim_task_id(task));
	for (size_t i = 0; i < task->id.n_cgroups && ready->n < CGROUP_REFS_MAX; i++) {
		const struct id_cgroup *cgroup = &task->id.cgroups[i];
		int r = cgroup_is_the_tasks(&task->cgroups, cgroup->path);

		if (r <= 0)
			return fail(e, TS_STEP_CGROUP, r < 0 ? errno : ESTALE,
				    r < 0 ? "read the mark of"
					  : "the cgroup is not one that taskshim made for this "
					    "task, or "
					    "it is gone",
				    cgroup->path);
		ready->v[ready->n++] = (struct cgroup_ready){cgroup->controller, cgroup->path,
							     root_len_of(ready, cgroup->path)};
	}
	return 0;
}

/* Opens @file in the first of the cgroups that has it. Returns whether @text was filled. */
static bool read_file(const struct ready *ready, const char *file, char *text, size_t size)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < ready->n; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", ready->v[i].path, file);
		if (ts_read_text_at(AT_FDCWD, path, text, size) > 0)
			return true;
	}
	return false;
}

/* --- what one value says only together with another: the other stays as it is --- */

static bool has(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) && value &&
	       (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) != 0);
}

static int put(struct json_object *object, const char *key, int64_t number)
{
	struct json_object *value = json_object_new_int64(number);

	if (value && json_object_object_add(object, key, value) == 0)
		return 0;
	json_object_put(value);
	return -1;
}

/* Swap is a sum with the memory limit, in the config and on v1. */
static int complete_memory(const struct ready *ready, struct json_object *memory)
{
	char text[64], *end;
	long long limit;

	if (!has(memory, "swap") || has(memory, "limit"))
		return 0;
	if (!read_file(ready, "memory.max", text, sizeof text) &&
	    !read_file(ready, "memory.limit_in_bytes", text, sizeof text))
		return 0;
	limit = strtoll(text, &end, 10);
	if (end == text || limit > INT64_MAX / 2)
		limit = -1;
	return put(memory, "limit", limit);
}

/* "max 100000": one file of v2 for both. */
static int complete_cpu(const struct ready *ready, struct json_object *cpu)
{
	bool quota = has(cpu, "quota"), period = has(cpu, "period");
	char text[64], *end;
	long long now;

	if (quota == period || !read_file(ready, "cpu.max", text, sizeof text))
		return 0;
	now = strtoll(text, &end, 10);
	if (end == text)
		now = -1;
	end = strchr(text, ' ');
	if (period)
		return put(cpu, "quota", now);
	return end ? put(cpu, "period", strtoll(end, NULL, 10)) : 0;
}

static int complete(const struct ready *ready, struct json_object *resources)
{
	struct json_object *section;

	if (json_object_object_get_ex(resources, "memory", &section) &&
	    json_object_is_type(section, json_type_object) && complete_memory(ready, section) < 0)
		return -1;
	if (json_object_object_get_ex(resources, "cpu", &section) &&
	    json_object_is_type(section, json_type_object) && complete_cpu(ready, section) < 0)
		return -1;
	return 0;
}

/* --- decoding --- */

/* A config that says nothing else. Takes @resources over. */
static struct json_object *wrap(struct json_object *resources)
{
	static const char text[] =
		"{\"ociVersion\":\"1.0.0\",\"process\":{\"args\":[\"x\"],\"cwd\":\"/\"},"
		"\"taskshim\":{\"chroot\":\"host\"},\"linux\":{}}";
	struct json_object *document = json_tokener_parse(text);

	if (document && json_object_object_add(json_object_object_get(document, "linux"),
					       "resources", resources) == 0)
		return document;
	json_object_put(resources);
	json_object_put(document);
	return NULL;
}

/* Decodes @resources (taken over). Returns 0 and *@ret, or -1 with @e filled. */
static int decode(struct json_object *resources, struct config **ret, struct ts_error *e)
{
	struct json_object *document = wrap(resources);
	int r = document ? config_decode(document, ret, e) : no_memory(e);

	json_object_put(document);
	return r;
}

static int parse(const char *text, size_t len, struct json_object **ret, struct ts_error *e)
{
	e->step = TS_STEP_CONFIG;
	if (document_parse(text, len, ret, e) < 0)
		return -1;
	if (json_object_is_type(*ret, json_type_object))
		return 0;
	json_object_put(*ret);
	return fail(e, TS_STEP_CONFIG, EINVAL, "the resources are not a JSON object", NULL);
}

/* --- doing it --- */

static int apply(const taskshim_task *task, struct ready *ready, struct json_object *resources,
		 struct ts_error *e)
{
	struct cgroup_plan plan;
	struct config *config = NULL;
	int r;

	if (complete(ready, resources) < 0) {
		json_object_put(resources);
		return no_memory(e);
	}
	if (decode(resources, &config, e) < 0)
		return -1;
	cgroup_host_look(&ready->host, &config->linux_.resources);
	r = cgroup_plan_update(&ready->host, ready->v, ready->n, &config->linux_.resources, &plan,
			       e);
	if (r == 0) {
		r = cgroup_update_limits(&plan, &task->warner, e);
		cgroup_plan_done(&plan);
	}
	config_free(config);
	return r;
}

/* The lock keeps two updates from taking back what the other has written. Not that of the directory, which `run` holds for as long
 * as its task runs. Returns 0 and *@ret, -1 where there is no state directory; or -1 with @e filled. */
static int lock(const taskshim_task *task, int *ret, struct ts_error *e)
{
	_cleanup_fd_ int fd = -1;

	*ret = -1;
	if (task->dir.fd < 0)
		return 0;
	fd = openat(task->dir.fd, STATEDIR_STATE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || ts_dir_lock(fd, LOCK_TIMEOUT_MS) < 0)
		return fail(e, TS_STEP_STATE, errno, "lock " STATEDIR_STATE " of",
			    taskshim_task_id(task));
	*ret = ts_fd_take(&fd);
	return 0;
}

static int update(taskshim_task *task, struct json_object *resources, struct ts_error *e)
{
	_cleanup_fd_ int lock_fd = -1;
	struct ready ready = {.n = 0};
	enum task_status status;

	status = task_look(task, e) < 0 ? TASK_CREATING : task_status(task);
	if (status != TASK_RUNNING && status != TASK_CREATED) {
		json_object_put(resources);
		return status == TASK_CREATING && e->err
			       ? -1
			       : fail(e, TS_STEP_CGROUP, ESRCH, "the task is not running",
				      taskshim_task_id(task));
	}
	if (lock(task, &lock_fd, e) < 0 || find_cgroups(task, &ready, e) < 0) {
		json_object_put(resources);
		return -1;
	}
	return apply(task, &ready, resources, e);
}

int taskshim_task_update(taskshim_task *task, const char *resources, size_t len,
			 struct taskshim_error *error)
{
	struct json_object *object = NULL;
	struct ts_error e = {0};

	return parse(resources, len, &object, &e) < 0 || update(task, object, &e) < 0
		       ? task_fail_public(&e, error)
		       : 0;
}
