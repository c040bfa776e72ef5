/* What a task sees, printed as lines: the static program that the integration tests run inside a task.
 *
 * probe WORD...: each word is a command and takes as many of the following words as its row in the table says. Output is
 * one fact a line, "key value...", so that the tests can compare texts. It needs no /proc for what a system call tells.
 * Failures of a command are facts too ("open /x EROFS"): probe itself fails (status 99) only when it is misused. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static const char *outcome(long r)
{
	return r < 0 ? strerrorname_np(errno) : "OK";
}

/* Prints bytes so that they stay on one line and can be told apart. */
static void put_escaped(const char *key, const char *text)
{
	printf("%s ", key);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c >= 0x7f || c == '\\')
			printf("\\x%02x", c);
		else
			putchar(c);
	}
	putchar('\n');
}

static void do_ids(char **arg)
{
	uid_t r, e, s;
	gid_t rg, eg, sg, groups[NGROUPS_MAX > 1024 ? 1024 : NGROUPS_MAX];
	int n;

	(void)arg;
	getresuid(&r, &e, &s);
	printf("uid %u %u %u %u\n", r, e, s, (unsigned)setfsuid((uid_t)-1));
	getresgid(&rg, &eg, &sg);
	printf("gid %u %u %u %u\n", rg, eg, sg, (unsigned)setfsgid((gid_t)-1));
	n = getgroups((int)(sizeof groups / sizeof groups[0]), groups);
	printf("groups");
	for (int i = 0; i < n; i++)
		printf(" %u", groups[i]);
	putchar('\n');
}

static void do_caps(char **arg)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	uint64_t bounding = 0, ambient = 0;

	(void)arg;
	(void)syscall(SYS_capget, &head, data);
	for (unsigned long i = 0; i < 64; i++) {
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
			bounding |= 1ull << i;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1)
			ambient |= 1ull << i;
	}
	printf("bounding %016llx\n", (unsigned long long)bounding);
	printf("effective %08x%08x\n", data[1].effective, data[0].effective);
	printf("permitted %08x%08x\n", data[1].permitted, data[0].permitted);
	printf("inheritable %08x%08x\n", data[1].inheritable, data[0].inheritable);
	printf("ambient %016llx\n", (unsigned long long)ambient);
}

static void do_flags(char **arg)
{
	int deathsig = -1, subreaper = -1;

	(void)arg;
	(void)prctl(PR_GET_PDEATHSIG, &deathsig);
	(void)prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
	printf("nnp %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	printf("securebits %d\n", prctl(PR_GET_SECUREBITS));
	printf("dumpable %d\n", prctl(PR_GET_DUMPABLE));
	printf("pdeathsig %d\n", deathsig);
	printf("keepcaps %d\n", prctl(PR_GET_KEEPCAPS));
	printf("subreaper %d\n", subreaper);
	printf("nice %d\n", getpriority(PRIO_PROCESS, 0));
}

static void do_affinity(char **arg)
{
	cpu_set_t set;

	(void)arg;
	CPU_ZERO(&set);
	(void)sched_getaffinity(0, sizeof set, &set);
	printf("affinity");
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set))
			printf(" %d", i);
	putchar('\n');
}

static void do_scheduler(char **arg)
{
	struct { /* struct sched_attr: its header and libc's <sched.h> exclude each other */
		uint32_t size, sched_policy;
		uint64_t sched_flags;
		int32_t sched_nice;
		uint32_t sched_priority;
		uint64_t sched_runtime, sched_deadline, sched_period;
		uint32_t sched_util_min, sched_util_max;
	} attr = {.size = sizeof attr};

	(void)arg;
	if (syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0) < 0) {
		printf("scheduler %s\n", strerrorname_np(errno));
		return;
	}
	printf("scheduler %u flags %llu nice %d priority %u runtime %llu deadline %llu period "
	       "%llu util %u %u\n",
	       attr.sched_policy, (unsigned long long)attr.sched_flags, attr.sched_nice,
	       attr.sched_priority, (unsigned long long)attr.sched_runtime,
	       (unsigned long long)attr.sched_deadline, (unsigned long long)attr.sched_period,
	       attr.sched_util_min, attr.sched_util_max);
}

static void do_ioprio(char **arg)
{
	long value = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);

	(void)arg;
	printf("ioprio %ld %ld\n", IOPRIO_PRIO_CLASS(value), IOPRIO_PRIO_DATA(value));
}

static void do_mempolicy(char **arg)
{
	unsigned long nodes[16] = {0};
	int mode = -1;

	(void)arg;
	if (syscall(SYS_get_mempolicy, &mode, nodes, sizeof nodes * 8, NULL, 0) < 0)
		printf("mempolicy %s\n", strerrorname_np(errno));
	else
		printf("mempolicy 0x%x nodes 0x%lx\n", mode, nodes[0]);
}

