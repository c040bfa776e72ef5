/* The 2015 form as a config: so that it takes the same steps as every other task. */
#ifndef SPAWN_CONFIG2015_H
#define SPAWN_CONFIG2015_H

#include "protocol/config.h"
#include "protocol/form2015.h"
#include "spawn/monitor.h"

/* Makes the config that gives @form what it had in 2015: Chroot entered with a private mount namespace, cwd "/", the three
 * files, the caller's user unless Credential says otherwise. Points into @form, which must outlive it. Returns 0 and
 * *@ret, or -1 with @e filled. */
int config_from_form2015(const struct form2015 *form, struct config **ret, struct ts_error *e);

/* Opens the directory of ExitStatusFile, before the start: no task whose status cannot be told. @form may be NULL. */
int config2015_open_exit_status(const struct form2015 *form, struct monitor *m, struct ts_error *e);

#endif
