/* A small driver with libtaskshim: runs one command as a task, notes its ID string before the start, prints its end.
 *
 * cc driver.c $(pkg-config --cflags --libs taskshim) -o driver && ./driver ID COMMAND [ARG...]
 * Exit status: the command's, 125 when it could not be run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <taskshim.h>

static int fail(const struct taskshim_error *error)
{
	fprintf(stderr, "driver: %s: %s%s%s\n", error->step, error->message, error->err ? ": " : "",
		error->err ? strerror(error->err) : "");
	return 125;
}

static void put_quoted(FILE *f, const char *text)
{
	fputc('"', f);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', f);
		if ((unsigned char)*text < ' ')
			fprintf(f, "\\u%04x", *text);
		else
			fputc(*text, f);
	}
	fputc('"', f);
}

/* The config: nobody, the host's programs read-only, private pid, ipc, uts and mount namespaces. */
static char *make_config(char **args, size_t *ret_len)
{
	char *config = NULL;
	FILE *f = open_memstream(&config, ret_len);

	if (!f)
		return NULL;
	fputs("{\"ociVersion\":\"1.2.0\",\"process\":{\"cwd\":\"/\",\"env\":[\"PATH=/usr/bin:/"
	      "bin\"],"
	      "\"noNewPrivileges\":true,\"args\":[",
	      f);
	for (char **arg = args; *arg; arg++) {
		if (arg != args)
			fputc(',', f);
		put_quoted(f, *arg);
	}
	fputs("]},\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":"
	      "\"uts\"},"
	      "{\"type\":\"mount\"}]},\"taskshim\":{\"version\":1,\"chroot\":\"host\"}}",
	      f);
	if (fclose(f) != 0) {
		free(config);
		return NULL;
	}
	return config;
}

static int run(taskshim_task *task)
{
	struct taskshim_error error;
	struct taskshim_exit end;

	/* A real driver writes this to its journal: after a restart taskshim_task_open() takes it. */
	fprintf(stderr, "driver: created %s\n", taskshim_task_id_string(task));
	if (taskshim_task_start(task, &error) < 0 ||
	    taskshim_task_wait(task, -1, &end, &error) < 0 ||
	    taskshim_task_delete(task, false, &error) < 0)
		return fail(&error);
	if (!end.known) {
		fprintf(stderr, "driver: nobody saw how it ended\n");
		return 125;
	}
	fprintf(stderr, "driver: ended with %d%s\n", end.exit_code,
		end.oom_killed ? " (out of memory)" : "");
	return end.exit_code;
}

int main(int argc, char **argv)
{
	struct taskshim_options options = TASKSHIM_OPTIONS_INIT;
	struct taskshim_error error;
	taskshim_task *task;
	size_t len;
	char *config;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: driver ID COMMAND [ARG...]\n");
		return 125;
	}
	options.id = argv[1];
	options.stdio[1] = 1;
	options.stdio[2] = 2;
	options.spawn_daemon = getenv("SPAWN_DAEMON"); /* NULL: where it is installed */
	config = make_config(argv + 2, &len);
	if (!config || taskshim_task_create(&options, config, len, &task, &error) < 0)
		return config ? fail(&error) : 125;
	free(config);
	status = run(task);
	taskshim_task_free(task);
	return status;
}
