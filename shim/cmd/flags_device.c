/* --device HOST[:TASK][:PERMS]: the host's device by its path, in the config by its numbers, with the rule that allows it. */
#include "shim/cmd/cmd.h"

#include <dirent.h>
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { DEPTH_MAX = 16 };

struct device_flag {
	struct json_object *linux_; /* of the config */
	const char *permissions;
	struct ts_error *e;
	size_t found;
};

static int fail(const struct device_flag *d, int err, const char *what, const char *path)
{
	d->e->step = TS_STEP_USAGE;
	return ts_failf(d->e, err, "--device %s: %s", path, what);
}

static int no_memory(const struct device_flag *d)
{
	return fail(d, ENOMEM, "make the config", "");
}

/* Appends @object (taken over) to the array at @key of @parent, made if missing. */
static int append(struct json_object *parent, const char *key, struct json_object *object)
{
	struct json_object *array;

	if (!json_object_object_get_ex(parent, key, &array)) {
		array = json_object_new_array();
		if (json_put(parent, key, array) < 0)
			array = NULL;
	}
	if (array && object && json_object_array_add(array, object) == 0)
		return 0;
	json_object_put(object);
	return -1;
}

static int put_number(struct json_object *object, const char *key, unsigned value)
{
	return json_put(object, key, json_object_new_int64(value));
}

/* What a device and a rule about it have in common. */
static struct json_object *numbers(const struct stat *st)
{
	struct json_object *object = json_object_new_object();
	const char *type = S_ISBLK(st->st_mode) ? "b" : "c";

	if (json_put(object, "type", json_object_new_string(type)) == 0 &&
	    put_number(object, "major", major(st->st_rdev)) == 0 &&
	    put_number(object, "minor", minor(st->st_rdev)) == 0)
		return object;
	json_object_put(object);
	return NULL;
}

static struct json_object *resources(struct json_object *linux_object)
{
	struct json_object *object;

	if (json_object_object_get_ex(linux_object, "resources", &object))
		return object;
	object = json_object_new_object();
	return json_put(linux_object, "resources", object) < 0 ? NULL : object;
}

static int add_device(struct device_flag *d, const struct stat *st, const char *path)
{
	struct json_object *device = numbers(st), *rule = numbers(st),
			   *parent = resources(d->linux_);

	if (json_put(device, "path", json_object_new_string(path)) < 0 ||
	    put_number(device, "fileMode", st->st_mode & 0777) < 0 ||
	    put_number(device, "uid", st->st_uid) < 0 ||
	    put_number(device, "gid", st->st_gid) < 0 ||
	    json_put(rule, "allow", json_object_new_boolean(1)) < 0 ||
	    json_put(rule, "access", json_object_new_string(d->permissions)) < 0 || !parent) {
		json_object_put(device);
		json_object_put(rule);
		return no_memory(d);
	}
	d->found++;
	if (append(d->linux_, "devices", device) < 0) {
		json_object_put(rule);
		return no_memory(d);
	}
	return append(parent, "devices", rule) < 0 ? no_memory(d) : 0;
}

static int add_path(struct device_flag *d, const char *host, const char *task, int depth);

/* All devices below a directory, under the same names; what else is there is left out, links too. */
static int add_directory(struct device_flag *d, const char *host, const char *task, int depth)
{
	DIR *dir = opendir(host);
	struct dirent *entry;
	int r = 0;

	if (!dir || depth == DEPTH_MAX) {
		r = fail(d, dir ? ELOOP : errno, "read directory", host);
		if (dir)
			(void)closedir(dir);
		return r;
	}
	while (r == 0 && (entry = readdir(dir))) {
		char from[PATH_MAX], to[PATH_MAX];
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (snprintf(from, sizeof from, "%s/%s", host, entry->d_name) >= PATH_MAX ||
		    snprintf(to, sizeof to, "%s/%s", task, entry->d_name) >= PATH_MAX)
			r = fail(d, ENAMETOOLONG, "read directory", host);
		else if (lstat(from, &st) == 0 && !S_ISLNK(st.st_mode))
			r = add_path(d, from, to, depth + 1);
	}
	(void)closedir(dir);
	return r;
}

static int add_path(struct device_flag *d, const char *host, const char *task, int depth)
{
	struct stat st;

	if (stat(host, &st) < 0)
		return fail(d, errno, "look at it", host);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		return add_device(d, &st, task);
	if (S_ISDIR(st.st_mode))
		return add_directory(d, host, task, depth);
	return depth > 0 ? 0 : fail(d, 0, "not a device", host);
}

static bool are_permissions(const char *text)
{
	return *text && text[strspn(text, "rwm")] == '\0';
}

/* Takes @text apart: HOST, HOST:TASK, HOST:PERMS, HOST:TASK:PERMS. */
static int parse(char *text, const char **host, const char **task, const char **permissions)
{
	char *second = strchr(text, ':'), *third = second ? strchr(second + 1, ':') : NULL;

	*host = *task = text;
	*permissions = "rwm";
	if (second)
		*second++ = '\0';
	if (third)
		*third++ = '\0';
	if (second && !third && are_permissions(second))
		*permissions = second;
	else if (second)
		*task = second;
	if (third)
		*permissions = third;
	return (*host)[0] == '/' && (*task)[0] == '/' && (*task)[1] && are_permissions(*permissions)
		       ? 0
		       : -1;
}

/* @text is the flag's, to be taken apart. */
static int add_text(struct device_flag *d, const char *flag, char *text)
{
	const char *host, *task;

	if (parse(text, &host, &task, &d->permissions) < 0)
		return fail(d, 0, "expected HOST[:TASK[:PERMS]], absolute paths, PERMS of \"rwm\"",
			    flag);
	if (add_path(d, host, task, 0) < 0)
		return -1;
	return d->found ? 0 : fail(d, 0, "no device is in this directory", host);
}

int flags_add_device(const char *flag, struct json_object *linux_object, struct ts_error *e)
{
	struct device_flag d = {.linux_ = linux_object, .e = e};
	char *text = strdup(flag);
	int r = text ? add_text(&d, flag, text) : no_memory(&d);

	free(text);
	return r;
}
