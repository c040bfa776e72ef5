/* taskshim logs: what a task has written to its files, over their rotations, and what it writes next. */
#include "shim/cmd/cmd.h"

#include "protocol/stream.h"
#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int logs_main(const struct global *global, int argc, char **argv);

const struct verb verb_logs = {
	.name = "logs",
	.run = logs_main,
	.failed = EXIT_FAILED,
	.synopsis = "logs [-f] [-n LINES] [--stream stdout|stderr] ID",
	.summary = "print what a task has written",
	.help = "Prints the files that the task's standard output and error go to, those that were "
		"rotated first:\n"
		"what was written to standard error goes to standard error, where it has a file of "
		"its own.\n"
		"  -f, --follow            go on until the task has ended, also over rotations\n"
		"  -n, --tail LINES        begin with the last LINES of each\n"
		"  --stream stdout|stderr  one of them alone\n",
};

enum {
	OPT_STREAM = 300,
	CHUNK = 64 * 1024,
	NUMBERS_MAX = 10000, /* of rotated files: taskshim.logs.maxFiles */
};

/* A log and its place in it: a file that was rotated keeps its inode, and while it is open nobody else has that. */
struct source {
	int out_fd; /* where it goes; -1: there is no such log */
	int dir_fd, file_fd;
	unsigned
		number; /* of the file when that was looked at: rotations make it higher, never lower */
	char name[NAME_MAX + 1];
};

#define SOURCE_NONE                                                                                \
	{                                                                                          \
		.out_fd = -1, .dir_fd = -1, .file_fd = -1                                          \
	}

/* --- files --- */

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_STDIO;
	return ts_fail(e, err, what, object);
}

static void name_of(const struct source *s, unsigned number, char ret[static PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, number ? "%s.%u" : "%s", s->name, number);
}

/* A task may own the directory: what is not a file of one name there is none of its log. Returns an fd, or -1 and errno. */
static int open_number(const struct source *s, unsigned number)
{
	char name[PATH_MAX];
	_cleanup_fd_ int fd = -1;
	struct stat st;

	name_of(s, number, name);
	fd = openat(s->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1) {
		errno = EMLINK;
		return -1;
	}
	return ts_fd_take(&fd);
}

