/* process.terminal against roots and callers that mean harm. What a person sees of it: tests/e2e/test_terminal*.py. */
#include "tests/integration/harness.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* The config with a terminal, whose master goes to descriptor 5. */
static void add_terminal(struct json_object *c)
{
	cfg_set(c, "process.terminal", "true");
	cfg_set(c, "taskshim.consoleSocket", "'fd:5'");
	cfg_del(c, "taskshim.stdout");
	cfg_del(c, "taskshim.stderr");
}

/* Starts it with one end of a pair, and the gate open; *@ret_socket: the other end. */
static struct run *start_with_terminal(struct it *t, struct json_object *c, int *ret_socket)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	*ret_socket = own_fd(t, pair[0]);
	struct run *r = it_start_config(t, &(struct start){.fds = {pair[1]}}, c);

	(void)close(pair[1]);
	run_send(r, "true\n");
	return r;
}

static const char *read_to_end(struct it *t, int master)
{
	const char *text = "";
	char some[4096];
	ssize_t n;

	for (;;) {
		struct pollfd more = {.fd = master, .events = POLLIN};

		assert_int_equal(poll(&more, 1, it_timeout_ms()), 1);
		n = read(master, some, sizeof some);
		if (n <= 0)
			return text;
		text = it_text(t, "%s%.*s", text, (int)n, some);
	}
}

/* What the task shows, until it has ended well. */
static const char *screen_of(struct it *t, struct json_object *c)
{
	int socket, master;
	char name[64];
	struct run *r = start_with_terminal(t, c, &socket);
	ssize_t n = ts_recv_fd(socket, name, sizeof name, &master);

	assert_true(n > 0);
	assert_true(master >= 0);
	const char *screen = read_to_end(t, own_fd(t, master));

	assert_int_equal(run_wait(r), 0);
	return screen;
}

/* CVE-2025-52565: /dev/console of the image is a link, and becomes what the terminal is mounted on. */
static void test_console_that_is_a_symlink_is_refused(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "exit 0", "p");
	const char *victim = it_text(t, "%s/victim", t->dir);
	struct stat before, after;
	int socket;

	write_file(victim, "mine\n", 0600);
	assert_int_equal(stat(victim, &before), 0);
	make_link(victim, it_text(t, "%s/dev/console", t->root));
	cfg_set(c, "mounts[+]",
		"{'destination':'/dev','type':'tmpfs','options':['tmpcopyup','mode=755']}");
	add_terminal(c);
	struct run *r = start_with_terminal(t, c, &socket);

	expect_error_line(run_line(r), "devices", EEXIST, "/dev/console");
	assert_int_equal(run_wait(r), 125);
	assert_int_equal(stat(victim, &after), 0);
	assert_int_equal(before.st_dev, after.st_dev);
	assert_string_equal(read_file(t, victim), "mine\n");
}

/* The root's own /dev is not touched: there is no tmpfs on it. */
static void test_console_of_the_root_itself_stays(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "terminal 0 stat /dev/console", "p");
	const char *console = it_text(t, "%s/dev/console", t->root);

	make_link("/etc/passwd", console);
	add_terminal(c);
	expect_contains(screen_of(t, c), "isatty OK");
	assert_string_equal(read_link(t, console), "/etc/passwd");
}

/* A /dev/pts of the image that is no devpts, with a ptmx that would block, or be opened on the host: the host's is taken. */
static void test_pts_of_the_image_is_not_opened(void **state)
{
	struct it *t = *state;
	static const char *const kinds[] = {"fifo", "link", "dir-link"};

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct json_object *c = it_rootfs_config(t, "terminal 0", "");
		const char *pts = it_text(t, "%s/dev/pts", t->root);
		const char *ptmx = it_text(t, "%s/ptmx", pts);

		(void)unlink(ptmx);
		if (i == 2) {
			assert_int_equal(rmdir(pts), 0);
			make_link("/etc", pts);
		} else if (i == 0) {
			make_dir(pts, 0755);
			assert_int_equal(mkfifo(ptmx, 0666), 0);
		} else {
			make_link("/proc/1/root/dev/null", ptmx);
		}
		add_terminal(c);
		expect_contains(screen_of(t, c), "isatty OK");
	}
}

/* Nothing but 0, 1, 2, which are the slave: with the master a task could type, with the socket send. */
static void test_task_has_neither_master_nor_socket(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "fds session");

	add_terminal(c);
	const char *screen = screen_of(t, c);

	for (int fd = 0; fd < 3; fd++)
		expect_contains(screen, it_text(t, "fd %d c 136:", fd));
	expect_not_contains(screen, "fd 3");
	expect_not_contains(screen, "fd 4");
	expect_not_contains(screen, "fd 5");
	expect_contains(screen, "tty OK");
}

/* While the task waits at its gate, nobody else has its terminal, and the monitor keeps no descriptor of it. */
static void test_monitor_keeps_nothing_of_the_terminal(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo ready pause");
	int socket, master;
	char name[64];

	cfg_set(c, "linux.namespaces", "[{'type':'mount'}]");
	add_terminal(c);
	struct run *r = start_with_terminal(t, c, &socket);

	assert_true(ts_recv_fd(socket, name, sizeof name, &master) > 0);
	(void)own_fd(t, master);
	(void)run_expect(r, "created");
	pid_t pid = (pid_t)js_int(run_expect(r, "started"), "pid");

	for (int fd = 0; fd < 64; fd++) {
		const char *link = read_link(t, it_text(t, "/proc/%d/fd/%d", r->pid, fd));

		if (link) {
			expect_not_contains(link, "/pts/");
			expect_not_contains(link, "ptmx");
		}
	}
	assert_int_equal(read(socket, name, 1), 0); /* nobody has the other end */
	assert_int_equal(kill(pid, SIGKILL), 0);
	(void)run_wait(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_console_that_is_a_symlink_is_refused),
		IT(test_console_of_the_root_itself_stays),
		IT(test_pts_of_the_image_is_not_opened),
		IT(test_task_has_neither_master_nor_socket),
		IT(test_monitor_keeps_nothing_of_the_terminal),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
