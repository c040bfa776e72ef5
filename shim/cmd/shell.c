/* taskshim shell: an interactive shell in a task's environment, built from its config. */
#include "shim/cmd/cmd.h"
#include "shim/mounts.h"

#include "util/fd.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int shell_main(const struct global *global, int argc, char **argv);

const struct verb verb_shell = {
	.name = "shell",
	.run = shell_main,
	.failed = EXIT_RUN_FAILED,
	.synopsis = "shell ID\n       taskshim [global options] shell [--busybox[=FILE]] -- "
		    "[OPTIONS OF "
		    "RUN...]\n       taskshim [global options] shell [--busybox[=FILE]] -b DIR",
	.summary = "an interactive shell in a task's environment",
	.help = "With an ID: in a task that runs, as `taskshim exec -t` of a shell. Else starts "
		"the "
		"task that `taskshim run` with these options, or of this bundle, would "
		"be, with a shell at a\n"
		"terminal in place of its command: same root, user, capabilities, limits, "
		"namespaces and environment.\n"
		"A command after a second -- is not run, so that -- can be followed by all that "
		"was given to run.\n"
		"The shell is the first of bash, ash and sh that the root has.\n"
		"  -b, --bundle DIR      the task of an OCI bundle\n"
		"  --busybox[=FILE]      for a root without a shell: FILE, a static busybox (one "
		"of this host), is bound in\n"
		"                        at /dev/busybox, and its sh is the shell\n",
};

/* --- the root's shell, or one that is brought in --- */

const char *const shell_paths[] = {"/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash",
				   "/bin/ash",	"/bin/sh",	 "/usr/bin/sh"};

size_t shell_paths_count(void)
{
	return sizeof shell_paths / sizeof shell_paths[0];
}

static const char *const busyboxes[] = {"/bin/busybox", "/usr/bin/busybox",
					"/usr/local/bin/busybox", "/usr/lib/busybox/busybox"};

/* Whether @path is a program that needs no loader, which the root may not have. */
static bool is_static(const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	Elf64_Ehdr head;
	Elf64_Phdr part;

	if (fd < 0 || pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    head.e_phentsize != sizeof part)
		return false;
	for (unsigned i = 0; i < head.e_phnum; i++) {
		off_t at = (off_t)(head.e_phoff + (Elf64_Off)i * sizeof part);

		if (pread(fd, &part, sizeof part, at) != (ssize_t)sizeof part)
			return false;
		if (part.p_type == PT_INTERP)
			return false;
	}
	return true;
}

/* @given: NULL, find one. Returns its path, which is the caller's to free, or NULL after a message. */
static char *choose_busybox(const struct global *global, const char *given)
{
	char *path;

	for (size_t i = 0; !given && i < sizeof busyboxes / sizeof busyboxes[0]; i++)
		if (is_static(busyboxes[i]))
			given = busyboxes[i];
	if (!given) {
		(void)usage_error(global, "--busybox: this host has no static one (Debian: "
					  "package busybox-static); --busybox=FILE names one");
		return NULL;
	}
	path = realpath(given, NULL);
	if (!path)
		(void)usage_error(global, "--busybox=%s: %s", given, ts_errno_text(errno));
	else if (!is_static(path)) {
		(void)usage_error(global, "--busybox=%s: not a static program", given);
		free(path);
		path = NULL;
	}
	return path;
}

/* --- the document --- */

static bool has_own_dev(struct json_object *mounts)
{
	for (size_t i = 0; i < json_object_array_length(mounts); i++) {
		struct json_object *mount = json_object_array_get_idx(mounts, i);
		const char *destination =
			json_object_get_string(json_object_object_get(mount, "destination"));
		const char *type = json_object_get_string(json_object_object_get(mount, "type"));

		if (destination && type && strcmp(destination, "/dev") == 0 &&
		    strcmp(type, "tmpfs") == 0)
			return true;
	}
	return false;
}

/* In /dev, where that is the task's own, nothing is made in the root that would stay there. Returns 0, or -1: no memory. */
static int bring_busybox(struct json_object *document, struct json_object *process,
			 const char *busybox)
{
	static const char *const options[] = {"bind", "ro", "nosuid", "nodev"};
	struct json_object *mounts = mounts_in_effect(document);
	const char *path;

	if (!json_object_is_type(mounts, json_type_array))
		return mounts ? 0 : -1; /* of the wrong type: who decodes it says so */
	path = has_own_dev(mounts) ? "/dev/busybox" : "/busybox";
	if (mounts_add(mounts, path, "bind", busybox, options, sizeof options / sizeof options[0]) <
	    0)
		return -1;
	return json_put_words(process, "args", (const char *const[]){path, "sh"}, 2);
}

