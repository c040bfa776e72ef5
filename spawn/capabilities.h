/* What spawn-daemon itself may hand on. */
#ifndef SPAWN_CAPABILITIES_H
#define SPAWN_CAPABILITIES_H

#include <stdint.h>

/* The capabilities that are both in our bounding and in our permitted set: nothing else can be granted. Returns 0, or -1
 * and errno. */
int capabilities_available(uint64_t *ret);

#endif
