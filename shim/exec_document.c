/* The config of a command in a task that runs, from that of the task. */
#include "shim/exec.h"
#include "shim/json_put.h"

#include "protocol/stream.h"
#include "util/cgroup_freeze.h"
#include "util/clock.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int fail(struct ts_error *e, enum ts_step step, int err, const char *what,
		const char *object)
{
	e->step = step;
	return ts_fail(e, err, what, object);
}

static int fail_memory(struct ts_error *e)
{
	return fail(e, TS_STEP_CONFIG, ENOMEM, "make the config", NULL);
}

/* --- from the recorded config --- */

static int copy_fields(struct json_object *from, const char *const *names, struct json_object *to)
{
	for (; from && *names; names++) {
		struct json_object *value = json_object_object_get(from, *names);

		if (value && json_put(to, *names, json_object_get(value)) < 0)
			return -1;
	}
	return 0;
}

static const struct {
	const char *type, *file;
} kinds[] = {
	{"user", "user"}, {"mount", "mnt"},   {"pid", "pid"},	    {"ipc", "ipc"},
	{"uts", "uts"},	  {"network", "net"}, {"cgroup", "cgroup"}, {"time", "time"},
};

/* Every namespace of init's that is not ours. What the paths name is proven when spawn-daemon has opened them: see exec_start(). */
static int add_namespaces(pid_t pid, struct json_object *linux_object, struct ts_error *e)
{
	struct json_object *list = json_object_new_array();

	if (json_put(linux_object, "namespaces", list) < 0)
		return fail_memory(e);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct json_object *row;
		struct stat own, others;
		char path[64];

		(void)snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i].file);
		if (stat(path, &own) < 0) {
			if (errno == ENOENT) /* a kernel without it */
				continue;
			return fail(e, TS_STEP_NAMESPACES, errno, "stat", path);
		}
		(void)snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, kinds[i].file);
		if (stat(path, &others) < 0)
			return fail(e, TS_STEP_NAMESPACES, errno, "stat", path);
		if (own.st_ino == others.st_ino && own.st_dev == others.st_dev)
			continue;
		row = json_object_new_object();
		if (json_append(list, row) < 0 || json_put_string(row, "type", kinds[i].type) < 0 ||
		    json_put_string(row, "path", path) < 0)
			return fail_memory(e);
	}
	return 0;
}

static int make_document(const taskshim_task *task, struct json_object *recorded,
			 struct json_object *document, struct ts_error *e)
{
	static const char *const top[] = {"ociVersion", "process", NULL};
	static const char *const of_linux[] = {"seccomp", "personality", "memoryPolicy", NULL};
	static const char *const ours[] = {"version",	  "user",    "keyring",
					   "cpuAffinity", "seccomp", NULL};
	struct json_object *l, *t, *process;

	if (copy_fields(recorded, top, document) < 0 || !(l = json_section(document, "linux")) ||
	    !(t = json_section(document, "taskshim")) ||
	    !(process = json_section(document, "process")) ||
	    copy_fields(json_object_object_get(recorded, "linux"), of_linux, l) < 0 ||
	    copy_fields(json_object_object_get(recorded, "taskshim"), ours, t) < 0 ||
	    json_put_string(t, "isolation", "none") < 0 ||
	    json_put_string(t, "strays", "keep") < 0 ||
	    (task->id.n_cgroups > 0 && json_put(t, "cgroup", task_cgroup_map(task)) < 0))
		return fail_memory(e);
	json_object_object_del(process, "args");
	json_object_object_del(process, "terminal");
	json_object_object_del(process, "consoleSize");
	return add_namespaces(task->id.pid, l, e);
}

