/* taskshim spec: a config to start from. */
#include "shim/cmd/cmd.h"
#include "shim/mounts.h"

#include "util/fd.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

static int spec_main(const struct global *global, int argc, char **argv);

const struct verb verb_spec = {
	.name = "spec",
	.run = spec_main,
	.failed = EXIT_FAILED,
	.synopsis = "spec [-b DIR]",
	.summary = "print a config to start from, or write a bundle's",
	.help = "Without options prints what `taskshim run -- sh` would run: a root made from the "
		"host's programs, user nobody,\n"
		"private namespaces. `spawn-daemon --no-gate` runs it as it is, `taskshim "
		"validate` checks it.\n"
		"  -b, --bundle DIR   writes DIR/config.json instead, for a root in DIR/rootfs, as "
		"runc does\n"
		"  --rootless         for who is not root: in a user namespace; in the bundle the "
		"caller "
		"is root there\n",
};

/* What runc's default has. */
static int put_process(struct json_object *document)
{
	static const char *const args[] = {"sh"};
	static const char *const env[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"};
	static const char *const capabilities[] = {"CAP_AUDIT_WRITE", "CAP_KILL",
						   "CAP_NET_BIND_SERVICE"};
	static const char *const sets[] = {"bounding", "effective", "permitted"};
	struct json_object *process = json_object_new_object(), *user = json_object_new_object(),
			   *caps = json_object_new_object();

	if (json_put(document, "process", process) < 0 ||
	    json_put(process, "terminal", json_object_new_boolean(1)) < 0 ||
	    json_put(process, "user", user) < 0 ||
	    json_put(user, "uid", json_object_new_int(0)) < 0 ||
	    json_put(user, "gid", json_object_new_int(0)) < 0 ||
	    json_put_words(process, "args", args, 1) < 0 ||
	    json_put_words(process, "env", env, 2) < 0 ||
	    json_put(process, "cwd", json_object_new_string("/")) < 0 ||
	    json_put(process, "capabilities", caps) < 0)
		return -1;
	for (size_t i = 0; i < 3; i++)
		if (json_put_words(caps, sets[i], capabilities, 3) < 0)
			return -1;
	return json_put(process, "noNewPrivileges", json_object_new_boolean(1));
}

static int add_namespace(struct json_object *array, const char *type)
{
	struct json_object *ns = json_object_new_object();

	if (json_put(ns, "type", json_object_new_string(type)) == 0 &&
	    json_object_array_add(array, ns) == 0)
		return 0;
	json_object_put(ns);
	return -1;
}

/* Id 0 of the task is @id of the host. */
static int put_mapping(struct json_object *l, const char *key, unsigned id)
{
	struct json_object *array = json_object_new_array(), *mapping = json_object_new_object();

	if (json_put(mapping, "containerID", json_object_new_int(0)) == 0 &&
	    json_put(mapping, "hostID", json_object_new_int64(id)) == 0 &&
	    json_put(mapping, "size", json_object_new_int(1)) == 0 &&
	    json_object_array_add(array, mapping) == 0)
		return json_put(l, key, array);
	json_object_put(mapping);
	json_object_put(array);
	return -1;
}

/* Rootless: the host's network, and a user namespace in which the caller is root. */
static int put_namespaces(struct json_object *document, bool rootless)
{
	static const char *const types[] = {"pid", "ipc", "uts", "mount", "cgroup"};
	struct json_object *l = json_object_new_object(), *array = json_object_new_array();

	if (json_put(document, "linux", l) < 0 || json_put(l, "namespaces", array) < 0)
		return -1;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (add_namespace(array, types[i]) < 0)
			return -1;
	if (add_namespace(array, rootless ? "user" : "network") < 0)
		return -1;
	if (rootless && (put_mapping(l, "uidMappings", geteuid()) < 0 ||
			 put_mapping(l, "gidMappings", getegid()) < 0))
		return -1;
	return config_add_masks(document);
}

/* The mount that shows the task its own cgroup. */
static int put_cgroup_mount(struct json_object *document)
{
	static const char *const options[] = {"nosuid", "noexec", "nodev", "relatime", "ro"};
	struct json_object *mount = json_object_new_object(), *mounts;

	if (json_put(mount, "destination", json_object_new_string("/sys/fs/cgroup")) < 0 ||
	    json_put(mount, "type", json_object_new_string("cgroup")) < 0 ||
	    json_put(mount, "source", json_object_new_string("cgroup")) < 0 ||
	    json_put_words(mount, "options", options, 5) < 0 ||
	    !json_object_object_get_ex(document, "mounts", &mounts) ||
	    json_object_array_add(mounts, mount) < 0) {
		json_object_put(mount);
		return -1;
	}
	return 0;
}

/* Of the default mounts: what only who has all ids or a network of his own can mount. */
static int make_mounts_rootless(struct json_object *document)
{
	static const char *const pts[] = {"nosuid", "noexec", "newinstance", "ptmxmode=0666",
					  "mode=0620"};
	static const char *const sys[] = {"rbind", "nosuid", "noexec", "nodev", "ro"};
	struct json_object *mounts, *type;

	if (!json_object_object_get_ex(document, "mounts", &mounts))
		return -1;
	for (size_t i = 0; i < json_object_array_length(mounts); i++) {
		struct json_object *mount = json_object_array_get_idx(mounts, i);
		const char *name = json_object_object_get_ex(mount, "type", &type)
					   ? json_object_get_string(type)
					   : "";

		if (strcmp(name, "devpts") == 0 && json_put_words(mount, "options", pts, 5) < 0)
			return -1;
		if (strcmp(name, "sysfs") == 0 &&
		    (json_put(mount, "type", json_object_new_string("bind")) < 0 ||
		     json_put(mount, "source", json_object_new_string("/sys")) < 0 ||
		     json_put_words(mount, "options", sys, 5) < 0))
			return -1;
	}
	return 0;
}

/* The rule that denies all devices but the default ones. */
static int put_device_rules(struct json_object *document)
{
	struct json_object *rule = json_object_new_object(), *rules = json_object_new_array(),
			   *resources = json_object_new_object(), *l;

	if (!json_object_object_get_ex(document, "linux", &l) ||
	    json_put(l, "resources", resources) < 0 || json_put(resources, "devices", rules) < 0 ||
	    json_put(rule, "allow", json_object_new_boolean(0)) < 0 ||
	    json_put(rule, "access", json_object_new_string("rwm")) < 0 ||
	    json_object_array_add(rules, rule) < 0) {
		json_object_put(rule);
		return -1;
	}
	return 0;
}

static struct json_object *bundle_config(bool rootless)
{
	struct json_object *document = json_object_new_object(), *root = json_object_new_object();

	if (json_put(document, "ociVersion", json_object_new_string("1.2.0")) == 0 &&
	    put_process(document) == 0 && json_put(document, "root", root) == 0 &&
	    json_put(root, "path", json_object_new_string("rootfs")) == 0 &&
	    json_put(root, "readonly", json_object_new_boolean(1)) == 0 &&
	    json_put(document, "hostname", json_object_new_string("taskshim")) == 0 &&
	    mounts_add_defaults(mounts_list(document), true) == 0 &&
	    put_cgroup_mount(document) == 0 && put_namespaces(document, rootless) == 0 &&
	    (rootless ? make_mounts_rootless(document) : put_device_rules(document)) == 0)
		return document;
	json_object_put(document);
	return NULL;
}

/* Malloc'ed, or NULL: no memory. */
static char *encode(struct json_object *document)
{
	const char *text =
		document ? json_object_to_json_string_ext(
				   document, JSON_C_TO_STRING_PRETTY_TAB | JSON_C_TO_STRING_PRETTY |
						     JSON_C_TO_STRING_SPACED |
						     JSON_C_TO_STRING_NOSLASHESCAPE)
			 : NULL;
	char *lines;

	return text && asprintf(&lines, "%s\n", text) >= 0 ? lines : NULL;
}

/* What is there is somebody's work, a part of ours would be taken for it. Of two that write at once the last one's stays. */
static int write_new(const char *path, const char *text, struct ts_error *e)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return ts_fail(e, EEXIST, "make", path);
	if (errno != ENOENT)
		return ts_fail(e, errno, "make", path);
	return file_replace(path, text, 0644) == 0 ? 0 : ts_fail(e, errno, "write", path);
}

