/* Translates the 2015 form. behaviours.md 1.1. */
#include "spawn/config2015.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct str_list list_of(const char **v)
{
	struct str_list list = {.v = v};

	while (v[list.n])
		list.n++;
	return list;
}

static struct ts_stdio file_or_null(const char *path)
{
	return path && strcmp(path, "/dev/null") != 0
		       ? (struct ts_stdio){.kind = TS_STDIO_PATH, .path = path}
		       : (struct ts_stdio){.kind = TS_STDIO_NULL};
}

int config_from_form2015(const struct form2015 *form, struct config **ret, struct ts_error *e)
{
	struct config *config = calloc(1, sizeof *config);

	if (!config)
		return ts_fail(e, ENOMEM, "allocate the config", NULL);
	config->process.set = true;
	config->process.args = list_of(form->args);
	config->process.env = list_of(form->env ? form->env : (const char **)environ);
	config->process.cwd = "/";
	config->process.user = (struct oci_user){
		.set = form->credential_set,
		.uid = form->uid,
		.gid = form->gid,
		.additional_gids = form->groups,
		.n_additional_gids = form->n_groups,
	};
	config->root = (struct oci_root){.set = form->chroot, .path = form->chroot};
	config->mounts_set = true;
	config->taskshim = (struct ts_extension){
		.set = true,
		.monitor = true,
		.kill_on_monitor_death = false, /* in 2015 the command outlived its helper */
		.isolation = form->chroot ? TS_ISOLATION_CHROOT : TS_ISOLATION_NONE,
		.stdio = {file_or_null(form->stdin_file), file_or_null(form->stdout_file),
			  file_or_null(form->stderr_file)},
		.kill_signal = SIGTERM,
		.kill_timeout_ms = 5000,
	};
	*ret = config;
	return 0;
}

int config2015_open_exit_status(const struct form2015 *form, struct monitor *m, struct ts_error *e)
{
	const char *path = form ? form->exit_status_file : NULL;
	const char *slash = path ? strrchr(path, '/') : NULL;
	char dir[PATH_MAX];

	if (!path)
		return 0;
	e->step = TS_STEP_STATE;
	if (!slash || !slash[1] || strlen(slash + 1) >= sizeof m->exit_status_name ||
	    (size_t)(slash - path) >= sizeof dir - 1)
		return ts_fail(e, EINVAL, "ExitStatusFile is not the absolute path of a file",
			       path);
	memcpy(dir, path, (size_t)(slash - path) + 1);
	dir[slash - path + 1] = '\0';
	strcpy(m->exit_status_name, slash + 1);
	m->exit_status_dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (m->exit_status_dir < 0)
		return ts_fail(e, errno, "open the directory of ExitStatusFile", path);
	return 0;
}
