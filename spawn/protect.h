/* Keeps spawn-daemon's own file from a task that could overwrite it (CVE-2019-5736): design.md section 7, guarantee 4.
 *
 * init shares the file with the monitor until its exec, and a task reaches it as /proc/PID/exe, or by executing
 * /proc/self/exe. A task that may be uid 0 of the host could then write to it, once no process executes it. So for such a task,
 * and only for it, spawn-daemon executes itself anew from a read-only clone of the file's mount, or, where there can be none,
 * from a sealed copy in memory; what it has read of standard input goes along. */
#ifndef SPAWN_PROTECT_H
#define SPAWN_PROTECT_H

#include "protocol/config.h"
#include "protocol/stream.h"
#include "spawn/run.h"

#include <json-c/json_types.h>

/* The option by which the new process is told of the descriptor with what the old one has read. */
#define PROTECT_OPTION "--handed-over="

/* Whether the task may come to be uid 0 of the host without having the host's files anyway. @caller: our own effective uid. */
bool protect_is_needed(const struct config *config, uid_t caller);

/* Executes spawn-daemon anew with the same @options. @document: the config, or NULL where it came as an argument; @ahead: what
 * was read of standard input behind it. Returns only on failure: -1 with @e filled. */
int protect(const struct spawn_options *options, struct json_object *document,
	    const struct stream *ahead, struct ts_error *e);

/* In the new process: takes what the old one has read into @ret, closes @fd, and proves that the file we execute cannot be
 * written to. Returns 0, or -1 with @e filled. */
int protect_take_over(int fd, struct stream *ret, struct ts_error *e);

#endif