static void do_personality(char **arg)
{
	struct utsname name;

	(void)arg;
	(void)uname(&name);
	printf("personality 0x%x\nmachine %s\n", (unsigned)personality(0xffffffff), name.machine);
}

static void do_rlimits(char **arg)
{
	static const char *const names[RLIM_NLIMITS] = {
		[RLIMIT_CPU] = "CPU",		[RLIMIT_FSIZE] = "FSIZE",
		[RLIMIT_DATA] = "DATA",		[RLIMIT_STACK] = "STACK",
		[RLIMIT_CORE] = "CORE",		[RLIMIT_RSS] = "RSS",
		[RLIMIT_NPROC] = "NPROC",	[RLIMIT_NOFILE] = "NOFILE",
		[RLIMIT_MEMLOCK] = "MEMLOCK",	[RLIMIT_AS] = "AS",
		[RLIMIT_LOCKS] = "LOCKS",	[RLIMIT_SIGPENDING] = "SIGPENDING",
		[RLIMIT_MSGQUEUE] = "MSGQUEUE", [RLIMIT_NICE] = "NICE",
		[RLIMIT_RTPRIO] = "RTPRIO",	[RLIMIT_RTTIME] = "RTTIME",
	};

	(void)arg;
	for (int i = 0; i < (int)RLIM_NLIMITS; i++) {
		struct rlimit64 limit = {0};

		(void)prlimit64(0, (enum __rlimit_resource)i, NULL, &limit);
		printf("rlimit.%s %lld %lld\n", names[i], (long long)limit.rlim_cur,
		       (long long)limit.rlim_max);
	}
}

static void do_cwd(char **arg)
{
	char path[PATH_MAX];

	(void)arg;
	put_escaped("cwd", getcwd(path, sizeof path) ? path : strerrorname_np(errno));
}

static void do_umask(char **arg)
{
	mode_t mask = umask(0);

	(void)arg;
	(void)umask(mask);
	printf("umask %04o\n", mask);
}

/* By the raw system calls: libc hides the two signals that it uses itself. */
static void do_signals(char **arg)
{
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		uint64_t mask;
	} action;
	uint64_t blocked = 0;

	(void)arg;
	printf("ignored");
	for (int i = 1; i <= 64; i++)
		if (syscall(SYS_rt_sigaction, i, NULL, &action, 8) == 0 &&
		    action.handler != (void *)0)
			printf(" %d", i);
	(void)syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &blocked, 8);
	printf("\nblocked %016llx\n", (unsigned long long)blocked);
}

static char type_letter(mode_t mode)
{
	return S_ISREG(mode)	? 'f'
	       : S_ISDIR(mode)	? 'd'
	       : S_ISLNK(mode)	? 'l'
	       : S_ISCHR(mode)	? 'c'
	       : S_ISBLK(mode)	? 'b'
	       : S_ISFIFO(mode) ? 'p'
	       : S_ISSOCK(mode) ? 's'
				: '?';
}

static void put_fd(int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fstat(fd, &st) < 0)
		return;
	printf("fd %d %c %u:%u %s%s%s\n", fd, type_letter(st.st_mode), major(st.st_rdev),
	       minor(st.st_rdev),
	       (flags & O_ACCMODE) == O_RDONLY	 ? "r"
	       : (flags & O_ACCMODE) == O_WRONLY ? "w"
						 : "rw",
	       flags & O_APPEND ? " append" : "", flags & O_NONBLOCK ? " nonblock" : "");
}

/* From /proc where there is one; else by trying, also above the limit: lowering it closes nothing. */
static void do_fds(char **arg)
{
	struct dirent **list;
	int n = scandir("/proc/self/fd", &list, NULL, versionsort);

	(void)arg;
	for (int fd = 0; n < 0 && fd < 70000; fd++)
		put_fd(fd);
	for (int i = 0; i < n; i++) { /* the one that scandir had open is closed again */
		if (list[i]->d_name[0] != '.')
			put_fd(atoi(list[i]->d_name));
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

static void do_ns(char **arg)
{
	static const char *const names[] = {"pid", "net",  "mnt",    "ipc",
					    "uts", "user", "cgroup", "time"};

	(void)arg;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char path[64], link[64];
		ssize_t n;

		(void)snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
		n = readlink(path, link, sizeof link - 1);
		link[n > 0 ? n : 0] = '\0';
		printf("ns.%s %s\n", names[i], n > 0 ? link : strerrorname_np(errno));
	}
}

static void do_clocks(char **arg)
{
	struct timespec now = {0};
	struct sysinfo info = {0};

	(void)arg;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	printf("monotonic %lld\n", (long long)now.tv_sec);
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	printf("boottime %lld\n", (long long)now.tv_sec);
	(void)sysinfo(&info);
	printf("uptime %ld\n", info.uptime);
}

static void do_host(char **arg)
{
	char name[256] = "", domain[256] = "";

	(void)arg;
	(void)gethostname(name, sizeof name);
	(void)getdomainname(domain, sizeof domain);
	printf("hostname %s\ndomainname %s\n", name, domain);
}

static void do_env(char **arg)
{
	(void)arg;
	for (char **e = environ; *e; e++)
		put_escaped("env", *e);
}

/* Takes all words that are left. */
static void do_args(char **arg)
{
	for (; *arg; arg++)
		put_escaped("arg", *arg);
}

static void do_session(char **arg)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);

	(void)arg;
	printf("pid %d\nppid %d\nsid %d\npgid %d\n", getpid(), getppid(), getsid(0), getpgid(0));
	printf("tty %s\n", outcome(tty));
	if (tty >= 0)
		(void)close(tty);
}

