/* Fuzzes the stream: document_parse() must agree with stream_read(), which gets the same bytes through a pipe, about how
 * many documents they hold and what stands in them. */
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
	json_object_put(whole);
	json_object_put(first);
	return 0;
}
