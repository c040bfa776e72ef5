/* The config that the flags of `run [flags] -- CMD` mean. */
#include "shim/cmd/cmd.h"
#include "shim/mounts.h"

#include "protocol/config.h"
#include "protocol/defaults.h"
#include "util/fd.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>

enum { FILE_MAX = 4 * 1024 * 1024, CPU_PERIOD_US = 100000, CPU_QUOTA_MIN_US = 1000 };

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static int bad(struct ts_error *e, const char *flag, const char *value, const char *expected)
{
	e->step = TS_STEP_USAGE;
	return ts_failf(e, 0, "%s %s: expected %s", flag, value, expected);
}

static int no_memory(struct ts_error *e)
{
	e->step = TS_STEP_CONFIG;
	return ts_fail(e, ENOMEM, "make the config", NULL);
}

/* Joins @path to the caller's working directory: spawn-daemon has another. */
static int absolute(const char *path, char ret[static PATH_MAX], struct ts_error *e)
{
	char cwd[PATH_MAX] = "";

	e->step = TS_STEP_USAGE;
	if (path[0] != '/' && !getcwd(cwd, sizeof cwd))
		return ts_fail(e, errno, "getcwd", NULL);
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	if (strcmp(path, ".") == 0)
		path = "";
	if (snprintf(ret, PATH_MAX, "%s%s%s", cwd, cwd[0] && path[0] ? "/" : "", path) >= PATH_MAX)
		return ts_fail(e, ENAMETOOLONG, path, NULL);
	for (size_t n = strlen(ret); n > 1 && ret[n - 1] == '/'; n--)
		ret[n - 1] = '\0';
	return 0;
}

static int put_path(struct json_object *object, const char *key, const char *path,
		    struct ts_error *e)
{
	char text[PATH_MAX];

	if (absolute(path, text, e) < 0)
		return -1;
	return json_put_string(object, key, text) < 0 ? no_memory(e) : 0;
}

/* --- numbers --- */

int flag_parse_size(const char *text, int64_t *ret)
{
	static const char units[] = "bkmgt";
	const char *unit;
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || end == text || value < -1)
		return -1;
	if (*end) {
		unit = strchr(units, tolower((unsigned char)*end));
		if (!unit || value < 0)
			return -1;
		end++;
		if (unit > units && (end[0] == 'i' || end[0] == 'I'))
			end++;
		if (unit > units && (end[0] == 'b' || end[0] == 'B'))
			end++;
		for (ptrdiff_t i = unit - units; i > 0; i--)
			if (__builtin_mul_overflow(value, 1024LL, &value))
				return -1;
	}
	*ret = value;
	return *end ? -1 : 0;
}

int flag_parse_number(const char *text, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	return errno || end == text || *end ? -1 : 0;
}

/* --- environment and arguments --- */

/* Sets "K=V" in the array, replacing an earlier K; "K" alone takes the caller's value, if there is one. */
static int set_env(struct json_object *array, const char *text)
{
	const char *equals = strchr(text, '=');
	const char *value = equals ? NULL : getenv(text);
	size_t len = equals ? (size_t)(equals - text) : strlen(text);
	struct json_object *string;
	char *joined = NULL;

	if (!equals && !value)
		return 0;
	if (!equals && asprintf(&joined, "%s=%s", text, value) < 0)
		return -1;
	string = json_object_new_string(joined ? joined : text);
	free(joined);
	for (size_t i = 0; string && i < json_object_array_length(array); i++) {
		const char *old = json_object_get_string(json_object_array_get_idx(array, i));

		if (strncmp(old, text, len) == 0 && old[len] == '=')
			return json_object_array_put_idx(array, i, string);
	}
	return json_append(array, string);
}

static int check_env(const char *text, const char *flag, struct ts_error *e)
{
	return text[0] == '=' || text[0] == '\0' ? bad(e, flag, text, "NAME=VALUE or NAME") : 0;
}

