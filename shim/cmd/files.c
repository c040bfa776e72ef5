/* Files that somebody waits for: there at once and whole. */
#include "shim/cmd/cmd.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int file_replace(const char *path, const char *text, mode_t mode)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	_cleanup_fd_ int fd = -1;
	int n = snprintf(directory, sizeof directory, "%.*s", slash ? (int)(name - path) : 1,
			 slash ? path : ".");

	if (n < 0 || n >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || ts_write_file_atomic(fd, name, text, strlen(text), false) < 0)
		return -1;
	return mode == 0600 ? 0 : fchmodat(fd, name, mode, 0);
}

int pid_file_write(const char *path, pid_t pid, struct ts_error *e)
{
	char text[16];

	(void)snprintf(text, sizeof text, "%d", (int)pid);
	if (file_replace(path, text, 0644) == 0)
		return 0;
	e->step = TS_STEP_STATE;
	return ts_fail(e, errno, "write the pid file", path);
}

/* A FIFO, /dev/fd/N and any other symlink are no names to be given to a file of ours: who reads has what they lead to. */
static bool is_to_be_opened(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static int write_opened(const char *path, const char *text)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);

	return fd < 0 ? -1 : ts_write_all(fd, text, strlen(text));
}

int id_file_write(const char *path, const char *id_string, struct ts_error *e)
{
	_cleanup_free_ char *line = NULL;
	int r = asprintf(&line, "%s\n", id_string);

	if (r < 0) {
		line = NULL;
		errno = ENOMEM;
	} else {
		r = is_to_be_opened(path) ? write_opened(path, line)
					  : file_replace(path, line, 0600);
	}
	if (r == 0)
		return 0;
	e->step = TS_STEP_STATE;
	return ts_fail(e, errno, "write the ID file", path);
}
