/* taskshim open: what has become of a task; recovery after a restart of the driver. */
#include "shim/cmd/cmd.h"

#include "protocol/exit_record.h"

#include <json-c/json.h>
#include <stdio.h>

static int open_main(const struct global *global, int argc, char **argv);

const struct verb verb_open = {
	.name = "open",
	.run = open_main,
	.failed = EXIT_FAILED,
	.synopsis = "open [--destroy] [--json] IDSTRING",
	.summary = "recover a task: running, exited, lost or foreign",
	.help = "Tells what has become of a task, for a driver that was restarted. The first word "
		"is the answer:\n"
		"  running   it goes on; wait, stop, kill and delete work as ever (status 0)\n"
		"  exited    it has ended; its exit record follows (status 0)\n"
		"  lost      monitor and record are gone; what was left has been killed and "
		"removed "
		"(status 3)\n"
		"  foreign   not proven to be ours; nothing was touched (status 4)\n"
		"Status 1: no answer (a malformed ID string, an unknown task id, a task that "
		"others "
		"create or remove).\n"
		"  --destroy   kill everything of that ID and remove all that it had\n"
		"  --json      one JSON object: answer, id, pid, idString, exit, message\n",
};

static const struct {
	const char *word;
	int status;
} answers[] = {
	[TASKSHIM_RUNNING] = {"running", 0},
	[TASKSHIM_EXITED] = {"exited", 0},
	[TASKSHIM_LOST] = {"lost", 3},
	[TASKSHIM_FOREIGN] = {"foreign", 4},
};

/* What open has found; @task may be NULL, then @error says why. */
struct found {
	enum taskshim_answer answer;
	taskshim_task *task;
	struct taskshim_error error;
};

static const char *message_of(const struct found *found)
{
	return found->task ? "" : found->error.message;
}

static int print_found_json(const struct found *found)
{
	struct json_object *object = json_object_new_object();
	taskshim_task *task = found->task;
	int r = -1;

	if (json_put(object, "answer", json_object_new_string(answers[found->answer].word)) == 0 &&
	    json_put(object, "id", json_object_new_string(task ? taskshim_task_id(task) : "")) ==
		    0 &&
	    json_put(object, "pid", json_object_new_int(task ? taskshim_task_pid(task) : 0)) == 0 &&
	    json_put(object, "idString",
		     json_object_new_string(task ? taskshim_task_id_string(task) : "")) == 0 &&
	    json_put(object, "message", json_object_new_string(message_of(found))) == 0 &&
	    (!task || !task->has_exited ||
	     json_put(object, "exit", exit_record_encode(&task->exited)) == 0))
		r = print_json(object);
	json_object_put(object);
	return r;
}

static int print_found(const struct found *found)
{
	const char *name = found->task ? taskshim_task_id(found->task) : "";
	struct json_object *record;
	char line[1024];
	int r;

	(void)snprintf(line, sizeof line, "%s%s%s%s%s%s", answers[found->answer].word,
		       *name ? " " : "", name, found->task ? "" : " (", message_of(found),
		       found->task ? "" : ")");
	r = print_text(line, true);
	if (r < 0 || !found->task || !found->task->has_exited)
		return r;
	record = exit_record_encode(&found->task->exited);
	r = record ? print_json(record) : -1;
	json_object_put(record);
	return r;
}

static int open_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {{"destroy", no_argument, NULL, 'd'},
						{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct found found;
	unsigned flags = 0;
	bool json = false;
	int option, status = 0;

	while ((option = option_next(global, argc, argv, "+:h", options, &status)) >= 0) {
		if (option == 'd')
			flags = TASKSHIM_DESTROY;
		else
			json = true;
	}
	if (option == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 1, 1) < 0)
		return EXIT_FAILED;
	if (taskshim_open(global->root, argv[optind], flags, &found.answer, &found.task,
			  &found.error) < 0) {
		report_public(global, &found.error);
		return EXIT_FAILED;
	}
	status = (json ? print_found_json : print_found)(&found) < 0 ? EXIT_FAILED
								     : answers[found.answer].status;
	taskshim_task_free(found.task);
	return status;
}
