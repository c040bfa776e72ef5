/* state.json: what spawn-daemon writes once per run, before `created`, for whoever has to find the task again. The
 * status is not in it: it is worked out from the kernel and from exit.json when somebody asks. design.md section 5. */
#ifndef PROTOCOL_STATE_H
#define PROTOCOL_STATE_H

#include "protocol/config.h"
#include "util/error.h"
#include "util/proc.h"

#include <json-c/json_types.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum { STATE_VERSION = 1 };

struct state {
	char *id;
	char *bundle; /* absolute; what the config's relative paths were relative to */
	char *id_string; /* holds pids, start times, boot id, run id, cgroups: decoded with id_string_decode() */
	char *owner; /* user name that started it, for `list`; NULL: unknown */
	struct timespec created_at;
	int kill_signal;
	uint64_t kill_timeout_ms;
	bool kill_on_monitor_death; /* else what the monitor leaves goes on */
	bool clean_up; /* the parent's death leaves nothing of the task, the record included */
	struct json_object *annotations; /* object or NULL; owned */
};

/* The document for state.json: a new reference, or NULL (out of memory). */
struct json_object *state_encode(const struct state *state);

/* Decodes it. A version we do not know is refused with both numbers named; unknown properties are ignored, so that an
 * older program reads a newer file of the same version. Returns 0 and fills *@ret (to state_done()), or -1. */
int state_decode(struct json_object *object, struct state *ret, struct ts_error *e);

void state_done(struct state *state);

#endif
