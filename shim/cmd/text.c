/* Text that grows, and tables of it. What fails sticks: callers add everything and look once. */
#include "shim/cmd/text.h"

#include "shim/cmd/cmd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST = 1024 };

static bool make_room(struct text *text, size_t more)
{
	size_t size = text->size ? text->size : FIRST;
	char *v;

	while (size - text->n < more)
		size *= 2;
	if (size == text->size)
		return true;
	v = realloc(text->v, size);
	if (!v) {
		text->failed = true;
		return false;
	}
	text->v = v;
	text->size = size;
	return true;
}

void text_addf(struct text *text, const char *format, ...)
{
	va_list ap, again;
	int len;

	if (text->failed)
		return;
	va_start(ap, format);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, format, ap);
	if (len < 0)
		text->failed = true;
	else if (make_room(text, (size_t)len + 1))
		text->n += (size_t)vsnprintf(text->v + text->n, (size_t)len + 1, format, again);
	va_end(again);
	va_end(ap);
}

int text_read(struct text *text, int fd)
{
	ssize_t n = 1;

	while (n > 0) {
		if (!make_room(text, FIRST)) {
			errno = ENOMEM;
			return -1;
		}
		n = read(fd, text->v + text->n, text->size - text->n - 1);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			text->n += (size_t)n;
		text->v[text->n] = '\0';
	}
	return n < 0 ? -1 : 0;
}

int text_print(struct text *text)
{
	int r = text->failed ? -1 : text->n > 0 ? print_text(text->v, false) : 0;

	text_done(text);
	return r;
}

void text_done(struct text *text)
{
	free(text->v);
	*text = (struct text){0};
}

void table_cell(struct table *table, const char *text)
{
	char **cells, *copy = strdup(text);

	if (table->n == table->size && copy) {
		size_t size = table->size ? table->size * 2 : FIRST;

		cells = reallocarray(table->cells, size, sizeof *cells);
		if (cells) {
			table->cells = cells;
			table->size = size;
		}
	}
	if (!copy || table->n == table->size) {
		free(copy);
		table->failed = true;
		return;
	}
	table->cells[table->n++] = copy;
}

void table_cells(struct table *table, const char *const *texts)
{
	for (size_t i = 0; i < table->columns; i++)
		table_cell(table, texts[i]);
}

/* The width of column @column with the gap behind it. */
static int width(const struct table *table, size_t column)
{
	size_t widest = 0;

	for (size_t i = column; i < table->n; i += table->columns) {
		size_t len = strlen(table->cells[i]);

		widest = len > widest ? len : widest;
	}
	widest += table->gap;
	return (int)(widest < table->min_width ? table->min_width : widest);
}

int table_print(struct table *table)
{
	struct text text = {.failed = table->failed};
	int widths[TABLE_COLUMNS_MAX] = {0};

	for (size_t i = 0; i < table->columns; i++)
		widths[i] = width(table, i);
	for (size_t i = 0, column = 0; i < table->n; i++) {
		bool last = ++column == table->columns;

		if (last)
			text_addf(&text, "%s\n", table->cells[i]);
		else
			text_addf(&text, "%-*s", widths[column - 1], table->cells[i]);
		column = last ? 0 : column;
	}
	for (size_t i = 0; i < table->n; i++)
		free(table->cells[i]);
	free(table->cells);
	table->cells = NULL;
	table->n = table->size = 0;
	return text_print(&text);
}
