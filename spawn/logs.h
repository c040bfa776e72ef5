/* taskshim.logs: what the task writes comes through a pipe, and the monitor moves it on to files that it rotates, by splice(2).
 * The task is never made to wait: what cannot be written, to a full disk for one, is dropped and counted.
 *
 * logs_open() per stream -> logs_relay() whenever poll(2) tells of its pipe -> logs_finish() when the task has ended. */
#ifndef SPAWN_LOGS_H
#define SPAWN_LOGS_H

#include "util/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { LOGS_MAX = 2 };

struct log {
	int pipe_fd; /* we read; -1: nobody writes any more */
	int dir_fd, file_fd;
	dev_t device; /* of the file, as it was opened */
	ino_t inode;
	int write_fd; /* the task's end, until plan_close_inits() */
	uint64_t offset; /* in the file */
	bool is_shifted; /* the file has its next name, and there is no new one yet */
	char name[NAME_MAX + 1];
};

struct logs {
	struct log v[LOGS_MAX];
	size_t n;
	int null_fd; /* where goes what is dropped */
	uint64_t max_files, max_size; /* bytes */
	uint64_t written, dropped, rotations;
};

struct plan;

/* Opens @path of the host as a log and returns what the task is to write to: an fd of the caller's. Two streams of one file share
 * its pipe. Returns -1 with @e filled: not a regular file, a symlink, a name without room for ".9999". */
int logs_open(struct plan *plan, const char *path, struct ts_error *e);

/* Moves on what is in the pipe of logs->v[@i], up to where the file is full; closes it once nobody writes to it. @revents: what
 * poll(2) says of it. Returns how many bytes left the pipe. */
size_t logs_relay(struct logs *logs, size_t i, short revents);

/* Moves on what is in all pipes now. Who holds one open and writes later, writes in vain. */
void logs_finish(struct logs *logs);

void logs_done(struct logs *logs);

#endif