static int write_bundle(const struct global *global, const char *bundle, bool rootless)
{
	struct json_object *document = bundle_config(rootless);
	struct ts_error e = {.step = TS_STEP_CONFIG};
	_cleanup_free_ char *text = encode(document);
	char path[PATH_MAX];
	int r;

	if (snprintf(path, sizeof path, "%s/config.json", bundle) >= PATH_MAX)
		r = ts_fail(&e, ENAMETOOLONG, "bundle", bundle);
	else
		r = text ? write_new(path, text, &e) : ts_fail(&e, ENOMEM, "make the config", NULL);
	if (r < 0)
		report_error(global, &e);
	json_object_put(document);
	return r < 0 ? EXIT_FAILED : 0;
}

static int print_default(const struct global *global, bool rootless)
{
	static const char *const args[] = {"sh"};
	const struct flags flags = {.args = args, .n_args = 1, .not_root = rootless};
	struct json_object *document, *process;
	struct ts_error e = {0};
	int r;

	if (flags_config(&flags, &document, &e) < 0) {
		report_error(global, &e);
		return EXIT_FAILED;
	}
	if (json_object_object_get_ex(document, "process", &process))
		(void)json_put(process, "terminal", json_object_new_boolean(0));
	r = print_json(document);
	json_object_put(document);
	return r < 0 ? EXIT_FAILED : 0;
}

static int spec_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {{"bundle", required_argument, NULL, 'b'},
						{"rootless", no_argument, NULL, 'r'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	const char *bundle = NULL;
	bool rootless = false;
	int option, status = 0;

	while ((option = option_next(global, argc, argv, "+:hb:", options, &status)) >= 0) {
		if (option == 'r')
			rootless = true;
		else
			bundle = optarg;
	}
	if (option == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 0, 0) < 0)
		return EXIT_FAILED;
	return bundle ? write_bundle(global, bundle, rootless)
		      : print_default(global, rootless || getauxval(AT_EUID) != 0);
}
