/* Fuzzes the stream. document_parse() must agree with stream_read(), which gets the same bytes through a pipe, about how
 * many documents they hold and what stands in them, and with json-c's own parser about the latter. */
#include "protocol/stream.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads all documents of @fd. Returns how many, or -1 after an error. */
static int read_all(int fd, struct json_object **ret_first)
{
	struct stream stream = {.fd = fd};
	struct ts_error e = {0};
	int n = 0;

	for (;;) {
		struct json_object *document = NULL;
		enum stream_result result = stream_read(&stream, &document, &e);

		if (result != STREAM_DOCUMENT) {
			stream_done(&stream);
			return result == STREAM_EOF ? n : -1;
		}
		if (n++ == 0)
			*ret_first = document;
		else
			json_object_put(document);
	}
}

static struct json_object *parse_with_json_c(const uint8_t *data, size_t size)
{
	struct json_tokener *tokener = json_tokener_new_ex(STREAM_DEPTH_MAX + 2);
	struct json_object *object;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, (const char *)data, (int)size);
	/* It sees the end of a literal or a number only by the byte after it. */
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		object = json_tokener_parse_ex(tokener, "", 1);
	if (json_tokener_get_error(tokener) != json_tokener_success)
		abort();
	json_tokener_free(tokener);
	return object;
}

static void check_against_json_c(const uint8_t *data, size_t size, struct json_object *ours)
{
	struct json_object *theirs = parse_with_json_c(data, size);

	if (!json_object_equal(theirs, ours) ||
	    strcmp(json_object_to_json_string(theirs), json_object_to_json_string(ours)) != 0)
		abort();
	json_object_put(theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *whole = NULL, *first = NULL;
	struct ts_error e = {0};
	int ends[2], n, parsed;

	if (size > 60000 || pipe2(ends, O_CLOEXEC) < 0) /* what a pipe holds */
		return 0;
	if (write(ends[1], data, size) != (ssize_t)size)
		abort();
	close(ends[1]);
	n = read_all(ends[0], &first);
	close(ends[0]);
	parsed = document_parse((const char *)data, size, &whole, &e);
	if ((parsed == 0) != (n == 1) || (n == 1 && !json_object_equal(whole, first)))
		abort();
	if (parsed == 0)
		check_against_json_c(data, size, whole);
	json_object_put(whole);
	json_object_put(first);
	return 0;
}
