/* The default profile: what tools/seccomp_profile.h says is what the program answers, and it forgets no call that is known. */
#include "tests/unit/unit.h"

#include "spawn/seccomp_filter.h"
#include "tools/seccomp_profile.h"

#include <linux/audit.h>
#include <seccomp.h>
#include <sys/syscall.h>

static struct sock_filter *filter;
static size_t n;

static void make(uint64_t capabilities)
{
	struct ts_error e = {0};

	free(filter);
	assert_int_equal(sysfilter_default(capabilities, &filter, &n, &e), 0);
}

static int teardown(void **state)
{
	(void)state;
	free(filter);
	filter = NULL;
	return 0;
}

static uint32_t answer(uint32_t arch, int nr, uint64_t arg0, uint64_t arg1)
{
	const struct seccomp_data data = {.nr = nr, .arch = arch, .args = {arg0, arg1}};

	return sysfilter_run(filter, n, &data);
}

static uint32_t expected(const struct group *group, uint64_t capabilities)
{
	if (group->err == 0 || group->capabilities & capabilities)
		return SECCOMP_RET_ALLOW;
	return SECCOMP_RET_ERRNO | (uint32_t)group->err;
}

static const uint32_t archs[] = {
#if defined(__x86_64__)
	SCMP_ARCH_X86_64,
	SCMP_ARCH_X86,
#elif defined(__aarch64__)
	SCMP_ARCH_AARCH64,
	SCMP_ARCH_ARM,
#endif
};

/* Calls @check for each name of the profile that the architecture has. */
static void for_each(uint32_t arch,
		     void (*check)(uint32_t, const struct group *, const char *, int))
{
	for (size_t i = 0; i < COUNT(profile); i++) {
		char *names = strdup(profile[i].names), *save = NULL;

		assert_non_null(names);
		for (char *name = strtok_r(names, " ", &save); name;
		     name = strtok_r(NULL, " ", &save)) {
			int nr = seccomp_syscall_resolve_name_arch(arch, name);

			if (nr >= 0)
				check(arch, &profile[i], name, nr);
		}
		free(names);
	}
}

static uint64_t capabilities_now;

static void check_answer(uint32_t arch, const struct group *group, const char *name, int nr)
{
	if (group->check == CHECK_NOTHING)
		assert_row(name, answer(arch, nr, 0, 0) == expected(group, capabilities_now));
}

static void test_profile_is_what_the_program_answers(void **state)
{
	(void)state;
	for (int cap = -1; cap < 64; cap++) {
		capabilities_now = cap < 0 ? 0 : 1ULL << cap;
		make(capabilities_now);
		for (size_t i = 0; i < COUNT(archs); i++)
			for_each(archs[i], check_answer);
	}
	capabilities_now = UINT64_MAX;
	make(capabilities_now);
	for (size_t i = 0; i < COUNT(archs); i++)
		for_each(archs[i], check_answer);
}

static bool is_named(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < COUNT(profile); i++)
		for (const char *at = profile[i].names; (at = strstr(at, name)); at += len)
			if ((at == profile[i].names || at[-1] == ' ') &&
			    (at[len] == ' ' || at[len] == '\0'))
				return true;
	return false;
}

/* What it does not name is ENOSYS: that must be meant. */
static void test_profile_forgets_no_call_that_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(archs); i++)
		for (int nr = 0; nr < 1024; nr++) {
			char *name = seccomp_syscall_resolve_num_arch(archs[i], nr);

			if (name)
				assert_row(name, is_named(name));
			free(name);
		}
}

static void test_newer_calls_are_named(void **state)
{
	(void)state;
	make(0);
	for (size_t i = 0; i < COUNT(newer); i++) {
		assert_row(newer[i].name, is_named(newer[i].name));
		assert_row(newer[i].name, answer(sysfilter_own_arch(), newer[i].nr, 0, 0) !=
						  (SECCOMP_RET_ERRNO | ENOSYS));
	}
}

