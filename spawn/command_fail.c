/* Why a command cannot be executed, in words: off the start path. */
#include "spawn/command.h"

#include "util/fd.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* How a file begins. */
struct file_start {
	union {
		Elf64_Ehdr elf;
		Elf32_Ehdr elf_32;
		char text[256];
	};
	ssize_t n; /* -1: it cannot be read */
};

static bool on_noexec(const char *path)
{
	struct statvfs fs;

	return statvfs(path, &fs) == 0 && fs.f_flag & ST_NOEXEC;
}

/* --- the look-up; with the task's rights, in its root --- */

/* The first directory of @path that we may not search, in @ret. */
static bool find_locked(const char *path, char ret[static PATH_MAX])
{
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		(void)snprintf(ret, PATH_MAX, "%.*s", (int)(slash - path), path);
		if (faccessat(AT_FDCWD, ret, X_OK, AT_EACCESS) < 0 && errno == EACCES)
			return true;
	}
	return false;
}

static int explain_denied(struct ts_error *e, const char *path)
{
	char part[PATH_MAX];
	struct stat st;
	unsigned uid = geteuid(), gid = getegid();

	if (find_locked(path, part))
		return ts_failf(e, EACCES, "command %s: uid %u, gid %u may not search %s", path,
				uid, gid, part);
	if (stat(path, &st) < 0)
		return ts_fail(e, EACCES, "command is not executable", path);
	if (!S_ISREG(st.st_mode))
		return ts_fail(e, EACCES, "command is not a regular file", path);
	if (st.st_mode & 0111 && on_noexec(path))
		return ts_fail(e, EACCES, "command lies on a noexec mount", path);
	return ts_failf(e, EACCES, "command is not executable by uid %u, gid %u (mode %04o): %s",
			uid, gid, (unsigned)st.st_mode & 07777, path);
}

static int explain_missing(struct ts_error *e, const char *path)
{
	char target[PATH_MAX];
	ssize_t n = strchr(path, '/') ? readlink(path, target, sizeof target - 1) : -1;

	if (n < 0)
		return ts_fail(e, ENOENT, "command not found", path);
	target[n] = '\0';
	return ts_failf(e, ENOENT, "command %s is a link to what is not in the root: %s", path,
			target);
}

int command_fail_lookup(struct ts_error *e, int err, const char *path)
{
	if (err == ENOENT || err == ENOTDIR)
		return explain_missing(e, path);
	if (err == EISDIR)
		return ts_fail(e, err, "command is a directory", path);
	if (err == EACCES)
		return explain_denied(e, path);
	return ts_fail(e, err, "look up command", path);
}

/* --- execve; under the task's seccomp filter: see can_explain() in init.c for the calls that it may make --- */

static const char *machine_name(unsigned machine)
{
	static const struct {
		unsigned machine;
		const char *name;
	} names[] = {{EM_X86_64, "x86-64"}, {EM_386, "i386"},	  {EM_AARCH64, "AArch64"},
		     {EM_ARM, "ARM"},	    {EM_RISCV, "RISC-V"}, {EM_PPC64, "PowerPC64"},
		     {EM_S390, "S/390"},    {EM_MIPS, "MIPS"},	  {EM_LOONGARCH, "LoongArch"}};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].machine == machine)
			return names[i].name;
	return "another architecture";
}

