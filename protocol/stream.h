/* Standard input of spawn-daemon: a stream of JSON documents. design.md section 3. */
#ifndef PROTOCOL_STREAM_H
#define PROTOCOL_STREAM_H

#include "util/error.h"

#include <json-c/json_types.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	STREAM_DOCUMENT_MAX = 4 * 1024 * 1024, /* bytes of one document */
	STREAM_DEPTH_MAX = 64, /* levels of one document */
};

/* Bytes read from fd but not yet used: the gate may come in the same read(2) as the config. */
struct stream {
	int fd; /* borrowed */
	char *data;
	size_t used, size;
};

enum stream_result { STREAM_DOCUMENT, STREAM_EOF, STREAM_ERROR };

/* Parses one document of @text (@len bytes, all of it but trailing white space must belong to the document). Strict JSON:
 * no comments, no NaN or Infinity, no numbers that do not fit 64 bits or a double, no NUL in strings or keys, valid
 * UTF-8, at most 4 MiB and 64 levels; of duplicate keys the last wins. Returns 0 and *@ret (json_object_put() it; may be
 * NULL for the document `null`), or -1 with @e filled ("line 3, column 7: ..."). */
int document_parse(const char *text, size_t len, struct json_object **ret, struct ts_error *e);

/* Reads the next document from @s->fd, blocking. STREAM_EOF: end of file with nothing but white space before it. A
 * document cut off by end of file, and a read(2) that fails, are STREAM_ERROR with @e filled. */
enum stream_result stream_read(struct stream *s, struct json_object **ret, struct ts_error *e);

/* Whether anything lies behind the last document; reads, blocking, if there was nothing yet. False: nothing will come, which
 * stream_read() tells in its way. */
bool stream_has_more(struct stream *s);

/* The same, but drops the white space before a document. Returns true when it is time for stream_read(): a document has begun, or
 * there is nothing more to come; false when nothing but white space came. */
bool stream_begins(struct stream *s);

/* Frees the buffer, not the fd. */
void stream_done(struct stream *s);

#endif
