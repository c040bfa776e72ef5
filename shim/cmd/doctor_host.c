/* doctor: rights, ids, storage and programs. */
#include "shim/cmd/doctor.h"

#include "protocol/config.h"
#include "shim/launch.h"
#include "shim/statedir.h"
#include "shim/subid.h"
#include "util/fd.h"
#include "util/passwd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>

/* --- capabilities --- */

static bool has_capability(cap_t caps, cap_value_t cap)
{
	cap_flag_value_t value = CAP_CLEAR;

	return caps && cap_get_flag(caps, cap, CAP_EFFECTIVE, &value) == 0 && value == CAP_SET;
}

void doctor_capabilities(struct doctor *d)
{
	static const struct {
		cap_value_t cap;
		const char *name, *disables;
	} rows[] = {
		{CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
		 "namespaces and mounts: every task with a root of its own"},
		{CAP_SETUID, "CAP_SETUID", "tasks of another user: a default run"},
		{CAP_SETGID, "CAP_SETGID", "tasks of another group: a default run"},
		{CAP_SETPCAP, "CAP_SETPCAP", "dropping the bounding set: a default run"},
		{CAP_SYS_CHROOT, "CAP_SYS_CHROOT", "isolation chroot, joining mount namespaces"},
		{CAP_CHOWN, "CAP_CHOWN", "task directories, devices and files of another owner"},
		{CAP_FOWNER, "CAP_FOWNER", "the mode of files of another owner"},
		{CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE",
		 "cgroups and directories that are others' to write"},
		{CAP_MKNOD, "CAP_MKNOD", "--device: devices are bound, not made"},
		{CAP_KILL, "CAP_KILL", "stop and kill: tasks of other users are not signalled"},
		{CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE",
		 "--rlimit above our own, a negative oomScoreAdj"},
		{CAP_SYS_NICE, "CAP_SYS_NICE", "process.scheduler and ioPriority of real time"},
		{CAP_NET_ADMIN, "CAP_NET_ADMIN", "lo of --net none, linux.netDevices, net sysctls"},
		{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "stats of single processes of other users"},
	};
	cap_t caps = cap_get_proc();

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct finding f = {
			.group = "capabilities",
			.name = rows[i].name,
			.disables = rows[i].disables,
			.get = getauxval(AT_EUID) == 0
				       ? "start taskshim with it: AmbientCapabilities= and "
					 "CapabilityBoundingSet= of systemd, --cap-add of an outer "
					 "container"
				       : "run as root; or in a user namespace, which a run of who "
					 "is not root makes"};

		doctor_add(d, &f, has_capability(caps, rows[i].cap), "%s", "");
	}
	(void)cap_free(caps);
}

/* --- programs --- */