/* A monitored task tells of its init before that has entered the root. Until it has, its creator has the lock. */
static int await_set_up(taskshim_task *task, struct ts_error *e)
{
	enum { STEP_MS = 20 };
	int64_t deadline = ts_boottime_ms() + LOCK_TIMEOUT_MS;

	while (task->dir.fd >= 0 && task_status(task) == TASK_CREATED) {
		if (statedir_lock(&task->dir, STEP_MS) == 0) {
			statedir_unlock(&task->dir);
			return 0;
		}
		if (errno != EWOULDBLOCK || ts_boottime_ms() > deadline)
			return fail(e, TS_STEP_STATE, EBUSY, "the task is being started",
				    taskshim_task_id(task));
	}
	return 0;
}

static int check_running(taskshim_task *task, bool while_paused, struct ts_error *e)
{
	enum task_status status;
	int paused;

	if (task_look(task, e) < 0 || await_set_up(task, e) < 0)
		return -1;
	status = task_status(task);
	if ((status != TASK_RUNNING && status != TASK_CREATED) || !task_init_lives(task))
		return fail(e, TS_STEP_STATE, ESRCH, "the task is not running",
			    taskshim_task_id(task));
	paused = while_paused ? 0 : cgroup_is_paused(&task->cgroups);
	if (paused < 0)
		return fail(e, TS_STEP_STATE, errno, "look whether it is paused",
			    taskshim_task_id(task));
	return paused ? fail(e, TS_STEP_STATE, EBUSY, "the task is paused", taskshim_task_id(task))
		      : 0;
}

int exec_document(taskshim_task *task, bool while_paused, struct json_object **ret,
		  struct ts_error *e)
{
	struct json_object *recorded = NULL, *document;
	int r;

	if (check_running(task, while_paused, e) < 0)
		return -1;
	if (task->dir.fd < 0)
		return fail(e, TS_STEP_STATE, ENOENT, "no state directory tells the config of",
			    taskshim_task_id_string(task));
	if (task_read_json(task, STATEDIR_CONFIG, STREAM_DOCUMENT_MAX, &recorded, e) < 0)
		return -1;
	document = json_object_new_object();
	r = document ? make_document(task, recorded, document, e) : fail_memory(e);
	json_object_put(recorded);
	if (r < 0)
		json_object_put(document);
	else
		*ret = document;
	return r;
}

/* --- edits --- */

int exec_set_args(struct json_object *document, const char *const *args, size_t n,
		  struct ts_error *e)
{
	return json_put_words(json_section(document, "process"), "args", args, n) < 0
		       ? fail_memory(e)
		       : 0;
}

int exec_set_shell(struct json_object *document, const char *const *paths, size_t n,
		   struct ts_error *e)
{
	static const char *const args[] = {"sh"};

	return json_put_words(json_section(document, "process"), "args", args, 1) < 0 ||
			       json_put_words(json_section(document, "taskshim"), "shell", paths,
					      n) < 0
		       ? fail_memory(e)
		       : 0;
}

int exec_set_env(struct json_object *document, const char *variable, struct ts_error *e)
{
	struct json_object *process = json_section(document, "process");
	struct json_object *env = process ? json_object_object_get(process, "env") : NULL;
	size_t name = strcspn(variable, "=");

	if (variable[name] != '=' || name == 0)
		return fail(e, TS_STEP_USAGE, EINVAL,
			    "not an environment variable: want NAME=VALUE", variable);
	if (!env && (!process || json_put(process, "env", env = json_object_new_array()) < 0))
		return fail_memory(e);
	if (!json_object_is_type(env, json_type_array))
		return fail(e, TS_STEP_CONFIG, EINVAL, "process.env is not an array", NULL);
	for (size_t i = json_object_array_length(env); i-- > 0;) {
		const char *old = json_object_get_string(json_object_array_get_idx(env, i));

		if (old && strncmp(old, variable, name + 1) == 0)
			(void)json_object_array_del_idx(env, i, 1);
	}
	return json_append(env, json_object_new_string(variable)) < 0 ? fail_memory(e) : 0;
}

int exec_set_cwd(struct json_object *document, const char *cwd, struct ts_error *e)
{
	return json_put_string(json_section(document, "process"), "cwd", cwd) < 0 ? fail_memory(e)
										  : 0;
}

