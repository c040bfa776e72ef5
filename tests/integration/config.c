/* Builds the tests' configs and takes JSON apart. harness.h */
#include "tests/integration/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* @format with every ' made a ", so that a JSON text can stand in C without escapes. */
static char *vformat(const char *format, va_list ap)
{
	char *copy = strdup(format), *text = NULL;

	assert_non_null(copy);
	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	assert_true(vasprintf(&text, copy, ap) >= 0);
#pragma GCC diagnostic pop
	free(copy);
	return text;
}

static struct json_object *parse(char *text)
{
	enum json_tokener_error error;
	struct json_object *o = json_tokener_parse_verbose(text, &error);

	if (error != json_tokener_success)
		fail_msg("the test's JSON is broken: %s", text);
	free(text);
	return o;
}

struct json_object *cfg_parse(struct it *t, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	struct json_object *o = parse(vformat(format, ap));

	va_end(ap);
	assert_true(t->n_configs < IT_MAX_CONFIGS);
	t->configs[t->n_configs++] = o;
	return o;
}

/* One component of a path: a name, then perhaps "[N]" or "[+]" in the next call. */
struct part {
	char name[128];
	long index; /* -1: a name; -2: append */
};

static const char *next_part(const char *path, struct part *part)
{
	size_t n;

	if (*path == '[') {
		part->index = path[1] == '+' ? -2 : strtol(path + 1, NULL, 10);
		path = strchr(path, ']') + 1;
	} else {
		path += *path == '.';
		n = strcspn(path, ".[");
		assert_true(n < sizeof part->name);
		memcpy(part->name, path, n);
		part->name[n] = '\0';
		part->index = -1;
		path += n;
	}
	return *path ? path : NULL;
}

static struct json_object *child(struct json_object *o, const struct part *part)
{
	if (part->index == -1)
		return json_object_is_type(o, json_type_object)
			       ? json_object_object_get(o, part->name)
			       : NULL;
	if (part->index < 0 || !json_object_is_type(o, json_type_array))
		return NULL;
	return json_object_array_get_idx(o, (size_t)part->index);
}

static void put(struct json_object *o, const struct part *part, struct json_object *value)
{
	if (part->index == -1)
		assert_int_equal(json_object_object_add(o, part->name, value), 0);
	else if (part->index == -2)
		assert_int_equal(json_object_array_add(o, value), 0);
	else
		assert_int_equal(json_object_array_put_idx(o, (size_t)part->index, value), 0);
}

static void set(struct json_object *o, const char *path, struct json_object *value)
{
	struct part part;

	for (;;) {
		path = next_part(path, &part);
		if (!path) {
			put(o, &part, value);
			return;
		}
		struct json_object *next = child(o, &part);

		if (!next) {
			next = *path == '[' ? json_object_new_array() : json_object_new_object();
			put(o, &part, next);
		}
		o = next;
	}
}

void cfg_set(struct json_object *config, const char *path, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	set(config, path, parse(vformat(format, ap)));
	va_end(ap);
}

void cfg_set_text(struct json_object *config, const char *path, const char *text)
{
	char *copy = strdup(text);

	assert_non_null(copy);
	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	set(config, path, parse(copy));
}

void cfg_del(struct json_object *config, const char *path)
{
	struct part part;

	while ((path = next_part(path, &part)))
		config = child(config, &part);
	json_object_object_del(config, part.name);
}

static void set_words(struct json_object *config, const char *words)
{
	struct json_object *args = json_object_new_array();
	char *copy = strdup(words), *save = NULL;

	assert_non_null(copy);
	(void)json_object_array_add(args, json_object_new_string("/bin/probe"));
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		(void)json_object_array_add(args, json_object_new_string(w));
	free(copy);
	set(config, "process.args", args);
}

struct json_object *it_config(struct it *t, const char *words)
{
	struct json_object *c =
		cfg_parse(t,
			  "{'ociVersion':'1.0.2','process':{'cwd':'/','env':['PATH=/bin']},"
			  "'taskshim':{'version':1,'id':'it-%d-%u','chroot':{'/bin':'%s/bin','/"
			  "etc':'%s/etc'},"
			  "'stdout':'fd:3','stderr':'fd:4'}}",
			  (int)getpid(), t->n_made++, t->dir, t->dir);

	set_words(c, words);
	return c;
}

struct json_object *it_rootfs_config(struct it *t, const char *words, const char *mounts)
{
	struct json_object *c = it_config(t, words);

	cfg_del(c, "taskshim.chroot");
	cfg_set(c, "root.path", "'%s'", it_rootfs(t));
	cfg_set(c, "mounts", "[]");
	if (strchr(mounts, 'd'))
		cfg_set(c, "mounts[+]",
			"{'destination':'/dev','type':'tmpfs','source':'tmpfs',"
			"'options':['nosuid','strictatime','mode=755','size=65536k']}");
	if (strchr(mounts, 'p'))
		cfg_set(c, "mounts[+]", "{'destination':'/proc','type':'proc','source':'proc'}");
	if (strchr(mounts, 's'))
		cfg_set(c, "mounts[+]",
			"{'destination':'/sys','type':'sysfs','source':'sysfs',"
			"'options':['nosuid','noexec','nodev','ro']}");
	return c;
}

/* --- reading --- */

struct json_object *js_get(struct json_object *o, const char *path)
{
	struct part part;

	while (o && path) {
		path = next_part(path, &part);
		o = child(o, &part);
	}
	return o;
}

static struct json_object *typed(struct json_object *o, const char *path, enum json_type type)
{
	struct json_object *found = js_get(o, path);

	if (!json_object_is_type(found, type))
		fail_msg("%s is no %s in %s", path, json_type_to_name(type),
			 json_object_to_json_string(o));
	return found;
}

const char *js_str(struct json_object *o, const char *path)
{
	return json_object_get_string(typed(o, path, json_type_string));
}

int64_t js_int(struct json_object *o, const char *path)
{
	return json_object_get_int64(typed(o, path, json_type_int));
}

bool js_bool(struct json_object *o, const char *path)
{
	return json_object_get_boolean(typed(o, path, json_type_boolean));
}

const char *fact(struct it *t, const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if (strncmp(line, key, len) != 0 || (line[len] != ' ' && line[len] != '\n'))
			continue;
		line += len + (line[len] == ' ');
		return it_text(t, "%.*s", (int)strcspn(line, "\n"), line);
	}
	return NULL;
}

void expect_fact(struct it *t, const char *text, const char *key, const char *value)
{
	const char *found = fact(t, text, key);

	if (!value && !found)
		return;
	if (!value || !found || strcmp(found, value) != 0)
		fail_msg("expected \"%s %s\", got \"%s\" in:\n%s", key, value ? value : "(nothing)",
			 found ? found : "(nothing)", text);
}

void expect_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

void expect_not_contains(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" is in:\n%s", part, text);
}
