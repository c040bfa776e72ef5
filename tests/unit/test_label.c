/* spawn/label.c with a directory that plays /proc: what is written where, in which words, and how it fails. What AppArmor and
 * SELinux make of it is tested where they are: tests/integration/test_scheduling.c in tests/vm. */
#include "tests/unit/unit.h"

#include "spawn/label.h"
#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

struct place {
	char dir[64];
	int fd;
};

static void write_empty(const char *dir, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void make_dir(const char *dir, const char *name)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	char link[256];

	strcpy(p->dir, "/tmp/taskshim-unit-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	make_dir(p->dir, "7");
	make_dir(p->dir, "7/attr");
	make_dir(p->dir, "7/attr/apparmor");
	write_empty(p->dir, "7/attr/exec");
	write_empty(p->dir, "7/attr/apparmor/exec");
	snprintf(link, sizeof link, "%s/thread-self", p->dir);
	assert_int_equal(symlink("7", link), 0);
	p->fd = open(p->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->fd >= 0);
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

	close(p->fd);
	assert_int_equal(nftw(p->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(p);
	return 0;
}

static void assert_file(const struct place *p, const char *name, const char *expected)
{
	char text[256] = "";

	assert_true(ts_read_text_at(p->fd, name, text, sizeof text) >= 0);
	assert_string_equal(text, expected);
}

static void test_label_apparmor_writes_its_command(void **state)
{
	const struct place *p = *state;
	struct ts_error e = {0};

	assert_int_equal(label_apparmor(p->fd, "docker-default", &e), 0);
	assert_file(p, "7/attr/apparmor/exec", "exec docker-default");
	assert_file(p, "7/attr/exec", "");
}

static void test_label_selinux_writes_the_label(void **state)
{
	const struct place *p = *state;
	struct ts_error e = {0};

	assert_int_equal(label_selinux(p->fd, "system_u:system_r:container_t:s0", &e), 0);
	assert_file(p, "7/attr/exec", "system_u:system_r:container_t:s0");
	assert_file(p, "7/attr/apparmor/exec", "");
}

static void test_label_that_is_too_long_is_an_error(void **state)
{
	const struct place *p = *state;
	char profile[5000];
	struct ts_error e = {0};

	memset(profile, 'p', sizeof profile - 1);
	profile[sizeof profile - 1] = '\0';
	assert_int_equal(label_apparmor(p->fd, profile, &e), -1);
	assert_int_equal(e.err, ENAMETOOLONG);
}

static void test_label_names_the_profile_that_cannot_be_set(void **state)
{
	const struct place *p = *state;
	struct ts_error e = {0};

	assert_int_equal(unlinkat(p->fd, "7/attr/apparmor/exec", 0), 0);
	assert_int_equal(label_apparmor(p->fd, "nope", &e), -1);
	assert_string_equal(e.msg, "no such AppArmor profile is loaded: nope");
	assert_int_equal(e.err, ENOENT);
}

/* CVE-2019-16884: what somebody has put over the attribute is not written to. */
static void test_label_is_not_written_through_a_link_out_of_proc(void **state)
{
	const struct place *p = *state;
	struct ts_error e = {0};

	assert_int_equal(unlinkat(p->fd, "7/attr/exec", 0), 0);
	assert_int_equal(symlinkat("/dev/null", p->fd, "7/attr/exec"), 0);
	assert_int_equal(label_selinux(p->fd, "l", &e), -1);
	assert_int_equal(e.err, EXDEV);
}

/* --- ts_open_proc(), ts_open_proc_file() --- */

static void test_open_proc_is_a_procfs(void **state)
{
	_cleanup_fd_ int proc_fd = ts_open_proc();
	_cleanup_fd_ int fd = -1;
	char text[64] = "";

	(void)state;
	assert_true(proc_fd >= 0);
	fd = ts_open_proc_file(proc_fd, "thread-self/comm", O_RDONLY);
	assert_true(fd >= 0);
	assert_true(ts_read_text(fd, text, sizeof text) > 0);
	assert_string_equal(text, "test_label\n");
}

/* binfmt_misc, or whatever is mounted there, is another filesystem; so is what a magic link leads to. */
static void test_open_proc_file_stays_in_the_procfs(void **state)
{
	_cleanup_fd_ int proc_fd = ts_open_proc();

	(void)state;
	assert_int_equal(ts_open_proc_file(proc_fd, "self/root/etc", O_RDONLY), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(ts_open_proc_file(proc_fd, "../etc", O_RDONLY), -1);
	assert_int_equal(errno, EXDEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_label_apparmor_writes_its_command, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_label_selinux_writes_the_label, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_label_that_is_too_long_is_an_error, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_label_names_the_profile_that_cannot_be_set,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_label_is_not_written_through_a_link_out_of_proc, setup, teardown),
		cmocka_unit_test(test_open_proc_is_a_procfs),
		cmocka_unit_test(test_open_proc_file_stays_in_the_procfs),
	};

	return cmocka_run_group_tests_name("label", tests, NULL, NULL);
}