static void do_keyring(char **arg)
{
	long id = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
	char text[256] = "";

	(void)arg;
	if (id < 0) {
		printf("keyring %s\n", strerrorname_np(errno));
		return;
	}
	(void)syscall(SYS_keyctl, KEYCTL_DESCRIBE, id, text, sizeof text - 1);
	printf("keyring %ld %s\n", id, text);
}

static void put_stat(const char *path, const char *name)
{
	struct stat st;
	char link[PATH_MAX];
	ssize_t n;

	if (lstat(path, &st) < 0) {
		printf("stat %s %s\n", name, strerrorname_np(errno));
		return;
	}
	printf("stat %s %c %04o %u %u", name, type_letter(st.st_mode), st.st_mode & 07777,
	       st.st_uid, st.st_gid);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		printf(" %u:%u", major(st.st_rdev), minor(st.st_rdev));
	if (S_ISREG(st.st_mode))
		printf(" %lld", (long long)st.st_size);
	if (S_ISLNK(st.st_mode) && (n = readlink(path, link, sizeof link - 1)) >= 0) {
		link[n] = '\0';
		printf(" %s", link);
	}
	putchar('\n');
}

static void do_stat(char **arg)
{
	put_stat(arg[0], arg[0]);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void do_ls(char **arg)
{
	struct dirent **list;
	int n = scandir(arg[0], &list, NULL, by_name);

	if (n < 0) {
		printf("ls %s %s\n", arg[0], strerrorname_np(errno));
		return;
	}
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX * 2];

		(void)snprintf(path, sizeof path, "%s/%s", arg[0], list[i]->d_name);
		if (strcmp(list[i]->d_name, ".") != 0 && strcmp(list[i]->d_name, "..") != 0)
			put_stat(path, list[i]->d_name);
		free(list[i]);
	}
	free(list);
}

static void do_cat(char **arg)
{
	char buf[65536];
	ssize_t n;
	int fd = open(arg[0], O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		printf("cat %s %s\n", arg[0], strerrorname_np(errno));
		return;
	}
	while ((n = read(fd, buf, sizeof buf)) > 0)
		(void)fwrite(buf, 1, (size_t)n, stdout);
	if (n < 0)
		printf("cat %s %s\n", arg[0], strerrorname_np(errno));
	(void)close(fd);
}

/* How many bytes a file or a device gives, at most 16. */
static void do_read(char **arg)
{
	char buf[16];
	int fd = open(arg[0], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof buf);

	if (n < 0)
		printf("read %s %s\n", arg[0], strerrorname_np(errno));
	else
		printf("read %s %zd\n", arg[0], n);
	if (fd >= 0)
		(void)close(fd);
}

