/* taskshim validate: checks a config without starting anything. */
#include "shim/cmd/cmd.h"

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
		"listed on standard error.\n"
		"Prints nothing else; status 0 iff the config is accepted.\n",
};

static void print_unknown(const char *path, void *arg)
{
	char text[1024];

	(void)snprintf(text, sizeof text, "config: %s: ignored: nothing reads this property", path);
	report_warning(text, arg);
}

static int validate_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	struct taskshim_error error;
	struct ts_error e = {0};
	char *text;
	size_t len;
	int status = 0;

	if (option_next(&verb_validate, argc, argv, "+:h", options, &status) == OPTION_EXIT)
		return status;
	if (arguments_check(&verb_validate, argc, 1, 1) < 0)
		return EXIT_FAILED;
	if (config_read_text(argv[optind], &text, &len, &e) < 0) {
		report_error(global, &e);
		return EXIT_FAILED;
	}
	if (taskshim_config_validate(text, len, print_unknown, (void *)global, &error) < 0) {
		report_public(global, &error);
		status = EXIT_FAILED;
	}
	free(text);
	return status;
}
