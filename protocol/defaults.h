/* What a root gets whose config does not say otherwise: OCI "Default Filesystems", and the paths of /proc and /sys that every
 * OCI tool covers or makes read-only. spawn-daemon mounts them as they are, the flags of `run` write them into a config. */
#ifndef PROTOCOL_DEFAULTS_H
#define PROTOCOL_DEFAULTS_H

#include "protocol/config.h"

enum { DEFAULT_MOUNTS = 6 };

/* Like decoded ones: options and what they mean. */
extern const struct oci_mount default_mounts[DEFAULT_MOUNTS];
extern const struct str_list default_masked_paths, default_readonly_paths;

/* Of the preset "host": what of it the host has below /, NULL-terminated. */
extern const char *const default_host_names[];

#endif
