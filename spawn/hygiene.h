/* What a driver may have left behind is neither the monitor's nor the task's. design.md section 7, guarantee 6. */
#ifndef SPAWN_HYGIENE_H
#define SPAWN_HYGIENE_H

#include "util/error.h"

/* Refuses a setuid installation (AT_SECURE), resets every signal disposition and blocks all signals: the monitor reads
 * SIGCHLD from a signalfd and is disturbed by no other, init unblocks them just before exec. Returns 0, or -1 with @e. */
int hygiene_reset(struct ts_error *e);

/* Unblocks all signals. */
void hygiene_unblock(void);

#endif
