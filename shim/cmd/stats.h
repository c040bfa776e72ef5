/* What the verb stats prints, in its three formats. */
#ifndef SHIM_CMD_STATS_H
#define SHIM_CMD_STATS_H

#include "shim/taskshim.h"

#include <stdbool.h>
#include <stddef.h>

/* A task's sample. */
struct stats_row {
	const char *id;
	const struct taskshim_stats *stats;
};

/* Each prints the @n rows. @processes: also what each process uses (JSON always tells). Returns 0, or -1 after a message or
 * for want of memory. */
int stats_print_table(const struct stats_row *rows, size_t n, bool processes);
int stats_print_json(const struct stats_row *rows, size_t n, bool processes);
int stats_print_openmetrics(const struct stats_row *rows, size_t n, bool processes);

#endif
