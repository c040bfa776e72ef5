/* Runs one command line and makes exactly one system call of exactly one of its processes go wrong.
 *
 *     inject REPORT-FD                    -- COMMAND...    list the calls of every role
 *     inject REPORT-FD ROLE CALL K FAULT  -- COMMAND...    the K-th CALL of ROLE: FAULT
 *
 * FAULT is an errno as a number (the call is not made and returns it), that number with a + behind it (so does every
 * later one of this name), `kill` (SIGKILL at the entry, the call is not made) or `killed` (SIGKILL when it has returned).
 * strace(1) can nearly do this, but it counts per process and cannot hit one process of a tree.
 *
 * A process has its role by how it came to be: `taskshim` is the first; its child is `launch` until it executes
 * spawn-daemon, then `spawn-daemon` (the monitor later on); the child of that is `init`; with taskshim.init, which stays as
 * process 1, the child of that is `command`. The last of these executes the task's command, which is let go of. A command
 * line that is spawn-daemon begins there. Calls are counted per role and name, from 1.
 *
 * What happens is written to REPORT-FD, a line each: "call ROLE CALL K RESULT TEXT" (listing), "fault ROLE CALL K TEXT",
 * "first STATUS" when the first process has ended (as waitpid(2) gives it), "error TEXT" when this tool itself failed.
 * It ends when no process is traced any more, with status 0. Should it die, the kernel kills the traced ones. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum role { TASKSHIM, LAUNCH, SPAWN_DAEMON, INIT, COMMAND, TASK, ROLES };

static const char *const role_names[ROLES] = {"taskshim", "launch",  "spawn-daemon",
					      "init",	  "command", "task"};

enum action { LIST, FAIL, FAIL_ON, KILL_BEFORE, KILL_AFTER };

enum { MAX_PROCESSES = 256, MAX_CALLS = 600 /* numbers of system calls */ };

struct process {
	pid_t pid;
	enum role role;
	bool known; /* its parent's word for it has come: the role is right */
	bool stopped; /* waits for that word */
	bool in_call; /* between entry and exit of a call that was counted */
	bool fails; /* that call was taken away */
	unsigned call, k;
	char text[256];
};

struct tracer {
	FILE *report;
	enum action action;
	enum role role;
	unsigned call, k;
	int err;
	bool done; /* the fault has happened */
	bool failed;
	pid_t first;
	bool first_runs; /* its exec has been seen */
	unsigned counts[ROLES][MAX_CALLS];
	struct process processes[MAX_PROCESSES];
	size_t n;
};

static void say(struct tracer *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct tracer *t, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	(void)vfprintf(t->report, format, list);
	va_end(list);
	(void)fflush(t->report);
}

static void complain(struct tracer *t, const char *what)
{
	say(t, "error %s: %s\n", what, strerrorname_np(errno));
	t->failed = true;
}

/* --- the table of processes --- */

static struct process *find(struct tracer *t, pid_t pid)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->processes[i].pid == pid)
			return &t->processes[i];
	return NULL;
}

static struct process *find_or_add(struct tracer *t, pid_t pid)
{
	struct process *p = find(t, pid);

	if (p)
		return p;
	if (t->n == MAX_PROCESSES) {
		errno = E2BIG;
		complain(t, "too many processes");
		_exit(1);
	}
	p = &t->processes[t->n++];
	*p = (struct process){.pid = pid};
	return p;
}

static void forget(struct tracer *t, struct process *p)
{
	*p = t->processes[--t->n];
}

/* --- names and arguments of calls --- */

static const char *call_name(unsigned call, char buf[static 32])
{
	char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), (int)call);

	(void)snprintf(buf, 32, "%s", name ? name : "");
	if (!name)
		(void)snprintf(buf, 32, "call-%u", call);
	free(name);
	return buf;
}

