/* From the config's seccomp to a program for the kernel. Without system calls of consequence: for tests and the fuzzer too. */
#ifndef SPAWN_SECCOMP_FILTER_H
#define SPAWN_SECCOMP_FILTER_H

#include "protocol/config.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

/* Has libseccomp compile @seccomp. Names of system calls that it does not know are left out, as with runc; so are rules that say
 * what defaultAction says. Returns 0 and the program (to free()), or -1 with @e filled, step included. */
int sysfilter_compile(const struct oci_seccomp *seccomp, struct sock_filter **ret, size_t *ret_n,
		      struct ts_error *e);

/* The default profile for a task that may have @capabilities (bits). Likewise. */
int sysfilter_default(uint64_t capabilities, struct sock_filter **ret, size_t *ret_n,
		      struct ts_error *e);

/* What @filter answers to @data: SECCOMP_RET_* and 16 bits of data. SECCOMP_RET_KILL_PROCESS for what the kernel would not take
 * as a program. */
uint32_t sysfilter_run(const struct sock_filter *filter, size_t n, const struct seccomp_data *data);

/* AUDIT_ARCH_* of this program. */
uint32_t sysfilter_own_arch(void);

#endif
