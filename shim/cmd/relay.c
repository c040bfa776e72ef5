/* Between the caller's terminal, or pipes, and the terminal of a task. */
#include "shim/cmd/relay.h"
#include "shim/cmd/cmd.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum {
	HUNG_MS =
		100, /* how often it is looked for whether somebody has opened a terminal again that all had closed */
	HASTE_MS = 500, /* for a caller who asked for the end, and may have stopped reading */
	LEFT_MAX = 256 * 1024, /* more than the kernel keeps for a terminal */
};

/* The places in what is polled. */
enum { AT_SOCKET, AT_MASTER, AT_INPUT, AT_OUTPUT };
_Static_assert(AT_OUTPUT + 1 == RELAY_FDS, "one for each");

/* --- the caller's terminal --- */

/* The first standard stream that is a terminal, or -1. */
static int find_terminal(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (isatty(fd))
			return fd;
	return -1;
}

static bool read_size(struct winsize *ret)
{
	int fd = find_terminal();

	return fd >= 0 && ioctl(fd, TIOCGWINSZ, ret) == 0 && ret->ws_row > 0 && ret->ws_col > 0;
}

/* Returns 0, or -1: no memory. */
static int put_size(struct json_object *process)
{
	struct json_object *size;
	struct winsize caller;

	if (!read_size(&caller))
		return 0;
	size = json_object_new_object();
	if (json_put(process, "consoleSize", size) < 0)
		return -1;
	return json_put(size, "height", json_object_new_int(caller.ws_row)) < 0 ||
			       json_put(size, "width", json_object_new_int(caller.ws_col)) < 0
		       ? -1
		       : 0;
}

static void resize(const struct relay *relay)
{
	struct winsize size;

	if (relay->master >= 0 && read_size(&size))
		(void)ioctl(relay->master, TIOCSWINSZ, &size);
}

static void make_raw(struct relay *relay)
{
	struct termios raw = relay->before;

	cfmakeraw(&raw);
	/* From the background this stops us, as it does any program that takes the terminal. */
	relay->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

bool relay_wants_terminal(const struct relay *relay)
{
	return relay->master >= 0 && relay->in >= 0 && relay->in_is_terminal && !relay->raw;
}

void relay_take_terminal(struct relay *relay)
{
	if (tcgetattr(STDIN_FILENO, &relay->before) == 0)
		make_raw(relay);
	if (!relay->raw) /* it is gone: see lose_caller() */
		relay->in = -1;
}

bool relay_take_signal(struct relay *relay, int signo)
{
	if (!relay->on || (signo != SIGWINCH && signo != SIGCONT))
		return false;
	if (signo == SIGCONT && relay->raw && tcgetpgrp(STDIN_FILENO) == getpgrp())
		make_raw(relay);
	resize(relay); /* while we were stopped a change was told to others */
	return true;
}

/* Also from the background, where the kernel would stop us with the terminal as it is. */
static void restore(struct relay *relay)
{
	sigset_t stop, old;

	if (!relay->raw)
		return;
	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTTOU);
	(void)sigprocmask(SIG_BLOCK, &stop, &old);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &relay->before);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	relay->raw = false;
}

/* --- opening --- */

/* A descriptor of the caller's output that does not block, and whose flags are not shared with others who write there. The
 * output itself where there can be none: a write to it may then block. */
static int open_output(void)
{
	struct stat st;
	int fd = -1;

	if (fstat(STDOUT_FILENO, &st) == 0 &&
	    (S_ISFIFO(st.st_mode) ||
	     /* the master of a pseudo-terminal, opened anew, would be that of another */
	     (isatty(STDOUT_FILENO) && st.st_rdev != makedev(5, 2))))
		fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd >= 0 ? fd : STDOUT_FILENO;
}

int relay_open(struct relay *relay, bool interactive, int *ret_fd, struct ts_error *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		e->step = TS_STEP_TERMINAL;
		return ts_fail(e, errno, "make the console socket", NULL);
	}
	relay->on = true;
	relay->socket = pair[0];
	relay->in = interactive ? STDIN_FILENO : -1;
	*ret_fd = pair[1];
	return 0;
}

int relay_fit(struct relay *relay, struct json_object *document, struct ts_error *e)
{
	struct json_object *process = json_object_object_get(document, "process");

	if (!relay->on)
		return 0;
	if (!json_object_get_boolean(json_object_object_get(process, "terminal"))) {
		relay_done(relay);
		return 0;
	}
	relay->in_is_terminal = relay->in >= 0 && isatty(relay->in);
	relay->out = open_output();
	e->step = TS_STEP_CONFIG;
	return put_size(process) < 0 ? ts_fail(e, ENOMEM, "edit the config", NULL) : 0;
}

static void take_master(struct relay *relay)
{
	char name[64];
	int tries = 3;

	/* The only one: what fails for a moment is tried again. */
	while (ts_recv_fd(relay->socket, name, sizeof name, &relay->master) < 0 && --tries > 0)
		;
	ts_fd_closep(&relay->socket);
	while (relay->master >= 0 && fcntl(relay->master, F_SETFL, O_RDWR | O_NONBLOCK) < 0 &&
	       --tries > 0)
		;
	resize(relay); /* it may have changed while the task was set up */
}

/* --- moving --- */

static bool is_empty(const struct relay_buffer *buffer)
{
	return buffer->begin == buffer->end;
}

/* The caller has closed what he reads, his terminal is gone, or what we write to him is lost. */
static void lose_caller(struct relay *relay)
{
	relay->lost = true;
	relay->in = -1;
	relay->to_caller.begin = relay->to_caller.end;
	relay->to_task.begin = relay->to_task.end;
}

