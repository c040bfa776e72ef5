/* bench: starts commands in turn, over and over, and prints how long each took: median, minimum, percentiles.
 *
 * usage: bench ROUNDS GAP_MS CONTENDER [%% CONTENDER]...
 * CONTENDER: NAME HOW MNTNS CMD [ARG...]
 *	HOW	exit: from the start to the end of CMD
 *		eof: from the start to end of file on its standard output
 *		FILE: FILE is its standard input (a pipe, kept open); from the start to a line {"type":"started" on its output
 *	MNTNS	the mount namespace to start it in (/proc/PID/ns/mnt), or -
 * Round-robin, so that what else goes on in the machine hits all alike. GAP_MS is waited before each start.
 * Output: NAME MEDIAN MIN P90 P99, in microseconds, a line each. A command that fails ends the run. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONTENDERS = 24, INPUT_MAX = 65536 /* what a pipe takes at once */ };

struct contender {
	const char *name, *how;
	char *input; /* contents of FILE, or NULL */
	size_t input_len;
	int mntns; /* -1: ours */
	char **argv;
	double *us; /* one a round */
};

struct pipes {
	int in[2], out[2];
};

static void die(const char *what, const char *object)
{
	fprintf(stderr, "bench: %s: %s: %s\n", what, object, strerror(errno));
	exit(1);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* vfork: the cost of copying bench's address space is not the command's. posix_spawn() cannot change the mount namespace.
 * NOLINTBEGIN(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork) */
static pid_t start(const struct contender *c, const struct pipes *p, int null_fd)
{
	pid_t pid = vfork();

	if (pid != 0)
		return pid;
	dup2(c->input ? p->in[0] : null_fd, 0);
	dup2(strcmp(c->how, "exit") == 0 ? null_fd : p->out[1], 1);
	if (c->mntns >= 0 && setns(c->mntns, CLONE_NEWNS) < 0)
		_exit(126);
	execv(c->argv[0], c->argv);
	_exit(127);
}
/* NOLINTEND(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork) */

static void open_pipes(struct pipes *p)
{
	if (pipe2(p->in, O_CLOEXEC) < 0 || pipe2(p->out, O_CLOEXEC) < 0)
		die("pipe", "");
}

/* Reads @fd to end of file, or to the line that says started. */
static void read_until(int fd, const char *word)
{
	char text[8192];
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, text + used, sizeof text - 1 - used)) > 0) {
		used += (size_t)n;
		text[used] = '\0';
		if (word && strstr(text, word))
			return;
	}
	if (word) {
		fprintf(stderr, "bench: no %s in: %s\n", word, used ? text : "(nothing)");
		exit(1);
	}
}

static double measure(const struct contender *c, int null_fd)
{
	struct pipes p;
	int status = 0;
	double begin, end;

	open_pipes(&p);
	begin = now_us();
	pid_t pid = start(c, &p, null_fd);

	if (pid < 0)
		die("vfork", c->name);
	close(p.in[0]);
	close(p.out[1]);
	if (c->input) {
		if (write(p.in[1], c->input, c->input_len) != (ssize_t)c->input_len)
			die("write", c->name);
		read_until(p.out[0], "\"started\"");
	} else if (strcmp(c->how, "eof") == 0) {
		read_until(p.out[0], NULL);
	} else if (waitpid(pid, &status, 0) < 0) {
		die("wait", c->name);
	}
	end = now_us();
	if (strcmp(c->how, "exit") != 0) {
		read_until(p.out[0], NULL);
		if (waitpid(pid, &status, 0) < 0)
			die("wait", c->name);
	}
	close(p.in[1]);
	close(p.out[0]);
	if (status != 0) {
		fprintf(stderr, "bench: %s ended with wait status %#x\n", c->name,
			(unsigned)status);
		exit(1);
	}
	return end - begin;
}

static void read_input(struct contender *c)
{
	int fd;
	ssize_t n;

	if (strcmp(c->how, "exit") == 0 || strcmp(c->how, "eof") == 0)
		return;
	fd = open(c->how, O_RDONLY | O_CLOEXEC);
	c->input = malloc(INPUT_MAX);
	if (fd < 0 || !c->input)
		die("open", c->how);
	n = read(fd, c->input, INPUT_MAX);
	if (n <= 0)
		die("read", c->how);
	c->input_len = (size_t)n;
	close(fd);
}

/* Parses one contender of @argv; returns how many words it took. */
static int parse_contender(int argc, char **argv, int rounds, struct contender *c)
{
	int n = 0;

	while (n < argc && strcmp(argv[n], "%%") != 0)
		n++;
	if (n < 4) {
		fprintf(stderr, "bench: a contender is NAME HOW MNTNS CMD [ARG...]\n");
		exit(2);
	}
	*c = (struct contender){.name = argv[0], .how = argv[1], .mntns = -1, .argv = argv + 3};
	if (strcmp(argv[2], "-") != 0) {
		c->mntns = open(argv[2], O_RDONLY | O_CLOEXEC);
		if (c->mntns < 0)
			die("open", argv[2]);
	}
	c->us = calloc((size_t)rounds, sizeof *c->us);
	if (!c->us)
		die("allocate", c->name);
	read_input(c);
	if (n == argc)
		return n;
	argv[n] = NULL;
	return n + 1;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The kernel goes on tearing down what the last one had (cgroups, mounts) while the next runs: in an order that is another in
 * each round, and the same in each run of this program, all pay for all alike. */
static void shuffle(int *order, int n, unsigned *seed)
{
	for (int i = n - 1; i > 0; i--) {
		int k = (int)((unsigned)rand_r(seed) % (unsigned)(i + 1)), keep = order[i];

		order[i] = order[k];
		order[k] = keep;
	}
}

int main(int argc, char **argv)
{
	struct contender contenders[MAX_CONTENDERS];
	int order[MAX_CONTENDERS];
	unsigned seed = 1;
	int n = 0, null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int rounds = argc > 3 ? (int)strtol(argv[1], NULL, 10) : 0;
	int gap_ms = argc > 3 ? (int)strtol(argv[2], NULL, 10) : 0;

	if (rounds < 1 || null_fd < 0) {
		fprintf(stderr,
			"usage: bench ROUNDS GAP_MS NAME HOW MNTNS CMD [ARG...] [%%%% ...]\n");
		return 2;
	}
	for (int i = 3; i < argc && n < MAX_CONTENDERS; n++)
		i += parse_contender(argc - i, argv + i, rounds, &contenders[n]);
	prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
	for (int i = 0; i < n; i++)
		order[i] = i;
	for (int round = -1; round < rounds;
	     round++) { /* the first warms the caches and is not counted */
		shuffle(order, n, &seed);
		for (int i = 0; i < n; i++) {
			double us;

			if (gap_ms)
				usleep((useconds_t)gap_ms * 1000);
			us = measure(&contenders[order[i]], null_fd);
			if (round >= 0)
				contenders[order[i]].us[round] = us;
		}
	}
	for (int i = 0; i < n; i++) {
		const double *us = contenders[i].us;

		qsort(contenders[i].us, (size_t)rounds, sizeof *us, compare);
		printf("%s %.1f %.1f %.1f %.1f\n", contenders[i].name, us[rounds / 2], us[0],
		       us[(int)((rounds - 1) * 0.9)], us[(int)((rounds - 1) * 0.99)]);
	}
	return 0;
}
