/* util/path_sys.c and util/fd_sys.c, in a temporary directory that plays the task's root; util/proc_sys.c on ourselves.
 * Needs no privilege. */
#include "tests/unit/unit.h"

#include "util/cgroup.h"
#include "util/dir.h"
#include "util/fd.h"
#include "util/path.h"
#include "util/proc.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* @outer/root is the task's root; @outer/secret must never be reached. */
struct place {
	char outer[64];
	int outer_fd, root;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	strcpy(p->outer, "/tmp/taskshim-unit-XXXXXX");
	assert_non_null(mkdtemp(p->outer));
	p->outer_fd = open(p->outer, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(p->outer_fd, "root", 0755), 0);
	assert_int_equal(mkdirat(p->outer_fd, "secret", 0755), 0);
	p->root = openat(p->outer_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(p->root, "dir", 0755), 0);
	assert_int_equal(mkdirat(p->root, "secret", 0755), 0);
	assert_int_equal(mkdirat(p->root, "secret/inner", 0755), 0);
	assert_int_equal(symlinkat("../secret", p->root, "up"), 0);
	assert_int_equal(symlinkat("/secret", p->root, "absolute"), 0);
	assert_int_equal(symlinkat("dir", p->root, "link"), 0);
	assert_int_equal(symlinkat("missing", p->root, "dangling"), 0);
	assert_int_equal(symlinkat("loop", p->root, "loop"), 0);
	assert_int_equal(symlinkat("/proc/self/cwd", p->root, "magic"), 0);
	*state = p;
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct place *p = *state;