static void do_write(char **arg)
{
	int fd = open(arg[0], O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	long r = fd < 0 ? -1 : write(fd, arg[1], strlen(arg[1]));

	printf("write %s %s\n", arg[0], outcome(r));
	if (fd >= 0)
		(void)close(fd);
}

/* For writing alone: root without capabilities may not read everything that it may write (/proc/sysrq-trigger). */
static void do_open(char **arg)
{
	int fd = open(arg[0], O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	printf("open %s %s\n", arg[0], outcome(fd));
	if (fd >= 0)
		(void)close(fd);
}

/* Takes hold of an executable file as CVE-2019-5736 did, waits until the file ARG2 is there, then writes to it. ARG1 is a
 * path, or "parent": what our parent executes. */
static void do_overwrite(char **arg)
{
	char path[64], again[64];
	int held, fd;

	(void)snprintf(path, sizeof path, "/proc/%d/exe", getppid());
	held = open(strcmp(arg[0], "parent") == 0 ? path : arg[0], O_PATH | O_CLOEXEC);
	printf("hold %s\nready\n", outcome(held));
	(void)fflush(stdout);
	while (access(arg[1], F_OK) < 0)
		(void)poll(NULL, 0, 2);
	(void)snprintf(again, sizeof again, "/proc/self/fd/%d", held);
	fd = held < 0 ? -1 : open(again, O_WRONLY | O_CLOEXEC);
	printf("reopen %s\n", outcome(fd));
	if (fd >= 0)
		printf("overwrite %s\n", outcome(write(fd, "overwritten", 11)));
}

static void do_touch(char **arg)
{
	int fd = open(arg[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	printf("touch %s %s\n", arg[0], outcome(fd));
	if (fd >= 0)
		(void)close(fd);
}

static void do_mkdir(char **arg)
{
	printf("mkdir %s %s\n", arg[0], outcome(mkdir(arg[0], 0777)));
}

static void do_mknod(char **arg)
{
	printf("mknod %s %s\n", arg[0], outcome(mknod(arg[0], S_IFCHR | 0666, makedev(1, 3))));
}

/* mkdev PATH c|b MAJOR MINOR */
static void do_mkdev(char **arg)
{
	mode_t type = arg[1][0] == 'b' ? S_IFBLK : S_IFCHR;
	dev_t dev = makedev((unsigned)atoi(arg[2]), (unsigned)atoi(arg[3]));

	printf("mkdev %s %s\n", arg[0], outcome(mknod(arg[0], type | 0666, dev)));
}

static void do_chmod(char **arg)
{
	printf("chmod %s %s\n", arg[0], outcome(chmod(arg[0], 0777)));
}

static void do_mount(char **arg)
{
	printf("mount %s %s\n", arg[0], outcome(mount("probe", arg[0], "tmpfs", 0, NULL)));
}

/* Without the attributes that it has but for those of MS_* that are given: what a remount without "ro" is. */
static void do_remount(char **arg)
{
	unsigned long flags = strtoul(arg[1], NULL, 10);

	printf("remount %s %s\n", arg[0],
	       outcome(mount(NULL, arg[0], NULL, MS_REMOUNT | MS_BIND | flags, NULL)));
}

static void do_umount(char **arg)
{
	printf("umount %s %s\n", arg[0], outcome(umount2(arg[0], 0)));
}

static void do_setuid(char **arg)
{
	printf("setuid %s %s\n", arg[0], outcome(setuid((uid_t)strtoul(arg[0], NULL, 10))));
}

/* The way out of a plain chroot(2), for who has CAP_SYS_CHROOT: ARG is a directory, which becomes the root while the working
 * directory stays outside of it. */
static void do_escape(char **arg)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = chroot(arg[0]);

	printf("chroot %s\n", outcome(r));
	if (r < 0 || fchdir(fd) < 0)
		return;
	for (int i = 0; i < 64; i++)
		(void)chdir("..");
	printf("escape %s\n", outcome(chroot(".")));
	(void)close(fd);
}

/* The way out of a root that is only mounted on top of another, for who may umount(2): to detach it, and to enter the mount
 * namespace anew, by way of its lowest root. */
static void do_uncover(char **arg)
{
	int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	(void)arg;
	printf("detach %s\n", outcome(umount2("/", MNT_DETACH)));
	printf("setns %s\n", outcome(setns(fd, CLONE_NEWNS)));
	(void)close(fd);
}

static void do_chdir(char **arg)
{
	printf("chdir %s %s\n", arg[0], outcome(chdir(arg[0])));
}

static void do_exec(char **arg)
{
	(void)fflush(stdout);
	(void)execve(arg[0], arg, environ);
	printf("exec %s %s\n", arg[0], strerrorname_np(errno));
}

/* Everything on standard input until its end. */
static void do_readin(char **arg)
{
	char buf[4096];
	ssize_t n;
	size_t total = 0;

	(void)arg;
	while ((n = read(0, buf, sizeof buf)) > 0) {
		(void)fwrite(buf, 1, (size_t)n, stdout);
		total += (size_t)n;
	}
	printf("\nstdin %zu %s\n", total, outcome(n));
}

/* From now on what is printed goes to the end of a file, which is made. */
static void do_to(char **arg)
{
	(void)fflush(stdout);
	if (!freopen(arg[0], "ae", stdout))
		_exit(98);
}

static void do_echo(char **arg)
{
	puts(arg[0]);
}

static void do_err(char **arg)
{
	(void)dprintf(2, "%s\n", arg[0]);
}

/* Writes N bytes on standard output. */
static void do_flood(char **arg)
{
	char buf[65536];
	long left = strtol(arg[0], NULL, 10);

	memset(buf, 'x', sizeof buf);
	(void)fflush(stdout);
	while (left > 0) {
		ssize_t n = write(1, buf, left > (long)sizeof buf ? sizeof buf : (size_t)left);

		if (n < 0)
			break;
		left -= n;
	}
}

static void do_exit(char **arg)
{
	(void)fflush(stdout);
	_exit((int)strtol(arg[0], NULL, 10));
}

static void do_kill(char **arg)
{
	int signo = (int)strtol(arg[0], NULL, 10);

	(void)fflush(stdout);
	(void)signal(signo, SIG_DFL);
	(void)syscall(SYS_kill, getpid(), signo);
	(void)pause();
}

/* Waits for signal N and says with which value it was queued. */
static void do_sigvalue(char **arg)
{
	sigset_t set;
	siginfo_t info;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, (int)strtol(arg[0], NULL, 10));
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	puts("ready");
	(void)fflush(stdout);
	if (sigwaitinfo(&set, &info) > 0)
		printf("sigvalue %d\n", info.si_value.sival_int);
}

/* N orphans that end at once, while we go on; then how many processes, and how many of them zombies, there are. */
static void do_orphans(char **arg)
{
	long n = strtol(arg[0], NULL, 10);

	for (long i = 0; i < n; i++) {
		pid_t child = fork();

		if (child == 0) {
			(void)fork();
			_exit(0);
		}
		(void)waitpid(child, NULL, 0);
	}
	for (int tries = 0; tries < 5000; tries++) {
		struct dirent **list;
		int all = scandir("/proc", &list, NULL, alphasort), processes = 0;

		for (int i = 0; i < all; i++) {
			processes += list[i]->d_name[0] >= '1' && list[i]->d_name[0] <= '9';
			free(list[i]);
		}
		free(list);
		if (processes <= 2) {
			printf("processes %d\n", processes);
			return;
		}
		(void)poll(NULL, 0, 2);
	}
	puts("processes too-many");
}

/* What can be done to the terminal that descriptor N is. */
static void do_terminal(char **arg)
{
	int fd = atoi(arg[0]);
	char key = '\n', paste = 3; /* TIOCL_PASTESEL */

	printf("isatty %s\n", outcome(isatty(fd) ? 0 : -1));
	printf("TIOCSCTTY %s\n", outcome(ioctl(fd, TIOCSCTTY, 1)));
	printf("TIOCSTI %s\n", outcome(ioctl(fd, TIOCSTI, &key)));
	printf("TIOCLINUX %s\n", outcome(ioctl(fd, TIOCLINUX, &paste)));
}

static void do_ptrace(char **arg)
{
	pid_t pid = (pid_t)strtol(arg[0], NULL, 10);

	printf("ptrace %d %s\n", pid, outcome(ptrace(PTRACE_SEIZE, pid, NULL, NULL)));
}

static void do_signal(char **arg)
{
	printf("signal %s %s %s\n", arg[0], arg[1],
	       outcome(kill((pid_t)strtol(arg[0], NULL, 10), (int)strtol(arg[1], NULL, 10))));
}

static void do_ignore(char **arg)
{
	(void)signal((int)strtol(arg[0], NULL, 10), SIG_IGN);
}

static void exit_quietly(int signo)
{
	_exit(40 + signo);
}

/* From now on signal N ends probe with status 40 + N. */
static void do_trap(char **arg)
{
	(void)signal((int)strtol(arg[0], NULL, 10), exit_quietly);
}

static void do_pause(char **arg)
{
	(void)arg;
	for (;;)
		(void)pause();
}

static void do_sleep(char **arg)
{
	(void)poll(NULL, 0, (int)strtol(arg[0], NULL, 10));
}

/* Leaves a process behind that never ends by itself; "session": away from the caller's session as a daemon goes. */
static void do_stray(char **arg)
{
	pid_t child;

	(void)fflush(stdout);
	child = fork();
	if (child == 0) {
		if (strcmp(arg[0], "session") == 0) {
			(void)setsid();
			if (fork() > 0)
				_exit(0);
		}
		(void)signal(SIGTERM, SIG_IGN);
		(void)signal(SIGHUP, SIG_IGN);
		do_pause(NULL);
	}
}

/* Becomes a daemon: the first process ends with status N at once, its grandchild goes on with the words that follow. */
static void do_daemon(char **arg)
{
	(void)fflush(stdout);
	if (fork() > 0)
		_exit((int)strtol(arg[0], NULL, 10));
	(void)setsid();
	if (fork() > 0)
		_exit(0);
}

static void do_alloc(char **arg)
{
	size_t len = strtoul(arg[0], NULL, 10) << 20;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		printf("alloc %s %s\n", arg[0], strerrorname_np(errno));
		return;
	}
	(void)madvise(p, len, MADV_NOHUGEPAGE); /* the faults are counted */
	for (size_t i = 0; i < len; i += 4096)
		p[i] = 1;
	printf("alloc %s OK\n", arg[0]);
}

/* Has a child allocate N MiB, and says how it ended. */
static void do_child_alloc(char **arg)
{
	int status = 0;
	pid_t child;

	(void)fflush(stdout);
	child = fork();
	if (child == 0) {
		do_alloc(arg);
		_exit(0);
	}
	(void)waitpid(child, &status, 0);
	printf("child signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	(void)fflush(stdout);
}

/* A byte over TCP from this process to itself. */
static const char *loop_back(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof to;
	int in = socket(AF_INET, SOCK_STREAM, 0), out = socket(AF_INET, SOCK_STREAM, 0), end;
	char byte = 0;

	if (bind(in, (struct sockaddr *)&to, len) < 0 || listen(in, 1) < 0 ||
	    getsockname(in, (struct sockaddr *)&to, &len) < 0 ||
	    connect(out, (struct sockaddr *)&to, len) < 0)
		return strerrorname_np(errno);
	end = accept(in, NULL, NULL);
	if (write(out, "x", 1) != 1 || read(end, &byte, 1) != 1 || byte != 'x')
		return strerrorname_np(errno);
	return "OK";
}

static void do_loopback(char **arg)
{
	(void)arg;
	printf("loopback %s\n", loop_back());
}

/* Makes a file and waits until another one is there (both in the task's root). */
/* "NR" or "NR:A,B,...": a system call by its number. @result: what it returned, -errno as the kernel has it. */
static void print_call(const char *word, const char *text, long result)
{
	errno = (int)-result;
	printf("%s %s %s\n", word, text, outcome(result < 0 ? -1 : 0));
}

static void parse_call(const char *text, long number[static 7])
{
	char *end;

	memset(number, 0, 7 * sizeof number[0]);
	number[0] = strtol(text, &end, 0);
	for (int i = 1; *end && i < 7; i++)
		number[i] = (long)strtoull(end + 1, &end, 0);
}

static void do_call(char **arg)
{
	long n[7], result;

	parse_call(arg[0], n);
	result = syscall(n[0], n[1], n[2], n[3], n[4], n[5], n[6]);
	print_call("call", arg[0], result < 0 ? -errno : result);
}

#ifdef __x86_64__
static sigjmp_buf no_door;

static void on_segv(int signo)
{
	siglongjmp(no_door, signo);
}
#endif

/* The same through the door for 32-bit programs. A kernel that has none answers with a signal. */
static void do_call32(char **arg)
{
#ifdef __x86_64__
	long n[7];
	int result;

	parse_call(arg[0], n);
	if (sigsetjmp(no_door, 1) != 0) {
		printf("call32 %s none\n", arg[0]);
		return;
	}
	(void)signal(SIGSEGV, on_segv);
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(n[0]), "b"(n[1]), "c"(n[2]), "d"(n[3]), "S"(n[4]), "D"(n[5])
			 : "memory", "r8", "r9", "r10", "r11");
	(void)signal(SIGSEGV, SIG_DFL);
	print_call("call32", arg[0], result);
#else
	printf("call32 %s none\n", arg[0]);
#endif
}

static void do_meet(char **arg)
{
	do_touch(arg);
	(void)fflush(stdout);
	while (access(arg[1], F_OK) < 0)
		(void)poll(NULL, 0, 2);
}

/* --- network devices --- */

/* "link NAME up|down" and "addr NAME ADDRESS/BITS" of those that are there; without the addresses that the kernel gives to a link by
 * itself, now or a little later. */
static void do_links(char **arg)
{
	struct ifaddrs *list, *l;

	(void)arg;
	if (getifaddrs(&list) < 0) {
		printf("links %s\n", strerrorname_np(errno));
		return;
	}
	for (l = list; l; l = l->ifa_next)
		if (l->ifa_addr && l->ifa_addr->sa_family == AF_PACKET)
			printf("link %s %s\n", l->ifa_name, l->ifa_flags & IFF_UP ? "up" : "down");
	for (l = list; l; l = l->ifa_next) {
		char address[INET6_ADDRSTRLEN] = "";
		unsigned char mask[16] = {0};
		const void *bytes;
		int bits = 0, family = l->ifa_addr ? l->ifa_addr->sa_family : AF_UNSPEC;

		if (family != AF_INET && family != AF_INET6)
			continue;
		bytes = family == AF_INET
				? (void *)&((struct sockaddr_in *)l->ifa_addr)->sin_addr
				: (void *)&((struct sockaddr_in6 *)l->ifa_addr)->sin6_addr;
		if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)bytes))
			continue;
		if (family == AF_INET)
			memcpy(mask, &((struct sockaddr_in *)l->ifa_netmask)->sin_addr, 4);
		else
			memcpy(mask, &((struct sockaddr_in6 *)l->ifa_netmask)->sin6_addr, 16);
		for (size_t i = 0; i < sizeof mask; i++)
			bits += __builtin_popcount(mask[i]);
		(void)inet_ntop(family, bytes, address, sizeof address);
		printf("addr %s %s/%d\n", l->ifa_name, address, bits);
	}
	freeifaddrs(list);
}

