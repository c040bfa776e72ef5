/* Configs and bundles: read, and edited for the verb. */
#include "shim/cmd/cmd.h"

#include "protocol/stream.h"
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_CONFIG;
	return ts_fail(e, err, what, object);
}

/* Not by way of /dev/stdin: opened anew without blocking, a pipe whose writer is late reads as EAGAIN. */
static int read_standard_input(char **ret, size_t *ret_len, struct ts_error *e)
{
	_cleanup_free_ char *text = malloc(STREAM_DOCUMENT_MAX + 2);
	ssize_t len = text ? ts_read_text(STDIN_FILENO, text, STREAM_DOCUMENT_MAX + 2) : -1;

	if (len < 0)
		return fail(e, errno, "read", "standard input");
	if (len > STREAM_DOCUMENT_MAX)
		return fail(e, EFBIG, "read", "standard input");
	*ret = text;
	*ret_len = (size_t)len;
	text = NULL;
	return 0;
}

int config_read_text(const char *path, char **ret, size_t *ret_len, struct ts_error *e)
{
	char bundle_config[PATH_MAX];

	if (strcmp(path, "-") == 0)
		return read_standard_input(ret, ret_len, e);
	if (ts_read_file_at(AT_FDCWD, path, STREAM_DOCUMENT_MAX, ret, ret_len) == 0)
		return 0;
	if (errno != EISDIR)
		return fail(e, errno, "read", path);
	(void)snprintf(bundle_config, sizeof bundle_config, "%s/config.json", path);
	if (ts_read_file_at(AT_FDCWD, bundle_config, STREAM_DOCUMENT_MAX, ret, ret_len) == 0)
		return 0;
	return fail(e, errno, "read", bundle_config);
}

int config_read(const char *path, struct json_object **ret, struct ts_error *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	e->step = TS_STEP_CONFIG;
	if (config_read_text(path, &text, &len, e) < 0)
		return -1;
	if (document_parse(text, len, ret, e) < 0)
		return -1;
	if (json_object_is_type(*ret, json_type_object))
		return 0;
	json_object_put(*ret);
	return fail(e, EINVAL, "not a JSON object", path);
}

int bundle_read(const char *bundle, struct json_object **ret, struct ts_error *e)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof path, "%s/config.json", bundle) >= PATH_MAX)
		return fail(e, ENAMETOOLONG, "bundle", bundle);
	return config_read(path, ret, e);
}

/* Relative paths of the command line are relative to where it was typed, those of a config to the bundle. */
int path_make_absolute(const char *path, char ret[static PATH_MAX])
{
	char cwd[PATH_MAX] = "";

	if (path[0] != '/' && !getcwd(cwd, sizeof cwd))
		return -1;
	if ((size_t)snprintf(ret, PATH_MAX, "%s%s%s", cwd, path[0] == '/' ? "" : "/", path) <
	    PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

/* As runc: process 1 is whom the sockets are for. */
static int put_listen(struct json_object *document, unsigned n)
{
	struct json_object *process = json_object_object_get(document, "process"), *env;
	char text[32];

	if (!json_object_is_type(process, json_type_object))
		return 0; /* who decodes it says what is wrong */
	env = json_object_object_get(process, "env");
	if (!env && json_put(process, "env", env = json_object_new_array()) < 0)
		return -1;
	if (!json_object_is_type(env, json_type_array))
		return 0;
	(void)snprintf(text, sizeof text, "LISTEN_FDS=%u", n);
	return json_append(env, json_object_new_string(text)) < 0 ||
			       json_append(env, json_object_new_string("LISTEN_PID=1")) < 0
		       ? -1
		       : 0;
}

int bundle_edit(const struct bundle_options *options, struct json_object *document,
		struct ts_error *e)
{
	struct json_object *taskshim;
	int r = 0;

	if (options->listen_fds > 0 && put_listen(document, options->listen_fds) < 0)
		return fail(e, ENOMEM, "edit the config", NULL);
	if (!options->no_pivot && !options->no_new_keyring && !options->console_socket)
		return 0;
	taskshim = json_section(document, "taskshim");
	if (taskshim && !json_object_is_type(taskshim, json_type_object))
		return fail(e, EINVAL, "taskshim: expected an object", NULL);
	if (options->no_pivot)
		r |= json_put_string(taskshim, "isolation", "chroot");
	if (options->no_new_keyring)
		r |= json_put_string(taskshim, "keyring", "inherit");
	if (options->console_socket) {
		char path[PATH_MAX];

		if (path_make_absolute(options->console_socket, path) < 0)
			return fail(e, errno, "--console-socket", options->console_socket);
		r |= json_put_string(taskshim, "consoleSocket", path);
	}
	return r < 0 ? fail(e, ENOMEM, "edit the config", NULL) : 0;
}
