/* Names of signals as glibc gives them: signals.c. See util/musl/sys/mount.h. */
#ifndef UTIL_MUSL_STRING_H
#define UTIL_MUSL_STRING_H

#include_next <string.h>

const char *sigabbrev_np(int signo);

#endif
