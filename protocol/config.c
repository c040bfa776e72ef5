/* Decodes the config: the document itself, its defaults, and what concerns several of its sections. */
#include "protocol/config.h"

#include "protocol/config_tables.h"
#include "protocol/sysctl.h"
#include "protocol/values.h"

#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_NAME_LONGEST = 64, DEVICE_NAME_LONGEST = 15, KILL_TIMEOUT_MS = 5000 };

/* --- the document --- */

static int check_oci_version(const struct json_reader *r, const struct json_path *at,
			     struct json_object *value, const struct json_field *field,
			     void *object)
{
	const char *version = *(const char **)object;
	char quoted[JSON_QUOTED];

	(void)value;
	(void)field;
	if (!oci_version_is_known(version))
		return json_fail(r, at, "%s is not supported: this program knows 1.0 to 1.3",
				 json_quote(version, quoted));
	return 0;
}

static int check_host_name(const struct json_reader *r, const struct json_path *at,
			   struct json_object *value, const struct json_field *field, void *object)
{
	(void)value;
	(void)field;
	if (strlen(*(const char **)object) > HOST_NAME_LONGEST)
		return json_fail(r, at, "longer than %d bytes", HOST_NAME_LONGEST);
	return 0;
}

/* A list whose absence differs from its being empty. */
static int read_mounts(const struct json_reader *r, const struct json_path *at,
		       struct json_object *value, const struct json_field *field, void *object)
{
	((struct config *)object)->mounts_set = true;
	return json_read_array(r, at, value, field, object);
}

static const struct json_field config_fields[] = {
	JSON_ROW(struct config, "ociVersion", oci_version, json_read_string,
		 .check = check_oci_version),
	JSON_ROW(struct config, "process", process, json_read_object, .table = &process_table,
		 .required = true),
	JSON_ROW(struct config, "root", root, json_read_object, .table = &root_table),
	JSON_LIST(struct config, "mounts", mounts, n_mounts, read_mounts, .table = &mount_table),
	JSON_ROW(struct config, "hostname", hostname, json_read_text, .check = check_host_name),
	JSON_ROW(struct config, "domainname", domainname, json_read_text, .check = check_host_name),
	JSON_ROW(struct config, "annotations", annotations, json_read_string_map),
	JSON_ROW(struct config, "linux", linux_, json_read_object, .table = &linux_table),
	JSON_ROW(struct config, "hooks", hooks, json_read_inline, .table = &hooks_table),
	JSON_ROW(struct config, "taskshim", taskshim, json_read_object, .table = &taskshim_table),
};
JSON_TABLE(config_table, config_fields, struct config);

/* --- what concerns several sections --- */

static int fail_path(const struct json_reader *r, const char *section, const char *key,
		     const char *reason)
{
	struct json_path up = {.key = section};
	struct json_path here = {.up = &up, .key = key};

	return json_fail(r, key ? &here : &up, "%s", reason);
}

/* OCI requires both; a document with our own object may leave them out. */
static int check_oci_required(const struct json_reader *r, struct config *c)
{
	if (!c->oci_version && !c->taskshim.set)
		return fail_path(r, "ociVersion", NULL, "missing");
	if (!c->process.cwd && !c->taskshim.set)
		return fail_path(r, "process", "cwd", "missing");
	if (!c->process.cwd)
		c->process.cwd = "/";
	return 0;
}

/* isolation "none" runs in the host's root: what would change the view of files contradicts it. */
static int check_no_isolation(const struct json_reader *r, const struct config *c)
{
	static const char reason[] =
		"contradicts taskshim.isolation \"none\", which has no root of "
		"its own";
	const struct oci_linux *l = &c->linux_;

	if (c->taskshim.chroot != TS_CHROOT_NONE)
		return fail_path(r, "taskshim", "chroot", reason);
	if (c->taskshim.task_dir)
		return fail_path(r, "taskshim", "taskDir", reason);
	if (c->taskshim.alloc_dir)
		return fail_path(r, "taskshim", "allocDir", reason);
	if (c->root.path)
		return fail_path(r, "root", "path", reason);
	if (c->root.readonly)
		return fail_path(r, "root", "readonly", reason);
	if (c->n_mounts > 0)
		return fail_path(r, "mounts", NULL, reason);
	if (l->namespaces[OCI_NS_MOUNT].set && !l->namespaces[OCI_NS_MOUNT].path)
		return fail_path(r, "linux", "namespaces",
				 "\"mount\" without a path contradicts taskshim.isolation "
				 "\"none\"");
	if (l->masked_paths.n > 0)
		return fail_path(r, "linux", "maskedPaths", reason);
	if (l->readonly_paths.n > 0)
		return fail_path(r, "linux", "readonlyPaths", reason);
	if (l->rootfs_propagation)
		return fail_path(r, "linux", "rootfsPropagation", reason);
	if (l->mount_label)
		return fail_path(r, "linux", "mountLabel", reason);
	if (l->n_devices > 0)
		return fail_path(r, "linux", "devices", reason);
	return 0;
}

