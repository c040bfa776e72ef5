/* subuid(5) and subgid(5): the ids beside his own that a user may map. Pure. */
#ifndef SHIM_SUBID_H
#define SHIM_SUBID_H

#include <stdbool.h>

/* Finds the first range of the user @name (may be NULL) or @uid in the text of such a file; malformed lines are passed over.
 * Returns whether there is one. */
bool subid_find(const char *text, const char *name, unsigned uid, unsigned *ret_first,
		unsigned *ret_size);

#endif
