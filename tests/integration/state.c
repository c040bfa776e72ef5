/* Tasks with a state directory, and what is in it. harness.h */
#include "tests/integration/harness.h"

#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct json_object *it_state_config(struct it *t, const char *words, const char **ret_dir)
{
	struct json_object *c = it_config(t, words);

	*ret_dir = it_text(t, "%s/%s", t->dir, js_str(c, "taskshim.id"));
	make_dir(*ret_dir, 0700);
	cfg_set(c, "taskshim.stateDir", "'%s'", *ret_dir);
	cfg_set(c, "taskshim.runId", "'%s'", IT_RUN_ID);
	return c;
}

struct json_object *it_json_file(struct it *t, const char *dir, const char *name)
{
	const char *text = read_file(t, it_text(t, "%s/%s", dir, name));
	struct json_object *o = text ? json_tokener_parse(text) : NULL;

	if (!o)
		fail_msg("%s/%s: %s", dir, name, text ? text : "missing");
	t->configs[t->n_configs++] = o;
	return o;
}

const char *it_names(struct it *t, const char *dir)
{
	struct dirent **list;
	int n = scandir(dir, &list, NULL, alphasort);
	const char *all = "";

	for (int i = 0; i < n; i++) {
		if (strcmp(list[i]->d_name, ".") != 0 && strcmp(list[i]->d_name, "..") != 0)
			all = it_text(t, "%s%s ", all, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return all;
}

struct run *it_start_task(struct it *t, struct json_object *c, pid_t *ret_pid)
{
	struct run *r = it_start_config(t, NULL, c);

	*ret_pid = (pid_t)js_int(run_expect(r, "created"), "pid");
	run_send(r, "true");
	(void)run_expect(r, "started");
	return r;
}

void it_wait_ready(struct it *t, struct run *r)
{
	for (int left = it_timeout_ms(); !strstr(run_task_out(t, r), "ready\n"); left -= 2) {
		if (left < 0)
			fail_msg("hang: the task does not get ready");
		(void)poll(NULL, 0, 2);
	}
}
