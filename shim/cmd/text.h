/* Text that grows, and tables of it, for verbs that print more than a line. */
#ifndef SHIM_CMD_TEXT_H
#define SHIM_CMD_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *v; /* NUL-terminated; NULL: empty */
	size_t n, size;
	bool failed; /* no memory */
};

void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds all that comes from @fd. Returns 0, or -1 and errno. */
int text_read(struct text *text, int fd);

/* Writes it to standard output, up to its first NUL, and empties it. Returns 0, or -1. */
int text_print(struct text *text);
void text_done(struct text *text);

enum { TABLE_COLUMNS_MAX = 16 };

struct table {
	size_t columns; /* at most TABLE_COLUMNS_MAX */
	size_t min_width,
		gap; /* of a column, and behind its widest cell; the last one is as it is */
	char **cells; /* row by row, the head first */
	size_t n, size;
	bool failed;
};

/* Adds a copy of @text as the next cell; of @texts, as the next row. */
void table_cell(struct table *table, const char *text);
void table_cells(struct table *table, const char *const *texts);

/* Writes it to standard output, and empties it. Returns 0, or -1. */
int table_print(struct table *table);

#endif
