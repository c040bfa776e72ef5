/* The fixture, and running spawn-daemon under it. harness.h */
#include "tests/integration/harness.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

int it_timeout_ms(void)
{
	const char *text = getenv("TS_IT_TIMEOUT");

	return (text ? atoi(text) : 60) * 1000;
}

/* What is about to end by itself: 10 s, unless all is slower. */
static int short_timeout_ms(void)
{
	return it_timeout_ms() / 6;
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool must_run(void)
{
	const char *text = getenv("MUST_RUN");

	return text && strcmp(text, "1") == 0;
}

void it_skip(const char *why)
{
	(void)fprintf(stderr, "SKIP: %s\n", why);
	if (must_run())
		fail_msg("skipped with MUST_RUN=1: %s", why);
	skip();
	abort(); /* skip() does not return, but does not say so */
}

/* TS_TEST: a pattern of the tests to run. */
__attribute__((constructor)) static void choose_tests(void)
{
	cmocka_set_test_filter(getenv("TS_TEST"));
}

/* --- fixture --- */

/* Everything shared: what a task's mount namespace propagates back would land here. First private, so that nothing of
 * the tests lands on the machine. */
int it_group_setup(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0; /* it_setup() skips */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0) {
		perror("a mount namespace for the tests");
		return -1;
	}
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -1;
	(void)umask(022);
	return 0;
}

int it_group_teardown(void **state)
{
	(void)state;
	return 0;
}

static void find_build(struct it *t)
{
	const char *given = getenv("TS_BUILD");
	ssize_t n;

	if (given) {
		assert_non_null(realpath(given, t->build));
	} else {
		n = readlink("/proc/self/exe", t->build, sizeof t->build - 1);
		assert_true(n > 0);
		t->build[n] = '\0';
		for (int i = 0; i < 3; i++) /* tests/integration/test_x */
			*strrchr(t->build, '/') = '\0';
	}
	t->sanitized = strstr(t->build, "asan") != NULL;
}

static const char *list_fds(struct it *t)
{
	const char *all = it_text(t, "%s", "");

	for (int fd = 0; fd < 1024; fd++) {
		char *link = read_link(t, it_text(t, "/proc/self/fd/%d", fd));

		if (link)
			all = it_text(t, "%s%d %s\n", all, fd, link);
	}
	return all;
}

