/* The files of a task's state directory. */
#include "spawn/statedir.h"

#include "protocol/id_string.h"
#include "protocol/state.h"
#include "protocol/state_files.h"
#include "protocol/stop_note.h"
#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { RECORD_ROOM = 4096 /* bytes preallocated for the record */ };

static int check_directory(int fd, const char *path, const char *id, struct ts_error *e)
{
	const char *slash = strrchr(path, '/');
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ts_fail(e, errno, "stat state directory", path);
	if (st.st_uid != geteuid())
		return ts_fail(e, EPERM, "state directory is not ours", path);
	if ((st.st_mode & 0777) != 0700)
		return ts_fail(e, EPERM, "state directory is not of mode 0700", path);
	if (!id || !slash || strcmp(slash + 1, id) != 0)
		return ts_fail(e, EINVAL, "state directory is not named as taskshim.id", path);
	return 0;
}

int statedir_open(struct plan *plan, struct ts_error *e)
{
	const struct ts_extension *taskshim = &plan->config->taskshim;
	_cleanup_fd_ int fd = -1;

	if (!taskshim->state_dir)
		return 0;
	e->step = TS_STEP_STATE;
	fd = ts_open_no_symlinks(AT_FDCWD, taskshim->state_dir, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return ts_fail(e, errno, "open state directory", taskshim->state_dir);
	if (check_directory(fd, taskshim->state_dir, taskshim->id, e) < 0)
		return -1;
	if (faccessat(fd, STATEDIR_STATE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return ts_fail(e, EEXIST, "state directory is another run's", taskshim->state_dir);
	if (errno != ENOENT)
		return ts_fail(e, errno, "look for", STATEDIR_STATE);
	plan->state_dir_fd = ts_fd_take(&fd);
	return 0;
}

/* Until somebody knows better, the record says that nobody does. */
int statedir_write_unknown(const struct plan *plan, struct ts_error *e)
{
	struct exit_record record = {
		.id = (char *)plan->config->taskshim.id,
		.cause = EXIT_CAUSE_UNKNOWN,
	};
	struct json_object *object;
	const char *text;
	int r;

	e->step = TS_STEP_STATE;
	memcpy(record.run_id, plan->run_id, sizeof record.run_id);
	memcpy(record.boot_id, plan->boot_id, sizeof record.boot_id);
	object = exit_record_encode(&record);
	text = object ? json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN) : NULL;
	if (!text)
		r = ts_fail(e, ENOMEM, "encode", STATEDIR_EXIT);
	else if (ts_write_file_atomic(plan->state_dir_fd, STATEDIR_EXIT, text, strlen(text),
				      plan->config->taskshim.durable) < 0)
		r = ts_fail(e, errno, "write", STATEDIR_EXIT);
	else
		r = 0;
	json_object_put(object);
	return r;
}

/* Filesystems without fallocate(2) get spaces, which JSON ignores behind the record. */
static int preallocate(int fd)
{
	char spaces[RECORD_ROOM];

	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, RECORD_ROOM) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return -1;
	memset(spaces, ' ', sizeof spaces);
	return pwrite(fd, spaces, sizeof spaces, 0) == (ssize_t)sizeof spaces ? 0 : -1;
}

int statedir_preallocate(int dir_fd, struct ts_error *e)
{
	_cleanup_fd_ int fd = openat(dir_fd, STATEDIR_EXIT_NEXT,
				     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	e->step = TS_STEP_STATE;
	if (fd < 0 || preallocate(fd) < 0)
		return ts_fail(e, errno, "preallocate", STATEDIR_EXIT);
	return ts_fd_take(&fd);
}

static int bind_below(int sock, int dir_fd, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	/* sun_path is short and state directories may be deep: by way of the descriptor */
	(void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dir_fd,
		       name);
	return bind(sock, (struct sockaddr *)&address, sizeof address);
}

int statedir_make_gate(int dir_fd, bool listening, struct ts_error *e)
{
	_cleanup_fd_ int fd = -1;

	e->step = TS_STEP_STATE;
	if (!listening) {
		fd = openat(dir_fd, STATEDIR_GATE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		return fd < 0 ? ts_fail(e, errno, "make", STATEDIR_GATE) : 0;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind_below(fd, dir_fd, STATEDIR_GATE) < 0 || listen(fd, 4) < 0)
		return ts_fail(e, errno, "make", STATEDIR_GATE);
	return ts_fd_take(&fd);
}

int statedir_write_state(const struct plan *plan, const char *id_string, const char *bundle,
			 struct ts_error *e)
{
	const struct ts_extension *taskshim = &plan->config->taskshim;
	struct state state = {
		.id = (char *)taskshim->id,
		.bundle = (char *)bundle,
		.id_string = (char *)id_string,
		.kill_signal = taskshim->kill_signal,
		.kill_timeout_ms = taskshim->kill_timeout_ms,
		.kill_on_monitor_death = taskshim->kill_on_monitor_death,
		.clean_up = taskshim->clean_up,
	};
	struct json_object *object;
	const char *text;
	int r;

	e->step = TS_STEP_STATE;
	if (clock_gettime(CLOCK_REALTIME, &state.created_at) < 0)
		return ts_fail(e, errno, "read the clock", NULL);
	if (!json_object_object_get_ex(plan->config->document, "annotations", &state.annotations))
		state.annotations = NULL;
	object = state_encode(&state);
	text = object ? json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN) : NULL;
	if (!text)
		r = ts_fail(e, ENOMEM, "encode", STATEDIR_STATE);
	else if (ts_write_file_atomic(plan->state_dir_fd, STATEDIR_STATE, text, strlen(text),
				      taskshim->durable) < 0)
		r = ts_fail(e, errno, "write", STATEDIR_STATE);
	else
		r = 0;
	json_object_put(object);
	if (plan->state_dir_locked)
		(void)flock(plan->state_dir_fd, LOCK_UN);
	return r;
}

void statedir_open_gate(int dir_fd)
{
	(void)unlinkat(dir_fd, STATEDIR_GATE, 0);
}

void statedir_add_stop(int dir_fd, struct exit_record *record)
{
	char text[STOP_NOTE_MAX];
	ssize_t n = ts_read_text_at(dir_fd, STATEDIR_STOP, text, sizeof text);

	if (n > 0)
		exit_record_add_stop(record, text, (size_t)n);
}

int statedir_commit_record(int dir_fd, int successor_fd, const char *text, size_t len, bool durable)
{
	if (pwrite(successor_fd, text, len, 0) != (ssize_t)len) {
		errno = errno ? errno : EIO;
		return -1;
	}
	if (durable && fsync(successor_fd) < 0)
		return -1;
	if (renameat(dir_fd, STATEDIR_EXIT_NEXT, dir_fd, STATEDIR_EXIT) < 0)
		return -1;
	return durable ? fsync(dir_fd) : 0;
}

void statedir_clear(int dir_fd)
{
	static const char *const names[] = {STATEDIR_GATE, STATEDIR_STATE, STATEDIR_EXIT_NEXT,
					    STATEDIR_EXIT};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)unlinkat(dir_fd, names[i], 0);
}
