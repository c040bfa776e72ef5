/* Looks up args[0] as execvp(3) does, with the task's rights inside its root, before the gate. */
#include "spawn/command.h"
#include "spawn/steps.h"

#include "util/fd.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin" /* where the task has no PATH */

/* Returns 0 when @path can be executed by its mode, else -1 and errno. */
static int check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		errno = EACCES;
		return -1;
	}
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS);
}

static bool is_missing(int err)
{
	return err == ENOENT || err == ENOTDIR;
}

/* Tries @dir/@name; keeps in *@first the errno of the first candidate that is there but cannot be executed. */
static bool try_candidate(struct task *task, const char *dir, size_t len, const char *name,
			  int *first)
{
	int n = snprintf(task->command, sizeof task->command, "%.*s/%s", (int)len, dir, name);

	if (n < 0 || (size_t)n >= sizeof task->command) {
		*first = *first ? *first : ENAMETOOLONG;
		return false;
	}
	if (check_executable(task->command) == 0)
		return true;
	if (!is_missing(errno) && *first == 0)
		*first = errno;
	return false;
}

static const char *task_path(const struct task *task)
{
	const struct str_list *env = &task->plan->config->process.env;

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], "PATH=", 5) == 0)
			return env->v[i] + 5;
	return DEFAULT_PATH;
}

static bool search_path(struct task *task, const char *name, int *first)
{
	for (const char *dir = task_path(task);; dir++) {
		size_t len = strcspn(dir, ":");

		/* POSIX reads an empty entry as the working directory */
		if (try_candidate(task, len ? dir : ".", len ? len : 1, name, first))
			return true;
		dir += len;
		if (!*dir)
			return false;
	}
}

static int fail_lookup(struct ts_error *e, int err, const char *name)
{
	if (is_missing(err))
		return ts_fail(e, ENOENT, "command not found", name);
	if (err == EISDIR)
		return ts_fail(e, err, "command is a directory", name);
	if (err == EACCES)
		return ts_fail(e, err, "command is not executable", name);
	return ts_fail(e, err, "look up command", name);
}

int step_command(struct task *task, struct ts_error *e)
{
	const struct plan *plan = task->plan;
	const char *name = plan->executable ? plan->executable : plan->args.v[0];
	int first = 0;

	/* Nomad's order: a task brings its own binaries in /local, then the root, then PATH. */
	if (plan->task_dir_fd >= 0 && name[0] != '/') {
		if (try_candidate(task, "/local", 6, name, &first) ||
		    try_candidate(task, "", 0, name, &first))
			return 0;
	}
	if (!strchr(name, '/')) {
		if (search_path(task, name, &first))
			return 0;
		return fail_lookup(e, first ? first : ENOENT, name);
	}
	if (strlen(name) >= sizeof task->command)
		return fail_lookup(e, ENAMETOOLONG, name);
	strcpy(task->command, name);
	return check_executable(name) == 0 ? 0 : fail_lookup(e, first ? first : errno, name);
}

/* --- why execve failed; off the start path --- */

static int explain_script(struct ts_error *e, int err, const char *path, char *line)
{
	char *interpreter = line + 2 + strspn(line + 2, " \t");

	interpreter[strcspn(interpreter, " \t\n\r")] = '\0';
	if (access(interpreter, F_OK) < 0)
		return ts_failf(e, err, "execute %s: its interpreter is not in the root: %s", path,
				interpreter);
	if (access(interpreter, X_OK) < 0)
		return ts_failf(e, err, "execute %s: its interpreter is not executable: %s", path,
				interpreter);
	return ts_fail(e, err, "execute", path);
}

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

/* Reads PT_INTERP of a 64-bit ELF file into @ret. Returns whether there is one. */
static bool read_loader(int fd, const Elf64_Ehdr *header, char *ret, size_t size)
{
	for (unsigned i = 0; i < header->e_phnum && i < 64; i++) {
		Elf64_Phdr segment;
		off_t at = (off_t)(header->e_phoff + i * (uint64_t)header->e_phentsize);

		if (pread(fd, &segment, sizeof segment, at) != (ssize_t)sizeof segment)
			return false;
		if (segment.p_type != PT_INTERP || segment.p_filesz == 0 || segment.p_filesz > size)
			continue;
		if (pread(fd, ret, segment.p_filesz, (off_t)segment.p_offset) !=
		    (ssize_t)segment.p_filesz)
			return false;
		ret[segment.p_filesz - 1] = '\0';
		return true;
	}
	return false;
}

static int explain_elf(struct ts_error *e, int err, const char *path, int fd,
		       const Elf64_Ehdr *header)
{
	char loader[PATH_MAX];

	if (OWN_MACHINE != EM_NONE && header->e_machine != OWN_MACHINE && err == ENOEXEC)
		return ts_failf(e, err, "execute %s: it is built for %s", path,
				machine_name(header->e_machine));
	if (header->e_ident[EI_CLASS] == ELFCLASS64 &&
	    read_loader(fd, header, loader, sizeof loader) && access(loader, F_OK) < 0)
		return ts_failf(e, err, "execute %s: its library loader is not in the root: %s",
				path, loader);
	return ts_fail(e, err, "execute", path);
}

int command_fail_exec(struct ts_error *e, int err, const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct statvfs fs;
	union {
		Elf64_Ehdr elf;
		char text[256];
	} start = {.text = ""};

	e->step = TS_STEP_EXEC;
	if (err == EACCES && statvfs(path, &fs) == 0 && fs.f_flag & ST_NOEXEC)
		return ts_failf(e, err, "execute %s: it lies on a noexec mount", path);
	if (err == E2BIG)
		return ts_failf(e, err, "execute %s: args and env are too large", path);
	if (fd < 0 || pread(fd, &start, sizeof start - 1, 0) <= 0)
		return ts_fail(e, err, "execute", path);
	if (memcmp(start.text, "#!", 2) == 0)
		return explain_script(e, err, path, start.text);
	if (memcmp(start.text, ELFMAG, SELFMAG) == 0)
		return explain_elf(e, err, path, fd, &start.elf);
	if (err == ENOEXEC)
		return ts_failf(e, err, "execute %s: neither a program nor a script with a #! line",
				path);
	return ts_fail(e, err, "execute", path);
}

int command_exit_status(const struct ts_error *e)
{
	if (e->step == TS_STEP_COMMAND)
		return is_missing(e->err) ? 127 : 126;
	return e->step == TS_STEP_EXEC ? 126 : 125;
}
