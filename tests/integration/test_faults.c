/* Guarantee 1: whatever system call fails, whoever is killed at it, the caller gets a status and nothing is left. Each call
 * that spawn-daemon and init make is found in a trace of a start that goes well; then it is made to fail, or its process
 * is killed there, one call a run. TS_IT_FAULTS=all tries every call, the default leaves out most of the long series, few
 * all but their ends. */
#include "tests/integration/harness.h"

#include "util/cgroup.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { MAX_CALLS = 4096 };

struct call {
	char name[32];
	unsigned n; /* the n-th of that name in its process, from 1 */
	bool init; /* made by init, before its exec; else by spawn-daemon */
	bool last; /* of that name in its process */
	bool early; /* before main() does anything: the loader's and the sanitizers' */
	char text[120];
};

struct trace {
	struct call calls[MAX_CALLS];
	size_t n;
};

static bool have_strace(void)
{
	static const char *const places[] = {"/usr/bin/strace", "/bin/strace",
					     "/usr/local/bin/strace"};

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (access(places[i], X_OK) == 0)
			return true;
	return false;
}

/* What tells of everything that a failed call could have left out: it must be the same in every task that runs. */
static const char FACTS[] =
	"ids caps flags cwd umask signals fds host rlimits scheduler ioprio affinity "
	"mempolicy personality stat /proc/kcore cat /proc/self/oom_score_adj "
	"exit 7";

/* A config that takes every step. @ret_state: its state directory, fresh. */
static struct json_object *full_config(struct it *t, const char **ret_state)
{
	struct json_object *c = it_config(t, FACTS);
	const char *v2 = t->n_cgroups > 0 ? t->cgroups[0] : NULL,
		   *v1 = t->n_cgroups > 1 ? t->cgroups[1] : NULL;

	*ret_state = it_text(t, "%s/%s", t->dir, js_str(c, "taskshim.id"));
	make_dir(*ret_state, 0700);
	cfg_set(c, "taskshim.stateDir", "'%s'", *ret_state);
	cfg_set(c, "taskshim.user", "'alice'");
	cfg_set(c, "hostname", "'the-host'");
	cfg_set(c, "domainname", "'the-domain'");
	cfg_set(c, "linux.namespaces",
		"[{'type':'mount'},{'type':'uts'},{'type':'ipc'},{'type':'pid'}]");
	cfg_set(c, "process.noNewPrivileges", "true");
	cfg_set(c, "process.oomScoreAdj", "123");
	cfg_set(c, "process.scheduler", "{'policy':'SCHED_BATCH','nice':3}");
	cfg_set(c, "process.ioPriority", "{'class':'IOPRIO_CLASS_BE','priority':6}");
	cfg_set(c, "taskshim.cpuAffinity", "'0'");
	cfg_set(c, "linux.memoryPolicy", "{'mode':'MPOL_LOCAL'}");
	cfg_set(c, "linux.personality", "{'domain':'LINUX','flags':['ADDR_NO_RANDOMIZE']}");
	cfg_set(c, "process.rlimits",
		"[{'type':'RLIMIT_NOFILE','soft':100,'hard':200},{'type':'RLIMIT_CORE','soft':0,'"
		"hard':0}]");
	cfg_set(c, "process.capabilities",
		"{'bounding':['CAP_KILL'],'permitted':['CAP_KILL'],'effective':['CAP_KILL'],'"
		"inheritable':['CAP_KILL'],"
		"'ambient':['CAP_KILL']}");
	if (v2)
		cfg_set(c, "taskshim.cgroup.unified", "'%s'", v2);
	if (v1)
		cfg_set(c, "taskshim.cgroup.memory", "'%s'", v1);
	return c;
}

/* Linux 6.3. Debian's kernel, in check-vm, is older. */
static bool tmpfs_takes_idmaps(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	assert_int_equal(uname(&name), 0);
	assert_int_equal(sscanf(name.release, "%d.%d", &major, &minor), 2);
	return major > 6 || (major == 6 && minor >= 3);
}

