/* Which namespaces the task gets. */
#ifndef SPAWN_NAMESPACES_H
#define SPAWN_NAMESPACES_H

#include "protocol/config.h"

#include <stdint.h>

/* The CLONE_NEW* flags for clone3(2). */
uint64_t namespaces_clone_flags(const struct config *config);

#endif
