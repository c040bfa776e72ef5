/* What a task gets that has a `taskshim.chroot` and does not say otherwise: OCI "Default Filesystems", and the paths of /proc
 * and /sys that every OCI tool masks. */
#ifndef SPAWN_DEFAULTS_H
#define SPAWN_DEFAULTS_H

#include "spawn/plan.h"

/* Fills plan->mounts, masked_paths and readonly_paths from the config, or with the defaults where the config has
 * taskshim.chroot and leaves them out (an empty list is not left out). */
void defaults_apply(struct plan *plan);

#endif