	close(p->root);
	close(p->outer_fd);
	assert_int_equal(nftw(p->outer, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(p);
	return 0;
}

/* Closes @fd and returns whether it was the directory or file @path below @dir_fd. */
static bool is_same(int fd, int dir_fd, const char *path)
{
	struct stat a, b;
	bool same = fstat(fd, &a) == 0 && fstatat(dir_fd, path, &b, 0) == 0 &&
		    a.st_ino == b.st_ino && a.st_dev == b.st_dev;

	close(fd);
	return same;
}

static bool is_empty(int dir_fd, const char *path)
{
	struct stat st;

	return fstatat(dir_fd, path, &st, 0) == 0 && st.st_nlink == 2;
}

/* --- opening --- */

static void test_ts_open_in_root_symlinks_stay_inside(void **state)
{
	struct place *p = *state;
	static const char *const inside[] = {"/secret",	      "up",	      "absolute",
					     "/up",	      "../../secret", "dir/../../../secret",
					     "link/../secret"};

	for (size_t i = 0; i < COUNT(inside); i++) {
		int fd = ts_open_in_root(p->root, inside[i], O_PATH);

		assert_row(inside[i], fd >= 0);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		assert_row(inside[i], is_same(fd, p->root, "secret"));
	}
}

static void test_ts_open_in_root_refuses_loops_magic_and_what_is_missing(void **state)
{
	struct place *p = *state;

	assert_int_equal(ts_open_in_root(p->root, "loop", O_PATH), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(ts_open_in_root(p->root, "dangling", O_PATH), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(ts_open_in_root(p->root, "magic", O_PATH), -1); /* no /proc in there */
	assert_int_equal(ts_open_in_root(AT_FDCWD, "/proc/self/cwd/", O_PATH), -1);
	assert_int_equal(ts_open_in_root(-1, "x", O_PATH), -1);
	assert_int_equal(errno, EBADF);
}

static void test_ts_open_no_symlinks(void **state)
{
	struct place *p = *state;
	int fd = ts_open_no_symlinks(p->root, "secret/inner", O_PATH | O_DIRECTORY, 0);

	assert_true(is_same(fd, p->root, "secret/inner"));
	assert_int_equal(ts_open_no_symlinks(p->root, "link", O_PATH | O_DIRECTORY, 0), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(ts_open_no_symlinks(p->root, "up/inner", O_PATH, 0), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(ts_open_no_symlinks(AT_FDCWD, "/proc/self/cwd", O_PATH, 0), -1);
	assert_int_equal(errno, ELOOP);
	fd = ts_open_no_symlinks(p->root, "dir/new", O_WRONLY | O_CREAT | O_EXCL, 0640);
	assert_true(is_same(fd, p->root, "dir/new"));
}

static void test_ts_open_beneath_does_not_leave(void **state)
{
	struct place *p = *state;
	int fd = ts_open_beneath(p->root, "dir/new", O_WRONLY | O_CREAT, 0600);

	assert_true(is_same(fd, p->root, "dir/new"));
	assert_int_equal(ts_open_beneath(p->root, "../secret", O_PATH, 0), -1);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(ts_open_beneath(p->root, "/secret", O_PATH, 0), -1);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(ts_open_beneath(p->root, "link/x", O_WRONLY | O_CREAT, 0600), -1);
	assert_int_equal(errno, ELOOP);
}

/* --- making --- */

static void test_ts_mkdir_in_root_makes_parents(void **state)
{
	struct place *p = *state;
	bool created = false;
	int fd = ts_mkdir_in_root(p->root, "/a//b/c/", 01777, &created);
	struct stat st;

	assert_true(is_same(fd, p->root, "a/b/c"));
	assert_true(created);
	assert_int_equal(fstatat(p->root, "a/b", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	fd = ts_mkdir_in_root(p->root, "a/b/c", 0755, &created);
	assert_true(is_same(fd, p->root, "a/b/c"));
	assert_false(created);
	fd = ts_mkdir_in_root(p->root, "/", 0755, NULL);
	assert_true(is_same(fd, p->root, "."));
}

static void test_ts_mkdir_in_root_symlinks_stay_inside(void **state)
{
	struct place *p = *state;
	int fd = ts_mkdir_in_root(p->root, "absolute/new", 0755, NULL);

	assert_true(is_same(fd, p->root, "secret/new"));
	fd = ts_mkdir_in_root(p->root, "up/new2", 0755, NULL);
	assert_true(is_same(fd, p->root, "secret/new2"));
	fd = ts_mkdir_in_root(p->root, "../../secret/new3/deep", 0755, NULL);
	assert_true(is_same(fd, p->root, "secret/new3/deep"));
	assert_true(is_empty(p->outer_fd, "secret"));
}

static void test_ts_mkdir_in_root_makes_nothing_through_a_dangling_link(void **state)
{
	struct place *p = *state;

	assert_int_equal(ts_mkdir_in_root(p->root, "dangling", 0755, NULL), -1);
	assert_int_equal(ts_mkdir_in_root(p->root, "dangling/x", 0755, NULL), -1);
	assert_int_equal(faccessat(p->root, "missing", F_OK, 0), -1);
	assert_int_equal(ts_mkdir_in_root(p->root, "loop/x", 0755, NULL), -1);
	assert_int_equal(errno, ELOOP);
}

static void test_ts_mkfile_in_root(void **state)
{
	struct place *p = *state;
	int fd = ts_mkfile_in_root(p->root, "/etc/resolv.conf");
	struct stat st;

	assert_true(is_same(fd, p->root, "etc/resolv.conf"));
	assert_int_equal(fstatat(p->root, "etc/resolv.conf", &st, 0), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_size, 0);
	fd = ts_mkfile_in_root(p->root, "etc/resolv.conf");
	assert_true(is_same(fd, p->root, "etc/resolv.conf"));
	assert_int_equal(ts_mkdir_in_root(p->root, "etc/resolv.conf", 0755, NULL), -1);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(ts_mkdir_in_root(p->root, "etc/resolv.conf/x", 0755, NULL), -1);
	assert_int_equal(errno, ENOTDIR);
}

static void test_ts_mkdir_in_root_refuses_a_path_that_is_too_long(void **state)
{
	struct place *p = *state;
	char path[PATH_MAX + 10];

	memset(path, 'x', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	assert_int_equal(ts_mkdir_in_root(p->root, path, 0755, NULL), -1);
	assert_int_equal(errno, ENAMETOOLONG);
}

/* --- reading and writing --- */

static void test_ts_write_file_atomic_and_read_back(void **state)
{
	struct place *p = *state;
	char *data = NULL, text[8];
	size_t len = 0;
	struct stat st;
	int dir = openat(p->root, "dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int durable = 0; durable < 2; durable++) {
		assert_int_equal(ts_write_file_atomic(dir, "f", "12345", 5, durable), 0);
		assert_int_equal(ts_read_file_at(dir, "f", 5, &data, &len), 0);
		assert_int_equal(len, 5);
		assert_string_equal(data, "12345");
		free(data);
	}
	assert_int_equal(fstatat(dir, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(ts_read_file_at(dir, "f", 4, &data, &len), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(ts_read_text_at(dir, "f", text, 4), 3); /* what fits */
	assert_string_equal(text, "123");
	assert_int_equal(ts_write_value_at(dir, "f", "9"), 0);
	assert_int_equal(ts_write_value_at(dir, "none", "9"), -1);
	assert_int_equal(errno, ENOENT);
	close(dir);
}

static void test_ts_write_file_atomic_failure_leaves_nothing(void **state)
{
	struct place *p = *state;
	char name[NAME_MAX + 2];
	int dir = openat(p->root, "secret", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(ts_write_file_atomic(dir, "inner", "x", 1, false), -1); /* a directory */
	assert_int_equal(faccessat(dir, ".inner.new", F_OK, 0), -1);
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(ts_write_file_atomic(dir, name, "x", 1, false), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	close(dir);
}

/* What was planted where the temporary name would be is neither written through nor waited for, but replaced. */
static void test_ts_write_file_atomic_replaces_what_was_planted(void **state)
{
	struct place *p = *state;
	int dir = openat(p->root, "secret", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char text[8];
	struct stat st;

	assert_int_equal(symlinkat("../dir/victim", dir, ".f.new"), 0);
	assert_int_equal(ts_write_file_atomic(dir, "f", "x", 1, false), 0);
	assert_int_equal(faccessat(p->root, "dir/victim", F_OK, 0), -1);
	assert_int_equal(mknodat(dir, ".f.new", S_IFIFO | 0666, 0), 0);
	assert_int_equal(ts_write_file_atomic(dir, "f", "y", 1, false), 0);
	assert_int_equal(faccessat(dir, ".f.new", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(fstatat(dir, "f", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(ts_read_text_at(dir, "f", text, sizeof text), 1);
	assert_string_equal(text, "y");
	close(dir);
}

static void test_ts_read_file_at_takes_files_without_a_size(void **state)
{
	char *data = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(ts_read_file_at(AT_FDCWD, "/proc/self/stat", 65536, &data, &len), 0);
	assert_int_equal(strlen(data), len);
	assert_true(len > 0);
	free(data);
	assert_int_equal(ts_read_file_at(AT_FDCWD, "/proc/self/stat", 3, &data, &len), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(ts_read_file_at(AT_FDCWD, "/proc", 65536, &data, &len), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(ts_read_file_at(AT_FDCWD, "/nonexistent", 1, &data, &len), -1);
	assert_int_equal(errno, ENOENT);
}

static void test_fd_cleanup_keeps_errno(void **state)
{
	int fd = open("/", O_PATH | O_CLOEXEC), taken;

	(void)state;
	taken = ts_fd_take(&fd);
	assert_int_equal(fd, -1);
	errno = E2BIG;
	ts_fd_closep(&taken);
	ts_fd_closep(&fd);
	assert_int_equal(taken, -1);
	assert_int_equal(errno, E2BIG);
	assert_int_equal(ts_write_all(-1, "x", 1), -1);
	assert_int_equal(errno, EBADF);
}

/* --- processes --- */

static void test_ts_pidfd_open_checked_takes_no_stranger(void **state)
{
	uint64_t start = 0;
	pid_t pid = fork();
	int pidfd, again, status;
	struct stat st;

	(void)state;
	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(ts_proc_start_time(pid, &start), 0);
	assert_int_equal(ts_pidfd_open_checked(pid, start + 1, 0), -1);
	assert_int_equal(errno, ESRCH);
	pidfd = ts_pidfd_open_checked(pid, start, 0);
	assert_true(pidfd >= 0);
	assert_true(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstat(pidfd, &st), 0);
	assert_int_equal(ts_pidfd_open_checked(pid, start, st.st_ino + 1), -1);
	assert_int_equal(errno, ESRCH);
	again = ts_pidfd_open_checked(pid, start, st.st_ino);
	assert_true(again >= 0);
	close(again);
	assert_int_equal(ts_pidfd_kill(pidfd, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_equal(ts_pidfd_kill(pidfd, SIGKILL), -1);
	assert_int_equal(errno, ESRCH);
	close(pidfd);
	assert_int_equal(ts_pidfd_open_checked(pid, start, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(ts_proc_start_time(pid, &start), -1);
}

static void test_ts_pidfd_exit_status(void **state)
{
	int status = -1, pidfd, late;
	uint64_t start = 0;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(ts_proc_start_time(pid, &start), 0);
	pidfd = ts_pidfd_open_checked(pid, start, 0);
	assert_true(pidfd >= 0);
	assert_int_equal(ts_pidfd_kill(pidfd, SIGTERM), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	assert_int_equal(ts_pidfd_exit_status(pidfd, pid, start + 1, &status), -1);
	assert_int_equal(ts_pidfd_exit_status(pidfd, pid, start, &status), 0);
	assert_int_equal(status, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* Reaped: from Linux 6.15 on who had a pidfd before is still told. */
	status = -1;
	if (ts_pidfd_exit_status(pidfd, pid, start, &status) == 0)
		assert_int_equal(status, SIGTERM);
	else
		assert_int_equal(status, -1);
	late = ts_pidfd_open_checked(pid, start, 0);
	assert_int_equal(late, -1);
	close(pidfd);
}

static void test_ts_run_id_new_and_boot_id(void **state)
{
	char a[TS_RUN_ID_LEN + 1], b[TS_RUN_ID_LEN + 1], boot[TS_BOOT_ID_LEN + 1];

	(void)state;
	assert_int_equal(ts_run_id_new(a), 0);
	assert_int_equal(ts_run_id_new(b), 0);
	assert_int_equal(strspn(a, "0123456789abcdef"), TS_RUN_ID_LEN);
	assert_string_not_equal(a, b);
	assert_int_equal(ts_boot_id(boot), 0);
	assert_int_equal(strspn(boot, "0123456789abcdef-"), TS_BOOT_ID_LEN);
}

/* --- cgroups, where none are --- */

static void test_ts_cgroup_open_refuses_what_is_no_cgroup(void **state)
{
	struct place *p = *state;

	assert_int_equal(ts_cgroup_open(p->outer, true), -1);
	assert_int_equal(errno, EMEDIUMTYPE);
	assert_int_equal(ts_cgroup_open(p->outer, false), -1);
	assert_int_equal(errno, EMEDIUMTYPE);
	assert_int_equal(ts_cgroup_open("/proc/self/cwd", true), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(ts_cgroup_open("/nonexistent", true), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(ts_cgroup_layout(p->outer), TS_CGROUP_NONE);
	assert_int_equal(ts_cgroup_layout("/nonexistent"), TS_CGROUP_NONE);
}

static void test_ts_cgroup_read(void **state)
{
	struct place *p = *state;
	int dir = openat(p->root, "dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t value = 0;

	assert_int_equal(ts_write_file_atomic(dir, "max", "max\n", 4, false), 0);
	assert_int_equal(ts_write_file_atomic(dir, "n", "123\n", 4, false), 0);
	assert_int_equal(ts_write_file_atomic(dir, "k", "a 1\nb 2\n", 8, false), 0);
	assert_int_equal(ts_write_file_atomic(dir, "e", "\n", 1, false), 0);
	assert_int_equal(ts_cgroup_read_u64(dir, "max", &value), 0);
	assert_true(value == UINT64_MAX);
	assert_int_equal(ts_cgroup_read_u64(dir, "n", &value), 0);
	assert_int_equal(value, 123);
	assert_int_equal(ts_cgroup_read_u64(dir, "e", &value), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(ts_cgroup_read_u64(dir, "none", &value), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(ts_cgroup_read_key(dir, "k", "b", &value), 0);
	assert_int_equal(value, 2);
	assert_int_equal(ts_cgroup_read_key(dir, "k", "c", &value), -1);
	assert_int_equal(errno, ENODATA);
	close(dir);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* --- directories that are shared --- */

static void test_ts_dir_lock(void **state)
{
	struct place *p = *state;
	int one = openat(p->root, "dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int two = openat(p->root, "dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(ts_dir_lock(one, 0), 0);
	assert_int_equal(ts_dir_lock(one, 0), 0);
	assert_int_equal(ts_dir_lock(two, 0), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(ts_dir_lock(two, 5), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	close(one);
	assert_int_equal(ts_dir_lock(two, 0), 0);
	close(two);
	assert_int_equal(ts_dir_lock(-1, 0), -1);
	assert_int_equal(errno, EBADF);
}

static void test_ts_dir_has_name(void **state)
{
	struct place *p = *state;
	int fd = openat(p->root, "dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(ts_dir_has_name(fd, p->root, "dir"));
	assert_false(ts_dir_has_name(fd, p->root, "link")); /* the symlink itself is meant */
	assert_false(ts_dir_has_name(fd, p->root, "secret"));
	assert_int_equal(unlinkat(p->root, "dir", AT_REMOVEDIR), 0);
	assert_false(ts_dir_has_name(fd, p->root, "dir"));
	assert_int_equal(mkdirat(p->root, "dir", 0755), 0); /* another one */
	assert_false(ts_dir_has_name(fd, p->root, "dir"));
	close(fd);
}

static void test_ts_dir_clear(void **state)
{
	struct place *p = *state;
	int fd = openat(p->root, "secret", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < 50; i++) {
		char name[16];

		(void)snprintf(name, sizeof name, "%s%d", i % 2 ? "." : "f", i);
		close(openat(fd, name, O_WRONLY | O_CREAT, 0600));
	}
	assert_int_equal(symlinkat("../dir", fd, "link"), 0);
	close(openat(fd, "inner/file", O_WRONLY | O_CREAT, 0600));
	assert_int_equal(mkdirat(fd, "inner/deeper", 0755), 0);
	assert_int_equal(ts_dir_clear(fd), -1); /* what nobody of ours has made */
	assert_int_equal(errno, EISDIR);
	assert_int_equal(unlinkat(fd, "inner/deeper", AT_REMOVEDIR), 0);
	assert_int_equal(ts_dir_clear(fd), 0);
	assert_true(is_empty(p->root, "secret"));
	assert_int_equal(unlinkat(p->root, "secret", AT_REMOVEDIR), 0); /* it was empty */
	assert_int_equal(faccessat(p->root, "dir", F_OK, 0), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_ts_open_in_root_symlinks_stay_inside),
		IN_PLACE(test_ts_open_in_root_refuses_loops_magic_and_what_is_missing),
		IN_PLACE(test_ts_open_no_symlinks),
		IN_PLACE(test_ts_open_beneath_does_not_leave),
		IN_PLACE(test_ts_mkdir_in_root_makes_parents),
		IN_PLACE(test_ts_mkdir_in_root_symlinks_stay_inside),
		IN_PLACE(test_ts_mkdir_in_root_makes_nothing_through_a_dangling_link),
		IN_PLACE(test_ts_mkfile_in_root),
		IN_PLACE(test_ts_mkdir_in_root_refuses_a_path_that_is_too_long),
		IN_PLACE(test_ts_write_file_atomic_and_read_back),
		IN_PLACE(test_ts_write_file_atomic_failure_leaves_nothing),
		IN_PLACE(test_ts_write_file_atomic_replaces_what_was_planted),
		cmocka_unit_test(test_ts_read_file_at_takes_files_without_a_size),
		cmocka_unit_test(test_fd_cleanup_keeps_errno),
		cmocka_unit_test(test_ts_pidfd_open_checked_takes_no_stranger),
		cmocka_unit_test(test_ts_pidfd_exit_status),
		cmocka_unit_test(test_ts_run_id_new_and_boot_id),
		IN_PLACE(test_ts_cgroup_open_refuses_what_is_no_cgroup),
		IN_PLACE(test_ts_cgroup_read),
		IN_PLACE(test_ts_dir_lock),
		IN_PLACE(test_ts_dir_has_name),
		IN_PLACE(test_ts_dir_clear),
	};

	(void)umask(022);
	return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
