/* Reads JSON documents from a descriptor or from memory. The scan (json_scan.h) decides what is valid. */
#include "protocol/stream.h"

#include "protocol/json_build.h"
#include "protocol/json_scan.h"
#include "util/fd.h"

#include <string.h>

enum { FIRST_READ = 16 * 1024 };

/* Adds where in @text the byte at @offset stands, as an editor counts: lines and columns from 1, columns in bytes. */
static int fail_at(struct ts_error *e, int err, const char *text, size_t offset,
		   const char *problem)
{
	size_t line = 1, start = 0;

	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	e->step = TS_STEP_CONFIG;
	return ts_failf(e, err, "line %zu, column %zu: %s", line, offset - start + 1, problem);
}

static int fail(struct ts_error *e, int err, const char *problem)
{
	e->step = TS_STEP_CONFIG;
	return ts_fail(e, err, problem, NULL);
}

/* Builds the tree of a document that the scan found valid. */
static int build(const char *text, size_t len, struct json_object **ret, struct ts_error *e)
{
	size_t offset;

	if (json_build(text, len, ret, &offset) == 0)
		return 0;
	if (errno == ERANGE)
		return fail_at(e, EINVAL, text, offset, "the number does not fit a double");
	return fail(e, ENOMEM, "out of memory");
}

int document_parse(const char *text, size_t len, struct json_object **ret, struct ts_error *e)
{
	struct json_scan scan = {0};
	size_t used;

	if (len > STREAM_DOCUMENT_MAX)
		return fail(e, EFBIG, "the document is larger than 4 MiB");
	switch (json_scan_feed(&scan, text, len, &used)) {
	case JSON_SCAN_ERROR:
		return fail_at(e, EINVAL, text, used, scan.problem);
	case JSON_SCAN_MORE:
		if (json_scan_is_blank(&scan))
			return fail(e, EINVAL, "the document is empty");
		if (!json_scan_end(&scan))
			return fail_at(e, EINVAL, text, len, scan.problem);
		break;
	case JSON_SCAN_DONE:
		break;
	}
	for (size_t i = used; i < len; i++)
		if (!strchr(" \t\r\n", text[i]) || text[i] == '\0')
			return fail_at(e, EINVAL, text, i, "text after the end of the document");
	return build(text, used, ret, e);
}

/* Makes room for at least one more byte. */
static int grow(struct stream *s, struct ts_error *e)
{
	size_t size = s->size ? s->size * 2 : FIRST_READ;
	char *data;

	if (s->used < s->size)
		return 0;
	if (s->used > STREAM_DOCUMENT_MAX)
		return fail(e, EFBIG, "the document is larger than 4 MiB");
	data = realloc(s->data, size);
	if (!data)
		return fail(e, ENOMEM, "out of memory");
	s->data = data;
	s->size = size;
	return 0;
}

/* Forgets the first @n bytes. */
static void consume(struct stream *s, size_t n)
{
	s->used -= n;
	memmove(s->data, s->data + n, s->used);
}

static void skip_space(struct stream *s)
{
	size_t n = 0;

	while (n < s->used && s->data[n] != '\0' && strchr(" \t\r\n", s->data[n]))
		n++;
	if (n > 0)
		consume(s, n);
}

static enum stream_result take_document(struct stream *s, size_t len, struct json_object **ret,
					struct ts_error *e)
{
	int result;

	if (len > STREAM_DOCUMENT_MAX) {
		(void)fail(e, EFBIG, "the document is larger than 4 MiB");
		return STREAM_ERROR;
	}
	result = build(s->data, len, ret, e);
	consume(s, len);
	return result < 0 ? STREAM_ERROR : STREAM_DOCUMENT;
}

static enum stream_result at_end_of_file(struct stream *s, struct json_scan *scan,
					 struct json_object **ret, struct ts_error *e)
{
	if (json_scan_is_blank(scan))
		return STREAM_EOF;
	if (json_scan_end(scan))
		return take_document(s, s->used, ret, e);
	(void)fail_at(e, EINVAL, s->data, s->used, scan->problem);
	return STREAM_ERROR;
}

enum stream_result stream_read(struct stream *s, struct json_object **ret, struct ts_error *e)
{
	struct json_scan scan = {0};
	size_t scanned = 0;

	for (;;) {
		size_t used = 0;
		enum json_scan_result result = JSON_SCAN_MORE;

		if (scanned == 0)
			skip_space(s);
		if (s->used > scanned)
			result = json_scan_feed(&scan, s->data + scanned, s->used - scanned, &used);
		scanned += used;
		if (result == JSON_SCAN_DONE)
			return take_document(s, scanned, ret, e);
		if (result == JSON_SCAN_ERROR) {
			(void)fail_at(e, EINVAL, s->data, scanned, scan.problem);
			return STREAM_ERROR;
		}
		if (grow(s, e) < 0)
			return STREAM_ERROR;
		ssize_t n = read(s->fd, s->data + s->used, s->size - s->used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			(void)fail(e, errno, "read");
			return STREAM_ERROR;
		}
		if (n == 0)
			return at_end_of_file(s, &scan, ret, e);
		s->used += (size_t)n;
	}
}

bool stream_has_more(struct stream *s)
{
	struct ts_error ignored;
	ssize_t n;

	if (s->used > 0)
		return true;
	if (grow(s, &ignored) < 0)
		return false;
	do
		n = read(s->fd, s->data, s->size);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	s->used = (size_t)n;
	return true;
}

bool stream_begins(struct stream *s)
{
	skip_space(s);
	if (!stream_has_more(s))
		return true;
	skip_space(s);
	return s->used > 0;
}

void stream_done(struct stream *s)
{
	free(s->data);
	s->data = NULL;
	s->used = s->size = 0;
}
