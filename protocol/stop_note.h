/* stop.json: what whoever stops a task leaves in the state directory before the first signal, {"signal":15,"graceMs":5000}. The
 * end of a task by a signal does not tell who sent it: the note does. */
#ifndef PROTOCOL_STOP_NOTE_H
#define PROTOCOL_STOP_NOTE_H

#include "protocol/exit_record.h"

enum { STOP_NOTE_MAX = 256 /* bytes of a note that is read */ };

/* A known @record that says "exited" says "stopped" from then on, with the signal and the grace of the note in @text. What
 * is no note changes nothing. */
void exit_record_add_stop(struct exit_record *record, const char *text, size_t len);

#endif
