/* Builds json-c objects of JSON text that json_scan_feed() found valid. json-c's own parser is not used: it dereferences
 * NULL when memory runs out, clamps numbers, and changes the thread's locale for each document. */
#ifndef PROTOCOL_JSON_BUILD_H
#define PROTOCOL_JSON_BUILD_H

#include <json-c/json_types.h>
#include <stddef.h>

/* Builds the one document in @text: exactly the bytes that the scan counted to it. Returns 0 and *@ret (NULL for `null`),
 * or -1 and errno: ENOMEM, or ERANGE for a number that does not fit a double; *@ret_offset then says where. */
int json_build(const char *text, size_t len, struct json_object **ret, size_t *ret_offset);

#endif
