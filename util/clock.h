/* Time that neither the wall clock's steps nor a machine that sleeps can bend: CLOCK_BOOTTIME. */
#ifndef UTIL_CLOCK_H
#define UTIL_CLOCK_H

#include <stdint.h>

/* Milliseconds since boot, sleep included. */
int64_t ts_boottime_ms(void);

/* Waits until the process of @pidfd has ended, at most @timeout_ms of CLOCK_BOOTTIME (-1: no limit, 0: look once). Returns
 * 1 when it has, 0 on timeout, or -1 and errno; ENOMEM only after half a second of it. */
int ts_pidfd_wait(int pidfd, int64_t timeout_ms);

#endif