#if defined(__x86_64__)
enum { OWN_MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { OWN_MACHINE = EM_AARCH64 };
#else
enum { OWN_MACHINE = EM_NONE };
#endif

/* Where in the file the path of its library loader is. Returns its length, or 0: it has none. */
static size_t find_loader(int fd, const struct file_start *start, off_t *ret_at)
{
	bool is_64 = start->elf.e_ident[EI_CLASS] == ELFCLASS64;
	unsigned n = is_64 ? start->elf.e_phnum : start->elf_32.e_phnum;

	for (unsigned i = 0; i < n && i < 64; i++) {
		Elf32_Phdr half;
		Elf64_Phdr segment;
		off_t at = is_64 ? (off_t)(start->elf.e_phoff + i * sizeof segment)
				 : (off_t)(start->elf_32.e_phoff + i * sizeof half);

		if (is_64 ? pread(fd, &segment, sizeof segment, at) != (ssize_t)sizeof segment
			  : pread(fd, &half, sizeof half, at) != (ssize_t)sizeof half)
			return 0;
		if ((is_64 ? segment.p_type : half.p_type) != PT_INTERP)
			continue;
		*ret_at = is_64 ? (off_t)segment.p_offset : (off_t)half.p_offset;
		return is_64 ? segment.p_filesz : half.p_filesz;
	}
	return 0;
}

static bool read_loader(int fd, const struct file_start *start, char *ret, size_t size)
{
	off_t at = 0;
	size_t len = find_loader(fd, start, &at);

	if (len == 0 || len > size || pread(fd, ret, len, at) != (ssize_t)len)
		return false;
	ret[len - 1] = '\0';
	return true;
}

/* @what: "execute PATH", or that with the interpreter of the script. */
static int explain_elf(struct ts_error *e, int err, const char *what, int fd,
		       const struct file_start *start)
{
	char loader[PATH_MAX];

	if (start->n < (ssize_t)sizeof start->elf_32)
		return ts_failf(e, err, "%s: it is a program cut short", what);
	if (OWN_MACHINE != EM_NONE && start->elf.e_machine != OWN_MACHINE && err == ENOEXEC)
		return ts_failf(e, err, "%s: it is built for %s", what,
				machine_name(start->elf.e_machine));
	if (read_loader(fd, start, loader, sizeof loader) && access(loader, F_OK) < 0)
		return ts_failf(e, err, "%s: its library loader is not in the root: %s", what,
				loader);
	return ts_fail(e, err, what, NULL);
}

static void read_start(int fd, struct file_start *ret)
{
	ret->n = fd < 0 ? -1 : pread(fd, ret->text, sizeof ret->text - 1, 0);
	ret->text[ret->n > 0 ? ret->n : 0] = '\0';
}

/* The interpreter is there: the kernel may miss what that one needs. */
static int explain_interpreter(struct ts_error *e, int err, const char *path,
			       const char *interpreter)
{
	_cleanup_fd_ int fd = open(interpreter, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct file_start start = {.n = 0};
	char what[512];

	(void)snprintf(what, sizeof what, "execute %s: its interpreter %s", path, interpreter);
	if (on_noexec(interpreter))
		return ts_failf(e, err, "%s lies on a noexec mount", what);
	read_start(fd, &start);
	if (start.n > 0 && memcmp(start.text, ELFMAG, SELFMAG) == 0)
		return explain_elf(e, err, what, fd, &start);
	return ts_fail(e, err, "execute", path);
}

static int explain_script(struct ts_error *e, int err, const char *path, char *line)
{
	char *interpreter = line + 2 + strspn(line + 2, " \t");
	char *end = interpreter + strcspn(interpreter, " \t\n\r");
	bool has_return = *end == '\r' || (*end && strstr(end, "\r\n"));

	*end = '\0';
	if (!*interpreter)
		return ts_failf(e, err, "execute %s: its #! line names no interpreter", path);
	if (access(interpreter, F_OK) < 0)
		return ts_failf(e, err, "execute %s: its interpreter is not in the root: %s", path,
				interpreter);
	if (has_return && err == ENOENT)
		return ts_failf(
			e, err,
			"execute %s: its #! line ends in a carriage return, which is no part of "
			"%s: save it with Unix line ends",
			path, interpreter);
	if (access(interpreter, X_OK) < 0 && !on_noexec(interpreter))
		return ts_failf(e, err, "execute %s: its interpreter is not executable: %s", path,
				interpreter);
	return explain_interpreter(e, err, path, interpreter);
}

int command_fail_exec(struct ts_error *e, int err, const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct file_start start = {.n = 0};
	char what[512];

	e->step = TS_STEP_EXEC;
	if (err == EACCES && on_noexec(path))
		return ts_failf(e, err, "execute %s: it lies on a noexec mount", path);
	if (err == E2BIG)
		return ts_failf(e, err, "execute %s: args and env are too large", path);
	read_start(fd, &start);
	if (start.n == 0)
		return ts_failf(e, err, "execute %s: it is an empty file", path);
	if (start.n < 0)
		return ts_fail(e, err, "execute", path);
	if (memcmp(start.text, "#!", 2) == 0)
		return explain_script(e, err, path, start.text);
	(void)snprintf(what, sizeof what, "execute %s", path);
	if (memcmp(start.text, ELFMAG, SELFMAG) == 0)
		return explain_elf(e, err, what, fd, &start);
	if (err == ENOEXEC)
		return ts_failf(e, err, "execute %s: neither a program nor a script with a #! line",
				path);
	return ts_fail(e, err, "execute", path);
}
