/* The default profile, which was compiled when taskshim was built. */
#include "spawn/seccomp_filter.h"

#include "gen/seccomp_default.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int sysfilter_default(uint64_t capabilities, struct sock_filter **ret, size_t *ret_n,
		      struct ts_error *e)
{
	struct sock_filter *filter = malloc(sizeof default_filter);

	e->step = TS_STEP_SECCOMP;
	if (!filter)
		return ts_fail(e, ENOMEM, "taskshim.seccomp", NULL);
	memcpy(filter, default_filter, sizeof default_filter);
	*ret_n = sizeof default_filter / sizeof default_filter[0];
	for (size_t i = 0; i < *ret_n; i++) {
		uint32_t which = filter[i].k & SECCOMP_RET_DATA;

		if (filter[i].code != (BPF_RET | BPF_K) ||
		    (filter[i].k & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_TRACE)
			continue;
		filter[i].k = default_conditions[which].capabilities & capabilities
				      ? SECCOMP_RET_ALLOW
				      : SECCOMP_RET_ERRNO | default_conditions[which].err;
	}
	*ret = filter;
	return 0;
}
