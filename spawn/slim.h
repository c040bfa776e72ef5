/* Memory given back by a process that stays: see also heap_release(). */
#ifndef SPAWN_SLIM_H
#define SPAWN_SLIM_H

/* Gives back the stack below the caller's frame, which decoding has used and waiting does not. */
void trim_stack(void);

/* The same above the caller, who never returns and whose frame is less than a page: up to the environment, where the kernel finds
 * the command line. */
void trim_stack_above(void);

#endif
