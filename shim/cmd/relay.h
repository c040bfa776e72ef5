/* Between the caller's terminal, or pipes, and the terminal of a task: what run -t does in its loop.
 *
 * Lifecycle: relay_open() -> relay_fit() -> the task starts with the console socket -> relay_prepare() and relay_handle() around each poll(2)
 * -> relay_drain() when the task has ended -> relay_done(), also after failures: the caller's terminal is then as it was. */
#ifndef SHIM_CMD_RELAY_H
#define SHIM_CMD_RELAY_H

#include "util/error.h"

#include <json-c/json_types.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

enum { RELAY_FDS = 4, RELAY_BUFFER = 4096 };

struct relay_buffer {
	char data[RELAY_BUFFER];
	size_t begin, end; /* what is yet to be written */
};

struct relay {
	bool on;
	int socket; /* our end of the console socket, until the master has come; else -1 */
	int master; /* of the task's terminal; -1: not yet, or no more */
	int in; /* standard input, or -1: not read, or no more */
	bool in_is_terminal;
	int out; /* standard output; or the same opened anew, so as not to block */
	bool hung; /* nobody in the task has its terminal open now */
	bool partial_line; /* what was read last was no whole line */
	bool lost; /* the caller's end is gone: relay_hang_up() when that was said to the task */
	int lost_err; /* why, where that is no reader that left: the disk is full */
	bool raw; /* standard input's terminal is */
	struct termios before;
	struct relay_buffer to_task, to_caller;
};

#define RELAY_NONE                                                                                 \
	{                                                                                          \
		.socket = -1, .master = -1, .in = -1, .out = -1                                    \
	}

/* Makes the console socket, whose other end in *@ret_fd is the caller's; @interactive: standard input is read. Returns 0, or -1
 * with @e filled. */
int relay_open(struct relay *relay, bool interactive, int *ret_fd, struct ts_error *e);

/* Goes on where @document has a terminal, whose process.consoleSize becomes the size of the caller's, if he has one; else ends.
 * Returns 0, or -1 with @e filled (no memory). */
int relay_fit(struct relay *relay, struct json_object *document, struct ts_error *e);

/* Fills @fds for poll(2). Returns the longest time that it may take in ms, -1: for ever. */
int relay_prepare(struct relay *relay, struct pollfd fds[static RELAY_FDS]);

/* Moves what can be moved without blocking. */
void relay_handle(struct relay *relay, const struct pollfd fds[static RELAY_FDS]);

/* Whether the caller's terminal is to be made raw, and is not yet; relay_take_terminal() does it. Messages before that have
 * their lines as they should be. */
bool relay_wants_terminal(const struct relay *relay);
void relay_take_terminal(struct relay *relay);

/* Whether @signo is for the relay, and not to be passed on. SIGWINCH: the task's terminal gets the size of the caller's. SIGCONT:
 * the caller's is made raw again, as who stopped us has restored it. */
bool relay_take_signal(struct relay *relay, int signo);

/* Whether @signo asks a program to end: INT, TERM, HUP, QUIT. */
bool relay_is_end(int signo);

/* Closes the master: the task's terminal is hung up. */
void relay_hang_up(struct relay *relay);

/* Moves what the task has left in its terminal to the caller. @patient: waits for him, until a signal to end comes from
 * @signal_fd; else for half a second. */
void relay_drain(struct relay *relay, int signal_fd, bool patient);

/* Gives the caller his terminal back. Nothing to do where there is no relay. */

void relay_done(struct relay *relay);

#endif
