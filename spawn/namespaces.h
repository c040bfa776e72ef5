/* Which namespaces the task gets. */
#ifndef SPAWN_NAMESPACES_H
#define SPAWN_NAMESPACES_H

#include "protocol/config.h"

#include <stdbool.h>
#include <stdint.h>

/* The CLONE_NEW* flags for clone3(2). */
uint64_t namespaces_clone_flags(const struct config *config);

/* Whether the mounts of the task's namespace stay peers of the host's: linux.rootfsPropagation "shared", "rshared". */
bool namespaces_stay_shared(const struct config *config);

#endif
