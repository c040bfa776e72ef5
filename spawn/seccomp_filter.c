/* Compiles linux.seccomp with libseccomp. The work is done before the fork, in a heap that is given back: what libseccomp touches
 * is neither in the monitor nor charged to the task. */
#include "spawn/seccomp_filter.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* @errno_ret: -1 where the config does not say; then it is EPERM, as with runc and crun. */
static uint32_t action_of(enum oci_seccomp_action action, const struct opt_u64 *errno_ret)
{
	uint32_t data = errno_ret->set ? (uint32_t)errno_ret->value : EPERM;

	switch (action) {
	case OCI_SECCOMP_KILL_THREAD:
		return SCMP_ACT_KILL_THREAD;
	case OCI_SECCOMP_KILL_PROCESS:
		return SCMP_ACT_KILL_PROCESS;
	case OCI_SECCOMP_TRAP:
		return SCMP_ACT_TRAP;
	case OCI_SECCOMP_ERRNO:
		return SCMP_ACT_ERRNO(data);
	case OCI_SECCOMP_TRACE:
		return SCMP_ACT_TRACE(data);
	case OCI_SECCOMP_ALLOW:
		return SCMP_ACT_ALLOW;
	case OCI_SECCOMP_LOG:
		return SCMP_ACT_LOG;
	case OCI_SECCOMP_NOTIFY:
		return SCMP_ACT_NOTIFY;
	}
	return SCMP_ACT_KILL_PROCESS;
}

static struct scmp_arg_cmp condition_of(const struct oci_seccomp_arg *arg)
{
	static const enum scmp_compare ops[] = {
		[OCI_SECCOMP_NE] = SCMP_CMP_NE,
		[OCI_SECCOMP_LT] = SCMP_CMP_LT,
		[OCI_SECCOMP_LE] = SCMP_CMP_LE,
		[OCI_SECCOMP_EQ] = SCMP_CMP_EQ,
		[OCI_SECCOMP_GE] = SCMP_CMP_GE,
		[OCI_SECCOMP_GT] = SCMP_CMP_GT,
		[OCI_SECCOMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
	};

	return (struct scmp_arg_cmp){
		.arg = arg->index,
		.op = ops[arg->op],
		.datum_a = arg->value,
		.datum_b = arg->value_two,
	};
}

/* --- architectures: the own one is always in --- */

static const uint32_t tokens[OCI_ARCH_COUNT] = {
	[OCI_ARCH_X86] = SCMP_ARCH_X86,
	[OCI_ARCH_X86_64] = SCMP_ARCH_X86_64,
	[OCI_ARCH_X32] = SCMP_ARCH_X32,
	[OCI_ARCH_ARM] = SCMP_ARCH_ARM,
	[OCI_ARCH_AARCH64] = SCMP_ARCH_AARCH64,
#ifdef SCMP_ARCH_LOONGARCH64
	[OCI_ARCH_LOONGARCH64] = SCMP_ARCH_LOONGARCH64,
#endif
#ifdef SCMP_ARCH_M68K
	[OCI_ARCH_M68K] = SCMP_ARCH_M68K,
#endif
	[OCI_ARCH_MIPS] = SCMP_ARCH_MIPS,
	[OCI_ARCH_MIPS64] = SCMP_ARCH_MIPS64,
	[OCI_ARCH_MIPS64N32] = SCMP_ARCH_MIPS64N32,
	[OCI_ARCH_MIPSEL] = SCMP_ARCH_MIPSEL,
	[OCI_ARCH_MIPSEL64] = SCMP_ARCH_MIPSEL64,
	[OCI_ARCH_MIPSEL64N32] = SCMP_ARCH_MIPSEL64N32,
	[OCI_ARCH_PARISC] = SCMP_ARCH_PARISC,
	[OCI_ARCH_PARISC64] = SCMP_ARCH_PARISC64,
	[OCI_ARCH_PPC] = SCMP_ARCH_PPC,
	[OCI_ARCH_PPC64] = SCMP_ARCH_PPC64,
	[OCI_ARCH_PPC64LE] = SCMP_ARCH_PPC64LE,
	[OCI_ARCH_RISCV64] = SCMP_ARCH_RISCV64,
	[OCI_ARCH_S390] = SCMP_ARCH_S390,
	[OCI_ARCH_S390X] = SCMP_ARCH_S390X,
#ifdef SCMP_ARCH_SH
	[OCI_ARCH_SH] = SCMP_ARCH_SH,
	[OCI_ARCH_SHEB] = SCMP_ARCH_SHEB,
#endif
};

/* What libseccomp does not know, or refuses since its bytes are in another order (EDOM), runs on no machine that we run on. Left
 * out, it is killed, as all is that is not in the filter. */
static int add_architectures(scmp_filter_ctx ctx, uint64_t bits, struct ts_error *e)
{
	for (int i = 0; i < OCI_ARCH_COUNT; i++) {
		int r = bits & 1ULL << i && tokens[i] ? seccomp_arch_add(ctx, tokens[i]) : 0;

		if (r < 0 && r != -EEXIST && r != -EDOM)
			return ts_fail(e, -r, "libseccomp refuses", "linux.seccomp.architectures");
	}
	return 0;
}

/* --- rules --- */

static bool repeats_an_index(const struct oci_seccomp_syscall *s)
{
	unsigned seen = 0;

	for (size_t i = 0; i < s->n_args; i++) {
		if (seen & 1U << s->args[i].index)
			return true;
		seen |= 1U << s->args[i].index;
	}
	return false;
}

/* All conditions must hold. libseccomp takes one for each argument; runc and crun read several for one argument as rules of their
 * own, of which any may hold, and profiles have been written for that. */
static int add_rules(scmp_filter_ctx ctx, uint32_t action, int nr,
		     const struct oci_seccomp_syscall *s)
{
	struct scmp_arg_cmp all[6];
	int r = 0;

	if (!repeats_an_index(s)) {
		for (size_t i = 0; i < s->n_args; i++)
			all[i] = condition_of(&s->args[i]);
		return seccomp_rule_add_array(ctx, action, nr, (unsigned)s->n_args, all);
	}
	for (size_t i = 0; i < s->n_args && r == 0; i++) {
		all[0] = condition_of(&s->args[i]);
		r = seccomp_rule_add_array(ctx, action, nr, 1, all);
		r = r == -EEXIST ? 0 : r;
	}
	return r;
}

static int add_syscall(scmp_filter_ctx ctx, const struct oci_seccomp *seccomp, size_t i,
		       struct ts_error *e)
{
	const struct oci_seccomp_syscall *s = &seccomp->syscalls[i];
	uint32_t action = action_of(s->action, &s->errno_ret);