static int check_root(const struct json_reader *r, const struct config *c)
{
	if (c->taskshim.isolation == TS_ISOLATION_NONE)
		return check_no_isolation(r, c);
	if (!c->root.path && c->taskshim.chroot == TS_CHROOT_NONE)
		return fail_path(r, "root", "path",
				 "missing: name a directory, or set taskshim.chroot or "
				 "taskshim.isolation \"none\"");
	if (c->linux_.namespaces[OCI_NS_MOUNT].path)
		return fail_path(
			r, "linux", "namespaces",
			"\"mount\" with a path needs taskshim.isolation \"none\": a root would "
			"be built, and pivoted to, among the mounts of others");
	return 0;
}

/* A mount that is to be mapped, and says not how, takes the mappings of the task's user namespace. */
static int check_idmaps(const struct json_reader *r, const struct config *c)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		struct json_path list = {.key = "mounts"};
		struct json_path mount = {.up = &list, .index = i};
		struct json_path here = {.up = &mount, .key = "uidMappings"};
		struct json_path gids = {.up = &mount, .key = "gidMappings"};

		if (config_check_mappings(r, &here, c->mounts[i].uid_mappings,
					  c->mounts[i].n_uid_mappings) < 0 ||
		    config_check_mappings(r, &gids, c->mounts[i].gid_mappings,
					  c->mounts[i].n_gid_mappings) < 0)
			return -1;
		if (c->mounts[i].parsed.idmap && c->mounts[i].n_uid_mappings == 0 &&
		    !c->linux_.namespaces[OCI_NS_USER].set)
			return json_fail(r, &here,
					 "missing: the mount is to be mapped, and the task has no "
					 "mappings of its own");
	}
	return 0;
}

/* Without a uts namespace of the task these would rename the host. */
static int check_host_names(const struct json_reader *r, const struct config *c)
{
	static const char reason[] = "needs a uts namespace: list one in linux.namespaces";

	if (c->linux_.namespaces[OCI_NS_UTS].set)
		return 0;
	if (c->hostname)
		return fail_path(r, "hostname", NULL, reason);
	if (c->domainname)
		return fail_path(r, "domainname", NULL, reason);
	return 0;
}

static const char *const namespace_words[OCI_NS_COUNT] = {
	[OCI_NS_NETWORK] = "network", [OCI_NS_IPC] = "ipc", [OCI_NS_UTS] = "uts"};

/* What is set must be the task's own; and what another field says is not said twice. */
static int check_sysctl(const struct json_reader *r, const struct config *c, const char *name)
{
	struct json_path up = {.key = "linux"}, map = {.up = &up, .key = "sysctl"};
	struct json_path here = {.up = &map, .key = name};
	enum oci_namespace_type type;
	char path[SYSCTL_PATH_MAX];

	if (sysctl_path(name, path) < 0)
		return json_fail(r, &here, "not the name of a sysctl");
	type = sysctl_namespace(path);
	if (type == OCI_NS_COUNT)
		return json_fail(r, &here, "is in no namespace: it would change the host");
	if (!c->linux_.namespaces[type].set)
		return json_fail(r, &here, "needs a%s %s namespace: list one in linux.namespaces",
				 type == OCI_NS_IPC ? "n" : "", namespace_words[type]);
	if (strcmp(path, "kernel/hostname") == 0)
		return json_fail(r, &here, "contradicts the field hostname, which says it");
	if (strcmp(path, "kernel/domainname") == 0 && c->domainname)
		return json_fail(r, &here, "contradicts the field domainname, which says it");
	return 0;
}

static int check_sysctls(const struct json_reader *r, const struct config *c)
{
	for (size_t i = 0; i < c->linux_.sysctl.n; i++)
		if (check_sysctl(r, c, c->linux_.sysctl.v[i].key) < 0)
			return -1;
	return 0;
}

/* What the kernel takes; a new name may end in %d, which becomes a number. */
static bool is_device_name(const char *name, bool is_new)
{
	size_t len = strlen(name);
	const char *percent = strchr(name, '%');

	if (len == 0 || len > DEVICE_NAME_LONGEST || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0 || name[strcspn(name, "/: \t\n\v\f\r")] != '\0')
		return false;
	return !percent || (is_new && percent != name && strcmp(percent, "%d") == 0);
}

static int check_net_devices(const struct json_reader *r, const struct config *c)
{
	struct json_path up = {.key = "linux"}, map = {.up = &up, .key = "netDevices"};
	char quoted[JSON_QUOTED];

	if (c->linux_.n_net_devices > 0 && !c->linux_.namespaces[OCI_NS_NETWORK].set)
		return json_fail(r, &map,
				 "needs a network namespace: list one in linux.namespaces");
	for (size_t i = 0; i < c->linux_.n_net_devices; i++) {
		const struct oci_net_device *d = &c->linux_.net_devices[i];
		struct json_path here = {.up = &map, .key = d->host_name};
		struct json_path name = {.up = &here, .key = "name"};

		if (!is_device_name(d->host_name, false))
			return json_fail(r, &here, "not the name of a network device");
		if (d->name && !is_device_name(d->name, true))
			return json_fail(r, &name, "%s: not a name for a network device",
					 json_quote(d->name, quoted));
	}
	return 0;
}

