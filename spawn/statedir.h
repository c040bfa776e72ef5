/* What spawn-daemon writes into the task's state directory: state.json, exit.json and the gate. design.md section 5. */
#ifndef SPAWN_STATEDIR_H
#define SPAWN_STATEDIR_H

#include "protocol/exit_record.h"
#include "spawn/plan.h"

/* Opens taskshim.stateDir where the config names one, and proves that it is ours: a directory of mode 0700 that belongs to
 * us, reached without symlinks, named as the task. Returns 0, or -1 with @e filled. */
int statedir_open(struct plan *plan, struct ts_error *e);

/* Writes exit.json with known=false. Returns 0, or -1 with @e filled. */
int statedir_write_unknown(const struct plan *plan, struct ts_error *e);

/* Preallocates the successor of exit.json, so that recording the exit takes no new block. Returns its fd, or -1 with @e
 * filled. */
int statedir_preallocate(int dir_fd, struct ts_error *e);

/* Makes the gate: with @listen the socket that init accepts on, else an empty file. Returns the socket or 0, or -1 with
 * @e filled. */
int statedir_make_gate(int dir_fd, bool listen, struct ts_error *e);

/* Writes state.json. @bundle: absolute path. Returns 0, or -1 with @e filled. */
int statedir_write_state(const struct plan *plan, const char *id_string, const char *bundle,
			 struct ts_error *e);

void statedir_open_gate(int dir_fd);

/* Puts the note of whoever stops the task into @record, if there is one. */
void statedir_add_stop(int dir_fd, struct exit_record *record);

/* Replaces exit.json by @text through the prepared @successor_fd. Returns 0, or -1 and errno. */
int statedir_commit_record(int dir_fd, int successor_fd, const char *text, size_t len,
			   bool durable);

/* Removes the files above: a start that failed leaves none. */
void statedir_clear(int dir_fd);

#endif
