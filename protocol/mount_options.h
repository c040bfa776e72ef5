/* The option words of mounts[]: mount(8), OCI "config-linux: mount options". Pure. */
#ifndef PROTOCOL_MOUNT_OPTIONS_H
#define PROTOCOL_MOUNT_OPTIONS_H

#include "protocol/config.h"

/* Sorts @options into @ret; what is no option word goes to ret->data for the filesystem (ret->data.v must have room for
 * @options->n + 1 pointers; it is NULL-terminated). */
void mount_options_parse(const struct str_list *options, struct mount_options *ret);

/* The flags that belong to a filesystem, not to a mount of it, and their words for fsconfig(2). It has none for MS_SILENT and
 * MS_I_VERSION, which change nothing: fsconfig(2) keeps its messages to the caller, and filesystems have versions or not. */
struct mount_superblock_word {
	uint64_t flag;
	const char *word, *opposite; /* NULL: none */
};
enum { MOUNT_SUPERBLOCK_WORDS = 4 };
extern const struct mount_superblock_word mount_superblock_words[MOUNT_SUPERBLOCK_WORDS];

/* The closest known option word to a misspelt one, for the message ("noexce": did you mean "noexec"?), or NULL. */
const char *mount_option_hint(const char *word);

#endif
