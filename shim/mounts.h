/* The list `mounts` of a config: adding to it. */
#ifndef SHIM_MOUNTS_H
#define SHIM_MOUNTS_H

#include <json-c/json_types.h>
#include <stdbool.h>
#include <stddef.h>

/* The list, made if there is none. NULL: no memory. */
struct json_object *mounts_list(struct json_object *document);

/* The list that is in effect: where a config with taskshim.chroot has none, the default one is put in (protocol/defaults.h). NULL: no
 * memory. What it is, if not an array, is for who decodes it to say. */
struct json_object *mounts_in_effect(struct json_object *document);

/* Appends to @array; NULL is what a call that was out of memory has returned. Return 0, or -1 (no memory). @mqueue: also the message queues. */
int mounts_add(struct json_object *array, const char *destination, const char *type,
	       const char *source, const char *const *options, size_t n);
int mounts_add_defaults(struct json_object *array, bool mqueue);

#endif