int it_setup(void **state)
{
	struct it *t = calloc(1, sizeof *t);

	assert_non_null(t);
	*state = t;
	if (geteuid() != 0)
		it_skip("needs root");
	find_build(t);
	t->fds_before = strdup(list_fds(t));
	(void)strcpy(t->dir, "/tmp/ts-it.XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	assert_int_equal(chmod(t->dir, 0755), 0);
	make_dir(it_text(t, "%s/bin", t->dir), 0755);
	make_dir(it_text(t, "%s/etc", t->dir), 0755);
	copy_file(it_text(t, "%s/tests/integration/probe", t->build),
		  it_text(t, "%s/bin/probe", t->dir), 0755);
	write_file(it_text(t, "%s/etc/passwd", t->dir),
		   "root:x:0:0:root:/root:/bin/sh\n"
		   "daemon:x:1:1:daemon:/:/bin/false\n"
		   "alice:x:1000:1001:Alice:/home/alice:/bin/sh\n"
		   "1234:x:4321:4322:a name of digits:/:/bin/false\n"
		   "nobody:x:65534:65533:nobody:/:/bin/false\n",
		   0644);
	write_file(it_text(t, "%s/etc/group", t->dir),
		   "root:x:0:\n"
		   "users:x:100:alice,bob\n"
		   "alice:x:1001:\n"
		   "audio:x:29:bob,alice\n"
		   "nogroup:x:65533:\n",
		   0644);
	t->mounts_before = read_file(t, "/proc/self/mountinfo");
	assert_non_null(t->mounts_before);
	return 0;
}

static void close_run(struct run *r)
{
	int *fds[] = {&r->in, &r->out, &r->err, &r->task_out, &r->task_err, &r->pidfd};

	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
		ts_fd_closep(fds[i]);
	for (size_t i = 0; i < r->n_lines; i++)
		json_object_put(r->lines[i]);
	free(r->buf);
}

/* After the end of standard input a spawn-daemon that waits at the gate ends; one that runs a task is killed. */
static void end_runs(struct it *t)
{
	for (size_t i = 0; i < t->n_runs; i++) {
		struct run *r = &t->runs[i];

		ts_fd_closep(&r->in);
		if (!r->reaped && r->pid > 0) {
			(void)kill(r->pid, SIGKILL);
			(void)waitpid(r->pid, NULL, 0);
		}
		close_run(r);
	}
}

void it_forget(struct it *t)
{
	for (size_t i = 0; i < t->n_runs; i++)
		assert_true(t->runs[i].reaped);
	end_runs(t);
	t->n_runs = 0;
}

/* Waits for children that are about to end (their monitor was killed, say). The number of those that did not. */
unsigned reap_children(struct it *t)
{
	int64_t limit = now_ms() + short_timeout_ms();
	unsigned left = 0;

	(void)t;
	for (;;) {
		siginfo_t info = {0};

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | __WALL) < 0)
			return left; /* ECHILD: none */
		if (info.si_pid != 0)
			continue;
		if (now_ms() < limit) {
			(void)poll(NULL, 0, 2);
			continue;
		}
		/* Still there: name them, end them. They are our own children. */
		char *list = read_file(t, it_text(t, "/proc/self/task/%d/children", getpid()));

		for (char *at = strtok(list ? list : (char *)"", " "); at; at = strtok(NULL, " ")) {
			pid_t pid = (pid_t)atoi(at);

			(void)fprintf(stderr, "left behind: process %d: %s", pid,
				      proc_file(t, pid, "comm"));
			(void)kill(pid, SIGKILL);
			left++;
		}
		limit = now_ms() + short_timeout_ms();
	}
}

static bool check_same(const char *what, const char *before, const char *after)
{
	if (strcmp(before, after) == 0)
		return true;
	(void)fprintf(stderr, "%s changed.\nbefore:\n%s\nafter:\n%s\n", what, before, after);
	return false;
}

static void remove_tree(const char *dir)
{
	const char *words[] = {"rm", "-rf", "--one-file-system", dir, NULL};
	pid_t pid = fork();

	if (pid == 0) {
		(void)execvp("rm", (char **)(uintptr_t)words);
		_exit(127);
	}
	(void)waitpid(pid, NULL, 0);
}

static bool remove_cgroups(struct it *t)
{
	bool clean = true;

	while (t->n_cgroups > 0) {
		char *path = t->cgroups[--t->n_cgroups];
		int64_t limit = now_ms() + short_timeout_ms();

		while (rmdir(path) < 0 && errno == EBUSY && now_ms() < limit)
			(void)poll(NULL, 0, 2);
		if (exists(path)) {
			(void)fprintf(stderr, "cgroup cannot be removed: %s\n", path);
			clean = false;
		}
	}
	return clean;
}

static void free_fixture(struct it *t)
{
	for (size_t i = 0; i < t->n_configs; i++)
		json_object_put(t->configs[i]);
	for (size_t i = 0; i < t->n_texts; i++)
		free(t->texts[i]);
	free(t->texts);
	free(t->fds_before);
	free(t);
}

/* When mounts were left over in our namespace, they go now: the next test must not fail for this one. */
static void undo_mounts(struct it *t)
{
	for (int i = 0; i < 64; i++) {
		char *text = read_file(t, "/proc/self/mountinfo");
		char *last = NULL, *at;

		for (at = text; (at = strstr(at, t->dir)); at++)
			last = at;
		if (!last)
			return;
		last[strcspn(last, " ")] = '\0';
		if (umount2(last, MNT_DETACH) < 0)
			return;
	}
}