/* Which argument is a path or a name, from 1; 0: none. */
static int text_argument(const char *name)
{
	static const struct {
		const char *name;
		int argument;
	} rows[] = {{"open", 1},       {"mkdir", 1},   {"rmdir", 1},	 {"unlink", 1},
		    {"stat", 1},       {"lstat", 1},   {"access", 1},	 {"chdir", 1},
		    {"readlink", 1},   {"execve", 1},  {"statfs", 1},	 {"setxattr", 1},
		    {"lgetxattr", 1},  {"fsopen", 1},  {"umount2", 1},	 {"sethostname", 1},
		    {"openat", 2},     {"openat2", 2}, {"mkdirat", 2},	 {"unlinkat", 2},
		    {"newfstatat", 2}, {"mknodat", 2}, {"faccessat", 2}, {"faccessat2", 2},
		    {"readlinkat", 2}, {"fspick", 2},  {"open_tree", 2}, {"mount_setattr", 2},
		    {"renameat", 2},   {"write", 2},   {"pwrite64", 2},	 {"sendto", 2},
		    {"symlinkat", 3},  {"mount", 2},   {"move_mount", 4}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].argument;
	return 0;
}

/* The arguments, with the one that is a text as text. Good enough to find the call in the source. */
static void describe(struct process *p, const char *name, const struct __ptrace_syscall_info *info)
{
	int at = text_argument(name);
	size_t used = 0;

	for (int i = 1; i <= 4; i++) {
		char text[81] = "";
		struct iovec local = {text, sizeof text - 1},
			     remote = {(void *)(uintptr_t)info->entry.args[i - 1], sizeof text - 1};
		ssize_t n = at == i ? process_vm_readv(p->pid, &local, 1, &remote, 1, 0) : -1;

		text[n > 0 ? n : 0] = '\0';
		for (char *c = text; *c; c++)
			*c = *c < ' ' || *c > '~' ? '.' : *c;
		used += (size_t)snprintf(p->text + used, sizeof p->text - used,
					 n > 0 ? "%s\"%s\"" : "%s%s0x%llx", i > 1 ? "," : "", text,
					 (unsigned long long)info->entry.args[i - 1]);
	}
}

/* --- changing a call --- */

#ifdef __aarch64__

static int skip_call(pid_t pid)
{
	int none = -1;
	struct iovec io = {&none, sizeof none};

	return ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &io) < 0 ? -1 : 0;
}

static int set_result(pid_t pid, long result)
{
	struct user_regs_struct regs;
	struct iovec io = {&regs, sizeof regs};

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io) < 0)
		return -1;
	regs.regs[0] = (unsigned long long)result;
	return ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &io) < 0 ? -1 : 0;
}

#else /* x86-64 */

static int skip_call(pid_t pid)
{
	struct user_regs_struct regs;
	struct iovec io = {&regs, sizeof regs};

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io) < 0)
		return -1;
	regs.orig_rax = (unsigned long long)-1;
	return ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &io) < 0 ? -1 : 0;
}

static int set_result(pid_t pid, long result)
{
	struct user_regs_struct regs;
	struct iovec io = {&regs, sizeof regs};

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io) < 0)
		return -1;
	regs.rax = (unsigned long long)result;
	return ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &io) < 0 ? -1 : 0;
}

#endif

/* --- stops --- */

/* @p is no longer valid then. */
static void resume(struct tracer *t, struct process *p, int signo)
{
	bool more = !t->done || t->action == FAIL_ON; /* faults are to come */
	bool watched = t->action == LIST || (p->role == t->role && more) || p->in_call;

	if (p->role == TASK) {
		(void)ptrace(PTRACE_DETACH, p->pid, 0, signo);
		forget(t, p);
		return;
	}
	/* ESRCH: it was killed while it was stopped; its end comes next. */
	if (ptrace(watched ? PTRACE_SYSCALL : PTRACE_CONT, p->pid, 0, signo) < 0 && errno != ESRCH)
		complain(t, "resume");
}

static void report_fault(struct tracer *t, const struct process *p)
{
	char name[32];

	if (!t->done)
		say(t, "fault %s %s %u %s\n", role_names[p->role], call_name(p->call, name), p->k,
		    p->text);
	t->done = true;
}

static void kill_now(struct tracer *t, struct process *p)
{
	report_fault(t, p);
	p->in_call = false;
	(void)kill(p->pid, SIGKILL);
}

