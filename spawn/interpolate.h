/* ${VAR} and $VAR in args: taskshim.interpolate. Pure. */
#ifndef SPAWN_INTERPOLATE_H
#define SPAWN_INTERPOLATE_H

#include "protocol/config.h"

/* Expands each of @args from @env ("K=V" strings); an undefined variable stays as it is written. Returns 0 and fills
 * *@ret (strings and list malloc'ed, for the rest of the process's life), or -ENOMEM. */
int interpolate(const struct str_list *args, const struct str_list *env, struct str_list *ret);

#endif
