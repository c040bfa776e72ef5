/* Makes spawn/seccomp_default.h: the profile of tools/seccomp_profile.h as a program for seccomp(2), for this machine's
 * architecture and the 32-bit one that it runs as well. Used when taskshim is built, so that it costs a start nothing.
 *
 * libseccomp knows the numbers. The program is ours: a search tree over runs of calls with the same answer, since the kernel runs it
 * for every number once when it is loaded. An answer that depends on capabilities is marked, and decided on at the start. */
#include "tools/seccomp_profile.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRAM_MAX = 4096, N_GROUPS = sizeof profile / sizeof profile[0] };

struct program {
	struct sock_filter v[PROGRAM_MAX];
	size_t n;
};

static void die(const char *what, const char *object)
{
	(void)fprintf(stderr, "tools/seccomp_default: %s: %s\n", what, object);
	exit(1);
}

static void emit(struct program *p, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (p->n == PROGRAM_MAX)
		die("too long", "the program");
	p->v[p->n++] = (struct sock_filter){code, jt, jf, k};
}

static void emit_return(struct program *p, uint32_t answer)
{
	emit(p, BPF_RET | BPF_K, 0, 0, answer);
}

static void emit_program(struct program *p, const struct program *part)
{
	for (size_t i = 0; i < part->n; i++)
		emit(p, part->v[i].code, part->v[i].jt, part->v[i].jf, part->v[i].k);
}

/* --- answers --- */

/* SECCOMP_RET_TRACE is no answer of ours: with a number it marks what depends on capabilities. */
struct condition {
	uint64_t capabilities;
	int err;
};

static struct {
	struct condition v[64];
	uint32_t n;
} conditions;

static uint32_t answer_of(int err, uint64_t capabilities)
{
	uint32_t i = 0;

	if (err == 0)
		return SECCOMP_RET_ALLOW;
	if (capabilities == 0)
		return SECCOMP_RET_ERRNO | (uint32_t)err;
	while (i < conditions.n &&
	       (conditions.v[i].capabilities != capabilities || conditions.v[i].err != err))
		i++;
	conditions.v[i] = (struct condition){capabilities, err};
	conditions.n = i == conditions.n ? i + 1 : conditions.n;
	return SECCOMP_RET_TRACE | i;
}

/* Loads the low half of an argument: all that the kernel itself looks at. */
static void load_argument(struct program *p, unsigned i)
{
	unsigned low = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 4;

	emit(p, BPF_LD | BPF_W | BPF_ABS, 0, 0,
	     (uint32_t)offsetof(struct seccomp_data, args) + 8 * i + low);
}

static void emit_list(struct program *p, unsigned argument, const uint32_t *values, size_t n,
		      uint32_t if_listed, uint32_t if_not)
{
	load_argument(p, argument);
	for (size_t i = 0; i < n; i++)
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint8_t)(n - i), 0, values[i]);
	emit_return(p, if_not);
	emit_return(p, if_listed);
}

static void emit_flags(struct program *p, unsigned argument, uint32_t flags)
{
	load_argument(p, argument);
	emit(p, BPF_JMP | BPF_JSET | BPF_K, 0, 1, flags);
	emit_return(p, answer_of(EPERM, CAP(SYS_ADMIN)));
	emit_return(p, SECCOMP_RET_ALLOW);
}

#define LIST(list) list, sizeof(list) / sizeof(list)[0]

static void emit_check(struct program *p, enum check check)
{
#if defined(__s390__)
	enum { CLONE_FLAGS = 1 };
#else
	enum { CLONE_FLAGS = 0 };
#endif

	switch (check) {
	case CHECK_NOTHING:
		return;
	case CHECK_CLONE:
		emit_flags(p, CLONE_FLAGS, NEW_NAMESPACES);
		return;
	case CHECK_UNSHARE:
		emit_flags(p, 0, NEW_NAMESPACES | NEW_TIME_NAMESPACE);
		return;
	case CHECK_SOCKET:
		emit_list(p, 0, LIST(address_families), SECCOMP_RET_ALLOW,
			  SECCOMP_RET_ERRNO | EAFNOSUPPORT);
		return;
	case CHECK_SOCKETCALL:
		emit_list(p, 0, LIST(socketcalls), SECCOMP_RET_ERRNO | EAFNOSUPPORT,
			  SECCOMP_RET_ALLOW);
		return;
	case CHECK_PERSONALITY:
		emit_list(p, 0, LIST(personalities), SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | EPERM);
		return;
	case CHECK_IOCTL:
		emit_list(p, 1, LIST(typing_ioctls), answer_of(EPERM, CAP(SYS_ADMIN)),
			  SECCOMP_RET_ALLOW);
		return;
	}
}

/* --- from names to numbers --- */

enum { UNLISTED = -1 };

static int number_of(uint32_t arch, const char *name)
{
	int nr = seccomp_syscall_resolve_name_arch(arch, name);

	for (size_t i = 0; nr < 0 && i < sizeof newer / sizeof newer[0]; i++)
		if (strcmp(newer[i].name, name) == 0 &&
		    (newer[i].nr >= 424 || arch == seccomp_arch_native()))
			nr = newer[i].nr;
	return nr;
}

struct call {
	uint32_t nr;
	int group;
};

struct calls {
	struct call v[1024];
	size_t n;
};