static bool is_hit(const struct tracer *t, const struct process *p)
{
	if (t->action == LIST || p->role != t->role || p->call != t->call)
		return false;
	return t->action == FAIL_ON ? p->k >= t->k : !t->done && p->k == t->k;
}

static void on_entry(struct tracer *t, struct process *p, const struct __ptrace_syscall_info *info)
{
	char name[32];

	if (info->entry.nr >= MAX_CALLS)
		return;
	p->in_call = true;
	p->call = (unsigned)info->entry.nr;
	p->k = ++t->counts[p->role][p->call];
	if (t->action == LIST || is_hit(t, p))
		describe(p, call_name(p->call, name), info);
	if (!is_hit(t, p))
		return;
	if (t->action == KILL_BEFORE) {
		(void)skip_call(p->pid);
		kill_now(t, p);
	} else if (t->action == FAIL || t->action == FAIL_ON) {
		report_fault(t, p);
		p->fails = true;
		if (skip_call(p->pid) < 0 && errno != ESRCH)
			complain(t, "skip the call");
	}
}

static void on_exit_of_call(struct tracer *t, struct process *p,
			    const struct __ptrace_syscall_info *info)
{
	char name[32];

	if (!p->in_call)
		return;
	p->in_call = false;
	if (t->action == LIST)
		say(t, "call %s %s %u %lld %s\n", role_names[p->role], call_name(p->call, name),
		    p->k, (long long)info->exit.rval, p->text);
	if (p->fails && set_result(p->pid, -t->err) < 0 && errno != ESRCH)
		complain(t, "set the result");
	p->fails = false;
	if (t->action == KILL_AFTER && is_hit(t, p))
		kill_now(t, p);
}

static void on_call(struct tracer *t, struct process *p)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, sizeof info, &info) < 0) {
		if (errno != ESRCH)
			complain(t, "read the call");
	} else if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		on_entry(t, p, &info);
	} else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
		on_exit_of_call(t, p, &info);
	}
	resume(t, p, 0);
}

static void on_fork(struct tracer *t, struct process *p)
{
	static const enum role child_roles[ROLES] = {
		[TASKSHIM] = LAUNCH, [LAUNCH] = TASK,  [SPAWN_DAEMON] = INIT,
		[INIT] = COMMAND,    [COMMAND] = TASK, [TASK] = TASK};
	enum role role = child_roles[p->role];
	struct process *child = NULL;
	unsigned long pid = 0;

	if (ptrace(PTRACE_GETEVENTMSG, p->pid, 0, &pid) == 0) {
		child = find_or_add(t, (pid_t)pid);
		child->role = role;
		child->known = true;
	} else if (errno != ESRCH) {
		complain(t, "find the new process");
	}
	resume(t, p, 0);
	child = child ? find(t, (pid_t)pid) : NULL;
	if (child && child->stopped) {
		child->stopped = false;
		resume(t, child, 0);
	}
}

/* An execve that succeeds: the call has no exit of its own in the old role. */
static void on_exec(struct tracer *t, struct process *p)
{
	static const enum role roles[ROLES] = {[LAUNCH] = SPAWN_DAEMON,
					       [SPAWN_DAEMON] = SPAWN_DAEMON,
					       [INIT] = TASK,
					       [COMMAND] = TASK,
					       [TASK] = TASK};
	char name[32];

	if (p->pid == t->first && !t->first_runs) {
		t->first_runs = true;
	} else {
		if (t->action == LIST && p->in_call)
			say(t, "call %s %s %u 0 %s\n", role_names[p->role],
			    call_name(p->call, name), p->k, p->text);
		if (t->action == KILL_AFTER && p->in_call && is_hit(t, p)) {
			kill_now(t, p);
			resume(t, p, 0);
			return;
		}
		p->in_call = false;
		p->role = roles[p->role];
	}
	resume(t, p, 0);
}