static bool exists(const struct source *s, unsigned number)
{
	char name[PATH_MAX];

	name_of(s, number, name);
	return faccessat(s->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Whether that number and the next are free: one alone is where a rotation, from the highest down, is just now. */
static bool is_end(const struct source *s, unsigned number)
{
	return !exists(s, number) && !exists(s, number + 1);
}

/* The highest number in use: of the oldest file. */
static unsigned oldest(const struct source *s)
{
	unsigned number = 0;

	while (number < NUMBERS_MAX && !is_end(s, number + 1))
		number++;
	return number;
}

enum { GONE = -1, ON_ITS_WAY = -2 };

/* The number that the file has now, @from or a higher one; GONE; ON_ITS_WAY from one name to the next. */
static int number_of(const struct source *s, int fd, unsigned from)
{
	struct stat open_one, st;
	char name[PATH_MAX];

	if (fstat(fd, &open_one) < 0 || open_one.st_nlink == 0)
		return GONE;
	for (unsigned number = from; number <= NUMBERS_MAX; number++) {
		name_of(s, number, name);
		if (fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			if (st.st_ino == open_one.st_ino && st.st_dev == open_one.st_dev)
				return (int)number;
		} else if (number > from && is_end(s, number)) {
			break;
		}
	}
	return ON_ITS_WAY;
}

/* Of a file that was looked for: its descriptor and number. No file: NONE (yet), or AGAIN, since a rotation goes on. */
enum look { FOUND, NONE, AGAIN };

struct found {
	int fd;
	unsigned number;
};

/* Opens the oldest file, proven to be it when it is open: what a rotation meanwhile has made of its number would be a younger one. */
static enum look open_oldest(const struct source *s, struct found *ret)
{
	unsigned number = oldest(s);
	_cleanup_fd_ int fd = open_number(s, number);

	if (fd < 0)
		return number == 0 ? NONE : AGAIN;
	if (number_of(s, fd, number) != (int)number || !is_end(s, number + 1))
		return AGAIN;
	*ret = (struct found){.fd = ts_fd_take(&fd), .number = number};
	return FOUND;
}

/* Opens the file whose number is higher by @step than that of the open one, which is the same before and after. */
static enum look open_beside(const struct source *s, int step, struct found *ret)
{
	int number = number_of(s, s->file_fd, s->number);
	_cleanup_fd_ int fd = -1;

	if (number == ON_ITS_WAY)
		return AGAIN;
	if (number == GONE) /* then so are the older ones */
		return step > 0 ? NONE : AGAIN;
	if (number + step < 0)
		return NONE;
	fd = open_number(s, (unsigned)(number + step));
	if (fd < 0)
		return step > 0 && is_end(s, (unsigned)(number + step)) ? NONE : AGAIN;
	if (number_of(s, s->file_fd, (unsigned)number) != number)
		return AGAIN;
	*ret = (struct found){.fd = ts_fd_take(&fd), .number = (unsigned)(number + step)};
	return FOUND;
}

/* The next younger file than the open one; without one, or when that is gone: the oldest. */
static enum look open_next(const struct source *s, struct found *ret)
{
	struct stat st;

	if (s->file_fd < 0)
		return open_oldest(s, ret);
	if (fstat(s->file_fd, &st) < 0 || st.st_nlink > 0)
		return open_beside(s, -1, ret);
	return open_oldest(s, ret) == FOUND ? FOUND : AGAIN; /* it is about to be made */
}

/* The next older file than the open one; without one: the youngest. */
static enum look open_older(const struct source *s, struct found *ret)
{
	if (s->file_fd >= 0)
		return open_beside(s, 1, ret);
	*ret = (struct found){.fd = open_number(s, 0)};
	return ret->fd >= 0 ? FOUND : is_end(s, 0) ? NONE : AGAIN;
}

/* As one of these, once more while a rotation goes on. Returns whether there is one. */
static bool look_again(enum look (*look)(const struct source *s, struct found *ret),
		       const struct source *s, struct found *ret)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	enum look r = AGAIN;

	for (int tries = 100; tries > 0 && (r = look(s, ret)) == AGAIN; tries--)
		(void)nanosleep(&pause, NULL);
	return r == FOUND;
}

static void take(struct source *s, const struct found *found)
{
	ts_fd_closep(&s->file_fd);
	s->file_fd = found->fd;
	s->number = found->number;
}

/* --- printing --- */

/* Copies what the open file has from here on. Returns 0, or -1 and errno: of the output. */
static int copy_rest(const struct source *s)
{
	char data[CHUNK];
	ssize_t n;

	while (s->file_fd >= 0 && (n = read(s->file_fd, data, sizeof data)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (ts_write_all(s->out_fd, data, (size_t)n) < 0)
			return -1;
	}
	return 0;
}

/* Goes on to the next younger file, if the open one is not the youngest. What was written to that before it was rotated, and
 * after it was read, is copied first. Returns 1, 0: it is the youngest, or -1 and errno. */
static int next_file(struct source *s)
{
	struct found found;

	if (!look_again(open_next, s, &found))
		return 0;
	if (copy_rest(s) < 0) {
		(void)close(found.fd);
		return -1;
	}
	take(s, &found);
	return 1;
}

/* All that there is, from the place on. */
static int copy_all(struct source *s)
{
	int r;

	do {
		if (copy_rest(s) < 0)
			return -1;
		r = next_file(s);
	} while (r > 0);
	return r;
}

/* Counts the ends of lines backwards from @end of the file. Returns where the first of *@left lines begins; -1: not here. */
static off_t find_lines(int fd, off_t end, uint64_t *left)
{
	char data[CHUNK];

	while (end > 0) {
		size_t size = end > CHUNK ? CHUNK : (size_t)end;
		ssize_t n = pread(fd, data, size, end - (off_t)size);

		if (n != (ssize_t)size)
			return -1;
		end -= n;
		for (ssize_t i = n; i-- > 0;)
			if (data[i] == '\n' && (*left)-- == 0)
				return end + i + 1;
	}
	return -1;
}

/* Goes to the beginning of the last @lines lines; an end of line at the very end is theirs. */
static void seek_lines(struct source *s, uint64_t lines)
{
	struct found found;
	bool at_end = true;

	while (look_again(open_older, s, &found)) {
		off_t end = lseek(found.fd, 0, SEEK_END), begin;
		char byte = 0;

		take(s, &found);
		if (at_end && end > 0) {
			/* a line without its end */
			lines -= lines > 0 && pread(s->file_fd, &byte, 1, end - 1) == 1 &&
				 byte != '\n';
			at_end = false;
		}
		begin = find_lines(s->file_fd, end, &lines);
		(void)lseek(s->file_fd, begin < 0 ? 0 : begin, SEEK_SET);
		if (begin >= 0)
			return;
	}
}

/* --- finding them --- */

/* As spawn-daemon opens them: below the directories that the task owns no symlink is followed. */
static int open_dir(struct json_object *document, const char *dir)
{
	static const char *const places[][2] = {
		{"taskshim", "taskDir"}, {"taskshim", "allocDir"}, {"root", "path"}};
	int fds[3], fd;

	for (size_t i = 0; i < 3; i++) {
		struct json_object *section = json_object_object_get(document, places[i][0]);
		const char *path =
			json_object_get_string(json_object_object_get(section, places[i][1]));

		fds[i] = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	}
	fd = ts_open_entering(dir, fds, 3, O_RDONLY | O_DIRECTORY, 0);
	for (size_t i = 0; i < 3; i++)
		ts_fd_closep(&fds[i]);
	return fd;
}

/* Returns 1 with @s filled, 0 when the stream has no file, or -1 with @e filled. */
static int find_source(struct json_object *document, const char *stream, struct source *s,
		       struct ts_error *e)
{
	struct json_object *taskshim = json_object_object_get(document, "taskshim");
	const char *path = json_object_get_string(json_object_object_get(taskshim, stream));
	const char *slash = path && path[0] == '/' ? strrchr(path, '/') : NULL;
	char dir[PATH_MAX];

	if (!slash || strlen(slash + 1) > NAME_MAX || slash - path >= PATH_MAX - 2)
		return 0;
	(void)snprintf(dir, sizeof dir, "%.*s/.", (int)(slash - path), path);
	(void)snprintf(s->name, sizeof s->name, "%s", slash + 1);
	s->dir_fd = open_dir(document, dir);
	return s->dir_fd < 0 ? fail(e, errno, "open the directory of", path) : 1;
}

static bool is_same_file(struct json_object *document)
{
	struct json_object *taskshim = json_object_object_get(document, "taskshim");
	const char *out = json_object_get_string(json_object_object_get(taskshim, "stdout"));
	const char *err = json_object_get_string(json_object_object_get(taskshim, "stderr"));

	return out && err && strcmp(out, err) == 0;
}

struct logs {
	const struct global *global;
	taskshim_task *task;
	struct source sources[2];
	const char *only; /* stream; NULL: both */
	const char *lines; /* NULL: all */
	uint64_t n_lines;
	bool follow;
};

static int find_sources(struct logs *l, struct ts_error *e)
{
	static const char *const names[] = {"stdout", "stderr"};
	struct json_object *document = NULL;
	int found = 0, r = 0;

	if (l->task->dir.fd < 0)
		return fail(e, ENOENT, "no state directory tells where the output is of",
			    taskshim_task_id_string(l->task));
	if (task_read_json(l->task, STATEDIR_CONFIG, STREAM_DOCUMENT_MAX, &document, e) < 0)
		return -1;
	for (int i = 0; i < 2 && r >= 0; i++) {
		if ((l->only && strcmp(l->only, names[i]) != 0) ||
		    (i == 1 && !l->only && is_same_file(document)))
			continue;
		r = find_source(document, names[i], &l->sources[i], e);
		if (r <= 0)
			continue;
		l->sources[i].out_fd = STDOUT_FILENO + i;
		found++;
	}
	json_object_put(document);
	if (r < 0)
		return -1;
	return found ? 0
		     : fail(e, ENOENT, "the output is not in a file of", taskshim_task_id(l->task));
}

/* --- following --- */

/* Returns 0, 1 when nobody reads any more, or -1 with @e filled. */
static int copy_sources(struct logs *l, struct ts_error *e)
{
	for (int i = 0; i < 2; i++)
		if (l->sources[i].out_fd >= 0 && copy_all(&l->sources[i]) < 0)
			return errno == EPIPE ? 1
					      : fail(e, errno, "copy the log", l->sources[i].name);
	return 0;
}

static int watch(const struct logs *l)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[64];

	for (int i = 0; i < 2 && fd >= 0; i++) {
		if (l->sources[i].out_fd < 0)
			continue;
		(void)snprintf(path, sizeof path, "/proc/self/fd/%d", l->sources[i].dir_fd);
		(void)inotify_add_watch(fd, path, IN_MODIFY | IN_CREATE | IN_MOVE);
	}
	return fd;
}

/* Until the task has ended, or nobody reads any more. */
static int follow(struct logs *l, struct ts_error *e)
{
	enum {
		LOOK_MS = 1000 /* where the kernel does not tell of changes: a network filesystem */
	};
	_cleanup_fd_ int inotify = watch(l);
	struct pollfd fds[] = {{.fd = taskshim_task_fd(l->task), .events = POLLIN},
			       {.fd = inotify, .events = POLLIN},
			       {.fd = STDOUT_FILENO, .events = 0}};
	char events[4096];

	for (;;) {
		bool ended = fds[0].fd < 0 || fds[0].revents;
		int r = copy_sources(l, e);

		if (r != 0 || ended || fds[2].revents)
			return r < 0 ? -1 : 0;
		(void)poll(fds, 3, LOOK_MS);
		while (inotify >= 0 && read(inotify, events, sizeof events) > 0)
			;
	}
}

static int run(struct logs *l, struct ts_error *e)
{
	if (find_sources(l, e) < 0)
		return -1;
	for (int i = 0; i < 2 && l->lines; i++)
		if (l->sources[i].out_fd >= 0)
			seek_lines(&l->sources[i], l->n_lines);
	if (l->follow)
		return follow(l, e);
	return copy_sources(l, e) < 0 ? -1 : 0;
}

static int take_option(struct logs *l, int option)
{
	int64_t n;

	switch (option) {
	case 'f':
		l->follow = true;
		return 0;
	case 'n':
		if (flag_parse_number(optarg, &n) < 0 || n < 0)
			return usage_error(l->global, "--tail: not a number of lines: %s", optarg);
		l->lines = optarg;
		l->n_lines = (uint64_t)n;
		return 0;
	default:
		if (strcmp(optarg, "stdout") != 0 && strcmp(optarg, "stderr") != 0)
			return usage_error(l->global, "--stream: expected stdout or stderr: %s",
					   optarg);
		l->only = optarg;
		return 0;
	}
}

static int logs_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {{"follow", no_argument, NULL, 'f'},
						{"tail", required_argument, NULL, 'n'},
						{"stream", required_argument, NULL, OPT_STREAM},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct logs l = {.global = global, .sources = {SOURCE_NONE, SOURCE_NONE}};
	struct ts_error e = {0};
	int option, status = 0;

	while ((option = option_next(global, argc, argv, "+:hfn:", options, &status)) >= 0)
		if ((status = take_option(&l, option)) != 0)
			return status;
	if (option == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 1, 1) < 0)
		return verb_logs.failed;
	l.task = task_of_argument(global, argv);
	if (!l.task)
		return verb_logs.failed;
	if (run(&l, &e) < 0) {
		report_error(global, &e);
		status = EXIT_FAILED;
	}
	for (int i = 0; i < 2; i++) {
		ts_fd_closep(&l.sources[i].dir_fd);
		ts_fd_closep(&l.sources[i].file_fd);
	}
	taskshim_task_free(l.task);
	return status;
}
