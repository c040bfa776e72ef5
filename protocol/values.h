/* Small values that stand as words in the config: sizes, versions, user names. config.h declares the ones that other
 * modules use too (durations, signals, task ids). Pure. */
#ifndef PROTOCOL_VALUES_H
#define PROTOCOL_VALUES_H

#include <stdbool.h>
#include <stdint.h>

/* "10M", "64k", "1G", "4096" -> bytes (powers of 1024). Returns 0, -EINVAL, or -ERANGE. */
int size_parse(const char *text, uint64_t *ret_bytes);

/* Seconds -> milliseconds, rounded. Returns 0, -EINVAL (negative, not a number), or -ERANGE. */
int duration_from_seconds(double seconds, uint64_t *ret_ms);

/* The OCI runtime-spec that we read: of its minor versions the first and the last. */
#define OCI_VERSION_MIN "1.0.0"
#define OCI_VERSION_MAX "1.3.0"

/* Whether @version is one of them: 1.0.x to 1.3.x, with "-rc.1", "-dev", "+dev". */
bool oci_version_is_known(const char *version);

/* Whether @user reads as NAME, UID, NAME:GROUP or UID:GID; numbers must fit and not be 4294967295, which means "no
 * change" to the kernel. The names are looked up elsewhere. */
bool user_is_valid(const char *user);

/* How many letters to add, drop or replace (or neighbours to swap) to make @b of @a; UINT32_MAX when the texts are
 * longer than any word of ours. */
unsigned text_distance(const char *a, const char *b);

#endif
