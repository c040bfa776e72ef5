/* --log: what runc writes there, because its callers (containerd, conmon) read the last "error" back. */
#include "shim/cmd/cmd.h"
#include "shim/cmd/text.h"

#include "protocol/exit_record.h"
#include "protocol/json_scan.h"
#include "protocol/json_write.h"
#include "util/fd.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <string.h>
#include <time.h>

static void add_json(struct text *line, const char *stamp, const char *level, const char *message)
{
	struct json_writer w = json_writer_new();
	_cleanup_free_ char *json = NULL;

	json_add_text(&w, "level", level);
	json_add_text(&w, "msg", message);
	json_add_text(&w, "time", stamp);
	json = w.object ? json_print_new(w.object) : NULL;
	json_object_put(w.object);
	if (json)
		text_addf(line, "%s\n", json);
}

/* The letter that stands for @c behind a backslash; '\0': none does. */
static char escape_letter(char c)
{
	static const char from[] = "\"\\\a\b\f\n\r\t\v", to[] = "\"\\abfnrtv";
	const char *at = strchr(from, c);

	return at ? to[at - from] : '\0';
}

/* One character of @len bytes; 0: a byte that is none. */
static void add_character(struct text *line, const char *c, size_t len)
{
	unsigned char first = (unsigned char)c[0], second = len == 2 ? (unsigned char)c[1] : 0;
	char letter = escape_letter(c[0]);

	if (letter)
		text_addf(line, "\\%c", letter);
	else if (len == 0 || first < ' ' || first == 0x7f)
		text_addf(line, "\\x%02x", first);
	else if (first == 0xc2 && (second <= 0xa0 || second == 0xad)) /* not to be seen */
		text_addf(line, "\\u00%02x", second);
	else
		text_addf(line, "%.*s", (int)len, c);
}

/* As Go's %q has it, with which runc's formatter quotes: a value cannot end the line, nor look as if another began. */
static void add_quoted(struct text *line, const char *value)
{
	text_addf(line, "\"");
	for (size_t left = strlen(value), step; left > 0; value += step, left -= step) {
		size_t len = utf8_sequence_len(value, left);

		step = len ? len : 1;
		add_character(line, value, len);
	}
	text_addf(line, "\"");
}

static void add_text(struct text *line, const char *stamp, const char *level, const char *message)
{
	text_addf(line, "time=\"%s\" level=%s msg=", stamp, level);
	add_quoted(line, message);
	text_addf(line, "\n");
}

/* One write(2), of the newline too: others append to the same file. */
void log_line(const struct global *global, const char *level, const char *message)
{
	_cleanup_fd_ int fd = -1;
	struct text line = {0};
	struct timespec now;
	char stamp[32];

	if (!global->log)
		return;
	fd = open(global->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
	if (fd < 0)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	time_format(&now, stamp);
	if (global->log_json)
		add_json(&line, stamp, level, message);
	else
		add_text(&line, stamp, level, message);
	if (!line.failed && line.n > 0)
		(void)ts_write_all(fd, line.v, line.n);
	text_done(&line);
}