	/* libseccomp calls it an error; it says nothing new */
	if (action == action_of(seccomp->default_action, &seccomp->default_errno_ret))
		return 0;
	for (size_t j = 0; j < s->names.n; j++) {
		int nr = seccomp_syscall_resolve_name(s->names.v[j]);
		int r = nr == __NR_SCMP_ERROR ? 0 : add_rules(ctx, action, nr, s);

		if (r < 0 && r != -EEXIST)
			return ts_failf(e, -r, "linux.seccomp.syscalls[%zu]: libseccomp refuses %s",
					i, s->names.v[j]);
	}
	return 0;
}

/* --- the program --- */

static int read_program(int fd, struct sock_filter **ret, size_t *ret_n, struct ts_error *e)
{
	_cleanup_free_ struct sock_filter *filter = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ts_fail(e, errno, "stat", "the seccomp filter");
	if (st.st_size / (off_t)sizeof *filter > BPF_MAXINSNS)
		return ts_failf(e, E2BIG,
				"linux.seccomp: a filter of %lld instructions: the kernel takes %d",
				(long long)st.st_size / (long long)sizeof *filter, BPF_MAXINSNS);
	filter = malloc((size_t)st.st_size);
	if (!filter)
		return ts_fail(e, ENOMEM, "the seccomp filter", NULL);
	if (pread(fd, filter, (size_t)st.st_size, 0) != (ssize_t)st.st_size)
		return ts_fail(e, errno ? errno : EIO, "read", "the seccomp filter");
	*ret_n = (size_t)st.st_size / sizeof *filter;
	*ret = filter;
	filter = NULL;
	return 0;
}

static int export_program(scmp_filter_ctx ctx, struct sock_filter **ret, size_t *ret_n,
			  struct ts_error *e)
{
	_cleanup_fd_ int fd = memfd_create("seccomp", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return ts_fail(e, errno, "memfd_create", "the seccomp filter");
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return ts_fail(e, -r, "libseccomp cannot compile", "linux.seccomp");
	return read_program(fd, ret, ret_n, e);
}

int sysfilter_compile(const struct oci_seccomp *seccomp, struct sock_filter **ret, size_t *ret_n,
		      struct ts_error *e)
{
	scmp_filter_ctx ctx =
		seccomp_init(action_of(seccomp->default_action, &seccomp->default_errno_ret));
	int r = 0;

	e->step = TS_STEP_SECCOMP;
	if (!ctx)
		return ts_fail(e, ENOMEM, "libseccomp refuses", "linux.seccomp.defaultAction");
	r = add_architectures(ctx, seccomp->architectures, e);
	for (size_t i = 0; r == 0 && i < seccomp->n_syscalls; i++)
		r = add_syscall(ctx, seccomp, i, e);
	if (r == 0)
		r = export_program(ctx, ret, ret_n, e);
	seccomp_release(ctx);
	return r;
}

uint32_t sysfilter_own_arch(void)
{
	return seccomp_arch_native();
}