/* One for what full_config() has not: every kind of mount, devices, copies, mounts that are peers of the host's. */
static struct json_object *mounts_config(struct it *t, const char **ret_state)
{
	struct json_object *c = full_config(t, ret_state);
	const char *data = it_text(t, "%s/data", t->dir);

	if (!exists(data)) {
		make_dir(data, 0755);
		write_file(it_text(t, "%s/file", data), "copied\n", 0644);
		assert_int_equal(link(it_text(t, "%s/file", data), it_text(t, "%s/other", data)),
				 0);
		make_link("file", it_text(t, "%s/link", data));
	}
	cfg_set(c, "process.args",
		"['/bin/probe','ids','caps','fds','read','/dev/mine','read','/else/mine','cat','/"
		"data/"
		"other','cat','/up/link','stat','/mapped/file','touch','/peer/x','exit','7']");
	cfg_set(c, "taskshim.chroot", "{'/bin':'%s/bin','/etc':'%s/etc','/data':'%s','/up':'%s'}",
		t->dir, t->dir, data, data);
	cfg_set(c, "taskshim.chrootMethod", "'copy'");
	cfg_set(c, "linux.rootfsPropagation", "'shared'");
	cfg_set(c, "mounts",
		"[{'destination':'/proc','type':'proc'},{'destination':'/dev','type':'tmpfs'},"
		"{'destination':'/up','type':'tmpfs','options':['tmpcopyup']},"
		"{'destination':'/up','options':['remount','size=1m','ro']},"
		"{'destination':'/cg','type':'cgroup','options':['ro']},"
		"{'destination':'/peer','source':'%s','options':['rbind','rshared','rro']},"
		"{'destination':'/mapped','source':'%s','options':['bind']}]",
		data, data);
	if (tmpfs_takes_idmaps()) {
		static const char from_5[] = "[{'containerID':0,'hostID':5,'size':1}]";

		cfg_set(c, "mounts[6].options", "['bind','idmap']");
		cfg_set(c, "mounts[6].uidMappings", "%s", from_5);
		cfg_set(c, "mounts[6].gidMappings", "%s", from_5);
	}
	cfg_set(c, "linux.devices",
		"[{'path':'/dev/mine','type':'c','major':1,'minor':5,'fileMode':438},"
		"{'path':'/else/mine','type':'c','major':1,'minor':5,'fileMode':438}]");
	return c;
}

static void prepare(struct it *t)
{
	if (!have_strace())
		it_skip("needs strace");
	if (it_cgroup(t, "unified"))
		(void)it_cgroup(t, "memory");
}

/* Waits for its end, in any case: one that hangs is killed (and strace's tracees with it). Then reads what it said. */
static bool ends(struct it *t, struct run *r)
{
	struct pollfd p = {.fd = r->pidfd, .events = POLLIN};
	bool hangs = poll(&p, 1, it_timeout_ms()) == 0;

	if (hangs)
		(void)kill(r->pid, SIGKILL);
	(void)run_wait(r);
	if (hangs)
		(void)reap_children(t);
	while (run_line(r))
		;
	run_close_in(r);
	return !hangs;
}

/* Starts @c under strace with up to two more words; true at the gate. */
static struct run *start_traced(struct it *t, struct json_object *c, bool follow,
				const char *output, const char *filter, const char *inject)
{
	const char *words[16];
	int n = 0;

	words[n++] = "strace";
	if (follow)
		words[n++] = "-f";
	words[n++] = "-qq";
	words[n++] = "-o";
	words[n++] = output;
	if (filter) {
		words[n++] = "-e";
		words[n++] = filter;
		words[n++] = "-e";
		words[n++] = inject;
	}
	words[n] = NULL;
	struct run *r = it_start_config(t, &(struct start){.wrapper = words}, c);

	run_send(r, "true\n");
	return r;
}

/* The same; ended or killed when it returns. */
static struct run *run_traced(struct it *t, struct json_object *c, bool follow, const char *output,
			      const char *filter, const char *inject)
{
	struct run *r = start_traced(t, c, follow, output, filter, inject);

	if (!ends(t, r))
		(void)fprintf(stderr, "hang: ");
	return r;
}

/* --- which calls there are --- */

