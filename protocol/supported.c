/* Refuses what is decoded but not enforced yet: one table, from which a row goes when its feature comes. */
#include "protocol/config.h"

#include <errno.h>

static const struct {
	const char *path;
	size_t offset; /* of a bool: whether it is asked for */
} refused[] = {
#define ROW(path_, member)                                                                         \
	{                                                                                          \
		path_, offsetof(struct config, member)                                             \
	}
	ROW("process.terminal", process.terminal),
	ROW("taskshim.logs", taskshim.logs.set),
#undef ROW
};

static int fail(struct ts_error *e, const char *path, const char *reason)
{
	e->step = TS_STEP_CONFIG;
	return ts_fail(e, EINVAL, path, reason);
}

int config_check_supported(const struct config *config, struct ts_error *e)
{
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		if (*(const bool *)((const char *)config + refused[i].offset))
			return fail(e, refused[i].path, "not supported yet");
	if (config->linux_.intel_rdt.set)
		return fail(e, "linux.intelRdt",
			    "not supported: nothing here sets up resctrl groups of caches and "
			    "memory bandwidth");
	return 0;
}
