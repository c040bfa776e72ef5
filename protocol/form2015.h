/* The 2015 form: what Nomad 0.1 and 0.2 gave `nomad spawn-daemon` and what it answered. design.md section 3 ("The 2015
 * form"), behaviours.md 1.1. */
#ifndef PROTOCOL_FORM2015_H
#define PROTOCOL_FORM2015_H

#include "util/error.h"

#include <json-c/json_types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Go's exec.Cmd as encoding/json had it, and the fields of DaemonConfig. Strings point into the document. */
struct form2015 {
	struct json_object *document; /* owned */
	const char *path;
	const char **args; /* NULL-terminated, args[0] included; {path, NULL} when absent */
	const char **env; /* NULL-terminated; NULL: absent (Go: the parent's environment) */
	bool credential_set;
	uint32_t uid, gid, *groups;
	size_t n_groups;
	bool setsid_set; /* SysProcAttr.Setsid: decoded; the task has its own session always */
	const char *stdin_file, *stdout_file, *stderr_file; /* NULL or not "": a host path */
	const char *chroot; /* NULL: none */
	const char *exit_status_file; /* NULL: none */
};

/* Whether @document is in the 2015 form: a top-level "Path" in any case and none of process, ociVersion, taskshim. */
bool form2015_is(struct json_object *document);

/* Undoes Go's strconv.Quote (double-quoted form with \a \b \f \n \r \t \v \\ \" \xHH \ooo \uXXXX \UXXXXXXXX; also a raw
 * `...` string). Returns 0 and *@ret (malloc'ed, NUL-terminated, *@ret_len bytes), or -1 with @e filled ("Failed to
 * unquote json input: invalid syntax"). */
int form2015_unquote(const char *text, char **ret, size_t *ret_len, struct ts_error *e);

/* Decodes with keys in any case, unknown ones ignored; null is absent. Returns 0 and *@ret (to form2015_free()), or -1
 * with @e filled. */
int form2015_decode(struct json_object *document, struct form2015 **ret, struct ts_error *e);
void form2015_free(struct form2015 *form);

/* The documents it answered with, with a newline: {"UserPID":123,"ErrorMsg":""}, {"Success":true}, {"ExitCode":0}. Each
 * writes into @line (@size bytes) and returns the length, or -1. */
ssize_t form2015_start_status(char *line, size_t size, pid_t pid, const char *error_message);
ssize_t form2015_exit_status(char *line, size_t size, bool success);
ssize_t form2015_exit_code(char *line, size_t size, int exit_code);

#endif