static bool parse_call(const char *line, long *ret_pid, char name[static 32], const char **ret_text)
{
	char *at;
	size_t n = 0;

	*ret_pid = strtol(line, &at, 10);
	at += strspn(at, " ");
	*ret_text = at;
	while (isalnum((unsigned char)at[n]) || at[n] == '_')
		n++;
	if (at == line || n == 0 || n > 31 || at[n] != '(')
		return false;
	memcpy(name, at, n);
	name[n] = '\0';
	return true;
}

static void add_call(struct trace *trace, const char *name, bool init, const char *text)
{
	static const char first_of_ours[] = "fcntl(0, F_GETFD";

	struct call *call = &trace->calls[trace->n];
	unsigned n = 1;

	assert_true(trace->n < MAX_CALLS);
	for (size_t i = 0; i < trace->n; i++) {
		if (trace->calls[i].init == init && strcmp(trace->calls[i].name, name) == 0) {
			trace->calls[i].last = false;
			n++;
		}
	}
	*call = (struct call){.n = n, .init = init, .last = true};
	call->early = !init && (trace->n == 0 || trace->calls[trace->n - 1].early) &&
		      strncmp(text, first_of_ours, sizeof first_of_ours - 1) != 0;
	(void)snprintf(call->name, sizeof call->name, "%s", name);
	(void)snprintf(call->text, sizeof call->text, "%.*s", (int)strcspn(text, "\n"), text);
	trace->n++;
}

static void read_trace(struct trace *trace, FILE *file)
{
	char line[8192], name[32];
	long parent = 0, pid;
	bool init_runs = true;
	const char *text;

	while (fgets(line, sizeof line, file)) {
		if (!parse_call(line, &pid, name, &text))
			continue;
		parent = parent ? parent : pid;
		if (pid != parent && strcmp(name, "execve") == 0)
			init_runs = false;
		if (pid == parent || init_runs)
			add_call(trace, name, pid != parent, text);
	}
}

static struct trace *take_trace(struct it *t, struct json_object *c, const char **ret_out)
{
	struct trace *trace = calloc(1, sizeof *trace);
	const char *path = it_text(t, "%s/trace-%u", t->dir, t->n_made++);
	struct run *r;
	FILE *file;

	assert_non_null(trace);
	r = run_traced(t, c, true, path, NULL, NULL);
	if (run_wait(r) != 7)
		fail_msg("without a fault: %d %s %s", run_wait(r), run_err(t, r),
			 r->n_lines ? json_object_to_json_string(r->lines[r->n_lines - 1]) : "");
	*ret_out = run_task_out(t, r);
	file = fopen(path, "re");
	assert_non_null(file);
	read_trace(trace, file);
	(void)fclose(file);
	assert_int_equal(unlink(path), 0);
	it_forget(t);
	return trace;
}

/* Calls that cannot fail, or whose failure means nothing to us. close(2) frees the descriptor whatever it returns, which
 * strace, that does not let the call happen, does not imitate. */
