/* --seccomp none|default|FILE. FILE holds an object as OCI's linux.seccomp, or a profile as docker, podman and containerd have
 * them: with rules for some capabilities, architectures and kernels only, which are chosen from here. */
#include "shim/cmd/cmd.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/* The words for this machine: OCI's, and those of Go, which profiles have in `arches`. */
#if defined(__x86_64__)
static const char own_arch[] = "SCMP_ARCH_X86_64", own_goarch[] = "amd64";
#elif defined(__aarch64__)
static const char own_arch[] = "SCMP_ARCH_AARCH64", own_goarch[] = "arm64";
#elif defined(__riscv)
static const char own_arch[] = "SCMP_ARCH_RISCV64", own_goarch[] = "riscv64";
#elif defined(__s390x__)
static const char own_arch[] = "SCMP_ARCH_S390X", own_goarch[] = "s390x";
#elif defined(__powerpc64__)
static const char own_arch[] = "SCMP_ARCH_PPC64LE", own_goarch[] = "ppc64le";
#else
static const char own_arch[] = "", own_goarch[] = "";
#endif

struct profile {
	const char *file;
	struct json_object *capabilities; /* of the task: process.capabilities.bounding, or NULL */
	struct ts_error *e;
};

static int fail(const struct profile *p, int err, const char *what)
{
	p->e->step = err == ENOMEM ? TS_STEP_CONFIG : TS_STEP_USAGE;
	return ts_failf(p->e, err, "--seccomp %s: %s", p->file, what);
}

/* The member @key where it is of @type, else NULL. */
static struct json_object *member(struct json_object *object, const char *key, enum json_type type)
{
	struct json_object *value = NULL;

	(void)json_object_object_get_ex(object, key, &value);
	return json_object_is_type(value, type) ? value : NULL;
}

static size_t length(struct json_object *array)
{
	return array ? json_object_array_length(array) : 0;
}

static bool is_text(struct json_object *value, const char *text)
{
	return json_object_is_type(value, json_type_string) &&
	       strcmp(json_object_get_string(value), text) == 0;
}

static bool has_text(struct json_object *array, const char *text)
{
	for (size_t i = 0; i < length(array); i++)
		if (is_text(json_object_array_get_idx(array, i), text))
			return true;
	return false;
}

static int copy(struct json_object *to, struct json_object *from, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(from, key, &value) || !value)
		return 0;
	return json_put(to, key, json_object_get(value));
}

/* --- which rules are for this task --- */

/* "4.8" of "4.8.12-x" as a number that can be compared; 0 for another text. */
static unsigned long version_of(const char *text)
{
	char *end;
	unsigned long major = strtoul(text, &end, 10);

	return *end == '.' ? major << 16 | (strtoul(end + 1, NULL, 10) & 0xffff) : 0;
}

/* What is no version is never reached. */
static bool kernel_is_at_least(const char *version)
{
	unsigned long wanted = version_of(version);
	struct utsname own;

	return wanted && uname(&own) == 0 && version_of(own.release) >= wanted;
}

/* The conditions in @filter: all of @caps and the kernel must be there, and one of the architectures. */
static bool is_included(const struct profile *p, struct json_object *filter)
{
	struct json_object *caps = member(filter, "caps", json_type_array);
	struct json_object *arches = member(filter, "arches", json_type_array);
	struct json_object *kernel = member(filter, "minKernel", json_type_string);

	for (size_t i = 0; i < length(caps); i++)
		if (!has_text(p->capabilities,
			      json_object_get_string(json_object_array_get_idx(caps, i))))
			return false;
	return (length(arches) == 0 || has_text(arches, own_goarch)) &&
	       (!kernel || kernel_is_at_least(json_object_get_string(kernel)));
}

/* Any of them is enough. */
static bool is_excluded(const struct profile *p, struct json_object *filter)
{
	struct json_object *caps = member(filter, "caps", json_type_array);
	struct json_object *kernel = member(filter, "minKernel", json_type_string);

	for (size_t i = 0; i < length(caps); i++)
		if (has_text(p->capabilities,
			     json_object_get_string(json_object_array_get_idx(caps, i))))
			return true;
	return has_text(member(filter, "arches", json_type_array), own_goarch) ||
	       (kernel && kernel_is_at_least(json_object_get_string(kernel)));
}

/* --- what becomes of the profile --- */

/* podman writes the errno's name, and its number beside it in some files. */
static int put_errno(const struct profile *p, struct json_object *to, struct json_object *from,
		     const char *number, const char *name)
{
	enum { ERRNO_MAX = 133 };
	struct json_object *text = member(from, name, json_type_string);

	if (!text || member(from, number, json_type_int))
		return copy(to, from, number);
	if (*json_object_get_string(text) == '\0')
		return 0;
	for (int err = 1; err <= ERRNO_MAX; err++)
		if (is_text(text, ts_errno_name(err)))
			return json_put(to, number, json_object_new_int(err));
	return fail(p, 0, "unknown name of an errno");
}

