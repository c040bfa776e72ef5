/* taskshim wait: wait for a task's end and print its exit record. */
#include "shim/cmd/cmd.h"

#include "protocol/config.h"
#include "protocol/exit_record.h"

#include <errno.h>
#include <json-c/json.h>

static int wait_main(const struct global *global, int argc, char **argv);

const struct verb verb_wait = {
	.name = "wait",
	.run = wait_main,
	.failed = EXIT_RUN_FAILED,
	.synopsis = "wait [--timeout TIME] ID",
	.summary = "wait for a task's end and print its exit record",
	.help = "Blocks until the task has ended, prints the exit record as JSON and exits with "
		"the task's status; with 125 and\n"
		"a message when nobody saw the end (known is false). Any number of callers may "
		"wait.\n"
		"  --timeout TIME   give up after it (500ms, 5s, 2m) with status 124\n",
};

enum { EXIT_TIMEOUT = 124 };

static int print_record(const taskshim_task *task)
{
	struct json_object *record = exit_record_encode(&task->exited);
	int r = record ? print_json(record) : -1;

	json_object_put(record);
	return r;
}

static int wait_and_print(const struct global *global, taskshim_task *task, int64_t timeout_ms)
{
	struct taskshim_exit end;
	struct taskshim_error error;
	struct ts_error e = {.step = TS_STEP_WAIT};

	if (taskshim_task_wait(task, timeout_ms, &end, &error) < 0) {
		report_public(global, &error);
		return error.err == ETIMEDOUT ? EXIT_TIMEOUT : EXIT_RUN_FAILED;
	}
	if (task->has_exited && print_record(task) < 0)
		return EXIT_RUN_FAILED;
	if (end.known)
		return end.exit_code;
	(void)ts_fail(&e, 0, "nobody saw how the task ended", taskshim_task_id(task));
	report_error(global, &e);
	return EXIT_RUN_FAILED;
}

static int wait_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {
		{"timeout", required_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'}, {0}};
	taskshim_task *task;
	uint64_t ms = 0;
	bool limited = false;
	int option, status = 0;

	while ((option = option_next(global, argc, argv, "+:h", options, &status)) >= 0) {
		limited = true;
		if (duration_parse(optarg, &ms) < 0 || ms > INT64_MAX / 2)
			return usage_error(global, "--timeout %s: expected a time such as 5s",
					   optarg);
	}
	if (option == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 1, 1) < 0)
		return EXIT_RUN_FAILED;
	task = task_of_argument(global, argv);
	if (!task)
		return EXIT_RUN_FAILED;
	status = wait_and_print(global, task, limited ? (int64_t)ms : -1);
	taskshim_task_free(task);
	return status;
}