/* What a shell at our terminal contradicts. The cgroup of linux.cgroupsPath may be that of a task that runs: ours gets the same
 * limits, and another name. */
static void drop(struct json_object *document, struct json_object *taskshim)
{
	static const char *const dropped[] = {"stdin", "stdout",  "stderr",
					      "logs",  "monitor", "consoleSocket"};

	for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++)
		json_object_object_del(taskshim, dropped[i]);
	if (json_object_object_get(document, "linux"))
		json_object_object_del(json_object_object_get(document, "linux"), "cgroupsPath");
}

int process_put_terminal(struct json_object *process)
{
	struct json_object *env = json_object_object_get(process, "env");
	const char *term = getenv("TERM");
	char text[128];

	if (json_put(process, "terminal", json_object_new_boolean(1)) < 0)
		return -1;
	if (!env && json_put(process, "env", env = json_object_new_array()) < 0)
		return -1;
	if (!term || !json_object_is_type(env, json_type_array))
		return 0; /* of the wrong type: who decodes it says so */
	for (size_t i = 0; i < json_object_array_length(env); i++) {
		const char *has = json_object_get_string(json_object_array_get_idx(env, i));

		if (has && strncmp(has, "TERM=", 5) == 0)
			return 0;
	}
	if ((size_t)snprintf(text, sizeof text, "TERM=%s", term) >= sizeof text)
		return 0;
	return json_append(env, json_object_new_string(text));
}

int shell_edit(const struct shell_options *shell, struct json_object *document, struct ts_error *e)
{
	struct json_object *process = json_object_object_get(document, "process");
	struct json_object *taskshim = json_object_object_get(document, "taskshim");
	int r;

	e->step = TS_STEP_CONFIG;
	if (!json_object_is_type(process, json_type_object) ||
	    (taskshim && !json_object_is_type(taskshim, json_type_object)))
		return ts_fail(e, EINVAL, "process, taskshim", "expected objects");
	taskshim = json_section(document, "taskshim");
	if (!taskshim)
		return ts_fail(e, ENOMEM, "edit the config", NULL);
	drop(document, taskshim);
	r = process_put_terminal(process);
	if (r == 0)
		r = shell->busybox
			    ? bring_busybox(document, process, shell->busybox)
			    : json_put_words(taskshim, "shell", shell_paths, shell_paths_count());
	return r < 0 ? ts_fail(e, ENOMEM, "edit the config", NULL) : 0;
}

/* --- the verb --- */

static int shell_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {{"bundle", required_argument, NULL, 'b'},
						{"busybox", optional_argument, NULL, 'B'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	char run[] = "run", b[] = "-b", *bundle[] = {run, b, NULL, NULL};
	struct shell_options shell = {0};
	_cleanup_free_ char *busybox = NULL;
	const char *given = NULL;
	bool with_flags, bring = false;
	int option, status = 0;

	while ((option = option_next(global, argc, argv, "+:hb:", options, &status)) >= 0) {
		if (option == 'b') {
			bundle[2] = optarg;
		} else {
			bring = true;
			given = optarg;
		}
	}
	if (option == OPTION_EXIT)
		return status;
	busybox = bring ? choose_busybox(global, given) : NULL;
	if (bring && !busybox)
		return EXIT_RUN_FAILED;
	shell.busybox = busybox;
	with_flags = optind > 1 && strcmp(argv[optind - 1], "--") == 0;
	if (!bundle[2] && !with_flags && optind + 1 == argc)
		return bring ? usage_error(global, "--busybox is not for a task that runs: "
						   "nothing is mounted there any more")
			     : exec_shell(global, argv);
	if (bundle[2] ? optind < argc : !with_flags)
		return usage_error(global, "expected an ID, -b DIR, or -- and options of run");
	if (!bundle[2]) {
		argc -= optind - 1;
		argv += optind - 1;
		argv[0] = run;
	}
	optind = 0; /* getopt(3) starts anew */
	return bundle[2] ? run_shell(global, &shell, 3, bundle)
			 : run_shell(global, &shell, argc, argv);
}
