/* What the verb events prints: runc's events. */
#ifndef SHIM_CMD_EVENTS_H
#define SHIM_CMD_EVENTS_H

#include "shim/stats.h"

#include <json-c/json_types.h>

/* {"type":@type,"id":@id} with @data, which is taken over, where that is not NULL: a new reference, or NULL (no memory). */
struct json_object *event_json(const char *type, const char *id, struct json_object *data);

/* The `data` of a stats event, of a sample that was just taken into @stats and of the files that no sample needs. Returns 0 and
 * a new reference, or -1 with @e filled. */
int event_stats_json(struct stats *stats, struct json_object **ret, struct ts_error *e);

#endif
