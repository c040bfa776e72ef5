/* Refuses what is decoded but not enforced. */
#include "protocol/config.h"

#include <errno.h>

int config_check_supported(const struct config *config, struct ts_error *e)
{
	if (!config->linux_.intel_rdt.set)
		return 0;
	e->step = TS_STEP_CONFIG;
	return ts_fail(e, EINVAL, "linux.intelRdt",
		       "not supported: nothing here sets up resctrl groups of caches and "
		       "memory bandwidth");
}
