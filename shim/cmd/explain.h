/* Part of `taskshim explain`. */
#ifndef SHIM_CMD_EXPLAIN_H
#define SHIM_CMD_EXPLAIN_H

#include "protocol/config.h"

#include <stddef.h>

/* Who the task will be, as far as the files tell that its root will have: "uid 1000, gid 1000, groups 4 24". @bundle: what root.path is
 * relative to. */
void explain_user(const struct config *config, const char *bundle, char *ret, size_t size);

#endif