/* A message of rtnetlink(7) in the making. */
struct netlink {
	struct nlmsghdr header;
	char bytes[512];
};

static void netlink_add(struct netlink *m, const void *data, size_t len)
{
	memcpy((char *)m + NLMSG_ALIGN(m->header.nlmsg_len), data, len);
	m->header.nlmsg_len = NLMSG_ALIGN(m->header.nlmsg_len) + (uint32_t)len;
}

/* Starts an attribute; returns where. */
static struct nlattr *netlink_open(struct netlink *m, unsigned short type)
{
	struct nlattr *attribute = (void *)((char *)m + NLMSG_ALIGN(m->header.nlmsg_len));
	const struct nlattr empty = {.nla_type = type};

	netlink_add(m, &empty, sizeof empty);
	return attribute;
}

static void netlink_close(struct netlink *m, struct nlattr *attribute)
{
	attribute->nla_len = (unsigned short)((char *)m + m->header.nlmsg_len - (char *)attribute);
}

static void netlink_put(struct netlink *m, unsigned short type, const void *data, size_t len)
{
	struct nlattr *attribute = netlink_open(m, type);

	netlink_add(m, data, len);
	netlink_close(m, attribute);
}

static long netlink_send(struct netlink *m)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[1024];
	} answer = {0};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	long r = -1;

	m->header.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (fd >= 0 && send(fd, m, m->header.nlmsg_len, 0) > 0 &&
	    recv(fd, &answer, sizeof answer, 0) > 0) {
		r = answer.error.error;
		errno = (int)-r;
	}
	if (fd >= 0)
		(void)close(fd);
	return r;
}