static int check_wait_for(const struct json_reader *r, const struct config *c)
{
	const struct oci_namespace *pid = &c->linux_.namespaces[OCI_NS_PID];

	if (c->taskshim.wait_for_all && pid->set && !pid->path && !c->taskshim.init)
		return fail_path(
			r, "taskshim", "waitFor",
			"\"all\" contradicts \"pid\" in linux.namespaces, but with taskshim.init: "
			"nothing outlives process 1 of a pid namespace");
	return 0;
}

static int check_init(const struct json_reader *r, const struct config *c)
{
	const struct oci_namespace *pid = &c->linux_.namespaces[OCI_NS_PID];

	if (c->taskshim.init && (!pid->set || pid->path))
		return fail_path(r, "taskshim", "init",
				 "needs a new pid namespace: list one in linux.namespaces");
	return 0;
}

/* The terminal is standard input, output and error. That it needs a console socket is for who starts the task to say: OCI's
 * configs have none, it is given on the command line. */
static int check_terminal(const struct json_reader *r, const struct config *c)
{
	static const char *const names[] = {"stdin", "stdout", "stderr"};

	if (!c->process.terminal && c->taskshim.console_socket.kind != TS_STDIO_NULL)
		return fail_path(r, "taskshim", "consoleSocket",
				 "needs process.terminal true: there is no terminal to send there");
	for (size_t i = 0; c->process.terminal && i < 3; i++)
		if (c->taskshim.stdio[i].kind != TS_STDIO_NULL)
			return fail_path(
				r, "taskshim", names[i],
				"contradicts process.terminal, which is all three streams");
	return 0;
}

static int check_profile(const struct json_reader *r, const struct config *c)
{
	if (c->taskshim.seccomp_default && c->linux_.seccomp.set)
		return fail_path(r, "taskshim", "seccomp", "\"default\" contradicts linux.seccomp");
	return 0;
}

static int check_annotations(const struct json_reader *r, const struct config *c)
{
	for (size_t i = 0; i < c->annotations.n; i++)
		if (c->annotations.v[i].key[0] == '\0')
			return fail_path(r, "annotations", "", "empty name");
	return 0;
}

/* --- defaults --- */

static void set_defaults(struct config *c)
{
	c->taskshim.monitor = true;
	c->taskshim.kill_on_monitor_death = true;
	c->taskshim.kill_signal = SIGTERM;
	c->taskshim.kill_timeout_ms = KILL_TIMEOUT_MS;
}

/* The lists that callers walk without looking whether they were there: one shared end. */
static int fill_lists(const struct json_reader *r, struct config *c)
{
	struct oci_linux *l = &c->linux_;
	struct str_list *lists[] = {
		&c->process.args,   &c->process.env,	    &l->masked_paths,
		&l->readonly_paths, &l->intel_rdt.schemata, &c->taskshim.shell,
	};
	const char **end = json_alloc(r, 1, sizeof *end);

	if (!end)
		return -1;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		if (!lists[i]->v)
			lists[i]->v = end;
	for (size_t kind = 0; kind < OCI_HOOK_COUNT; kind++) {
		for (size_t i = 0; i < c->hooks[kind].n; i++) {
			struct oci_hook *hook = &c->hooks[kind].v[i];

			hook->args.v = hook->args.v ? hook->args.v : end;
			hook->env.v = hook->env.v ? hook->env.v : end;
		}
	}
	return 0;
}

/* --- the module's face --- */

static int decode(const struct json_reader *r, struct json_object *document, struct config *c)
{
	set_defaults(c);
	if (json_read_members(r, NULL, document, &config_table, c) < 0)
		return -1;
	if (fill_lists(r, c) < 0 || check_oci_required(r, c) < 0 || check_root(r, c) < 0 ||
	    config_check_userns(r, c) < 0 || check_idmaps(r, c) < 0 || check_host_names(r, c) < 0 ||
	    check_sysctls(r, c) < 0 || check_net_devices(r, c) < 0 || check_wait_for(r, c) < 0 ||
	    check_init(r, c) < 0 || check_terminal(r, c) < 0 || check_profile(r, c) < 0 ||
	    check_annotations(r, c) < 0)
		return -1;
	return 0;
}

static void config_freep(struct config **config)
{
	config_free(*config);
}

int config_decode(struct json_object *document, struct config **ret, struct ts_error *e)
{
	__attribute__((cleanup(config_freep))) struct config *config = calloc(1, sizeof *config);

	if (!config) {
		e->step = TS_STEP_CONFIG;
		return ts_fail(e, ENOMEM, "out of memory", NULL);
	}
	struct json_reader reader = {.e = e, .allocations = &config->allocations};

	config->document = json_object_get(document);
	if (decode(&reader, document, config) < 0) {
		e->step = TS_STEP_CONFIG;
		return -1;
	}
	*ret = config;
	config = NULL;
	return 0;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	json_free_all(&config->allocations);
	json_object_put(config->document);
	free(config);
}
