/* A line on a terminal that says how far long work is, and is gone when it is done. Where standard error is no terminal nothing is
 * shown, and short work shows nothing either. */
#ifndef SHIM_CMD_PROGRESS_H
#define SHIM_CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct progress {
	bool on, shown;
	struct timespec begun;
	int64_t last_ms; /* when it was shown, since begun */
};

void progress_begin(struct progress *p);

/* Shows the text in place of the last one, if it is time for that. */
void progress_show(struct progress *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Since progress_begin(), in milliseconds. */
int64_t progress_ms(const struct progress *p);

/* Takes it away: before something else is printed, and at the end. */
void progress_clear(struct progress *p);

#endif