static bool is_infallible(const char *name)
{
	static const char *const names[] = {
		"umask",      "getpid",		 "geteuid",	    "exit_group",
		"arch_prctl", "set_tid_address", "rt_sigaction",    "rt_sigprocmask",
		"brk",	      "execve",		 "set_robust_list", "rseq",
		"gettid",     "getuid",		 "madvise",	    "exit",
		"close"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* What the loader and the sanitizers call as well, and end over: the plain build's sweep has these. */
static bool is_sanitizers(const char *name)
{
	static const char *const names[] = {
		"mmap", "munmap",     "mprotect", "sigaltstack", "madvise",    "ioctl",	 "futex",
		"read", "newfstatat", "openat",	  "prlimit64",	 "exit_group", "pread64"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool is_chosen(const struct it *t, const struct call *call)
{
	const char *which = getenv("TS_IT_FAULTS");

	if (call->early || (t->sanitized && is_sanitizers(call->name)))
		return false;
	if (which && strcmp(which, "few") == 0)
		return call->n == 1 || call->last;
	return (which && strcmp(which, "all") == 0) || call->n <= 5 || call->last ||
	       call->n % 16 == 0;
}

static const char *plausible(const char *name)
{
	static const struct {
		const char *name, *error;
	} rows[] = {
		{"mmap", "ENOMEM"},	 {"clone3", "EAGAIN"},	   {"open", "EMFILE"},
		{"openat", "EMFILE"},	 {"openat2", "EMFILE"},	   {"mkdirat", "ENOSPC"},
		{"write", "ENOSPC"},	 {"socketpair", "EMFILE"}, {"mknodat", "EPERM"},
		{"setresuid", "EAGAIN"}, {"fallocate", "ENOSPC"},  {"pivot_root", "EBUSY"},
		{"renameat", "EIO"},	 {"move_mount", "ENOSPC"}, {"fsmount", "EMFILE"},
		{"poll", "ENOMEM"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].error;
	return "EIO";
}

/* --- what must hold after each run --- */

struct check {
	struct it *t;
	const char *facts; /* of a task that ran as it should */
	const char *mounts;
	unsigned wrong;
};

static const char *last_type(const struct run *r)
{
	return r->n_lines ? js_str(r->lines[r->n_lines - 1], "type") : "none";
}

static void complain(struct check *check, const struct call *call, const char *action,
		     struct run *r, const char *what)
{
	struct it *t = check->t;

	check->wrong++;
	(void)fprintf(stderr,
		      "%s, %s of %s call %u: %s\n  status %d, last line %s, stderr \"%s\"\n", what,
		      action, call->init ? "init's" : "spawn-daemon's", call->n, call->text,
		      run_wait(r),
		      r->n_lines ? json_object_to_json_string(r->lines[r->n_lines - 1]) : "none",
		      run_err(t, r));
}

static bool nothing_left(struct check *check, const char *state_dir, bool state_may_stay)
{
	struct it *t = check->t;
	const char *tree;

	if (reap_children(t) > 0)
		return false;
	for (size_t i = 0; i < t->n_cgroups; i++)
		if (cgroup_count(t, t->cgroups[i]) > 0)
			return false;
	tree = it_tree(t, state_dir);
	if (!state_may_stay && *tree) {
		(void)fprintf(stderr, "left: %s", tree);
		return false;
	}
	return strcmp(check->mounts, read_file(t, "/proc/self/mountinfo")) == 0;
}

static bool record_is_known(struct it *t, const char *state_dir)
{
	const char *text = read_file(t, it_text(t, "%s/exit.json", state_dir));

	return text && strstr(text, "\"known\":true") && strstr(text, "\"exitCode\":7");
}

/* The first line of @got that is not as in @want. */
static const char *first_difference(struct it *t, const char *got, const char *want)
{
	size_t same = 0;

	while (got[same] && got[same] == want[same])
		same++;
	while (same > 0 && got[same - 1] != '\n')
		same--;
	got += same;
	want += same;
	return it_text(t, "the task ran otherwise: \"%.*s\", not \"%.*s\"", (int)strcspn(got, "\n"),
		       got, (int)strcspn(want, "\n"), want);
}

/* Exactly one of: the task ran, as it should and with everything in place; an error, and no task. */
static void check_failure(struct check *check, const struct call *call, struct run *r,
			  const char *state_dir)
{
	struct it *t = check->t;
	const char *facts = run_task_out(t, r);
	int status = run_wait(r);
	bool ran = status == 7;
	bool mute = strcmp(call->name, "write") == 0 || strcmp(call->name, "poll") == 0;

	if (ran && strcmp(facts, check->facts) != 0)
		complain(check, call, "failure", r, first_difference(t, facts, check->facts));
	else if (ran && !record_is_known(t, state_dir))
		complain(check, call, "failure", r, "the task ran, its record is not known");
	else if (!ran && *facts)
		complain(check, call, "failure", r, "the task ran, its status is lost");
	else if (!ran && (status < 125 || status > 127))
		complain(check, call, "failure", r, "no documented status");
	else if (!ran && strcmp(last_type(r), "error") != 0 && !mute)
		complain(check, call, "failure", r, "no error line");
	else if (!nothing_left(check, state_dir, ran))
		complain(check, call, "failure", r, "something is left");
}

static void check_death(struct check *check, const struct call *call, struct run *r,
			const char *state_dir)
{
	int status = run_wait(r);

	/* strace counts in each process: where spawn-daemon makes as many calls of the name, both were killed. Nobody is
	 * there to tell then: nothing is left, that is all. */
	if (!call->init || status == IT_KILLED + SIGKILL) {
		if (!nothing_left(check, state_dir, true))
			complain(check, call, "death", r, "something is left");
		return;
	}
	if (status != 125 && status != 137)
		complain(check, call, "death", r, "no documented status");
	else if (strcmp(last_type(r), status == 137 ? "exited" : "error") != 0)
		complain(check, call, "death", r, "not told");
	else if (!nothing_left(check, state_dir, status == 137))
		complain(check, call, "death", r, "something is left");
}

typedef struct json_object *make_config(struct it *t, const char **ret_state);

static void sweep(struct it *t, make_config *config, bool kill_it, bool init)
{
	struct check check = {.t = t};
	const char *state_dir;
	struct trace *trace;
	unsigned tried = 0;

	prepare(t);
	trace = take_trace(t, config(t, &state_dir), &check.facts);
	check.mounts = read_file(t, "/proc/self/mountinfo");
	for (size_t i = 0; i < trace->n; i++) {
		const struct call *call = &trace->calls[i];
		struct json_object *c;
		const char *inject;

		if (call->init != init || !is_chosen(t, call) ||
		    (!kill_it && is_infallible(call->name)))
			continue;
		inject = kill_it ? it_text(t, "inject=%s:signal=KILL:when=%u", call->name, call->n)
				 : it_text(t, "inject=%s:error=%s:when=%u", call->name,
					   plausible(call->name), call->n);
		c = config(t, &state_dir);
		struct run *r = run_traced(t, c, init, "/dev/null",
					   it_text(t, "trace=%s", call->name), inject);

		(kill_it ? check_death : check_failure)(&check, call, r, state_dir);
		it_forget(t);
		tried++;
	}
	free(trace);
	(void)fprintf(stderr, "%u calls tried\n", tried);
	assert_true(tried > 20);
	assert_int_equal(check.wrong, 0);
}

static void test_each_call_of_init_may_fail(void **state)
{
	sweep(*state, full_config, false, true);
}

static void test_each_call_of_spawn_daemon_may_fail(void **state)
{
	sweep(*state, full_config, false, false);
}

static void test_init_may_be_killed_at_each_call(void **state)
{
	sweep(*state, full_config, true, true);
}

static void test_spawn_daemon_may_be_killed_at_each_call(void **state)
{
	sweep(*state, full_config, true, false);
}

static void test_each_call_that_mounts_may_fail(void **state)
{
	sweep(*state, mounts_config, false, true);
}

static void test_init_may_be_killed_at_each_call_that_mounts(void **state)
{
	sweep(*state, mounts_config, true, true);
}

/* The parent makes the user namespace of the mapped mount. */
static void test_each_call_that_maps_may_fail(void **state)
{
	sweep(*state, mounts_config, false, false);
}

static void test_spawn_daemon_may_be_killed_at_each_call_that_maps(void **state)
{
	sweep(*state, mounts_config, true, false);
}

/* --- taskshim.cleanUp: the parent is dead, and nobody else will remove what one failed call leaves --- */

/* A config with a marked cgroup, which is made again if it was removed. */
static struct json_object *orphan_config(struct it *t, const char *cgroup, const char **ret_state)
{
	struct json_object *c = it_state_config(t, "ignore 15 stray session pause", ret_state);

	if (mkdir(cgroup, 0755) < 0)
		assert_int_equal(errno, EEXIST);
	assert_int_equal(setxattr(cgroup, TS_CGROUP_MARK, IT_RUN_ID, strlen(IT_RUN_ID), 0), 0);
	cfg_set(c, "taskshim.cgroup.unified", "'%s'", cgroup);
	cfg_set(c, "taskshim.onParentDeath", "'kill'");
	cfg_set(c, "taskshim.cleanUp", "true");
	return c;
}

/* Starts @c, and dies, as far as spawn-daemon can tell. */
static struct run *run_orphan(struct it *t, struct json_object *c, bool follow, const char *output,
			      const char *filter, const char *inject)
{
	struct run *r = start_traced(t, c, follow, output, filter, inject);

	run_close_in(r);
	if (!ends(t, r))
		(void)fprintf(stderr, "hang: ");
	return r;
}

/* Of the first call of its own on, as before it the config, which says what there is to remove, is not read. mmap: without
 * memory the config, or state.json, is not understood. */
static bool can_be_cleaned_up_after(const struct it *t, const struct call *call, bool read)
{
	return read && !call->init && is_chosen(t, call) && !is_infallible(call->name) &&
	       strcmp(call->name, "mmap") != 0;
}

static void test_each_call_of_an_orphan_may_fail(void **state)
{
	struct it *t = *state;
	const char *state_dir, *cgroup, *path = it_text(t, "%s/trace", t->dir);
	struct check check = {.t = t, .mounts = read_file(t, "/proc/self/mountinfo")};
	struct trace *trace = calloc(1, sizeof *trace);
	unsigned tried = 0;
	bool read = false;
	FILE *file;

	assert_non_null(trace);
	if (!have_strace())
		it_skip("needs strace");
	if (!it_cgroup(t, "unified"))
		it_skip("this machine has no unified hierarchy");
	cgroup = it_text(t, "%s/task", t->cgroups[0]);
	(void)run_orphan(t, orphan_config(t, cgroup, &state_dir), true, path, NULL, NULL);
	assert_false(exists(state_dir));
	assert_false(exists(cgroup));
	file = fopen(path, "re");
	assert_non_null(file);
	read_trace(trace, file);
	(void)fclose(file);
	it_forget(t);
	for (size_t i = 0; i < trace->n; i++) {
		const struct call *call = &trace->calls[i];

		read = read || strstr(call->text, "PR_SET_CHILD_SUBREAPER");
		if (!can_be_cleaned_up_after(t, call, read))
			continue;
		struct run *r = run_orphan(t, orphan_config(t, cgroup, &state_dir), false,
					   "/dev/null", it_text(t, "trace=%s", call->name),
					   it_text(t, "inject=%s:error=%s:when=%u", call->name,
						   plausible(call->name), call->n));

		if (exists(state_dir) || exists(cgroup) || !nothing_left(&check, state_dir, true))
			complain(&check, call, "failure", r,
				 exists(state_dir) ? it_tree(t, state_dir) : "something is left");
		it_forget(t);
		tried++;
	}
	free(trace);
	(void)fprintf(stderr, "%u calls tried\n", tried);
	assert_true(tried > 20);
	assert_int_equal(check.wrong, 0);
}

/* --- every row of the steps' table, by name --- */

struct fault {
	const char *text, *error; /* the first call whose text has this fails with that */
	const char *step;
	int err;
	const char *object;
};

/* Not here, because spawn-daemon makes a call of that name and number as well and strace would fail both: cgroup, oom,
 * user database, cwd, command. test_cgroup.c and test_process.c make those fail in nature. */
static const struct fault step_faults[] = {
	{"clone3(", "ENOSPC", "namespaces", ENOSPC, "clone3"},
	{"socketpair(", "EMFILE", "namespaces", EMFILE, "socketpair"},
	{"PR_SET_CHILD_SUBREAPER", "EINVAL", "monitor", EINVAL, "subreaper"},
	{"signalfd", "EMFILE", "monitor", EMFILE, "signalfd"},
	{"boot_id", "EACCES", "monitor", EACCES, "boot id"},
	{"KEYCTL_JOIN_SESSION_KEYRING", "EDQUOT", "session", EDQUOT, "keyring"},
	{"PR_SET_DUMPABLE", "EINVAL", "session", EINVAL, "dumpable"},
	{"sethostname(", "EPERM", "hostname", EPERM, "the-host"},
	{"setdomainname(", "EPERM", "hostname", EPERM, "the-domain"},
	{"mount(NULL, \"/\"", "EACCES", "propagation", EACCES, ""},
	{"fsopen(\"tmpfs\"", "ENODEV", "root", ENODEV, "tmpfs"},
	{"AT_RECURSIVE, {attr_set", "EINVAL", "root", EINVAL, ""},
	{"move_mount(", "EBUSY", "root", EBUSY, "/"},
	{"fsopen(\"proc\"", "ENODEV", "mount", ENODEV, "/proc"},
	{"fsopen(\"devpts\"", "ENOMEM", "mount", ENOMEM, "/dev/pts"},
	{"fsopen(\"mqueue\"", "ENODEV", "mount", ENODEV, "/dev/mqueue"},
	{"fsopen(\"sysfs\"", "EPERM", "mount", EPERM, "/sys"},
	{"mknodat(", "ENOSPC", "devices", ENOSPC, "null"}, /* EPERM: the host's is bound */
	{"symlinkat(", "ENOSPC", "devices", ENOSPC, "fd"},
	{"\"/proc/kcore\"", "EMFILE", "mask", EMFILE, "/proc/kcore"},
	{"\"/proc/sys\", {", "EMFILE", "mask", EMFILE, "/proc/sys"},
	{"pivot_root(", "EINVAL", "pivot", EINVAL, "pivot_root"},
	{"umount2(", "EINVAL", "pivot", EINVAL, "host's root"},
	{"fchdir(", "EACCES", "pivot", EACCES, "root"},
	{"dup2(", "EBADF", "stdio", EBADF, "std"},
	{"sched_setaffinity(", "EINVAL", "scheduling", EINVAL, "taskshim.cpuAffinity"},
	{"ioprio_set(", "EPERM", "scheduling", EPERM, "process.ioPriority"},
	{"sched_setattr(", "EPERM", "scheduling", EPERM, "process.scheduler"},
	{"set_mempolicy(", "ENOSYS", "mempolicy", ENOSYS, "linux.memoryPolicy"},
	{"personality(", "EINVAL", "personality", EINVAL, "linux.personality"},
	{"PR_CAPBSET_DROP", "EPERM", "capabilities", EPERM, "bounding"},
	{"setgroups(", "EPERM", "user", EPERM, "groups"},
	{"setresgid(", "EPERM", "user", EPERM, "1001"},
	{"setresuid(", "EAGAIN", "user", EAGAIN, "1000"},
	{"capset(", "EPERM", "capabilities", EPERM, "capabilities"},
	{"PR_CAP_AMBIENT_RAISE", "EPERM", "capabilities", EPERM, "ambient"},
	{"PR_SET_NO_NEW_PRIVS", "EINVAL", "privileges", EINVAL, "no_new_privs"},
	{"getresuid(", "EFAULT", "user", EFAULT, "ids"},
	{"getgroups(", "EINVAL", "user", EPERM, "groups"},
	{"\"/bin/probe\", {st_mode", "EACCES", "command", EACCES, "/bin/probe"},
	{"PR_SET_PDEATHSIG", "EINVAL", "deathsig", EINVAL, "death signal"},
	{"state.json", "ENOSPC", "state", ENOSPC, "state.json"},
	{"exit.json", "ENOSPC", "state", ENOSPC, "exit.json"},
	{"fallocate(", "ENOSPC", "state", ENOSPC, "exit.json"},
};

static const struct call *find_call(const struct trace *trace, const char *text)
{
	for (size_t i = 0; i < trace->n; i++)
		if (strstr(trace->calls[i].text, text))
			return &trace->calls[i];
	return NULL;
}

/* Whether @fault gives its error, and nothing is left; says so when not. */
static bool check_fault(struct it *t, const struct trace *trace, const struct fault *fault)
{
	const struct call *call = find_call(trace, fault->text);
	const char *state_dir;

	if (!call) {
		(void)fprintf(stderr, "no call with %s in the trace\n", fault->text);
		return false;
	}
	if (t->sanitized && is_sanitizers(call->name)) {
		print_message("not with the sanitizers, whose loader makes such calls too: %s\n",
			      fault->text);
		return true;
	}
	struct run *r = run_traced(
		t, full_config(t, &state_dir), call->init, "/dev/null",
		it_text(t, "trace=%s", call->name),
		it_text(t, "inject=%s:error=%s:when=%u", call->name, fault->error, call->n));
	struct json_object *line = r->n_lines ? r->lines[r->n_lines - 1] : NULL;

	if (line && strcmp(js_str(line, "type"), "error") == 0 &&
	    strcmp(js_str(line, "step"), fault->step) == 0 && js_int(line, "errno") == fault->err &&
	    strstr(js_str(line, "message"), fault->object) && !*run_task_out(t, r) &&
	    !*it_tree(t, state_dir))
		return true;
	(void)fprintf(stderr, "%s fails with %s: expected step %s, %s, \"%s\"; status %d, %s\n%s",
		      call->text, fault->error, fault->step, strerrorname_np(fault->err),
		      fault->object, run_wait(r),
		      line ? json_object_to_json_string(line) : "no line", it_tree(t, state_dir));
	return false;
}

static void test_each_step_names_itself_when_it_fails(void **state)
{
	struct it *t = *state;
	const char *facts, *state_dir;
	struct trace *trace;
	unsigned wrong = 0;

	prepare(t);
	trace = take_trace(t, full_config(t, &state_dir), &facts);
	for (size_t i = 0; i < sizeof step_faults / sizeof step_faults[0]; i++) {
		wrong += !check_fault(t, trace, &step_faults[i]);
		it_forget(t);
	}
	free(trace);
	assert_int_equal(wrong, 0);
}

/* --- deaths of the parent and of spawn-daemon at the protocol's steps --- */

static void test_killed_before_the_gate_leaves_nothing(void **state)
{
	struct it *t = *state;
	const char *state_dir;
	struct json_object *c = full_config(t, &state_dir);
	struct run *r = it_start_config(t, NULL, c);
	pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

	assert_int_equal(kill(r->pid, SIGKILL), 0);
	assert_int_equal(run_wait(r), IT_KILLED + SIGKILL);
	wait_gone(pid);
	assert_string_equal(run_task_out(t, r), "");
}

/* The gate is open, and its reader dies: nobody may take that for "go" twice, or for nothing. */
static void test_killed_at_the_gate_with_true_unread(void **state)
{
	struct it *t = *state;
	const char *state_dir;

	for (int i = 0; i < 20; i++) {
		struct run *r = it_start_config(t, NULL, full_config(t, &state_dir));
		pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

		assert_int_equal(kill(r->pid, SIGSTOP), 0);
		run_send(r, "true");
		assert_int_equal(kill(r->pid, SIGKILL), 0);
		assert_int_equal(run_wait(r), IT_KILLED + SIGKILL);
		wait_gone(pid);
		assert_int_equal(reap_children(t), 0);
		it_forget(t);
	}
}

static void test_killed_after_the_gate_leaves_no_task(void **state)
{
	struct it *t = *state;

	for (int i = 0; i < 20; i++) {
		struct run *r = it_start_config(t, NULL, it_config(t, "ignore 15 pause"));
		pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

		run_send(r, "true");
		if (i % 2)
			(void)run_expect(r, "started");
		assert_int_equal(kill(r->pid, SIGKILL), 0);
		assert_int_equal(run_wait(r), IT_KILLED + SIGKILL);
		wait_gone(pid);
		it_forget(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_each_step_names_itself_when_it_fails),
		IT(test_killed_before_the_gate_leaves_nothing),
		IT(test_killed_at_the_gate_with_true_unread),
		IT(test_killed_after_the_gate_leaves_no_task),
		IT(test_each_call_of_init_may_fail),
		IT(test_each_call_of_spawn_daemon_may_fail),
		IT(test_init_may_be_killed_at_each_call),
		IT(test_spawn_daemon_may_be_killed_at_each_call),
		IT(test_each_call_that_mounts_may_fail),
		IT(test_init_may_be_killed_at_each_call_that_mounts),
		IT(test_each_call_that_maps_may_fail),
		IT(test_spawn_daemon_may_be_killed_at_each_call_that_maps),
		IT(test_each_call_of_an_orphan_may_fail),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