void relay_hang_up(struct relay *relay)
{
	ts_fd_closep(&relay->master);
}

/* Returns 0, or -1 and errno. */
static int write_out(int fd, struct relay_buffer *buffer)
{
	ssize_t n = write(fd, buffer->data + buffer->begin, buffer->end - buffer->begin);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	buffer->begin += (size_t)n;
	return 0;
}

static void write_to_caller(struct relay *relay)
{
	int tries = 3, err = 0; /* what fails for a moment does not end a task */

	while (write_out(relay->out, &relay->to_caller) < 0) {
		err = errno;
		if (err != EPIPE && --tries > 0)
			continue;
		relay->lost_err = err == EPIPE || isatty(relay->out) ? 0 : err;
		lose_caller(relay);
		return;
	}
}

/* The end of the caller's input is that of the task's: the character for it, once more where the first ends a line. */
static void end_input(struct relay *relay)
{
	struct termios task;
	size_t n = relay->partial_line ? 2 : 1;

	relay->in = -1;
	if (tcgetattr(relay->master, &task) < 0 || task.c_cc[VEOF] == _POSIX_VDISABLE)
		return;
	memset(relay->to_task.data, task.c_cc[VEOF], n);
	relay->to_task.begin = 0;
	relay->to_task.end = n;
}

static void read_input(struct relay *relay)
{
	ssize_t n = read(relay->in, relay->to_task.data, sizeof relay->to_task.data);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		relay->to_task.begin = 0;
		relay->to_task.end = (size_t)n;
		relay->partial_line = relay->to_task.data[n - 1] != '\n';
	} else if (relay->raw) { /* a raw terminal has no end: it was hung up */
		lose_caller(relay);
	} else {
		end_input(relay);
	}
}

/* Returns how much came. */
static size_t read_master(struct relay *relay)
{
	ssize_t n = read(relay->master, relay->to_caller.data, sizeof relay->to_caller.data);

	relay->hung = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
	if (n <= 0)
		return 0;
	relay->to_caller.begin = 0;
	relay->to_caller.end = (size_t)n;
	return (size_t)n;
}

int relay_prepare(struct relay *relay, struct pollfd fds[static RELAY_FDS])
{
	bool to_task = !is_empty(&relay->to_task), to_caller = !is_empty(&relay->to_caller);
	bool reads = relay->master >= 0 && !to_task && relay->raw == relay->in_is_terminal;
	short events = (short)((to_caller || relay->lost ? 0 : POLLIN) | (to_task ? POLLOUT : 0));

	/* Who is not asked for anything is not polled, since that he is gone would be told all the time. */
	fds[AT_SOCKET] = (struct pollfd){.fd = relay->socket, .events = POLLIN};
	fds[AT_MASTER] = (struct pollfd){.fd = events && !relay->hung ? relay->master : -1,
					 .events = events};
	fds[AT_INPUT] = (struct pollfd){.fd = reads ? relay->in : -1, .events = POLLIN};
	fds[AT_OUTPUT] = (struct pollfd){.fd = to_caller ? relay->out : -1, .events = POLLOUT};
	return relay->hung && relay->master >= 0 ? HUNG_MS : -1;
}

void relay_handle(struct relay *relay, const struct pollfd fds[static RELAY_FDS])
{
	if (fds[AT_SOCKET].revents)
		take_master(relay);
	if (fds[AT_INPUT].revents)
		read_input(relay);
	if (relay->master >= 0 && !is_empty(&relay->to_task) &&
	    write_out(relay->master, &relay->to_task) < 0)
		relay->to_task.begin = relay->to_task.end; /* nobody there to read it */
	if (relay->master >= 0 && is_empty(&relay->to_caller) && !relay->lost &&
	    (relay->hung || fds[AT_MASTER].revents & ~POLLOUT))
		(void)read_master(relay);
	if (!is_empty(&relay->to_caller))
		write_to_caller(relay);
}

/* --- the end --- */

static bool has_more(int master)
{
	struct pollfd more = {.fd = master, .events = POLLIN};

	return poll(&more, 1, 0) == 1 && more.revents & POLLIN;
}

bool relay_is_end(int signo)
{
	return signo == SIGINT || signo == SIGTERM || signo == SIGHUP || signo == SIGQUIT;
}

static bool is_to_end(int signal_fd)
{
	struct signalfd_siginfo info;

	return read(signal_fd, &info, sizeof info) == (ssize_t)sizeof info &&
	       relay_is_end((int)info.ssi_signo);
}

void relay_drain(struct relay *relay, int signal_fd, bool patient)
{
	size_t left = LEFT_MAX; /* somebody may be left who writes for ever */

	if (relay->socket >= 0 && poll(&(struct pollfd){relay->socket, POLLIN, 0}, 1, 0) > 0)
		take_master(relay);
	while (relay->master >= 0 && !relay->lost) {
		struct pollfd fds[] = {{.fd = relay->out, .events = POLLOUT},
				       {.fd = signal_fd, .events = POLLIN}};

		if (is_empty(&relay->to_caller)) {
			size_t n = left > 0 && has_more(relay->master) ? read_master(relay) : 0;

			if (n == 0)
				return;
			left -= n < left ? n : left;
		}
		if (poll(fds, 2, patient ? -1 : HASTE_MS) <= 0)
			return;
		if (fds[1].revents && is_to_end(signal_fd))
			return;
		if (fds[0].revents)
			write_to_caller(relay);
	}
}

void relay_done(struct relay *relay)
{
	restore(relay);
	ts_fd_closep(&relay->socket);
	ts_fd_closep(&relay->master);
	if (relay->out > STDERR_FILENO)
		ts_fd_closep(&relay->out);
	relay->on = false;
}