int it_teardown(void **state)
{
	struct it *t = *state;
	bool clean = true;

	if (!t || !t->fds_before) { /* skipped before anything was made */
		free(t);
		return 0;
	}
	end_runs(t);
	for (size_t i = 0; i < t->n_fds; i++)
		(void)close(t->fds[i]);
	clean &= reap_children(t) == 0;
	clean &= check_same("mountinfo", t->mounts_before, read_file(t, "/proc/self/mountinfo"));
	undo_mounts(t);
	clean &= remove_cgroups(t);
	remove_tree(t->dir);
	clean &= !exists(t->dir);
	clean &= check_same("descriptors of the test", t->fds_before, list_fds(t));
	free_fixture(t);
	return clean ? 0 : -1;
}

const char *it_text(struct it *t, const char *format, ...)
{
	va_list ap;
	char *text = NULL;

	va_start(ap, format);
	assert_true(vasprintf(&text, format, ap) >= 0);
	va_end(ap);
	if (t->n_texts == t->max_texts) {
		t->max_texts = t->max_texts * 2 + 64;
		t->texts = realloc(t->texts, t->max_texts * sizeof *t->texts);
		assert_non_null(t->texts);
	}
	t->texts[t->n_texts++] = text;
	return text;
}

/* --- starting --- */

static int make_memfd(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
	return fd;
}

/* In the child: puts @fds[i] at descriptor i, for all i < @n with fds[i] >= 0, whatever numbers they have now. */
static void place_fds(int *fds, int n)
{
	for (int i = 0; i < n; i++)
		if (fds[i] >= 0)
			fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 200);
	for (int i = 0; i < n; i++) {
		if (fds[i] >= 0)
			(void)dup2(fds[i], i);
		else
			(void)close(i);
	}
}

