/* Configs and bundles: read, edited for the verb, and the pid file. */
#include "shim/cmd/cmd.h"

#include "protocol/stream.h"
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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

int bundle_edit(const struct bundle_options *options, struct json_object *document,
		struct ts_error *e)
{
	struct json_object *taskshim;
	int r = 0;

	if (!options->no_pivot && !options->no_new_keyring)
		return 0;
	taskshim = json_object_object_get(document, "taskshim");
	if (taskshim && !json_object_is_type(taskshim, json_type_object))
		return fail(e, EINVAL, "taskshim: expected an object", NULL);
	if (!taskshim) {
		taskshim = json_object_new_object();
		if (json_put(document, "taskshim", taskshim) < 0)
			return fail(e, ENOMEM, "edit the config", NULL);
	}
	if (options->no_pivot)
		r |= json_put(taskshim, "isolation", json_object_new_string("chroot"));
	if (options->no_new_keyring)
		r |= json_put(taskshim, "keyring", json_object_new_string("inherit"));
	return r < 0 ? fail(e, ENOMEM, "edit the config", NULL) : 0;
}

int pid_file_write(const char *path, pid_t pid, struct ts_error *e)
{
	char directory[PATH_MAX], text[16];
	const char *slash = strrchr(path, '/');
	_cleanup_fd_ int fd = -1;
	int n = snprintf(text, sizeof text, "%d", (int)pid);

	(void)snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - path) + 1 : 1,
		       slash ? path : ".");
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 ||
	    ts_write_file_atomic(fd, slash ? slash + 1 : path, text, (size_t)n, false) < 0 ||
	    fchmodat(fd, slash ? slash + 1 : path, 0644, 0) < 0) {
		e->step = TS_STEP_STATE;
		return ts_fail(e, errno, "write the pid file", path);
	}
	return 0;
}