/* Calls @take with each line of @path, without its newline. */
static int each_line(const char *path, const char *flag, int (*take)(char *line, void *arg),
		     void *arg, struct ts_error *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (ts_read_file_at(AT_FDCWD, path, FILE_MAX, &text, &len) < 0) {
		e->step = TS_STEP_USAGE;
		return ts_fail(e, errno, flag, path);
	}
	if (memchr(text, '\0', len))
		return bad(e, flag, path, "a file without NUL bytes");
	for (char *line = text, *next; *line; line = next) {
		size_t n = strcspn(line, "\n");

		next = line[n] ? line + n + 1 : line + n;
		line[n] = '\0';
		if (take(line, arg) < 0)
			return no_memory(e);
	}
	return 0;
}

static int take_env_line(char *line, void *arg)
{
	while (*line == ' ' || *line == '\t')
		line++;
	return *line == '\0' || *line == '#' || *line == '=' ? 0 : set_env(arg, line);
}

static int take_arg_line(char *line, void *arg)
{
	return json_append(arg, json_object_new_string(line));
}

static int put_default_env(const struct flags *f, struct json_object *array)
{
	char path[sizeof default_path + 8], user[256] = "USER=nobody";

	if (f->not_root && !f->user && getenv("USER"))
		(void)snprintf(user, sizeof user, "USER=%.200s", getenv("USER"));
	if (f->user)
		(void)snprintf(user, sizeof user, "USER=%.*s", (int)strcspn(f->user, ":"), f->user);
	(void)snprintf(path, sizeof path, "PATH=%s", default_path);
	if (set_env(array, path) < 0 || set_env(array, "HOME=/tmp") < 0 ||
	    set_env(array, user) < 0 || set_env(array, "LANG=C.UTF-8") < 0)
		return -1;
	return set_env(array, "TERM"); /* as the caller's, if it has one */
}

static int put_env(const struct flags *f, struct json_object *process, struct ts_error *e)
{
	struct json_object *array = json_object_new_array();

	if (json_put(process, "env", array) < 0 || put_default_env(f, array) < 0)
		return no_memory(e);
	for (size_t i = 0; i < f->env_files.n; i++)
		if (each_line(f->env_files.v[i], "--env-file", take_env_line, array, e) < 0)
			return -1;
	for (size_t i = 0; i < f->env.n; i++) {
		if (check_env(f->env.v[i], "--env", e) < 0)
			return -1;
		if (set_env(array, f->env.v[i]) < 0)
			return no_memory(e);
	}
	return 0;
}

static int put_args(const struct flags *f, struct json_object *process, struct ts_error *e)
{
	struct json_object *array;

	if (json_put_words(process, "args", f->args, f->n_args) < 0)
		return no_memory(e);
	array = json_section(process, "args");
	return f->args_file ? each_line(f->args_file, "--args-file", take_arg_line, array, e) : 0;
}

/* --- capabilities, rlimits --- */

static uint64_t all_capabilities(void)
{
	uint64_t set = 0;

	for (int i = 0; i < 64 && i < cap_max_bits(); i++)
		set |= 1ULL << i;
	return set;
}

static int parse_capability(const char *flag, const char *text, uint64_t *ret, struct ts_error *e)
{
	char name[64];
	cap_value_t value;

	if (strcasecmp(text, "ALL") == 0) {
		*ret = all_capabilities();
		return 0;
	}
	(void)snprintf(name, sizeof name, "%s%s", strncasecmp(text, "CAP_", 4) == 0 ? "" : "CAP_",
		       text);
	if (cap_from_name(name, &value) < 0 || value > 63)
		return bad(e, flag, text, "the name of a capability, or ALL");
	*ret = 1ULL << value;
	return 0;
}

static struct json_object *capability_names(uint64_t set)
{
	struct json_object *array = json_object_new_array();

	for (int i = 0; array && i < 64; i++) {
		char *name, upper[64];
		size_t n = 0;

		if (!(set & 1ULL << i))
			continue;
		name = cap_to_name(i);
		for (; name && name[n] && n < sizeof upper - 1; n++)
			upper[n] = (char)toupper((unsigned char)name[n]);
		upper[n] = '\0';
		(void)cap_free(name);
		if (json_append(array, json_object_new_string(upper)) < 0) {
			json_object_put(array);
			return NULL;
		}
	}
	return array;
}

