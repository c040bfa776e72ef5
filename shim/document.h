/* Edits the config on its way to spawn-daemon: takes out what the shim does itself, puts in what it has prepared. The
 * document stays what the caller wrote but for that: nothing re-encodes OCI. */
#ifndef SHIM_DOCUMENT_H
#define SHIM_DOCUMENT_H

#include "shim/cgroup_plan.h"
#include "util/error.h"

#include <json-c/json_types.h>
#include <stdbool.h>

struct document_edit {
	const char *id, *run_id, *state_dir; /* no state directory, no id: NULL */
	bool unmonitored, kill_on_parent_death, clean_up;
	const char
		*stdio[3]; /* "fd:3", a path; NULL: leave. Only where the document does not say */
	const char *
		console; /* "fd:6": where the terminal of a document that has one goes; NULL: leave */
	size_t n_fds; /* taskshim.preserveFds */
	const struct cgroup_plan *plan; /* resolved; the cgroups that will be there */
};

/* Edits @document in place. linux.cgroupsPath and linux.resources go: strings of a config decoded from @document that
 * lie in them die here. Returns 0, or -1 with @e filled (ENOMEM). */
int document_edit(struct json_object *document, const struct document_edit *edit,
		  struct ts_error *e);

#endif