static void netlink_start_link(struct netlink *m, unsigned short type, unsigned short flags,
			       int index)
{
	const struct ifinfomsg info = {.ifi_index = index};

	*m = (struct netlink){
		.header = {.nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = type, .nlmsg_flags = flags}};
	netlink_add(m, &info, sizeof info);
}

/* veth A B: makes two devices that are connected. */
static void do_veth(char **arg)
{
	const struct ifinfomsg empty = {0};
	struct nlattr *info, *data, *peer;
	struct netlink m;

	netlink_start_link(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	netlink_put(&m, IFLA_IFNAME, arg[0], strlen(arg[0]) + 1);
	info = netlink_open(&m, IFLA_LINKINFO);
	netlink_put(&m, IFLA_INFO_KIND, "veth", 4);
	data = netlink_open(&m, IFLA_INFO_DATA);
	peer = netlink_open(&m, VETH_INFO_PEER);
	netlink_add(&m, &empty, sizeof empty);
	netlink_put(&m, IFLA_IFNAME, arg[1], strlen(arg[1]) + 1);
	netlink_close(&m, peer);
	netlink_close(&m, data);
	netlink_close(&m, info);
	printf("veth %s %s\n", arg[0], outcome(netlink_send(&m)));
}

/* bridge NAME: makes one. */
static void do_bridge(char **arg)
{
	struct nlattr *info;
	struct netlink m;

	netlink_start_link(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	netlink_put(&m, IFLA_IFNAME, arg[0], strlen(arg[0]) + 1);
	info = netlink_open(&m, IFLA_LINKINFO);
	netlink_put(&m, IFLA_INFO_KIND, "bridge", 6);
	netlink_close(&m, info);
	printf("bridge %s %s\n", arg[0], outcome(netlink_send(&m)));
}

static void do_unlink_device(char **arg)
{
	struct netlink m;

	netlink_start_link(&m, RTM_DELLINK, 0, (int)if_nametoindex(arg[0]));
	printf("del-link %s %s\n", arg[0], outcome(netlink_send(&m)));
}

static void do_master(char **arg)
{
	unsigned master = if_nametoindex(arg[1]);
	struct netlink m;

	netlink_start_link(&m, RTM_NEWLINK, 0, (int)if_nametoindex(arg[0]));
	netlink_put(&m, IFLA_MASTER, &master, sizeof master);
	printf("master %s %s\n", arg[0], outcome(netlink_send(&m)));
}

static void do_link_up(char **arg)
{
	struct ifreq request = {0};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	long r;

	(void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", arg[0]);
	r = ioctl(fd, SIOCGIFFLAGS, &request);
	request.ifr_flags |= IFF_UP;
	printf("up %s %s\n", arg[0], outcome(r < 0 ? r : ioctl(fd, SIOCSIFFLAGS, &request)));
	(void)close(fd);
}

/* addr NAME ADDRESS BITS SECONDS: 0 seconds are for ever. */
static void do_addr(char **arg)
{
	unsigned seconds = (unsigned)atoi(arg[3]);
	const struct ifa_cacheinfo life = {.ifa_prefered = seconds, .ifa_valid = seconds};
	int family = strchr(arg[1], ':') ? AF_INET6 : AF_INET;
	const struct ifaddrmsg info = {.ifa_family = (unsigned char)family,
				       .ifa_prefixlen = (unsigned char)atoi(arg[2]),
				       .ifa_index = if_nametoindex(arg[0])};
	struct netlink m = {.header = {.nlmsg_len = NLMSG_HDRLEN,
				       .nlmsg_type = RTM_NEWADDR,
				       .nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL}};
	unsigned char bytes[16];

	(void)inet_pton(family, arg[1], bytes);
	netlink_add(&m, &info, sizeof info);
	netlink_put(&m, IFA_LOCAL, bytes, family == AF_INET ? 4 : 16);
	netlink_put(&m, IFA_ADDRESS, bytes, family == AF_INET ? 4 : 16);
	if (seconds)
		netlink_put(&m, IFA_CACHEINFO, &life, sizeof life);
	printf("addr %s %s\n", arg[1], outcome(netlink_send(&m)));
}

enum { ALL_THE_REST = -1 };

static const struct command {
	const char *name;
	int n_args;
	void (*run)(char **arg);
} commands[] = {
	{"ids", 0, do_ids},
	{"caps", 0, do_caps},
	{"flags", 0, do_flags},
	{"affinity", 0, do_affinity},
	{"scheduler", 0, do_scheduler},
	{"ioprio", 0, do_ioprio},
	{"mempolicy", 0, do_mempolicy},
	{"personality", 0, do_personality},
	{"rlimits", 0, do_rlimits},
	{"cwd", 0, do_cwd},
	{"umask", 0, do_umask},
	{"signals", 0, do_signals},
	{"fds", 0, do_fds},
	{"ns", 0, do_ns},
	{"clocks", 0, do_clocks},
	{"host", 0, do_host},
	{"env", 0, do_env},
	{"args", ALL_THE_REST, do_args},
	{"session", 0, do_session},
	{"keyring", 0, do_keyring},
	{"stat", 1, do_stat},
	{"ls", 1, do_ls},
	{"cat", 1, do_cat},
	{"read", 1, do_read},
	{"write", 2, do_write},
	{"open", 1, do_open},
	{"overwrite", 2, do_overwrite},
	{"touch", 1, do_touch},
	{"mkdir", 1, do_mkdir},
	{"mknod", 1, do_mknod},
	{"mkdev", 4, do_mkdev},
	{"chmod", 1, do_chmod},
	{"mount", 1, do_mount},
	{"remount", 2, do_remount},
	{"umount", 1, do_umount},
	{"setuid", 1, do_setuid},
	{"escape", 1, do_escape},
	{"uncover", 0, do_uncover},
	{"chdir", 1, do_chdir},
	{"exec", ALL_THE_REST, do_exec},
	{"readin", 0, do_readin},
	{"to", 1, do_to},
	{"echo", 1, do_echo},
	{"err", 1, do_err},
	{"flood", 1, do_flood},
	{"exit", 1, do_exit},
	{"kill", 1, do_kill},
	{"sigvalue", 1, do_sigvalue},
	{"orphans", 1, do_orphans},
	{"terminal", 1, do_terminal},
	{"ptrace", 1, do_ptrace},
	{"signal", 2, do_signal},
	{"ignore", 1, do_ignore},
	{"trap", 1, do_trap},
	{"pause", 0, do_pause},
	{"sleep", 1, do_sleep},
	{"stray", 1, do_stray},
	{"daemon", 1, do_daemon},
	{"alloc", 1, do_alloc},
	{"child_alloc", 1, do_child_alloc},
	{"loopback", 0, do_loopback},
	{"meet", 2, do_meet},
	{"call", 1, do_call},
	{"call32", 1, do_call32},
	{"links", 0, do_links},
	{"veth", 2, do_veth},
	{"bridge", 1, do_bridge},
	{"del-link", 1, do_unlink_device},
	{"master", 2, do_master},
	{"link-up", 1, do_link_up},
	{"add-addr", 4, do_addr},
};

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	int i = 1;

	while (i < argc) {
		const struct command *command = find(argv[i]);

		if (!command || argc - i - 1 < command->n_args) {
			(void)dprintf(2, "probe: %s: no such command, or too few words\n", argv[i]);
			return 99;
		}
		command->run(argv + i + 1);
		(void)fflush(stdout);
		if (command->n_args == ALL_THE_REST)
			return 0;
		i += 1 + command->n_args;
	}
	return 0;
}
