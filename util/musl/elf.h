/* Machine numbers that are newer than musl 1.2.3's <elf.h>. See util/musl/sys/mount.h. */
#ifndef UTIL_MUSL_ELF_H
#define UTIL_MUSL_ELF_H

#include_next <elf.h>

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

#endif
