/* taskshim validate: checks a config without starting anything. */
#include "shim/cmd/cmd.h"

#include "protocol/config.h"
#include "protocol/stream.h"

#include <json-c/json.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>

static int validate_main(const struct global *global, int argc, char **argv);

const struct verb verb_validate = {
	.name = "validate",
	.run = validate_main,
	.failed = EXIT_FAILED,
	.synopsis = "validate CONFIG",
	.summary = "check a config",
	.help = "Checks CONFIG (a file, - for standard input, or a bundle's directory) as `run` "
		"and `create` would: types,\n"
		"ranges, names, what is not supported yet. Properties that nothing reads are "
		"listed on standard error,\n"
		"and so are names in linux.seccomp that are no system call to libseccomp.\n"
		"Prints nothing else; status 0 iff the config is accepted.\n",
};

static void print_unknown(const char *path, void *arg)
{
	char text[1024];

	(void)snprintf(text, sizeof text, "config: %s: ignored: nothing reads this property", path);
	report_warning(text, arg);
}

/* They are left out of the filter, as with runc: a profile may know newer kernels than we do. A misspelt one looks the same. */
static void print_unknown_calls(const struct oci_seccomp *seccomp, const struct global *global)
{
	char text[1024];

	for (size_t i = 0; i < seccomp->n_syscalls; i++) {
		const struct str_list *names = &seccomp->syscalls[i].names;

		for (size_t j = 0; j < names->n; j++) {
			if (seccomp_syscall_resolve_name(names->v[j]) != __NR_SCMP_ERROR)
				continue;
			(void)snprintf(
				text, sizeof text,
				"config: linux.seccomp.syscalls[%zu].names[%zu]: left out: no "
				"system call that is known: %s",
				i, j, names->v[j]);
			report_warning(text, (void *)global);
		}
	}
}

/* Of a config that is accepted. */
static void print_notes(const char *text, size_t len, const struct global *global)
{
	struct json_object *document;
	struct config *config;
	struct ts_error e = {0};

	if (document_parse(text, len, &document, &e) < 0)
		return;
	if (config_decode(document, &config, &e) == 0) {
		print_unknown_calls(&config->linux_.seccomp, global);
		config_free(config);
	}
	json_object_put(document);
}

static int validate_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	struct taskshim_error error;
	struct ts_error e = {0};
	char *text;
	size_t len;
	int status = 0;

	if (option_next(global, argc, argv, "+:h", options, &status) == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 1, 1) < 0)
		return EXIT_FAILED;
	if (config_read_text(argv[optind], &text, &len, &e) < 0) {
		report_error(global, &e);
		return EXIT_FAILED;
	}
	if (taskshim_config_validate(text, len, print_unknown, (void *)global, &error) < 0) {
		report_public(global, &error);
		status = EXIT_FAILED;
	} else {
		print_notes(text, len, global);
	}
	free(text);
	return status;
}
