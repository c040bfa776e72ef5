/* spawn/logs.c with a pipe of ours. What it does for a task is tested from outside: tests/e2e/test_logs.py. */
#include "spawn/logs.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One log of what is written to log.write_fd, into a file without a name. */
static void open_logs(struct logs *logs)
{
	struct log log = {.dir_fd = -1, .name = "log"};
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	log.pipe_fd = ends[0];
	log.write_fd = ends[1];
	log.file_fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_true(log.file_fd >= 0);
	*logs = (struct logs){.n = 1, .max_files = 2, .max_size = 4096};
	logs->null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	assert_true(logs->null_fd >= 0);
	logs->v[0] = log;
}

static void close_logs(struct logs *logs)
{
	if (logs->v[0].write_fd >= 0)
		(void)close(logs->v[0].write_fd);
	logs_done(logs);
}

/* What poll(2) says of it now, relayed. */
static short relay(struct logs *logs)
{
	struct pollfd fd = {.fd = logs->v[0].pipe_fd, .events = POLLIN};

	assert_true(poll(&fd, 1, 0) >= 0);
	(void)logs_relay(logs, 0, fd.revents);
	return fd.revents;
}

static void test_relay_at_the_end_of_the_pipe_closes_it(void **state)
{
	struct logs logs;

	(void)state;
	open_logs(&logs);
	assert_int_equal(write(logs.v[0].write_fd, "text", 4), 4);
	(void)close(logs.v[0].write_fd);
	logs.v[0].write_fd = -1;
	assert_int_equal(relay(&logs), POLLIN | POLLHUP);
	assert_int_equal(logs.written, 4);
	assert_true(logs.v[0].pipe_fd >= 0);
	assert_int_equal(relay(&logs), POLLHUP);
	assert_int_equal(logs.v[0].pipe_fd, -1);
	close_logs(&logs);
}

/* Readable and nothing in it: what old kernels make of a write from a bad address. The next one would be the task's end. */
static void test_relay_of_an_empty_pipe_keeps_it(void **state)
{
	struct logs logs;

	(void)state;
	open_logs(&logs);
	/* a system call, since the sanitizers look at what write() is given */
	assert_int_equal(syscall(SYS_write, logs.v[0].write_fd, 1, 10), -1);
	(void)logs_relay(&logs, 0, POLLIN);
	assert_int_equal(relay(&logs), 0);
	assert_int_equal(write(logs.v[0].write_fd, "text", 4), 4);
	assert_int_equal(relay(&logs), POLLIN);
	assert_int_equal(logs.written, 4);
	close_logs(&logs);
}

/* FIONREAD fails for a directory. */
static void test_relay_with_a_failing_ioctl_keeps_the_pipe(void **state)
{
	static const short revents[] = {0, POLLIN, POLLHUP, POLLIN | POLLHUP};
	struct logs logs;
	int pipe_fd;

	(void)state;
	open_logs(&logs);
	pipe_fd = logs.v[0].pipe_fd;
	logs.v[0].pipe_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < COUNT(revents); i++) {
		assert_int_equal(logs_relay(&logs, 0, revents[i]), 0);
		assert_true(logs.v[0].pipe_fd >= 0);
	}
	logs_finish(&logs); /* it ends */
	(void)close(pipe_fd);
	close_logs(&logs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relay_at_the_end_of_the_pipe_closes_it),
		cmocka_unit_test(test_relay_of_an_empty_pipe_keeps_it),
		cmocka_unit_test(test_relay_with_a_failing_ioctl_keeps_the_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
