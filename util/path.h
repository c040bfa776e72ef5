/* Paths that must not lead astray: everything below a task's root or a state directory is opened through these.
 * openat2(2), Linux 5.6. There is no quiet retry with a weaker call. */
#ifndef UTIL_PATH_H
#define UTIL_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Opens @path as the task sees it: "/" is @root_fd, no symlink leaves it, no magic link is followed. No O_CREAT.
 * @flags: O_*; O_CLOEXEC is added. Returns an fd, or -1 and errno (EAGAIN when a rename kept racing the walk). */
int ts_open_in_root(int root_fd, const char *path, uint64_t flags);

/* Opens @path below @dir_fd (or from / when absolute and @dir_fd is AT_FDCWD) with no symlink in any component.
 * O_CREAT with @mode is allowed. Returns an fd, or -1 and errno (ELOOP for a symlink). */
int ts_open_no_symlinks(int dir_fd, const char *path, uint64_t flags, mode_t mode);

/* The same, and the walk may not leave @dir_fd (no "..", no absolute path). */
int ts_open_beneath(int dir_fd, const char *path, uint64_t flags, mode_t mode);

/* Where @path of the host enters one of the @n directories, however it is spelt: the rest of it, and *@ret_dir, that
 * descriptor. NULL: it does not. Compared by inode, so that "..", "//", a symlink or another name of the directory change
 * nothing. Negative ones are none. */
const char *ts_path_enters(const char *path, const int *dirs, size_t n, int *ret_dir);

/* Opens @path of the host for, or of, a task that owns the @n directories and could swap any component below them: no symlink at
 * all there. In other places the path is the operator's, and only its last component must not be one. Negative descriptors are
 * none. O_CREAT with @mode is allowed. Returns an fd, or -1 and errno. */
int ts_open_entering(const char *path, const int *dirs, size_t n, uint64_t flags, mode_t mode);

/* Opens @path in the root that this process is in, through no magic link: one of /proc/self/fd may lead out of it. */
int ts_open_here(const char *path, uint64_t flags);

/* /proc, proven to be the root of a procfs. Returns an O_PATH fd, or -1 and errno (EMEDIUMTYPE: something else is there). */
int ts_open_proc(void);

/* Opens @path below @proc_fd, and nothing that was mounted over a part of it. Returns an fd, or -1 and errno. */
int ts_open_proc_file(int proc_fd, const char *path, uint64_t flags);

/* The file @name of /proc/sys ("net/ipv4/ip_forward") in that procfs, reached through no symlink and no other mount. Returns an
 * fd, or -1 and errno. */
int ts_open_sysctl(int proc_fd, const char *name, uint64_t flags);

/* Makes the directory @path below @root_fd, with missing parents (mode 0755), as the task sees the path; symlinks
 * inside the root are followed, one that dangles is an error. Returns an O_PATH fd of the directory, or -1 and errno.
 * *@ret_created, if not NULL: whether the last component was made. */
int ts_mkdir_in_root(int root_fd, const char *path, mode_t mode, bool *ret_created);

/* The same for an empty regular file (mode 0644) as a mount point. Returns an O_PATH fd, or -1 and errno. */
int ts_mkfile_in_root(int root_fd, const char *path);

/* Pure: whether @path is absolute and normal: no "//", no "." or "..", no trailing "/" except for "/". */
bool ts_path_is_normal(const char *path);

/* Pure: whether @path is @dir or lies below it, compared as text; both normal. */
bool ts_path_is_below(const char *path, const char *dir);

#endif