/* All five sets: a user other than root keeps nothing over execve(2) that is not ambient, and so inheritable too. */
static int put_capabilities(const struct flags *f, struct json_object *process, struct ts_error *e)
{
	static const char *const sets[] = {"bounding", "effective", "permitted", "inheritable",
					   "ambient"};
	struct json_object *capabilities;
	uint64_t set = 0, one = 0;

	for (size_t i = 0; i < f->cap_add.n; i++) {
		if (parse_capability("--cap-add", f->cap_add.v[i], &one, e) < 0)
			return -1;
		set |= one;
	}
	for (size_t i = 0; i < f->cap_drop.n; i++) {
		if (parse_capability("--cap-drop", f->cap_drop.v[i], &one, e) < 0)
			return -1;
		set &= ~one;
	}
	if (set == 0)
		return 0;
	capabilities = json_section(process, "capabilities");
	for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
		if (json_put(capabilities, sets[i], capability_names(set)) < 0)
			return no_memory(e);
	return 0;
}

static int parse_rlimit_value(const char *text, size_t len, uint64_t *ret)
{
	char number[32], *end;

	if (len == 9 && strncmp(text, "unlimited", 9) == 0) {
		*ret = UINT64_MAX;
		return 0;
	}
	if (len == 0 || len >= sizeof number || !isdigit((unsigned char)text[0]))
		return -1;
	memcpy(number, text, len);
	number[len] = '\0';
	errno = 0;
	*ret = strtoull(number, &end, 10);
	return errno || *end ? -1 : 0;
}

