/* taskshim update: set other limits for a task that runs. */
#include "shim/cmd/cmd.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

static int update_main(const struct global *global, int argc, char **argv);

const struct verb verb_update = {
	.name = "update",
	.run = update_main,
	.failed = EXIT_FAILED,
	.synopsis = "update [--resources FILE] [limits] ID",
	.summary = "set other limits for a task that runs",
	.help = "What is not given stays. Either all of it is done or nothing.\n"
		"  -r, --resources FILE     an object as linux.resources of the config; - for "
		"standard input; flags win\n"
		"  --memory N               bytes, with k, m, g or t behind, or -1 for none\n"
		"  --memory-reservation N   so much is spared when memory is short\n"
		"  --memory-swap N          memory and swap together\n"
		"  --cpu-share N            weight, 2 to 262144\n"
		"  --cpu-quota US           of each period, or -1 for none\n"
		"  --cpu-period US          1000 to 1000000\n"
		"  --cpu-burst US           saved up from earlier periods\n"
		"  --cpu-rt-runtime US, --cpu-rt-period US   for real-time scheduling (cgroup v1)\n"
		"  --cpu-idle 0|1           run when nothing else does\n"
		"  --cpuset-cpus LIST, --cpuset-mems LIST    such as 0-3,7\n"
		"  --pids-limit N           processes, or -1 for none\n"
		"  --blkio-weight N         10 to 1000\n",
};

enum kind { SIZE, NUMBER, TEXT };

/* The flags that are limits: option value FIRST_LIMIT + index. */
enum { FIRST_LIMIT = 256 };
static const struct {
	const char *flag, *section, *key;
	enum kind kind;
} limits[] = {
	{"memory", "memory", "limit", SIZE},
	{"memory-reservation", "memory", "reservation", SIZE},
	{"memory-swap", "memory", "swap", SIZE},
	{"cpu-share", "cpu", "shares", NUMBER},
	{"cpu-quota", "cpu", "quota", NUMBER},
	{"cpu-period", "cpu", "period", NUMBER},
	{"cpu-burst", "cpu", "burst", NUMBER},
	{"cpu-rt-runtime", "cpu", "realtimeRuntime", NUMBER},
	{"cpu-rt-period", "cpu", "realtimePeriod", NUMBER},
	{"cpu-idle", "cpu", "idle", NUMBER},
	{"cpuset-cpus", "cpu", "cpus", TEXT},
	{"cpuset-mems", "cpu", "mems", TEXT},
	{"pids-limit", "pids", "limit", NUMBER},
	{"blkio-weight", "blockIO", "weight", NUMBER},
};
enum { N_LIMITS = sizeof limits / sizeof limits[0], N_OTHER = 2 };

/* What the command line says. */
struct update {
	const char *file;
	const char *values[N_LIMITS]; /* NULL: not given */
};

static int no_memory(struct ts_error *e)
{
	e->step = TS_STEP_USAGE;
	return ts_fail(e, ENOMEM, "update", NULL);
}

static struct json_object *value_of(size_t index, const char *text)
{
	int64_t number;

	if (limits[index].kind == TEXT)
		return json_object_new_string(text);
	if ((limits[index].kind == SIZE ? flag_parse_size(text, &number)
					: flag_parse_number(text, &number)) < 0)
		return NULL;
	return json_object_new_int64(number);
}

static int put_limit(struct json_object *resources, size_t index, const char *text,
		     struct ts_error *e)
{
	struct json_object *section, *value = value_of(index, text);

	if (!value) {
		e->step = TS_STEP_USAGE;
		return ts_failf(e, 0, "--%s %s: expected a number%s", limits[index].flag, text,
				limits[index].kind == SIZE ? ", with k, m, g or t behind" : "");
	}
	if (!json_object_object_get_ex(resources, limits[index].section, &section) ||
	    !json_object_is_type(section, json_type_object)) {
		section = json_object_new_object();
		if (json_put(resources, limits[index].section, section) < 0) {
			json_object_put(value);
			return no_memory(e);
		}
	}
	return json_put(section, limits[index].key, value) < 0 ? no_memory(e) : 0;
}

/* The file with the flags on top. Returns 0 and *@ret, or -1 with @e filled. */
static int build(const struct update *u, struct json_object **ret, struct ts_error *e)
{
	struct json_object *resources = NULL;
	int r = 0;

	if (u->file && config_read(u->file, &resources, e) < 0)
		return -1;
	if (!u->file)
		resources = json_object_new_object();
	if (!resources || !json_object_is_type(resources, json_type_object)) {
		json_object_put(resources);
		e->step = TS_STEP_CONFIG;
		return ts_fail(e, EINVAL, "the resources are not a JSON object", u->file);
	}
	for (size_t i = 0; r == 0 && i < N_LIMITS; i++)
		if (u->values[i])
			r = put_limit(resources, i, u->values[i], e);
	if (r < 0)
		json_object_put(resources);
	else
		*ret = resources;
	return r;
}

static int update_task(const struct global *global, char **argv, struct json_object *resources)
{
	const char *text = json_object_to_json_string_ext(resources, JSON_C_TO_STRING_PLAIN);
	taskshim_task *task = task_of_argument(global, argv);
	struct taskshim_error error;
	int status = EXIT_FAILED;

	if (task && text && taskshim_task_update(task, text, strlen(text), &error) == 0)
		status = 0;
	else if (task && text)
		report_public(global, &error);
	taskshim_task_free(task);
	return status;
}

static void fill_options(struct option options[static N_LIMITS + N_OTHER + 1])
{
	for (size_t i = 0; i < N_LIMITS; i++)
		options[i] = (struct option){limits[i].flag, required_argument, NULL,
					     FIRST_LIMIT + (int)i};
	options[N_LIMITS] = (struct option){"resources", required_argument, NULL, 'r'};
	options[N_LIMITS + 1] = (struct option){"help", no_argument, NULL, 'h'};
	options[N_LIMITS + N_OTHER] = (struct option){0};
}

static int update_main(const struct global *global, int argc, char **argv)
{
	struct option options[N_LIMITS + N_OTHER + 1];
	struct json_object *resources = NULL;
	struct update u = {.file = NULL};
	struct ts_error e = {0};
	int option, status = 0;

	fill_options(options);
	while ((option = option_next(global, argc, argv, "+:hr:", options, &status)) >= 0) {
		if (option == 'r')
			u.file = optarg;
		else if (option >= FIRST_LIMIT)
			u.values[option - FIRST_LIMIT] = optarg;
	}
	if (option == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 1, 1) < 0)
		return EXIT_FAILED;
	if (build(&u, &resources, &e) < 0) {
		report_error(global, &e);
		return EXIT_FAILED;
	}
	status = update_task(global, argv, resources);
	json_object_put(resources);
	return status;
}
