/* floor: the system calls that give a task what spawn-daemon gives it by default (taskshim.chroot "host"), and nothing
 * else: no parsing, no checks, no reports, no records. The denominator of `make bench`, nothing to build on.
 *
 * usage: floor [-c V1_CGROUP]... [-u V2_CGROUP] CMD [ARG...]
 * The cgroups exist already. Standard output is taken to be a pipe: it is closed by the exec of CMD, so its end of file
 * is the moment at which CMD runs. */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRY(call)                                                                                  \
	do {                                                                                       \
		if ((call) < 0) {                                                                  \
			perror(#call);                                                             \
			_exit(111);                                                                \
		}                                                                                  \
	} while (0)

enum {
	NOBODY = 65534,
	MAX_CGROUPS = 16,
	SAFE = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC
};

struct request {
	int cgroups[MAX_CGROUPS]; /* directories of v1 cgroups */
	int n_cgroups;
	int unified; /* directory of a v2 cgroup, -1: none */
	char **argv;
};

static void join_cgroups(const struct request *r)
{
	for (int i = 0; i < r->n_cgroups; i++) {
		int fd;

		TRY(fd = openat(r->cgroups[i], "tasks", O_WRONLY | O_CLOEXEC));
		TRY(write(fd, "0", 1));
		close(fd);
	}
}

/* A detached new filesystem; @options: "key", "value" pairs, NULL at the end; a NULL value is a flag. */
static int new_filesystem(const char *type, const char *const options[], unsigned attributes)
{
	int fs, fd;

	TRY(fs = fsopen(type, FSOPEN_CLOEXEC));
	for (; options && *options; options += 2)
		TRY(fsconfig(fs, options[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, options[0],
			     options[1], 0));
	TRY(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	TRY(fd = fsmount(fs, FSMOUNT_CLOEXEC, attributes));
	close(fs);
	return fd;
}

static void attach(int mount_fd, const char *path)
{
	TRY(move_mount(mount_fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH));
	close(mount_fd);
}

static void mount_at(const char *path, const char *type, const char *const options[],
		     unsigned attributes)
{
	TRY(mkdir(path, 0755));
	attach(new_filesystem(type, options, attributes), path);
}

static int clone_tree(const char *path, unsigned attributes)
{
	struct mount_attr attr = {.attr_set = attributes};
	int fd;

	TRY(fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
	if (attributes)
		TRY(mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr));
	return fd;
}

/* The current directory is the root. */
static void fill_from_host(void)
{
	static const char *const names[] = {"/bin",    "/sbin", "/lib", "/lib32", "/lib64",
					    "/libx32", "/usr",	"/etc", "/opt"};
	char link[256];

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct stat st;

		if (lstat(names[i], &st) < 0)
			continue;
		if (S_ISLNK(st.st_mode)) {
			ssize_t n = readlink(names[i], link, sizeof link - 1);

			TRY(n);
			link[n] = '\0';
			TRY(symlink(link, names[i] + 1));
			continue;
		}
		TRY(mkdir(names[i] + 1, 0755));
		attach(clone_tree(names[i],
				  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV),
		       names[i] + 1);
	}
}

static void make_dev(void)
{
	static const struct {
		const char *path;
		unsigned major, minor;
	} nodes[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},	  {"dev/full", 1, 7},
		     {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
	static const char *const options[] = {"mode", "755", "size", "64k", NULL};
	static const char *const pts[] = {"newinstance", NULL,	"ptmxmode", "0666", "mode",
					  "0620",	 "gid", "5",	    NULL};
	static const char *const shm[] = {"mode", "1777", "size", "65536k", NULL};

	mount_at("dev", "tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME);
	for (unsigned i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
		TRY(mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)));
	TRY(symlink("/proc/self/fd", "dev/fd"));
	TRY(symlink("/proc/self/fd/0", "dev/stdin"));
	TRY(symlink("/proc/self/fd/1", "dev/stdout"));
	TRY(symlink("/proc/self/fd/2", "dev/stderr"));
	TRY(symlink("pts/ptmx", "dev/ptmx"));
	mount_at("dev/pts", "devpts", pts, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	mount_at("dev/shm", "tmpfs", shm, SAFE);
	mount_at("dev/mqueue", "mqueue", NULL, SAFE);
}

static void mask(void)
{
	static const char *const masked[] = {"proc/acpi",
					     "proc/asound",
					     "proc/kcore",
					     "proc/keys",
					     "proc/latency_stats",
					     "proc/timer_list",
					     "proc/timer_stats",
					     "proc/sched_debug",
					     "proc/scsi",
					     "sys/firmware",
					     "sys/devices/virtual/powercap"};
	static const char *const readonly[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
					       "proc/sysrq-trigger"};
	static const char *const options[] = {"size", "0", "nr_inodes", "1", NULL};
	struct stat st;

	for (unsigned i = 0; i < sizeof masked / sizeof masked[0]; i++)
		if (stat(masked[i], &st) == 0)
			attach(S_ISDIR(st.st_mode)
				       ? new_filesystem("tmpfs", options, SAFE | MOUNT_ATTR_RDONLY)
				       : clone_tree("/dev/null",
						    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID),
			       masked[i]);
	for (unsigned i = 0; i < sizeof readonly / sizeof readonly[0]; i++)
		if (access(readonly[i], F_OK) == 0)
			attach(clone_tree(readonly[i], MOUNT_ATTR_RDONLY), readonly[i]);
}

static void build_root(void)
{
	static const char *const root[] = {"mode", "0755", NULL};
	int fd = new_filesystem("tmpfs", root, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);

	TRY(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	TRY(move_mount(fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
	TRY(fchdir(fd));
	fill_from_host();
	TRY(mkdir("tmp", 01777));
	TRY(mkdir("run", 0755));
	TRY(mkdir("var", 0755));
	TRY(mkdir("var/tmp", 01777));
	mount_at("proc", "proc", NULL, SAFE);
	make_dev();
	mount_at("sys", "sysfs", NULL, SAFE | MOUNT_ATTR_RDONLY);
	mask();
	TRY(syscall(SYS_pivot_root, ".", "."));
	TRY(umount2(".", MNT_DETACH));
	TRY(chdir("/"));
}

static void drop_privileges(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};

	for (unsigned long cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		;
	TRY(setgroups(0, NULL));
	TRY(setresgid(NOBODY, NOBODY, NOBODY));
	TRY(setresuid(NOBODY, NOBODY, NOBODY));
	TRY(syscall(SYS_capset, &header, none));
	TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
	TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	TRY(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
}

static void child(const struct request *r) __attribute__((noreturn));
static void child(const struct request *r)
{
	int pipe_fd, null_fd;

	TRY(pipe_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC,
			    3)); /* kept until the exec, never read again */
	(void)pipe_fd;
	join_cgroups(r);
	TRY(setsid());
	TRY(sethostname("task", 4));
	build_root();
	TRY(null_fd = open("/dev/null", O_RDWR | O_CLOEXEC));
	for (int fd = 0; fd < 3; fd++)
		TRY(dup2(null_fd, fd));
	umask(022);
	drop_privileges();
	execv(r->argv[0], r->argv);
	_exit(127);
}

static int open_cgroup(const char *path)
{
	int fd;

	TRY(fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
	return fd;
}

int main(int argc, char **argv)
{
	struct request r = {.unified = -1};
	int status, opt;

	while ((opt = getopt(argc, argv, "+c:u:")) != -1) {
		if (opt == 'c' && r.n_cgroups < MAX_CGROUPS)
			r.cgroups[r.n_cgroups++] = open_cgroup(optarg);
		else if (opt == 'u')
			r.unified = open_cgroup(optarg);
	}
	r.argv = argv + optind;
	if (!*r.argv) {
		fprintf(stderr, "usage: floor [-c V1_CGROUP]... [-u V2_CGROUP] CMD [ARG...]\n");
		return 2;
	}
	struct clone_args args = {
		.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS,
		.exit_signal = SIGCHLD,
	};
	if (r.unified >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned)r.unified;
	}
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);

	TRY(pid);
	if (pid == 0)
		child(&r);
	close(STDOUT_FILENO);
	TRY(waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
