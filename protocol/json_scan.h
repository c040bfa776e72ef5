/* A strict reading of JSON text (RFC 8259) that builds nothing: it finds where a document ends, and refuses what json-c
 * would let pass or quietly change: NaN, Infinity, control characters, NUL in strings and keys, UTF-8 that is overlong
 * or a surrogate, lone \uD800 escapes, too many levels. Pure.
 *
 * Lifecycle: zero a struct json_scan -> json_scan_feed() as often as text arrives -> done. */
#ifndef PROTOCOL_JSON_SCAN_H
#define PROTOCOL_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_scan_result { JSON_SCAN_MORE, JSON_SCAN_DONE, JSON_SCAN_ERROR };

/* Where the scan stands between two pieces of text. All zero is the start of a document. */
struct json_scan {
	uint64_t objects; /* bit N: level N + 1 is an object, not an array */
	unsigned depth;
	unsigned state;
	const char *literal; /* what is left of true, false, null */
	unsigned utf8_left; /* continuation bytes still to come ... */
	unsigned char utf8_min, utf8_max; /* ... and the range of the next one */
	unsigned hex_left, hex; /* digits of a \u escape */
	bool low_surrogate; /* the escape must be the second half of a pair */
	bool is_key; /* the string is a key */
	bool negative, is_double,
		overflow; /* of the number: json-c clamps an integer that does not fit */
	uint64_t magnitude;
	const char *problem; /* after JSON_SCAN_ERROR: what is wrong */
};

/* Goes on with @text (@len bytes). *@ret_used is how many of them belong to the document (JSON_SCAN_DONE: it ends there),
 * or at which one the problem lies (JSON_SCAN_ERROR). A number at the top level ends with the byte after it. */
enum json_scan_result json_scan_feed(struct json_scan *s, const char *text, size_t len,
				     size_t *ret_used);

/* The text is over: whether a number at the top level thereby is whole; if not, s->problem says what is wrong. */
bool json_scan_end(struct json_scan *s);

/* Whether nothing but white space was seen so far. */
bool json_scan_is_blank(const struct json_scan *s);

/* The length of the valid UTF-8 sequence that starts at @text (1 to 4), 0 when there is none. */
size_t utf8_sequence_len(const char *text, size_t len);

/* Writes the character @rune (no surrogate, at most 0x10ffff) as UTF-8 and returns where it ends: at most 4 bytes. */
char *utf8_put(char *out, uint32_t rune);

#endif
