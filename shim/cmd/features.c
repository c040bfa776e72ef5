/* taskshim features: the OCI features document. What it lists comes from the tables that decode the config, and what it says to be
 * there is asked of the one that refuses: it cannot promise what a config would not get. */
#include "shim/cmd/cmd.h"

#include "protocol/config.h"
#include "protocol/fields.h"
#include "protocol/hooks_record.h"
#include "protocol/json_write.h"
#include "protocol/values.h"

#include <errno.h>
#include <json-c/json.h>

static int features_main(const struct global *global, int argc, char **argv);

const struct verb verb_features = {
	.name = "features",
	.run = features_main,
	.failed = EXIT_FAILED,
	.synopsis = "features",
	.summary = "print what configs can ask for, as OCI's features document",
	.help = "Prints the features document of the OCI runtime specification: what this program "
		"knows, whether or not this\n"
		"host has it.\n",
};

/* Whether a config that has this, and nothing else, would be refused as not supported yet. */
static bool is_supported(const struct config *config)
{
	struct ts_error ignored = {0};

	return config_check_supported(config, &ignored) == 0;
}

/* --- lists; NULL when memory is out, and then the document is not printed --- */

static void add_word(struct json_object **list, const char *word)
{
	struct json_object *text = *list ? json_object_new_string(word) : NULL;

	if (text && json_object_array_add(*list, text) == 0)
		return;
	json_object_put(text);
	json_object_put(*list);
	*list = NULL;
}

static struct json_object *words_of(const char *path)
{
	struct json_object *list = json_object_new_array();

	for (const struct json_word *w = config_words(path); w && w->name; w++)
		add_word(&list, w->name);
	return list;
}

static struct json_object *hook_kinds(void)
{
	struct json_object *list = json_object_new_array();

	for (int kind = 0; kind < OCI_HOOK_COUNT; kind++)
		add_word(&list, hooks_kind_name((enum oci_hook_kind)kind));
	return list;
}

static struct json_object *mount_options(void)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; mount_option_word(i); i++)
		add_word(&list, mount_option_word(i));
	return list;
}

static struct json_object *namespaces(void)
{
	struct json_object *list = json_object_new_array();

	for (const struct json_word *w = config_words("linux.namespaces.type"); w && w->name; w++) {
		struct config c = {0};

		c.linux_.namespaces[w->value].set = true;
		if (is_supported(&c))
			add_word(&list, w->name);
	}
	return list;
}

static struct json_object *capabilities(void)
{
	struct json_object *list = json_object_new_array();
	char name[CAPABILITY_NAME];

	for (unsigned i = 0; i < 64; i++)
		if (capability_word(i, name))
			add_word(&list, name);
	return list;
}

/* --- objects --- */

static struct json_object *enabled(bool yes)
{
	struct json_writer w = json_writer_new();

	json_add_bool(&w, "enabled", yes);
	return w.object;
}

static struct json_object *cgroup(void)
{
	const struct config rdma = {.linux_.resources.n_rdma = 1};
	struct json_writer w = json_writer_new();

	json_add_bool(&w, "v1", true);
	json_add_bool(&w, "v2", true);
	json_add_bool(&w, "systemd", false); /* options.c refuses --systemd-cgroup */
	json_add_bool(&w, "systemdUser", false);
	json_add_bool(&w, "rdma", is_supported(&rdma));
	return w.object;
}

static struct json_object *seccomp(void)
{
	const struct config c = {.linux_.seccomp.set = true};
	struct json_writer w = json_writer_new();
	bool supported = is_supported(&c);

	json_add_bool(&w, "enabled", supported);
	if (!supported)
		return w.object;
	json_add(&w, "actions", words_of("linux.seccomp.syscalls.action"));
	json_add(&w, "operators", words_of("linux.seccomp.syscalls.args.op"));
	json_add(&w, "archs", words_of("linux.seccomp.architectures"));
	json_add(&w, "knownFlags", words_of("linux.seccomp.flags"));
	json_add(&w, "supportedFlags", words_of("linux.seccomp.flags"));
	return w.object;
}

static struct json_object *memory_policy(void)
{
	struct json_writer w = json_writer_new();

	json_add(&w, "modes", words_of("linux.memoryPolicy.mode"));
	json_add(&w, "flags", words_of("linux.memoryPolicy.flags"));
	return w.object;
}

static struct json_object *intel_rdt(void)
{
	const struct config c = {.linux_.intel_rdt.set = true};
	struct json_writer w = json_writer_new();

	json_add_bool(&w, "enabled", is_supported(&c));
	json_add_bool(&w, "schemata", is_supported(&c));
	json_add_bool(&w, "monitoring", is_supported(&c));
	return w.object;
}

static struct json_object *mount_extensions(void)
{
	struct json_writer w = json_writer_new();

	json_add(&w, "idmap", enabled(true));
	return w.object;
}

static struct json_object *linux_features(void)
{
	const struct config net_devices = {.linux_.n_net_devices = 1};
	struct json_writer w = json_writer_new();

	json_add(&w, "namespaces", namespaces());
	json_add(&w, "capabilities", capabilities());
	json_add(&w, "cgroup", cgroup());
	json_add(&w, "seccomp", seccomp());
	json_add(&w, "apparmor", enabled(true));
	json_add(&w, "selinux", enabled(true));
	json_add(&w, "memoryPolicy", memory_policy());
	json_add(&w, "intelRdt", intel_rdt());
	json_add(&w, "mountExtensions", mount_extensions());
	json_add(&w, "netDevices", enabled(is_supported(&net_devices)));
	return w.object;
}

static struct json_object *annotations(void)
{
	struct json_writer w = json_writer_new();

	json_add_text(&w, "org.taskshim.version", TASKSHIM_VERSION);
	return w.object;
}

static struct json_object *features(void)
{
	struct json_writer w = json_writer_new();

	json_add_text(&w, "ociVersionMin", OCI_VERSION_MIN);
	json_add_text(&w, "ociVersionMax", OCI_VERSION_MAX);
	json_add(&w, "hooks", hook_kinds());
	json_add(&w, "mountOptions", mount_options());
	json_add(&w, "linux", linux_features());
	json_add(&w, "annotations", annotations());
	/* no annotation of a config changes what is done */
	json_add(&w, "potentiallyUnsafeConfigAnnotations", json_object_new_array());
	return w.object;
}

static int features_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	struct ts_error e = {.step = TS_STEP_CONFIG};
	struct json_object *document;
	int r, status = 0;

	if (option_next(global, argc, argv, "+:h", options, &status) == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 0, 0) < 0)
		return EXIT_FAILED;
	document = features();
	if (!document) {
		(void)ts_fail(&e, ENOMEM, "features", NULL);
		report_error(global, &e);
		return EXIT_FAILED;
	}
	r = print_json(document);
	json_object_put(document);
	return r < 0 ? EXIT_FAILED : 0;
}