static void test_what_is_not_named_is_not_there(void **state)
{
	static const int numbers[] = {-1, 512, 1000, 0x40000000, 0x40000001, INT32_MAX};

	(void)state;
	make(UINT64_MAX);
	for (size_t i = 0; i < COUNT(archs); i++)
		for (size_t j = 0; j < COUNT(numbers); j++)
			assert_int_equal(answer(archs[i], numbers[j], 0, 0),
					 SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(answer(AUDIT_ARCH_S390X, 1, 0, 0), SECCOMP_RET_KILL_PROCESS);
}

static bool is_listed(const uint32_t *list, size_t count, uint32_t value)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == value)
			return true;
	return false;
}

/* Only the low half counts, for the kernel as well: the other must not hide it. */
static void test_arguments(void **state)
{
	static const uint64_t upper[] = {0, 0xf00000000ULL};
	uint32_t arch = sysfilter_own_arch();

	(void)state;
	make(0);
	for (size_t u = 0; u < COUNT(upper); u++) {
		for (unsigned bit = 0; bit < 32; bit++) {
			uint64_t flag = upper[u] | 1U << bit;

			assert_int_equal(answer(arch, SYS_clone, flag, 0),
					 NEW_NAMESPACES >> bit & 1 ? SECCOMP_RET_ERRNO | EPERM
								   : SECCOMP_RET_ALLOW);
			assert_int_equal(answer(arch, SYS_unshare, flag, 0),
					 (NEW_NAMESPACES | NEW_TIME_NAMESPACE) >> bit & 1
						 ? SECCOMP_RET_ERRNO | EPERM
						 : SECCOMP_RET_ALLOW);
		}
		for (uint32_t i = 0; i < 64; i++) {
			uint32_t wanted = is_listed(address_families, COUNT(address_families), i)
						  ? SECCOMP_RET_ALLOW
						  : SECCOMP_RET_ERRNO | EAFNOSUPPORT;

			assert_int_equal(answer(arch, SYS_socket, upper[u] | i, 0), wanted);
			assert_int_equal(answer(arch, SYS_socketpair, upper[u] | i, 0), wanted);
		}
		for (uint32_t i = 0; i < 0x100000; i += 8)
			assert_int_equal(answer(arch, SYS_personality, upper[u] | i, 0),
					 is_listed(personalities, COUNT(personalities), i)
						 ? SECCOMP_RET_ALLOW
						 : SECCOMP_RET_ERRNO | EPERM);
		assert_int_equal(answer(arch, SYS_personality, upper[u] | UINT32_MAX, 0),
				 SECCOMP_RET_ALLOW);
		for (uint32_t i = 0x5400; i < 0x5500; i++)
			assert_int_equal(answer(arch, SYS_ioctl, 0, upper[u] | i),
					 is_listed(typing_ioctls, COUNT(typing_ioctls), i)
						 ? SECCOMP_RET_ERRNO | EPERM
						 : SECCOMP_RET_ALLOW);
	}
#ifdef __x86_64__
	for (uint32_t i = 0; i < 24; i++)
		assert_int_equal(answer(AUDIT_ARCH_I386, 102, i, 0),
				 is_listed(socketcalls, COUNT(socketcalls), i)
					 ? SECCOMP_RET_ERRNO | EAFNOSUPPORT
					 : SECCOMP_RET_ALLOW);
#endif
	make(CAP(SYS_ADMIN));
	assert_int_equal(answer(arch, SYS_clone, NEW_NAMESPACES, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(arch, SYS_unshare, NEW_NAMESPACES, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(arch, SYS_ioctl, 0, typing_ioctls[0]), SECCOMP_RET_ALLOW);
}

/* All 4096 that the kernel takes would be no use if loading them took a while. */
static void test_program_is_short(void **state)
{
	(void)state;
	make(0);
	assert_in_range(n, 100, 700);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_profile_is_what_the_program_answers, teardown),
		cmocka_unit_test(test_profile_forgets_no_call_that_is_known),
		cmocka_unit_test_teardown(test_newer_calls_are_named, teardown),
		cmocka_unit_test_teardown(test_what_is_not_named_is_not_there, teardown),
		cmocka_unit_test_teardown(test_arguments, teardown),
		cmocka_unit_test_teardown(test_program_is_short, teardown),
	};

	return cmocka_run_group_tests_name("seccomp_profile", tests, NULL, NULL);
}