static int put_architectures(const struct profile *p, struct json_object *to,
			     struct json_object *from)
{
	struct json_object *map = member(from, "archMap", json_type_array), *words;

	if (!map)
		return copy(to, from, "architectures");
	if (length(member(from, "architectures", json_type_array)) > 0)
		return fail(p, 0, "architectures and archMap contradict each other");
	for (size_t i = 0; i < length(map); i++) {
		struct json_object *entry = json_object_array_get_idx(map, i), *own;

		if (!json_object_object_get_ex(entry, "architecture", &own) ||
		    !is_text(own, own_arch))
			continue;
		words = member(entry, "subArchitectures", json_type_array);
		return words ? json_put(to, "architectures", json_object_get(words)) : 0;
	}
	return 0;
}

static struct json_object *convert_rule(const struct profile *p, struct json_object *rule)
{
	struct json_object *object = json_object_new_object(), *name, *names;
	int r = copy(object, rule, "names");

	if (json_object_object_get_ex(rule, "name", &name) && name &&
	    !member(rule, "names", json_type_array)) {
		names = json_object_new_array();
		r |= names ? json_object_array_add(names, json_object_get(name)) : -1;
		r |= json_put(object, "names", names);
	}
	r |= copy(object, rule, "action");
	r |= put_errno(p, object, rule, "errnoRet", "errno");
	r |= copy(object, rule, "args");
	if (r == 0)
		return object;
	json_object_put(object);
	return NULL;
}

static int put_rules(const struct profile *p, struct json_object *to, struct json_object *from)
{
	struct json_object *rules = member(from, "syscalls", json_type_array);
	struct json_object *array = rules ? json_object_new_array() : NULL;

	if (!rules)
		return copy(to, from, "syscalls"); /* of whatever type: the decoder will say */
	if (json_put(to, "syscalls", array) < 0)
		return -1;
	for (size_t i = 0; i < length(rules); i++) {
		struct json_object *rule = json_object_array_get_idx(rules, i);

		if (!json_object_is_type(rule, json_type_object))
			return fail(p, 0, "syscalls: expected objects");
		if (!is_included(p, member(rule, "includes", json_type_object)) ||
		    is_excluded(p, member(rule, "excludes", json_type_object)))
			continue;
		rule = convert_rule(p, rule);
		if (!rule || json_object_array_add(array, rule) < 0) {
			json_object_put(rule);
			return -1;
		}
	}
	return 0;
}

static int convert(const struct profile *p, struct json_object *to, struct json_object *from)
{
	static const char *const as_they_are[] = {"defaultAction", "flags", "listenerPath",
						  "listenerMetadata"};
	int r = 0;

	if (!member(from, "defaultAction", json_type_string))
		return fail(p, 0, "expected an object with defaultAction, as linux.seccomp is");
	for (size_t i = 0; i < sizeof as_they_are / sizeof as_they_are[0]; i++)
		r |= copy(to, from, as_they_are[i]);
	r |= put_errno(p, to, from, "defaultErrnoRet", "defaultErrno");
	r |= put_architectures(p, to, from);
	r |= put_rules(p, to, from);
	return r;
}

static int add_file(const struct profile *p, struct json_object *linux_object)
{
	struct json_object *file, *seccomp;
	int r;

	if (config_read(p->file, &file, p->e) < 0)
		return -1;
	seccomp = json_object_new_object();
	r = json_put(linux_object, "seccomp", seccomp);
	*p->e = (struct ts_error){.step = TS_STEP_NONE};
	if (r == 0)
		r = convert(p, seccomp, file);
	json_object_put(file);
	return r < 0 && p->e->step == TS_STEP_NONE ? fail(p, ENOMEM, "make the config") : r;
}

int flags_add_seccomp(const char *flag, struct json_object *document, struct ts_error *e)
{
	struct json_object *process = member(document, "process", json_type_object);
	struct json_object *sets = member(process, "capabilities", json_type_object);
	const struct profile p = {
		.file = flag, .capabilities = member(sets, "bounding", json_type_array), .e = e};

	if (strcmp(flag, "none") == 0 || strcmp(flag, "unconfined") == 0)
		return 0;
	if (strcmp(flag, "default") != 0)
		return add_file(&p, member(document, "linux", json_type_object));
	return json_put(member(document, "taskshim", json_type_object), "seccomp",
			json_object_new_string(flag)) < 0
		       ? fail(&p, ENOMEM, "make the config")
		       : 0;
}