static void child_signals(const struct start *how)
{
	sigset_t set;

	if (how->block_signals)
		(void)sigfillset(&set);
	else
		(void)sigemptyset(&set);
	for (int i = 1; i <= SIGRTMAX; i++)
		(void)signal(i, how->ignore_signals ? SIG_IGN : SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
}

static void child_limits(const struct start *how)
{
	struct rlimit limit = {how->nofile, how->nofile};

	if (how->umask)
		(void)umask(how->umask);
	if (how->nice)
		(void)setpriority(PRIO_PROCESS, 0, how->nice);
	if (how->nofile)
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (how->uid && (setresgid(how->uid, how->uid, how->uid) < 0 ||
			 setresuid(how->uid, how->uid, how->uid) < 0))
		_exit(124);
}

static void child_run(struct it *t, const struct start *how, const char *program, char *const *env,
		      int *fds, int n)
{
	const char *argv[32];
	int argc = 0;

	if (chdir(how->cwd ? how->cwd : t->dir) < 0)
		_exit(124);
	place_fds(fds, n);
	(void)close_range((unsigned)n, 199, 0);
	for (; how->wrapper && how->wrapper[argc]; argc++)
		argv[argc] = how->wrapper[argc];
	argv[argc++] = program;
	for (int i = 0; i < 4 && how->args[i]; i++)
		argv[argc++] = how->args[i];
	argv[argc] = NULL;
	child_signals(how);
	if (how->prepare)
		how->prepare(how->arg);
	child_limits(how);
	(void)execvpe(argv[0], (char **)(uintptr_t)argv, env);
	_exit(124);
}

static void make_pipe(int given, bool closed, bool reader_is_ours, int *ret_ours, int *ret_theirs)
{
	int ends[2];

	*ret_ours = *ret_theirs = -1;
	if (closed)
		return;
	if (given) {
		*ret_theirs = fcntl(given, F_DUPFD_CLOEXEC, 3);
		assert_true(*ret_theirs >= 0);
		return;
	}
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	*ret_ours = ends[reader_is_ours ? 0 : 1];
	*ret_theirs = ends[reader_is_ours ? 1 : 0];
}

/* The environment of spawn-daemon: @how's, or PATH alone. A sanitizer's report must reach us, and leaks are looked for
 * but where a wrapper traces, which LeakSanitizer cannot bear. */
static const char *const *make_env(struct it *t, const struct start *how)
{
	static const char *const usual[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	const char *const *given = how->env ? how->env : usual;
	const char *options = getenv("ASAN_OPTIONS");
	size_t n = 0;

	while (given[n])
		n++;
	const char **env =
		(const char **)(uintptr_t)it_text(t, "%*s", (int)((n + 3) * sizeof *env), "");

	memcpy(env, given, n * sizeof *env);
	if (t->sanitized) {
		env[n++] = it_text(t, "ASAN_OPTIONS=exitcode=98:%s%s", options ? options : "",
				   how->wrapper ? ":detect_leaks=0" : "");
		env[n++] = "UBSAN_OPTIONS=print_stacktrace=1:exitcode=98";
	}
	env[n] = NULL;
	return env;
}

struct run *it_start(struct it *t, const struct start *how)
{
	static const struct start usual;
	struct run *r = &t->runs[t->n_runs];
	int fds[5 + IT_MAX_FDS], n = 5, in, out;

	how = how ? how : &usual;
	assert_true(t->n_runs < IT_MAX_RUNS);
	*r = (struct run){.pid = -1,
			  .pidfd = -1,
			  .in = -1,
			  .out = -1,
			  .err = -1,
			  .task_out = -1,
			  .task_err = -1};
	t->n_runs++;
	const char *const *env = make_env(t, how);
	const char *program = how->program ? how->program : it_text(t, "%s/spawn-daemon", t->build);

	r->err = make_memfd("stderr");
	r->task_out = make_memfd("task-out");
	r->task_err = make_memfd("task-err");
	make_pipe(how->in_fd, how->closed & 1, false, &r->in, &in);
	make_pipe(how->out_fd, how->closed & 2, true, &r->out, &out);
	fds[0] = in;
	fds[1] = out;
	fds[2] = how->closed & 4 ? -1 : r->err;
	fds[3] = how->no_task_fds ? -1 : r->task_out;
	fds[4] = how->no_task_fds ? -1 : r->task_err;
	for (int i = 0; i < IT_MAX_FDS && how->fds[i]; i++)
		fds[n++] = how->fds[i];
	r->pid = fork();
	assert_true(r->pid >= 0);
	if (r->pid == 0)
		child_run(t, how, program, (char *const *)(uintptr_t)env, fds, n);
	ts_fd_closep(&in);
	ts_fd_closep(&out);
	r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	assert_true(r->pidfd >= 0);
	return r;
}

struct run *it_start_config(struct it *t, const struct start *how, struct json_object *config)
{
	struct run *r = it_start(t, how);

	run_send(r, json_object_to_json_string_ext(config, JSON_C_TO_STRING_PLAIN));
	run_send(r, "\n");
	return r;
}

void run_send_bytes(struct run *r, const void *data, size_t len)
{
	const char *at = data;
	int64_t limit = now_ms() + it_timeout_ms();

	while (len > 0) {
		struct pollfd p = {.fd = r->in, .events = POLLOUT};
		ssize_t n;

		if (poll(&p, 1, 100) == 0) {
			if (now_ms() > limit)
				fail_msg("hang: spawn-daemon does not read its standard input");
			continue;
		}
		n = write(r->in, at,
			  len > 4096 ? 4096 : len); /* a pipe polls writable when PIPE_BUF fits */
		if (n < 0 && errno == EPIPE)
			return;
		assert_true(n > 0);
		at += n;
		len -= (size_t)n;
	}
}

void run_send(struct run *r, const char *text)
{
	run_send_bytes(r, text, strlen(text));
}

void run_close_in(struct run *r)
{
	ts_fd_closep(&r->in);
}

void run_close_out(struct run *r)
{
	ts_fd_closep(&r->out);
}

/* --- reading --- */

static void report_hang(struct run *r, const char *what)
{
	char command[256];

	(void)fprintf(stderr, "hang: %s; the processes of the test:\n", what);
	(void)snprintf(
		command, sizeof command,
		"ps -o pid,ppid,stat,wchan:20,args --forest -g %d 1>&2; cat /proc/%d/syscall 1>&2",
		(int)getsid(0), r->pid);
	(void)!system(command);
	fail_msg("hang: %s", what);
}

/* Appends what is there to r->buf. False at end of file. */
static bool fill(struct run *r)
{
	struct pollfd p = {.fd = r->out, .events = POLLIN};
	ssize_t n;

	if (r->out < 0)
		return false;
	if (r->size - r->used < 8192) {
		r->size = r->size * 2 + 8192;
		r->buf = realloc(r->buf, r->size);
		assert_non_null(r->buf);
	}
	if (poll(&p, 1, it_timeout_ms()) == 0)
		report_hang(r, "nothing comes on standard output, and no end of file");
	n = read(r->out, r->buf + r->used, r->size - r->used);
	assert_true(n >= 0);
	r->used += (size_t)n;
	return n > 0;
}

static struct json_object *parse_line(struct run *r, const char *line, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(64);
	struct json_object *o;

	if (len + 1 > 4096)
		fail_msg("a line of %zu bytes", len + 1);
	o = json_tokener_parse_ex(tokener, line, (int)len);
	if (!o || json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) != len ||
	    !json_object_is_type(o, json_type_object)) {
		json_tokener_free(tokener);
		fail_msg("not a JSON object: \"%.*s\"", (int)len, line);
	}
	json_tokener_free(tokener);
	assert_true(r->n_lines < IT_MAX_LINES);
	r->lines[r->n_lines++] = o;
	return o;
}

struct json_object *run_line(struct run *r)
{
	char *end;

	while (!(end = r->used ? memchr(r->buf, '\n', r->used) : NULL)) {
		if (fill(r))
			continue;
		if (r->used)
			fail_msg("the output ends without a newline: \"%.*s\"", (int)r->used,
				 r->buf);
		return NULL;
	}
	size_t len = (size_t)(end - r->buf);
	struct json_object *o = parse_line(r, r->buf, len);

	r->used -= len + 1;
	memmove(r->buf, end + 1, r->used);
	return o;
}

static void dump_err(struct run *r)
{
	char text[4096];
	ssize_t n = pread(r->err, text, sizeof text - 1, 0);

	if (n > 0)
		(void)fprintf(stderr, "spawn-daemon's standard error: %.*s\n", (int)n, text);
}

struct json_object *run_expect(struct run *r, const char *type)
{
	struct json_object *o = run_line(r);

	if (!o || strcmp(js_str(o, "type"), type) != 0) {
		dump_err(r);
		fail_msg("expected a line of type %s, got %s", type,
			 o ? json_object_to_json_string(o) : "the end of file");
	}
	return o;
}

void run_expect_eof(struct run *r)
{
	struct json_object *o = run_line(r);

	if (o)
		fail_msg("expected the end of file, got %s", json_object_to_json_string(o));
}

/* --- ending --- */

bool run_ended(struct run *r)
{
	struct pollfd p = {.fd = r->pidfd, .events = POLLIN};

	return r->reaped || poll(&p, 1, 0) > 0;
}

static void expect_no_sanitizer_report(struct run *r)
{
	char text[16384];
	ssize_t n = pread(r->err, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	if (strstr(text, "Sanitizer") || strstr(text, "runtime error"))
		fail_msg("a sanitizer reports: %s", text);
}

int run_wait(struct run *r)
{
	struct pollfd p = {.fd = r->pidfd, .events = POLLIN};

	if (!r->reaped) {
		if (poll(&p, 1, it_timeout_ms()) == 0)
			report_hang(r, "spawn-daemon does not end");
		assert_int_equal(waitpid(r->pid, &r->status, 0), r->pid);
		r->reaped = true;
		expect_no_sanitizer_report(r);
	}
	return WIFSIGNALED(r->status) ? IT_KILLED + WTERMSIG(r->status) : WEXITSTATUS(r->status);
}

static const char *memfd_text(struct it *t, int fd)
{
	struct stat st;
	char *text;
	ssize_t n;

	assert_int_equal(fstat(fd, &st), 0);
	text = malloc((size_t)st.st_size + 1);
	assert_non_null(text);
	n = pread(fd, text, (size_t)st.st_size, 0);
	assert_int_equal(n, st.st_size);
	text[n] = '\0';
	const char *kept = it_text(t, "%s", text);

	free(text);
	return kept;
}

const char *run_err(struct it *t, struct run *r)
{
	return memfd_text(t, r->err);
}

const char *run_task_out(struct it *t, struct run *r)
{
	return memfd_text(t, r->task_out);
}

const char *run_task_err(struct it *t, struct run *r)
{
	return memfd_text(t, r->task_err);
}

struct run *it_run_with(struct it *t, const struct start *how, struct json_object *config)
{
	struct run *r = it_start_config(t, how, config);

	run_send(r, "true\n");
	while (run_line(r))
		;
	(void)run_wait(r);
	run_close_in(r);
	return r;
}

struct run *it_run(struct it *t, struct json_object *config)
{
	return it_run_with(t, NULL, config);
}

static const char *all_lines(struct it *t, struct run *r)
{
	const char *text = "";

	for (size_t i = 0; i < r->n_lines; i++)
		text = it_text(t, "%s%s\n", text, json_object_to_json_string(r->lines[i]));
	return text;
}

const char *it_output(struct it *t, struct json_object *config)
{
	static const char *const types[] = {"created", "started", "exited"};
	struct run *r = it_run(t, config);
	bool well = r->n_lines == 3 && run_wait(r) == 0;

	for (size_t i = 0; i < 3 && well; i++)
		well = strcmp(js_str(r->lines[i], "type"), types[i]) == 0;
	if (!well)
		fail_msg("the task did not end well (%d):\n%s%s%s%s", run_wait(r), all_lines(t, r),
			 run_err(t, r), run_task_out(t, r), run_task_err(t, r));
	return run_task_out(t, r);
}

void expect_error_line(struct json_object *line, const char *step, int err, const char *object)
{
	const char *text = json_object_to_json_string(line);

	if (strcmp(js_str(line, "type"), "error") != 0)
		fail_msg("expected an error, got %s", text);
	if (strcmp(js_str(line, "step"), step) != 0 || js_int(line, "errno") != err)
		fail_msg("expected step %s, errno %d (%s), got %s", step, err,
			 err ? strerrorname_np(err) : "-", text);
	assert_string_equal(js_str(line, "code"), err ? strerrorname_np(err) : "");
	if (!strstr(js_str(line, "message"), object))
		fail_msg("\"%s\" is not in the message: %s", object, text);
}

const char *it_expect_error_with(struct it *t, const struct start *how, struct json_object *config,
				 int status, const char *step, int err, const char *object)
{
	const char *before = it_tree(t, t->dir);
	struct run *r = it_run_with(t, how, config);

	if (r->n_lines != 1)
		fail_msg("expected one line, an error of step %s, got:\n%s", step, all_lines(t, r));
	expect_error_line(r->lines[0], step, err, object);
	assert_int_equal(run_wait(r), status);
	assert_string_equal(it_tree(t, t->dir), before);
	assert_string_equal(run_task_out(t, r), "");
	return js_str(r->lines[0], "message");
}

const char *it_expect_error(struct it *t, struct json_object *config, int status, const char *step,
			    int err, const char *object)
{
	return it_expect_error_with(t, NULL, config, status, step, err, object);
}
