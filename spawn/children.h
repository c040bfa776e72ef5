/* The processes that have come to us, because we are a subreaper. */
#ifndef SPAWN_CHILDREN_H
#define SPAWN_CHILDREN_H

#include <stddef.h>

/* Signals every child of ours. Returns how many. */
size_t children_signal(int signo);

/* Kills and reaps them, and what comes to us of them, until none is left or none dies any more. @signal_fd: a signalfd of SIGCHLD,
 * or -1. */
void children_end(int signal_fd);

#endif
