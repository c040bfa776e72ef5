/* What spawn-daemon itself may hand on. */
#ifndef SPAWN_CAPABILITIES_H
#define SPAWN_CAPABILITIES_H

#include <stdint.h>

/* All that the kernel has: a process in a new user namespace has them there. */
uint64_t capabilities_known(void);

/* Those of @asked that are both in our bounding and in our permitted set: nothing else can be granted. Returns 0, or -1 and
 * errno. */
int capabilities_available(uint64_t asked, uint64_t *ret);

#endif
