/* How far long work is. */
#include "shim/cmd/progress.h"

#include "util/fd.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PATIENCE_MS = 500, EVERY_MS = 100, TEXT_MAX = 78 };

/* To the first column, and nothing behind it. */
static const char clear_line[] = "\r\033[K";

void progress_begin(struct progress *p)
{
	*p = (struct progress){.on = isatty(STDERR_FILENO) == 1, .last_ms = PATIENCE_MS - EVERY_MS};
	if (p->on)
		(void)clock_gettime(CLOCK_MONOTONIC, &p->begun);
}

int64_t progress_ms(const struct progress *p)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - p->begun.tv_sec) * 1000LL + (now.tv_nsec - p->begun.tv_nsec) / 1000000;
}

void progress_show(struct progress *p, const char *format, ...)
{
	char text[TEXT_MAX], line[TEXT_MAX + sizeof clear_line];
	int64_t now = p->on ? progress_ms(p) : 0;
	va_list ap;

	if (!p->on || now < p->last_ms + EVERY_MS)
		return;
	va_start(ap, format);
	(void)vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	(void)snprintf(line, sizeof line, "%s%s", clear_line, text);
	(void)ts_write_all(STDERR_FILENO, line, strlen(line));
	p->shown = true;
	p->last_ms = now;
}

void progress_clear(struct progress *p)
{
	if (p->shown)
		(void)ts_write_all(STDERR_FILENO, clear_line, sizeof clear_line - 1);
	p->shown = false;
}