static void on_stop(struct tracer *t, pid_t pid, int status)
{
	struct process *p = find_or_add(t, pid);
	int signo = WSTOPSIG(status);

	if (signo == (SIGTRAP | 0x80)) {
		on_call(t, p);
		return;
	}
	switch (status >> 16) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		on_fork(t, p);
		break;
	case PTRACE_EVENT_EXEC:
		on_exec(t, p);
		break;
	case PTRACE_EVENT_STOP:
		if (!p->known)
			p->stopped = true;
		else if (signo == SIGTRAP)
			resume(t, p, 0);
		else if (ptrace(PTRACE_LISTEN, pid, 0, 0) < 0 && errno != ESRCH)
			complain(t, "listen");
		break;
	default:
		resume(t, p, signo);
	}
}

static void on_end(struct tracer *t, pid_t pid, int status)
{
	struct process *p = find(t, pid);
	char name[32];

	if (p && t->action == LIST && p->in_call)
		say(t, "call %s %s %u ? %s\n", role_names[p->role], call_name(p->call, name), p->k,
		    p->text);
	if (p)
		forget(t, p);
	if (pid == t->first)
		say(t, "first %d\n", status);
}

static int follow(struct tracer *t)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0 && errno != ECHILD)
			complain(t, "waitpid");
		if (pid < 0)
			return t->failed ? 1 : 0;
		if (WIFSTOPPED(status))
			on_stop(t, pid, status);
		else
			on_end(t, pid, status);
	}
}

/* --- the command line --- */

static int usage(void)
{
	(void)fputs("usage: inject REPORT-FD [ROLE CALL K FAULT] -- COMMAND...\n", stderr);
	return 2;
}

static int parse_fault(struct tracer *t, char **argv)
{
	int call = seccomp_syscall_resolve_name(argv[1]);
	char *end;

	for (t->role = 0; t->role < ROLES && strcmp(argv[0], role_names[t->role]) != 0;)
		t->role++;
	if (t->role >= TASK || call < 0 || call >= MAX_CALLS)
		return -1;
	t->call = (unsigned)call;
	t->k = (unsigned)strtoul(argv[2], &end, 10);
	if (*end || t->k == 0)
		return -1;
	if (strcmp(argv[3], "kill") == 0 || strcmp(argv[3], "killed") == 0) {
		t->action = argv[3][4] ? KILL_AFTER : KILL_BEFORE;
		return 0;
	}
	t->err = (int)strtol(argv[3], &end, 10);
	t->action = *end == '+' ? FAIL_ON : FAIL;
	return t->err <= 0 || (*end && strcmp(end, "+") != 0) ? -1 : 0;
}

/* The child waits until it is traced. Nothing of the caller's stays open here: who waits for the end of file on what
 * the command writes must not wait for us. */
static int start(struct tracer *t, char **argv)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	struct process *p;
	int go[2];

	if (pipe2(go, O_CLOEXEC) < 0)
		return -1;
	t->first = fork();
	if (t->first < 0)
		return -1;
	if (t->first == 0) {
		char byte;

		if (read(go[0], &byte, 1) == 1)
			(void)execv(argv[0], argv);
		_exit(127);
	}
	for (int fd = 0; fd < 3; fd++)
		(void)close(fd);
	p = find_or_add(t, t->first);
	p->known = true;
	p->role = strcmp(strrchr(argv[0], '/') + 1, "spawn-daemon") == 0 ? SPAWN_DAEMON : TASKSHIM;
	if (ptrace(PTRACE_SEIZE, t->first, 0, options) < 0 || write(go[1], "", 1) != 1)
		return -1;
	(void)close(go[0]);
	(void)close(go[1]);
	return 0;
}

int main(int argc, char **argv)
{
	static struct tracer t;
	char *end;
	long fd;
	int at = 2;

	if (argc < 4)
		return usage();
	fd = strtol(argv[1], &end, 10);
	if (*end || fd < 3 || fd > INT_MAX || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return usage();
	if (strcmp(argv[2], "--") != 0) {
		if (argc < 8 || parse_fault(&t, argv + 2) < 0)
			return usage();
		at = 6;
	}
	if (strcmp(argv[at], "--") != 0 || !argv[at + 1] || !strchr(argv[at + 1], '/'))
		return usage();
	t.report = fdopen((int)fd, "w");
	if (!t.report)
		return usage();
	if (start(&t, argv + at + 1) < 0) {
		complain(&t, "start");
		return 1;
	}
	return follow(&t);
}
