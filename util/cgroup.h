/* The cgroup hierarchies of this machine and the formats of their files: cgroup(7), the kernel's cgroup-v1/ and
 * cgroup-v2.rst. Nothing here makes or removes a cgroup. */
#ifndef UTIL_CGROUP_H
#define UTIL_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum ts_cgroup_layout {
	TS_CGROUP_UNKNOWN = -1,
	TS_CGROUP_NONE,
	TS_CGROUP_V1,
	TS_CGROUP_HYBRID,
	TS_CGROUP_V2
};

/* The key "unified" names the cgroup2 hierarchy, "systemd" the v1 hierarchy name=systemd. */
#define TS_CGROUP_UNIFIED "unified"
/* With the id behind it a task's cgroup in a hierarchy of v1, where the config names none. */
#define TS_CGROUP_V1_NAME "/taskshim-"

/* The layout mounted at @mount ("/sys/fs/cgroup" but in tests): cgroup2 there is V2; cgroup2 at @mount/unified beside
 * v1 controllers is HYBRID; no cgroup filesystem at all is NONE. One or two statfs(2); UNKNOWN and errno when one
 * fails otherwise than for want of the path. */
enum ts_cgroup_layout ts_cgroup_layout(const char *mount);

/* Opens the cgroup directory @path (absolute) after proving what it is: no symlink in it, a directory of a cgroup2
 * filesystem when @v2, else of a cgroup one. Returns an O_PATH-free directory fd (openat, fgetxattr and fstat work on
 * it), or -1 and errno: ENOENT missing, ELOOP a symlink, ENOTDIR, EMEDIUMTYPE not on such a filesystem. */
int ts_cgroup_open(const char *path, bool v2);

/* The cgroup of cgroup2 that @pid (0: the caller) is in, "/" for the top, as the caller's cgroup namespace sees it: the line
 * "0::/a/b" of /proc/PID/cgroup. Returns 0, or -1: it has none. */
int ts_cgroup_v2_of(pid_t pid, char ret[static PATH_MAX]);

/* Reads a file of one number below @dir_fd; "max" is UINT64_MAX. Returns 0, or -1 and errno. */
int ts_cgroup_read_u64(int dir_fd, const char *file, uint64_t *ret);

/* Reads the value of @key in a flat-keyed file ("oom_kill 3\n"). Returns 0, or -1 and errno (ENODATA: no such key). */
int ts_cgroup_read_key(int dir_fd, const char *file, const char *key, uint64_t *ret);

/* Pure: the value of @key in the text of a flat-keyed file. Returns 0, -ENODATA, or -EINVAL. */
int ts_cgroup_key_parse(const char *text, const char *key, uint64_t *ret);

/* Pure: cpu.weight of v2 for cpu.shares of v1 (2..262144 -> 1..10000), as runc converts: 0 stays 0. */
uint64_t ts_cgroup_weight_from_shares(uint64_t shares);

/* Pure: io.weight of v2 for blkio.weight of v1 (10..1000 -> 1..10000), as runc converts: 0 stays 0. */
uint64_t ts_cgroup_io_weight_from_blkio(uint64_t weight);

/* Sets and reads the mark of the cgroup at @path. Who is not root has one of another name, which its owner can write, and
 * which root does not look at. As setxattr(2) and lgetxattr(2). */
int ts_cgroup_set_mark(const char *path, const char *value, size_t len);
ssize_t ts_cgroup_get_mark(const char *path, char *buf, size_t size);
ssize_t ts_cgroup_get_mark_of(int fd, char *buf, size_t size);

#define TS_CGROUP_USER_MARK "user.taskshim.run"
#define TS_CGROUP_MARK                                                                             \
	"trusted.taskshim.run" /* xattr of every cgroup that we made; its value is the run id */

#endif
