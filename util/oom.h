/* Whom the OOM killer has killed, by the kernel's own log. A memory cgroup counts its kills and does not say of whom; the log
 * names the process. */
#ifndef UTIL_OOM_H
#define UTIL_OOM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum ts_oom {
	TS_OOM_UNKNOWN, /* the log cannot be read, or does not go back far enough */
	TS_OOM_NO,
	TS_OOM_YES
};

/* Pure: the time (microseconds since boot) of a record of /dev/kmsg, "3,1182,1199054046,-;text". Returns 0, or -EINVAL. */
int ts_kmsg_time(const char *record, uint64_t *ret_us);

/* Pure: whether the record is the kernel's word, not that of a process that writes there, that the OOM killer kills @pid. */
bool ts_kmsg_is_oom_kill(const char *record, pid_t pid);

/* Whether the OOM killer has ended process @pid, which ran for the last @runtime_ms and has been reaped just now. Costs about
 * a microsecond for each record of the log; 20 ms more before it says no. */
enum ts_oom ts_oom_has_killed(pid_t pid, uint64_t runtime_ms);

#endif
