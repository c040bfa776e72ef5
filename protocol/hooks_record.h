/* Hooks on their way from the config to whoever runs them; hooks.json, which holds those that are to be run after spawn-daemon has
 * ended: poststop hooks, and poststart hooks of an unmonitored task. As long as the file is there, its poststop hooks are owed. */
#ifndef PROTOCOL_HOOKS_RECORD_H
#define PROTOCOL_HOOKS_RECORD_H

#include "protocol/config.h"
#include "util/hook.h"

#include <json-c/json_types.h>

enum { HOOKS_RECORD_VERSION = 1 };

/* Whether the config has hooks of this kind, or of any. */
bool hooks_has(const struct config *config, enum oci_hook_kind kind);
bool hooks_has_any(const struct config *config);

/* OCI's word for them. */
const char *hooks_kind_name(enum oci_hook_kind kind);

/* The hooks of @list as hooks_run() takes them; their strings stay the list's. To free(); NULL: out of memory. */
struct hook *hooks_prepare(const struct oci_hook_list *list);

/* The members of the task's OCI state that do not change: `"ociVersion":"1.2.0",...}`, what struct hook_place takes. To free();
 * NULL: out of memory. */
char *hooks_state(const struct config *config, const char *id, const char *bundle);

struct hooks_record {
	struct json_object *document; /* owned: what the strings point into */
	char *state; /* as hooks_state() gives it */
	const char *bundle; /* its member; NULL: none */
	struct oci_hook_list poststart, poststop;
	void *allocations;
};

/* The document for hooks.json: a new reference, or NULL (out of memory). @poststart: whether those are in it. */
struct json_object *hooks_record_encode(const struct config *config, const char *id,
					const char *bundle, bool poststart);

/* Decodes it. Returns 0 and fills *@ret (to hooks_record_done()), or -1 with @e filled. */
int hooks_record_decode(struct json_object *object, struct hooks_record *ret, struct ts_error *e);

void hooks_record_done(struct hooks_record *record);

#endif
