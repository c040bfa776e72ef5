/* run --explain: prints each step of a start on standard error, with its time and result, as it happens. */
#ifndef SHIM_CMD_RUN_EXPLAIN_H
#define SHIM_CMD_RUN_EXPLAIN_H

#include "util/error.h"

#include <stdbool.h>
#include <time.h>

/* Starts as {.fd = -1}. */
struct run_explain {
	bool on, json; /* lines of JSON, as spawn-daemon tells them */
	int fd; /* where spawn-daemon's lines come; -1: nothing more will */
	struct timespec begun; /* of our own step */
	char text[4096]; /* lines that have come in part */
	size_t used;
};

/* What --explain or --explain=json asks for. Returns 0, or -1: neither of them. */
int run_explain_option(struct run_explain *x, const char *value);

/* Makes the way for spawn-daemon's lines. Returns 0 and *@ret_fd, which is the caller's, or -1 with @e filled. */
int run_explain_open(struct run_explain *x, int *ret_fd, struct ts_error *e);

/* A step of our own: it took from the last call of one of these two to now. */
void run_explain_begin(struct run_explain *x);
void run_explain_own(struct run_explain *x, enum ts_step step, const char *does, bool ok);

/* Prints what has come, without blocking. */
void run_explain_read(struct run_explain *x);

void run_explain_done(struct run_explain *x);

#endif
