/* What the config's decoders know, told by their own tables: the properties and the words that they take. */
#ifndef PROTOCOL_FIELDS_H
#define PROTOCOL_FIELDS_H

#include "protocol/json_read.h"

/* Calls @found with each property that is decoded: "process.cwd", "mounts.type", "linux.netDevices.name", that is without indexes
 * and keys that are the document's; objects and lists before what is in them. @words: what it may say, ending in a NULL name, or NULL where it is not a choice of words. @path is
 * valid during the call only. */
void config_list_fields(void (*found)(const char *path, const struct json_word *words, void *arg),
			void *arg);

/* The words that the property at @path (as above) takes; NULL: none, or no such property. */
const struct json_word *config_words(const char *path);

/* The @i-th option word of mounts, NULL past the last; the name of capability @number in @buf, NULL for one that the decoder has no
 * name for. */
const char *mount_option_word(size_t i);
enum { CAPABILITY_NAME = 64 };
const char *capability_word(unsigned number, char buf[static CAPABILITY_NAME]);

#endif