int exec_set_user(struct json_object *document, const char *user, struct ts_error *e)
{
	return json_put_string(json_section(document, "taskshim"), "user", user) < 0
		       ? fail_memory(e)
		       : 0;
}

/* What has had its time is killed at once, with what it has started. */
int exec_set_timeout(struct json_object *document, int64_t ms, struct ts_error *e)
{
	struct json_object *taskshim = json_section(document, "taskshim");
	char text[32];

	(void)snprintf(text, sizeof text, "%lldms", (long long)ms);
	if (json_put_string(taskshim, "timeout", text) < 0 ||
	    json_put_string(taskshim, "killSignal", "SIGKILL") < 0)
		return fail_memory(e);
	return 0;
}

int exec_set_process(struct json_object *document, struct json_object *process, struct ts_error *e)
{
	struct json_object *taskshim = json_section(document, "taskshim");

	if (!json_object_is_type(process, json_type_object))
		return fail(e, TS_STEP_CONFIG, EINVAL, "the process is not a JSON object", NULL);
	if (!taskshim || json_put(document, "process", json_object_get(process)) < 0)
		return fail_memory(e);
	if (json_object_object_get(process, "user"))
		json_object_object_del(taskshim, "user");
	return 0;
}

static int add_to_set(struct json_object *sets, const char *set, const char *name)
{
	struct json_object *list = json_object_object_get(sets, set);

	if (!list && json_object_is_type(sets, json_type_object) &&
	    json_put(sets, set, list = json_object_new_array()) < 0)
		return -1;
	if (!json_object_is_type(list, json_type_array))
		return 0; /* spawn-daemon says what is wrong with it */
	return json_append(list, json_object_new_string(name));
}

int exec_add_capability(struct json_object *document, const char *name, struct ts_error *e)
{
	static const char *const sets[] = {"bounding", "permitted", "effective", "inheritable",
					   "ambient"};
	struct json_object *process = json_section(document, "process");
	struct json_object *all = json_section(process, "capabilities");
	char full[64];

	(void)snprintf(full, sizeof full, "%s%s", strncasecmp(name, "CAP_", 4) == 0 ? "" : "CAP_",
		       name);
	for (char *c = full; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
		if (!all || add_to_set(all, sets[i], full) < 0)
			return fail_memory(e);
	return 0;
}

/* Whether @controller is among the @len bytes of "a,b". */
static bool is_listed(const char *list, size_t len, const char *controller)
{
	size_t name = strlen(controller);

	while (len > 0) {
		const char *comma = memchr(list, ',', len);
		size_t word = comma ? (size_t)(comma - list) : len;

		if (word == name && memcmp(list, controller, name) == 0)
			return true;
		list += word + (comma != NULL);
		len -= word + (comma != NULL);
	}
	return false;
}

int exec_set_cgroup(struct json_object *document, const char *controllers, size_t len,
		    const char *path, struct ts_error *e)
{
	struct json_object *taskshim = json_section(document, "taskshim");
	struct json_object *map = taskshim ? json_object_object_get(taskshim, "cgroup") : NULL;
	bool any = false;

	path += strspn(path, "/");
	if (!*path || strstr(path, ".."))
		return fail(e, TS_STEP_USAGE, EINVAL,
			    "--cgroup: want a path below the task's cgroup", path);
	if (!map)
		return fail(e, TS_STEP_CGROUP, ENOENT, "--cgroup: the task has no cgroup", path);
	json_object_object_foreach(map, controller, value)
	{
		char full[PATH_MAX];

		if (controllers && !is_listed(controllers, len, controller))
			continue;
		if ((size_t)snprintf(full, sizeof full, "%s/%s", json_object_get_string(value),
				     path) >= sizeof full)
			return fail(e, TS_STEP_CGROUP, ENAMETOOLONG, "--cgroup", path);
		if (json_object_set_string(value, full) != 1)
			return fail_memory(e);
		any = true;
	}
	return any ? 0
		   : fail(e, TS_STEP_CGROUP, ENOENT,
			  "--cgroup: the task has no cgroup of these controllers", controllers);
}
