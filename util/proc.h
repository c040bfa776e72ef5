/* What identifies a process across pid reuse and reboot, read from /proc. proc_pid_stat(5), random(4). */
#ifndef UTIL_PROC_H
#define UTIL_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { TS_BOOT_ID_LEN = 36, TS_RUN_ID_LEN = 32 };

/* Pure: field 22 (starttime, clock ticks since boot) and field 3 (state) of a line of /proc/PID/stat, whose command name
 * may hold any bytes, ')' too. @ret_state may be NULL. Returns 0, or -EINVAL. */
int ts_proc_stat_parse(const char *line, uint64_t *ret_start, char *ret_state);

/* Pure: field 52 (exit_code), a status as of waitpid(2), which is 0 in the eyes of those who may not trace the process.
 * Returns 0, or -EINVAL. */
int ts_proc_stat_exit_code(const char *line, int *ret_status);

/* The start time of @pid, in clock ticks since boot. Returns 0, or -1 and errno (ENOENT or ESRCH: no such process). */
int ts_proc_start_time(pid_t pid, uint64_t *ret_start);

/* Pure: whether the kernel would drop @signo for the process with this /proc/PID/status: it is process 1 of a pid namespace
 * of its own and neither handles, blocks nor ignores the signal. False when the text does not tell. SIGKILL and SIGSTOP of
 * an outer namespace are never dropped. */
bool ts_proc_status_drops_signal(const char *status, int signo);

/* The same for a process that runs. False when that cannot be found out. */
bool ts_proc_drops_signal(pid_t pid, int signo);

/* The boot id, 36 characters and a NUL. Returns 0, or -1 and errno. */
int ts_boot_id(char ret[TS_BOOT_ID_LEN + 1]);

/* A random run id, 32 hex digits and a NUL. Returns 0, or -1 and errno. */
int ts_run_id_new(char ret[TS_RUN_ID_LEN + 1]);

/* A pidfd (O_CLOEXEC) of the process that has @pid and started at @start: opened first, then checked, so that a reused
 * number is never taken for it. @inode: of its pidfds; where they are on pidfs (Linux 6.9) it is unique until the next boot, and
 * proof alone, while a start time has ticks of 10 ms; 0: not recorded. Returns the fd, or -1 and errno (ESRCH: gone, or the number is another's;
 * anything else: not known). */
int ts_pidfd_open_checked(pid_t pid, uint64_t start, uint64_t inode);

/* How the process of @pidfd, which has ended, did that: a status as of waitpid(2). Until it is reaped /proc tells; after that
 * the kernel does, for who had the pidfd before (Linux 6.15). Returns 0, or -1: nobody can tell. */
int ts_pidfd_exit_status(int pidfd, pid_t pid, uint64_t start, int *ret_status);

/* pidfd_send_signal(2). Returns 0, or -1 and errno. */
int ts_pidfd_kill(int pidfd, int signo);

/* Sends @signo to process @pid, open as @pidfd, to end it: one that the kernel would drop (above) is SIGKILL instead, as
 * nothing would come of it. Returns 0, 1 when it was killed instead, or -1 and errno. */
int ts_pidfd_terminate(int pidfd, pid_t pid, int signo);

#endif
