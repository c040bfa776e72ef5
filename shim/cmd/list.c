/* taskshim list: the tasks below the root. */
#include "shim/cmd/cmd.h"
#include "shim/cmd/text.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static int list_main(const struct global *global, int argc, char **argv);

const struct verb verb_list = {
	.name = "list",
	.run = list_main,
	.failed = EXIT_FAILED,
	.synopsis = "list [-q] [-f table|json]",
	.summary = "list tasks",
	.help = "Lists the tasks below --root.\n"
		"  -q, --quiet              ids only\n"
		"  -f, --format table|json  (table)\n",
};

enum { COLUMNS = 6, MIN_WIDTH = 12, GAP = 3 /* as runc's table has them */ };

struct list {
	const struct global *global;
	struct task_finder finder;
	struct task_owner owner;
	unsigned parts; /* enum task_state_parts */
	char **ids;
	size_t n;
	bool failed;
};

static int add_id(const char *id, void *arg)
{
	struct list *list = arg;
	char **ids = reallocarray(list->ids, list->n + 1, sizeof *ids);

	if (ids)
		list->ids = ids;
	if (!ids || !(list->ids[list->n] = strdup(id))) {
		list->failed = true;
		return -1;
	}
	list->n++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One task as runc's list has it; NULL: it has gone since, or cannot be read (list->failed). */
static struct json_object *describe(struct list *list, const char *id)
{
	struct ts_error e = {0};
	struct json_object *row;
	taskshim_task *task;
	int lost;

	if (task_find(&list->finder, id, &task, &e) < 0) {
		if (e.err != ENOENT) {
			report_error(list->global, &e);
			list->failed = true;
		}
		return NULL;
	}
	/* What a dead monitor left is not listed as if all were well: it is ended, and the record says so. */
	lost = task_is_lost(task, &e);
	if (lost < 0 || (lost > 0 && task_finish_lost(task, &e) < 0)) {
		report_error(list->global, &e);
		list->failed = true;
	}
	row = task_state_object(task, list->parts, &list->owner, &e);
	if (!row) {
		report_error(list->global, &e);
		list->failed = true;
	}
	taskshim_task_free(task);
	return row;
}

static const char *text_of(struct json_object *row, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(row, key, &value) ? json_object_get_string(value) : "";
}

static const char *const head[COLUMNS] = {"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"};

static void add_row(struct table *table, struct json_object *row)
{
	static const char *const keys[COLUMNS] = {"id",	    "pid",     "status",
						  "bundle", "created", "owner"};

	for (size_t i = 0; i < COLUMNS; i++)
		table_cell(table, text_of(row, keys[i]));
}

static int print_ids(const struct list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (print_text(list->ids[i], true) < 0)
			return -1;
	return 0;
}

static int print_table(struct list *list)
{
	struct table table = {.columns = COLUMNS, .min_width = MIN_WIDTH, .gap = GAP};

	table_cells(&table, head);
	for (size_t i = 0; i < list->n; i++) {
		struct json_object *row = describe(list, list->ids[i]);

		if (row)
			add_row(&table, row);
		json_object_put(row);
	}
	return table_print(&table);
}

static int print_array(struct list *list)
{
	struct json_object *rows = json_object_new_array();
	int r;

	for (size_t i = 0; rows && i < list->n; i++) {
		struct json_object *row = describe(list, list->ids[i]);

		if (row)
			(void)json_object_array_add(rows, row);
	}
	r = rows ? print_json(rows) : -1;
	json_object_put(rows);
	return r;
}

static int print_list(struct list *list, bool json)
{
	struct ts_error e = {0};
	int r;

	if (task_finder_open(&list->finder, list->global->root, &e) < 0) {
		report_error(list->global, &e);
		return -1;
	}
	list->parts = json ? TASK_STATE_ROOTFS : 0;
	r = json ? print_array(list) : print_table(list);
	task_finder_done(&list->finder);
	return r;
}

static int list_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {{"quiet", no_argument, NULL, 'q'},
						{"format", required_argument, NULL, 'f'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct list list = {.global = global};
	struct taskshim_error error;
	bool quiet = false, json = false;
	int option, status = 0;

	while ((option = option_next(global, argc, argv, "+:hqf:", options, &status)) >= 0) {
		if (option == 'q') {
			quiet = true;
			continue;
		}
		json = strcmp(optarg, "json") == 0;
		if (!json && strcmp(optarg, "table") != 0)
			return usage_error(global, "--format %s: expected table or json", optarg);
	}
	if (option == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 0, 0) < 0)
		return EXIT_FAILED;
	if (taskshim_task_list(global->root, add_id, &list, &error) < 0) {
		report_public(global, &error);
		status = EXIT_FAILED;
	} else {
		if (list.n > 0)
			qsort(list.ids, list.n, sizeof *list.ids, by_name);
		status = (quiet ? print_ids(&list) : print_list(&list, json)) < 0 || list.failed
				 ? EXIT_FAILED
				 : 0;
	}
	for (size_t i = 0; i < list.n; i++)
		free(list.ids[i]);
	free(list.ids);
	return status;
}