int doctor_capture(const char *const *argv, char *buf, size_t size)
{
	posix_spawn_file_actions_t actions;
	int ends[2], status = -1, err;
	ssize_t n;
	size_t used = 0;
	pid_t pid;

	buf[0] = '\0';
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	err = posix_spawn_file_actions_init(&actions);
	if (err == 0) {
		err = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
		err = err ? err : posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
		err = err ? err : posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
		err = err ? err
			  : posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)argv,
					environ);
		(void)posix_spawn_file_actions_destroy(&actions);
	}
	(void)close(ends[1]);
	while (err == 0 && (n = read(ends[0], buf + used, size - 1 - used)) > 0)
		used += (size_t)n;
	buf[used] = '\0';
	(void)close(ends[0]);
	errno = err;
	while (err == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void add_spawn_daemon(struct doctor *d)
{
	static const struct finding found = {
		.group = "programs",
		.name = "spawn-daemon",
		.disables = "everything: it starts the tasks",
		.get = "install it beside taskshim, or name it: --spawn-daemon FILE, "
		       "$TASKSHIM_SPAWN_DAEMON"};
	static const struct finding same = {.group = "programs",
					    .name = "sameVersion",
					    .disables = "what the older of the two does not know",
					    .get = "install both from one package"};
	char path[PATH_MAX], text[128] = "";
	const char *argv[] = {path, "--version", NULL};
	struct ts_error e = {0};
	bool is_ours;

	if (launch_find(d->global->spawn_daemon, path, sizeof path, &e) < 0) {
		doctor_add(d, &found, false, "%s", e.msg);
		return;
	}
	is_ours = access(path, X_OK) == 0 && doctor_capture(argv, text, sizeof text) == 0 &&
		  strncmp(text, "spawn-daemon ", 13) == 0;
	text[strcspn(text, "\n")] = '\0';
	doctor_add(d, &found, is_ours, "%s%s", path,
		   is_ours		    ? ""
		   : access(path, F_OK) < 0 ? ": no such file"
		   : access(path, X_OK) < 0 ? ": not executable"
					    : ": does not say that it is spawn-daemon");
	if (is_ours)
		doctor_add(d, &same, strcmp(text + 13, TASKSHIM_VERSION) == 0,
			   "taskshim " TASKSHIM_VERSION ", %s", text);
}

/* newuidmap(1) is looked for as posix_spawnp(3) does. */
static bool find_program(const char *name, char ret[static PATH_MAX])
{
	const char *path = secure_getenv("PATH");

	for (const char *dir = path ? path : "/bin:/usr/bin"; *dir;) {
		size_t len = strcspn(dir, ":");

		(void)snprintf(ret, PATH_MAX, "%.*s/%s", (int)len, dir, name);
		if (access(ret, X_OK) == 0)
			return true;
		dir += len + (dir[len] == ':');
	}
	return false;
}

static void add_id_maps(struct doctor *d)
{
	static const struct {
		struct finding program, rows;
		const char *file;
	} kinds[] = {
		{{"ids", "newuidmap",
		  .disables = "more than one uid in the tasks of who is not root",
		  .get = "the package uidmap"},
		 {"ids", "subuid", .disables = "more than one uid in the tasks of this user",
		  .get = "usermod --add-subuids 100000-165535 USER"},
		 "/etc/subuid"},
		{{"ids", "newgidmap",
		  .disables = "more than one gid in the tasks of who is not root",
		  .get = "the package uidmap"},
		 {"ids", "subgid", .disables = "more than one gid in the tasks of this user",
		  .get = "usermod --add-subgids 100000-165535 USER"},
		 "/etc/subgid"},
	};
	_cleanup_free_ char *passwd = NULL;
	struct ts_passwd self = {0};
	unsigned uid = (unsigned)getauxval(AT_EUID), first, count;
	size_t len;
	bool named = ts_read_file_at(AT_FDCWD, "/etc/passwd", 1 << 20, &passwd, &len) == 0 &&
		     ts_passwd_find(passwd, NULL, uid, &self);

	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *text = NULL;
		char path[PATH_MAX];
		bool found = find_program(kinds[i].program.name, path);

		doctor_add(d, &kinds[i].program, found, "%s", found ? path : "");
		found = ts_read_file_at(AT_FDCWD, kinds[i].file, 1 << 20, &text, &len) == 0 &&
			subid_find(text, named ? self.name : NULL, uid, &first, &count);
		if (found)
			doctor_add(d, &kinds[i].rows, true, "%u ids from %u on", count, first);
		else if (uid != 0) /* root maps what it likes */
			doctor_add(d, &kinds[i].rows, false, "no row of this user in %s",
				   kinds[i].file);
	}
}

/* --- storage --- */

static void add_state_root(struct doctor *d)
{
	static const struct finding writable = {
		.group = "storage",
		.name = "stateRoot",
		.disables = "everything: each task has a directory there",
		.get = "--root DIR, or as not root XDG_RUNTIME_DIR"};
	static const struct finding lasting = {
		.group = "storage",
		.name = "lasting",
		.disables = "exit records do not outlive a reboot, durable: true or not",
		.get = "--root DIR on a disk"};
	char root[PATH_MAX], parent[PATH_MAX];
	struct ts_error e = {0};
	struct statfs fs;
	bool ok;

	if (statedir_root(d->global->root, root, &e) < 0) {
		doctor_add(d, &writable, false, "%s", e.msg);
		return;
	}
	/* what is not there yet is made with the first task */
	(void)snprintf(parent, sizeof parent, "%s", root);
	while (access(parent, F_OK) < 0 && errno == ENOENT && strrchr(parent, '/') > parent)
		*strrchr(parent, '/') = '\0';
	ok = access(parent, W_OK | X_OK) == 0;
	doctor_add(d, &writable, ok, "%s%s%s", root, ok ? "" : ": ",
		   ok ? "" : ts_errno_text(errno));
	if (statfs(parent, &fs) < 0)
		return;
	ok = fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC;
	doctor_add(d, &lasting, ok, "%s is %son a tmpfs", root, ok ? "not " : "");
}

void doctor_host(struct doctor *d)
{
	add_id_maps(d);
	add_state_root(d);
	add_spawn_daemon(d);
}
