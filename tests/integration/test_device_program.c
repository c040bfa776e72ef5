/* The eBPF program of device rules in the kernel: it loads, it bites, and it goes with its cgroup. Any cgroup2 takes one,
 * whatever controllers it has; on a machine with v1 hierarchies their device cgroup decides as well, and allows all here. */
#include "tests/integration/harness.h"

#include "protocol/config.h"
#include "shim/device_rules.h"
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void attach(struct it *t, const char *cgroup, const struct oci_device_rule *list, size_t n)
{
	struct device_rules rules;
	struct ts_error e = {0};
	int fd = open_fd(t, cgroup, O_RDONLY | O_DIRECTORY);

	assert_int_equal(device_rules_build(list, n, &rules), 0);
	if (device_rules_attach(&rules, fd, &e) < 0) {
		device_rules_done(&rules);
		if (e.err == EPERM || e.err == EINVAL || e.err == ENOSYS)
			it_skip(it_text(t, "this kernel takes no device program: %s", e.msg));
		fail_msg("%s: %s", e.msg, strerror(e.err));
	}
	device_rules_done(&rules);
}

/* What open(2) in the cgroup answers for a node of these numbers: 0 or errno. The node itself is made outside. */
static int open_in(struct it *t, const char *cgroup, mode_t type, dev_t device, int flags)
{
	const char *node = it_text(t, "%s/node-%u", t->dir, t->n_made++);
	int status;
	pid_t child;

	assert_int_equal(mknod(node, type | 0600, device), 0);
	child = fork();
	if (child == 0) {
		int fd = -1;

		if (ts_write_value_at(AT_FDCWD, it_text(t, "%s/cgroup.procs", cgroup), "0") == 0)
			fd = open(node, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		_exit(fd < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(unlink(node), 0);
	return WEXITSTATUS(status);
}

static int mknod_in(struct it *t, const char *cgroup, mode_t type, dev_t device)
{
	const char *node = it_text(t, "%s/node-%u", t->dir, t->n_made++);
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (ts_write_value_at(AT_FDCWD, it_text(t, "%s/cgroup.procs", cgroup), "0") < 0 ||
		    mknod(node, type | 0600, device) < 0)
			_exit(errno);
		_exit(unlink(node) < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

static const char *need_cgroup(struct it *t)
{
	const char *cgroup = it_cgroup(t, "unified");

	if (!cgroup)
		it_skip("this machine has no cgroup2");
	return cgroup;
}

#define NUMBER(n)                                                                                  \
	{                                                                                          \
		.set = true, .value = (n)                                                          \
	}

static void test_default_rules_bite(void **state)
{
	struct it *t = *state;
	const char *cgroup = need_cgroup(t);

	assert_int_equal(open_in(t, cgroup, S_IFCHR, makedev(1, 11), O_WRONLY), 0);
	attach(t, cgroup, NULL, 0);
	assert_int_equal(open_in(t, cgroup, S_IFCHR, makedev(1, 11), O_WRONLY), EPERM); /* kmsg */
	assert_int_equal(open_in(t, cgroup, S_IFCHR, makedev(1, 11), O_RDONLY), EPERM);
	assert_int_equal(open_in(t, cgroup, S_IFBLK, makedev(7, 0), O_RDONLY), EPERM);
	assert_int_equal(open_in(t, cgroup, S_IFCHR, makedev(1, 3), O_RDWR), 0);
	assert_int_equal(open_in(t, cgroup, S_IFCHR, makedev(1, 5), O_RDWR), 0);
	assert_int_equal(open_in(t, cgroup, S_IFCHR, makedev(1, 7), O_RDWR), 0);
	assert_int_equal(open_in(t, cgroup, S_IFCHR, makedev(1, 8), O_RDONLY), 0);
	assert_int_equal(open_in(t, cgroup, S_IFCHR, makedev(1, 9), O_RDONLY), 0);
	assert_true(open_in(t, cgroup, S_IFCHR, makedev(5, 2), O_RDWR) !=
		    EPERM); /* no devpts here */
	assert_int_equal(open_in(t, cgroup, S_IFBLK, makedev(1, 3), O_RDWR), EPERM);
	assert_int_equal(mknod_in(t, cgroup, S_IFCHR, makedev(1, 11)), 0);
	assert_int_equal(mknod_in(t, cgroup, S_IFBLK, makedev(8, 0)), 0);
}

static void test_access_is_decided_kind_by_kind(void **state)
{
	static const struct oci_device_rule list[] = {
		{.allow = true, .type = "c", .major = NUMBER(1), .access = "rw"},
		{.allow = false,
		 .type = "c",
		 .major = NUMBER(1),
		 .minor = NUMBER(11),
		 .access = "w"},
	};
	struct it *t = *state;
	const char *cgroup = need_cgroup(t);

	attach(t, cgroup, list, 2);
	assert_int_equal(open_in(t, cgroup, S_IFCHR, makedev(1, 11), O_RDONLY), 0);
	assert_int_equal(open_in(t, cgroup, S_IFCHR, makedev(1, 11), O_WRONLY), EPERM);
	assert_int_equal(open_in(t, cgroup, S_IFCHR, makedev(1, 11), O_RDWR), EPERM);
	assert_int_equal(open_in(t, cgroup, S_IFCHR, makedev(1, 5), O_RDWR), 0);
}

static void test_a_rule_about_everything_ends_what_was_before(void **state)
{
	static const struct oci_device_rule list[] = {
		{.allow = false, .type = "c", .major = NUMBER(1)},
		{.allow = true, .type = "a", .access = "rwm"},
		{.allow = false, .type = "c", .major = NUMBER(1), .minor = NUMBER(11)},
		{.allow = false, .type = "b", .major = NUMBER(-1), .access = "m"},
	};
	struct it *t = *state;
	const char *cgroup = need_cgroup(t);

	attach(t, cgroup, list, 4);
	assert_int_equal(open_in(t, cgroup, S_IFCHR, makedev(1, 11), O_WRONLY), EPERM);
	assert_int_equal(open_in(t, cgroup, S_IFCHR, makedev(1, 5), O_RDWR), 0);
	assert_true(open_in(t, cgroup, S_IFCHR, makedev(240, 9), O_RDWR) != EPERM); /* ENXIO */
	assert_int_equal(mknod_in(t, cgroup, S_IFBLK, makedev(8, 0)), 0); /* a default rule */
}

/* Others' programs stay, and all must allow. */
static void test_programs_add_up(void **state)
{
	static const struct oci_device_rule kmsg = {
		.allow = true, .type = "c", .major = NUMBER(1), .minor = NUMBER(11)};
	static const struct oci_device_rule fuse = {
		.allow = true, .type = "c", .major = NUMBER(10), .minor = NUMBER(229)};
	struct it *t = *state;
	const char *parent = need_cgroup(t);
	const char *child = it_cgroup_below(t, parent, "child");

	attach(t, parent, &kmsg, 1);
	assert_int_equal(open_in(t, child, S_IFCHR, makedev(1, 11), O_WRONLY), 0);
	attach(t, child, &fuse, 1);
	assert_int_equal(open_in(t, child, S_IFCHR, makedev(1, 11), O_WRONLY), EPERM);
	assert_int_equal(open_in(t, child, S_IFCHR, makedev(10, 229), O_RDWR), EPERM);
	assert_int_equal(open_in(t, child, S_IFCHR, makedev(1, 3), O_RDWR), 0);
	assert_int_equal(open_in(t, parent, S_IFCHR, makedev(1, 11), O_WRONLY), 0);
}

/* As long as a list can be: no jump is out of reach, and the verifier accepts it. */
static void test_a_long_list_is_accepted(void **state)
{
	enum { N = 2000 };
	struct it *t = *state;
	const char *cgroup = need_cgroup(t);
	struct oci_device_rule *list = calloc(N, sizeof *list);

	assert_non_null(list);
	for (int i = 0; i < N; i++)
		list[i] = (struct oci_device_rule){.allow = i % 3,
						   .type = i % 2 ? "c" : "b",
						   .major = NUMBER(200 + i % 300),
						   .minor = NUMBER(i),
						   .access = i % 5 ? "rw" : "m"};
	list[0] = (struct oci_device_rule){
		.allow = true, .type = "c", .major = NUMBER(1), .minor = NUMBER(11)};
	attach(t, cgroup, list, N);
	free(list);
	assert_int_equal(open_in(t, cgroup, S_IFCHR, makedev(1, 11), O_WRONLY), 0);
	assert_int_equal(open_in(t, cgroup, S_IFBLK, makedev(7, 0), O_RDONLY), EPERM);
}

/* The kernel's id of the one program of the cgroup: it is given to no other program after it. */
static uint32_t program_of(struct it *t, const char *cgroup)
{
	union bpf_attr attr;
	uint32_t id = 0;

	memset(&attr, 0, sizeof attr);
	attr.query.target_fd = (uint32_t)open_fd(t, cgroup, O_RDONLY | O_DIRECTORY);
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uint64_t)(uintptr_t)&id;
	attr.query.prog_cnt = 1;
	assert_int_equal(syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof attr), 0);
	assert_int_equal(attr.query.prog_cnt, 1);
	return id;
}

static bool is_gone(void *arg)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof attr);
	attr.prog_id = *(uint32_t *)arg;
	fd = (int)syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &attr, sizeof attr);
	if (fd >= 0)
		(void)close(fd);
	return fd < 0 && errno == ENOENT;
}

static void test_a_program_goes_with_its_cgroup(void **state)
{
	struct it *t = *state;
	const char *cgroup = it_cgroup_below(t, need_cgroup(t), "child");
	uint32_t id;

	attach(t, cgroup, NULL, 0);
	id = program_of(t, cgroup);
	assert_false(is_gone(&id));
	while (t->n_fds > 0) /* attach() has it open */
		(void)close(t->fds[--t->n_fds]);
	assert_int_equal(rmdir(cgroup), 0);
	t->n_cgroups--;
	wait_until(is_gone, &id, "a program stays");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_default_rules_bite),
		IT(test_access_is_decided_kind_by_kind),
		IT(test_a_rule_about_everything_ends_what_was_before),
		IT(test_programs_add_up),
		IT(test_a_long_list_is_accepted),
		IT(test_a_program_goes_with_its_cgroup),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