static void add_names(struct calls *calls, uint32_t arch, int group)
{
	char names[4096], *save = NULL;

	if (strlen(profile[group].names) >= sizeof names)
		die("too long", profile[group].names);
	strcpy(names, profile[group].names);
	for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
		int nr = number_of(arch, name);

		if (nr < 0)
			continue; /* not of this architecture */
		if (calls->n == sizeof calls->v / sizeof calls->v[0])
			die("too many", name);
		calls->v[calls->n++] = (struct call){(uint32_t)nr, group};
	}
}

static int compare(const void *a, const void *b)
{
	const struct call *x = a, *y = b;

	return (x->nr > y->nr) - (x->nr < y->nr);
}

/* All that the profile names, by number. */
static void list_calls(struct calls *calls, uint32_t arch)
{
	calls->n = 0;
	for (int i = 0; i < N_GROUPS; i++)
		add_names(calls, arch, i);
	qsort(calls->v, calls->n, sizeof calls->v[0], compare);
	for (size_t i = 1; i < calls->n; i++)
		if (calls->v[i].nr == calls->v[i - 1].nr)
			die("named twice: a call in", profile[calls->v[i].group].names);
}

/* --- the tree --- */

/* Runs of numbers with the same answer, up to the next. The first starts at 0. */
struct runs {
	struct call v[2 * 1024 + 1];
	size_t n;
};

static void emit_leaf(struct program *p, int group)
{
	if (group == UNLISTED)
		emit_return(p, SECCOMP_RET_ERRNO | ENOSYS);
	else if (profile[group].check != CHECK_NOTHING)
		emit_check(p, profile[group].check);
	else
		emit_return(p, answer_of(profile[group].err, profile[group].capabilities));
}

/* The number is in the accumulator and in the runs. */
static void emit_tree(struct program *p, const struct call *runs, size_t n)
{
	struct program *left;
	size_t half = n / 2;

	if (n == 1) {
		emit_leaf(p, runs->group);
		return;
	}
	left = calloc(1, sizeof *left);
	if (!left)
		die("out of memory", "tree");
	emit_tree(left, runs, half);
	/* a conditional jump goes 255 instructions far */
	if (left->n <= UINT8_MAX) {
		emit(p, BPF_JMP | BPF_JGE | BPF_K, (uint8_t)left->n, 0, runs[half].nr);
	} else {
		emit(p, BPF_JMP | BPF_JGE | BPF_K, 0, 1, runs[half].nr);
		emit(p, BPF_JMP | BPF_JA, 0, 0, (uint32_t)left->n);
	}
	emit_program(p, left);
	free(left);
	emit_tree(p, runs + half, n - half);
}

/* Groups that answer the same are the same to the tree. */
static bool is_same(int a, int b)
{
	if (a == b)
		return true;
	if (a == UNLISTED || b == UNLISTED) {
		const struct group *other = &profile[a == UNLISTED ? b : a];

		return other->err == ENOSYS && !other->capabilities;
	}
	return profile[a].err == profile[b].err &&
	       profile[a].capabilities == profile[b].capabilities &&
	       profile[a].check == profile[b].check;
}

static void add_run(struct runs *runs, uint32_t nr, int group)
{
	if (runs->n == 0 || !is_same(runs->v[runs->n - 1].group, group))
		runs->v[runs->n++] = (struct call){nr, group};
}

static void emit_architecture(struct program *p, uint32_t arch)
{
	static struct calls calls;
	static struct runs runs;
	uint32_t next = 0;

	list_calls(&calls, arch);
	runs.n = 0;
	for (size_t i = 0; i < calls.n; i++) {
		if (calls.v[i].nr > next)
			add_run(&runs, next, UNLISTED);
		add_run(&runs, calls.v[i].nr, calls.v[i].group);
		next = calls.v[i].nr + 1;
	}
	add_run(&runs, next, UNLISTED); /* and all above: those of x32 for one */
	emit(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
	emit_tree(p, runs.v, runs.n);
}

static void emit_profile(struct program *p)
{
	static const uint32_t archs[] = {
#if defined(__x86_64__)
		SCMP_ARCH_X86_64,
		SCMP_ARCH_X86
#elif defined(__aarch64__)
		SCMP_ARCH_AARCH64,
		SCMP_ARCH_ARM
#else
		0 /* the own one alone */
#endif
	};
	static struct program part;

	emit(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < sizeof archs / sizeof archs[0]; i++) {
		uint32_t arch = archs[i] ? archs[i] : seccomp_arch_native();

		part.n = 0;
		emit_architecture(&part, arch);
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, arch);
		emit(p, BPF_JMP | BPF_JA, 0, 0, (uint32_t)part.n);
		emit_program(p, &part);
	}
	emit_return(p, SECCOMP_RET_KILL_PROCESS); /* there is no other */
}

int main(void)
{
	static struct program p;

	emit_profile(&p);
	printf("/* Made by tools/seccomp_default.c. */\n"
	       "static const struct sock_filter default_filter[] = {\n");
	for (size_t i = 0; i < p.n; i++)
		printf("\t{0x%02x, %u, %u, 0x%08x},\n", p.v[i].code, p.v[i].jt, p.v[i].jf,
		       p.v[i].k);
	printf("};\n\n/* What SECCOMP_RET_TRACE with their index stands for. */\n"
	       "static const struct {\n\tuint64_t capabilities;\n\tuint32_t err;\n"
	       "} default_conditions[] = {\n");
	for (uint32_t i = 0; i < conditions.n; i++)
		printf("\t{0x%llx, %d},\n", (unsigned long long)conditions.v[i].capabilities,
		       conditions.v[i].err);
	printf("};\n");
	return ferror(stdout) || fflush(stdout) != 0;
}