/* NAME=SOFT[:HARD], NAME with or without RLIMIT_, in any case. */
static int add_rlimit(struct json_object *array, const char *text, struct ts_error *e)
{
	const char *equals = strchr(text, '='), *colon = equals ? strchr(equals, ':') : NULL;
	struct json_object *object;
	char name[64];
	uint64_t soft, hard;
	int n;

	if (!equals || equals == text ||
	    parse_rlimit_value(equals + 1,
			       colon ? (size_t)(colon - equals - 1) : strlen(equals + 1),
			       &soft) < 0)
		return bad(e, "--rlimit", text, "NAME=SOFT[:HARD]");
	hard = soft;
	if (colon && parse_rlimit_value(colon + 1, strlen(colon + 1), &hard) < 0)
		return bad(e, "--rlimit", text, "NAME=SOFT[:HARD]");
	n = snprintf(name, sizeof name, "%s%.*s",
		     strncasecmp(text, "RLIMIT_", 7) == 0 ? "" : "RLIMIT_", (int)(equals - text),
		     text);
	if (n >= (int)sizeof name)
		return bad(e, "--rlimit", text, "NAME=SOFT[:HARD]");
	for (char *c = name; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	object = json_object_new_object();
	if (json_put_string(object, "type", name) < 0 ||
	    json_put(object, "soft", json_object_new_uint64(soft)) < 0 ||
	    json_put(object, "hard", json_object_new_uint64(hard)) < 0) {
		json_object_put(object);
		return no_memory(e);
	}
	return json_append(array, object) < 0 ? no_memory(e) : 0;
}

static int put_rlimits(const struct flags *f, struct json_object *process, struct ts_error *e)
{
	struct json_object *array;

	if (f->rlimits.n == 0)
		return 0;
	array = json_object_new_array();
	if (json_put(process, "rlimits", array) < 0)
		return no_memory(e);
	for (size_t i = 0; i < f->rlimits.n; i++)
		if (add_rlimit(array, f->rlimits.v[i], e) < 0)
			return -1;
	return 0;
}

/* --- process --- */

static int put_process(const struct flags *f, struct json_object *document, struct ts_error *e)
{
	struct json_object *process = json_section(document, "process");
	bool no_new_privs = true;

	if (f->no_new_privs) {
		no_new_privs = strcmp(f->no_new_privs, "true") == 0;
		if (!no_new_privs && strcmp(f->no_new_privs, "false") != 0)
			return bad(e, "--no-new-privs", f->no_new_privs, "true or false");
	}
	if (put_args(f, process, e) < 0 || put_env(f, process, e) < 0 ||
	    put_capabilities(f, process, e) < 0 || put_rlimits(f, process, e) < 0)
		return -1;
	if (json_put_string(process, "cwd", f->cwd ? f->cwd : "/") < 0 ||
	    json_put(process, "noNewPrivileges", json_object_new_boolean(no_new_privs)) < 0 ||
	    (f->tty && json_put(process, "terminal", json_object_new_boolean(1)) < 0))
		return no_memory(e);
	return 0;
}

/* --- root and mounts --- */

/* As spawn-daemon's own list: in a user namespace the message queues only of an ipc namespace that is new. */
static int put_default_mounts(const struct flags *f, struct json_object *document)
{
	bool user = f->userns ? strcmp(f->userns, "host") != 0 : f->not_root;
	bool mqueue = !user || !f->ipc || strcmp(f->ipc, "private") == 0;

	return mounts_add_defaults(mounts_list(document), mqueue);
}

static int put_list(struct json_object *object, const char *key, const struct str_list *list)
{
	return json_put_words(object, key, list->v, list->n);
}

int config_add_masks(struct json_object *document)
{
	struct json_object *linux_object = json_section(document, "linux");

	if (put_list(linux_object, "maskedPaths", &default_masked_paths) < 0)
		return -1;
	return put_list(linux_object, "readonlyPaths", &default_readonly_paths);
}

enum { MOUNT_WORDS_MAX = 32 };

struct mount_flag {
	const char *type, *source, *target;
	const char *options[MOUNT_WORDS_MAX];
	size_t n_options;
	char scratch[256];
	size_t used;
};

static int mount_option(struct mount_flag *m, const char *prefix, const char *value)
{
	int n;

	if (m->n_options == MOUNT_WORDS_MAX)
		return -1;
	n = snprintf(m->scratch + m->used, sizeof m->scratch - m->used, "%s%s", prefix, value);
	if (n < 0 || (size_t)n >= sizeof m->scratch - m->used)
		return -1;
	m->options[m->n_options++] = m->scratch + m->used;
	m->used += (size_t)n + 1;
	return 0;
}

/* One "key=value" or word of docker's form. */
static int mount_word(struct mount_flag *m, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		return mount_option(m, "", strcmp(word, "readonly") == 0 ? "ro" : word);
	*value++ = '\0';
	if (strcmp(word, "type") == 0)
		m->type = value;
	else if (strcmp(word, "source") == 0 || strcmp(word, "src") == 0)
		m->source = value;
	else if (strcmp(word, "target") == 0 || strcmp(word, "dst") == 0 ||
		 strcmp(word, "destination") == 0)
		m->target = value;
	else if (strcmp(word, "ro") == 0 || strcmp(word, "readonly") == 0)
		return strcmp(value, "false") == 0 ? mount_option(m, "", "rw")
						   : mount_option(m, "", "ro");
	else if (strcmp(word, "bind-propagation") == 0)
		return mount_option(m, "", value);
	else if (strcmp(word, "tmpfs-size") == 0)
		return mount_option(m, "size=", value);
	else if (strcmp(word, "tmpfs-mode") == 0)
		return mount_option(m, "mode=", value);
	else
		return -1;
	return 0;
}

/* "type=bind,source=/a,target=/b,ro" or "/a:/b[:ro,nosuid]". */
static int parse_mount(char *text, struct mount_flag *m)
{
	char *save = NULL, *word, *colon;

	/* First, so that "suid" and "dev" can take them back. */
	*m = (struct mount_flag){.type = "bind", .options = {"nosuid", "nodev"}, .n_options = 2};
	if (text[0] != '/' && text[0] != '.') {
		for (word = strtok_r(text, ",", &save); word; word = strtok_r(NULL, ",", &save))
			if (mount_word(m, word) < 0)
				return -1;
		if (!m->source && strcmp(m->type, "bind") != 0)
			m->source = m->type;
		return m->source && m->target ? 0 : -1;
	}
	colon = strchr(text, ':');
	if (!colon)
		return -1;
	*colon = '\0';
	m->source = text;
	m->target = colon + 1;
	colon = strchr(colon + 1, ':');
	if (!colon)
		return 0;
	*colon = '\0';
	for (word = strtok_r(colon + 1, ",", &save); word; word = strtok_r(NULL, ",", &save))
		if (mount_option(m, "", word) < 0)
			return -1;
	return 0;
}

/* @text is the flag's, to be taken apart. */
static int add_mount_text(struct json_object *array, const char *flag, char *text,
			  struct ts_error *e)
{
	struct mount_flag m;
	char source[PATH_MAX];
	bool bind;

	if (parse_mount(text, &m) < 0 || m.target[0] != '/')
		return bad(e, "--mount", flag,
			   "type=bind,source=SRC,target=/DST[,ro] or SRC:/DST[:OPTIONS]");
	bind = strcmp(m.type, "bind") == 0;
	if (bind && absolute(m.source, source, e) < 0)
		return -1;
	if (bind && mount_option(&m, "", "rbind") < 0)
		return bad(e, "--mount", flag, "fewer options");
	return mounts_add(array, m.target, m.type, bind ? source : m.source, m.options,
			  m.n_options) < 0
		       ? no_memory(e)
		       : 0;
}

static int add_mount_flag(struct json_object *array, const char *flag, struct ts_error *e)
{
	char *text = strdup(flag);
	int r = text ? add_mount_text(array, flag, text, e) : no_memory(e);

	free(text);
	return r;
}

/* What an image may have brought: device nodes, which nobody's task could open, and set-user-ID programs. Before there is a
 * mount of ours below it. */
static int put_harmless_directory(struct json_object *document)
{
	static const char *const options[] = {"remount", "rnosuid", "rnodev"};
	struct json_object *array = mounts_list(document);

	return array ? mounts_add(array, "/", "none", "none", options, 3) : -1;
}

static int put_root(const struct flags *f, struct json_object *document,
		    struct json_object *taskshim, struct ts_error *e)
{
	struct json_object *root = NULL;

	if (!f->chroot || strcmp(f->chroot, "host") == 0) {
		if (json_put_string(taskshim, "chroot", "host") < 0)
			return no_memory(e);
		if (f->read_only)
			root = json_section(document, "root");
	} else if (strcmp(f->chroot, "none") == 0) {
		if (f->mounts.n || f->devices.n || f->read_only)
			return bad(e, "--chroot", "none",
				   "no --mount, --device or --read-only beside it: the root is the "
				   "host's");
		if (json_put_string(taskshim, "isolation", "none") < 0)
			return no_memory(e);
		return 0;
	} else {
		root = json_section(document, "root");
		if (put_path(root, "path", f->chroot, e) < 0)
			return -1;
		if (put_harmless_directory(document) < 0 || put_default_mounts(f, document) < 0 ||
		    config_add_masks(document) < 0)
			return no_memory(e);
	}
	if (f->read_only && json_put(root, "readonly", json_object_new_boolean(1)) < 0)
		return no_memory(e);
	return 0;
}

static int put_mounts(const struct flags *f, struct json_object *document, struct ts_error *e)
{
	struct json_object *array;

	if (f->mounts.n == 0)
		return 0;
	/* A list that is there replaces the default one. */
	if (!json_object_object_get_ex(document, "mounts", NULL) &&
	    put_default_mounts(f, document) < 0)
		return no_memory(e);
	array = json_section(document, "mounts");
	for (size_t i = 0; i < f->mounts.n; i++)
		if (add_mount_flag(array, f->mounts.v[i], e) < 0)
			return -1;
	return 0;
}

/* --- linux --- */

static int add_namespace(struct json_object *array, const char *type, const char *path)
{
	struct json_object *object = json_object_new_object();

	if (json_put_string(object, "type", type) < 0 ||
	    (path && json_put_string(object, "path", path) < 0)) {
		json_object_put(object);
		return -1;
	}
	return json_append(array, object);
}

/* @value: "host", what stands for a new one in @flag, or the path of one that is there; NULL: @preset. */
static int put_namespace(struct json_object *array, const char *flag, const char *value,
			 const char *type, const char *private_word, bool preset,
			 struct ts_error *e)
{
	char path[PATH_MAX];
	bool is_new = value ? strcmp(value, private_word) == 0 : preset;

	if (!is_new && (!value || strcmp(value, "host") == 0))
		return 0;
	if (is_new)
		return add_namespace(array, type, NULL) < 0 ? no_memory(e) : 0;
	if (!strchr(value, '/')) {
		e->step = TS_STEP_USAGE;
		return ts_failf(e, 0, "%s %s: expected host, %s or the path of a namespace", flag,
				value, private_word);
	}
	if (absolute(value, path, e) < 0)
		return -1;
	return add_namespace(array, type, path) < 0 ? no_memory(e) : 0;
}

static int put_userns(const struct flags *f, struct json_object *document,
		      struct json_object *array, struct ts_error *e)
{
	bool is_new;

	if (f->userns && strchr(f->userns, '/'))
		return put_namespace(array, "--userns", f->userns, "user", "", false, e);
	if (flags_put_userns(f, json_section(document, "linux"), json_section(document, "taskshim"),
			     &is_new, e) < 0)
		return -1;
	return is_new && add_namespace(array, "user", NULL) < 0 ? no_memory(e) : 0;
}

static int put_namespaces(const struct flags *f, struct json_object *document,
			  struct json_object *linux_object, struct ts_error *e)
{
	struct json_object *array = json_object_new_array();
	bool raw = f->chroot &&
		   strcmp(f->chroot, "none") == 0; /* as on the host, but for what is asked */

	if (json_put(linux_object, "namespaces", array) < 0 ||
	    (!raw && add_namespace(array, "mount", NULL) < 0))
		return no_memory(e);
	if (put_namespace(array, "--pid", f->pid, "pid", "private", !raw, e) < 0 ||
	    put_namespace(array, "--ipc", f->ipc, "ipc", "private", !raw, e) < 0 ||
	    put_namespace(array, "--uts", f->uts, "uts", "private", !raw || f->hostname, e) < 0)
		return -1;
	if (put_namespace(array, "--net", f->net, "network", "none", false, e) < 0)
		return -1;
	return put_userns(f, document, array, e);
}

static int put_size(struct json_object *linux_object, const char *flag, const char *text,
		    const char *key, struct ts_error *e)
{
	int64_t value;

	if (!text)
		return 0;
	if (flag_parse_size(text, &value) < 0 || value == 0)
		return bad(e, flag, text, "bytes, with k, m, g or t behind, or -1");
	return json_put(json_section(json_section(linux_object, "resources"), "memory"), key,
			json_object_new_int64(value)) < 0
		       ? no_memory(e)
		       : 0;
}

static int put_number(struct json_object *linux_object, const char *flag, const char *text,
		      const char *part, const char *key, int64_t min, struct ts_error *e)
{
	int64_t value;

	if (!text)
		return 0;
	if (flag_parse_number(text, &value) < 0 || value < min)
		return bad(e, flag, text, min < 0 ? "a number, or -1 for none" : "a number");
	return json_put(json_section(json_section(linux_object, "resources"), part), key,
			json_object_new_int64(value)) < 0
		       ? no_memory(e)
		       : 0;
}

/* "1.5" CPUs: so much time of each period. */
static int put_cpus(struct json_object *linux_object, const char *text, struct ts_error *e)
{
	struct json_object *cpu;
	double cpus;
	char *end;

	if (!text)
		return 0;
	errno = 0;
	cpus = strtod(text, &end);
	if (errno || end == text || *end || !(cpus > 0) || cpus > 100000 ||
	    cpus * CPU_PERIOD_US < CPU_QUOTA_MIN_US)
		return bad(e, "--cpus", text, "a number of CPUs such as 1.5, at least 0.01");
	cpu = json_section(json_section(linux_object, "resources"), "cpu");
	return json_put(cpu, "quota", json_object_new_int64((int64_t)(cpus * CPU_PERIOD_US))) < 0 ||
			       json_put(cpu, "period", json_object_new_int64(CPU_PERIOD_US)) < 0
		       ? no_memory(e)
		       : 0;
}

static int put_linux(const struct flags *f, struct json_object *document, struct ts_error *e)
{
	struct json_object *l = json_section(document, "linux");

	if (!l)
		return no_memory(e);
	for (size_t i = 0; i < f->devices.n; i++)
		if (flags_add_device(f->devices.v[i], l, e) < 0)
			return -1;
	return put_namespaces(f, document, l, e) < 0 ||
			       put_size(l, "--memory", f->memory, "limit", e) < 0 ||
			       put_size(l, "--memory-swap", f->memory_swap, "swap", e) < 0 ||
			       put_cpus(l, f->cpus, e) < 0 ||
			       put_number(l, "--cpu-shares", f->cpu_shares, "cpu", "shares", 0, e) <
				       0 ||
			       put_number(l, "--pids-limit", f->pids_limit, "pids", "limit", -1,
					  e) < 0 ||
			       put_number(l, "--blkio-weight", f->blkio_weight, "blockIO", "weight",
					  0, e) < 0
		       ? -1
		       : 0;
}

/* --- taskshim --- */

static int put_logs(const struct flags *f, struct json_object *taskshim, struct ts_error *e)
{
	enum { MAX_FILES = 5 };
	struct json_object *logs;
	int64_t files = MAX_FILES;

	if (!f->log_max_files && !f->log_max_size)
		return 0;
	if (f->log_max_files && flag_parse_number(f->log_max_files, &files) < 0) {
		e->step = TS_STEP_USAGE;
		return ts_fail(e, EINVAL, "--log-max-files: not a number", f->log_max_files);
	}
	logs = json_object_new_object();
	if (json_put(taskshim, "logs", logs) < 0 ||
	    json_put(logs, "maxFiles", json_object_new_int64(files)) < 0 ||
	    json_put_string(logs, "maxFileSize", f->log_max_size ? f->log_max_size : "10M") < 0)
		return no_memory(e);
	return 0;
}

static int put_taskshim(const struct flags *f, struct json_object *document, struct ts_error *e)
{
	struct json_object *taskshim = json_section(document, "taskshim");

	if (!taskshim)
		return no_memory(e);
	if (put_root(f, document, taskshim, e) < 0)
		return -1;
	if ((f->user && json_put_string(taskshim, "user", f->user) < 0) ||
	    (f->timeout && json_put_string(taskshim, "timeout", f->timeout) < 0) ||
	    (f->init && json_put(taskshim, "init", json_object_new_boolean(1)) < 0))
		return no_memory(e);
	if ((f->task_dir && put_path(taskshim, "taskDir", f->task_dir, e) < 0) ||
	    (f->alloc_dir && put_path(taskshim, "allocDir", f->alloc_dir, e) < 0) ||
	    (f->stdout_path && put_path(taskshim, "stdout", f->stdout_path, e) < 0) ||
	    (f->stderr_path && put_path(taskshim, "stderr", f->stderr_path, e) < 0))
		return -1;
	return put_logs(f, taskshim, e);
}

int flags_config(const struct flags *flags, struct json_object **ret, struct ts_error *e)
{
	struct json_object *document = json_object_new_object();

	if (json_put_string(document, "ociVersion", "1.2.0") < 0) {
		json_object_put(document);
		return no_memory(e);
	}
	if (put_process(flags, document, e) < 0 || put_taskshim(flags, document, e) < 0 ||
	    put_mounts(flags, document, e) < 0 || put_linux(flags, document, e) < 0 ||
	    (flags->seccomp && flags_add_seccomp(flags->seccomp, document, e) < 0) ||
	    (flags->hostname && json_put_string(document, "hostname", flags->hostname) < 0 &&
	     no_memory(e) < 0)) {
		json_object_put(document);
		return -1;
	}
	*ret = document;
	return 0;
}
