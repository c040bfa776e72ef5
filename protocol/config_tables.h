/* The tables of the config's sections, one file each: config_*.c. Inside protocol/ only. */
#ifndef PROTOCOL_CONFIG_TABLES_H
#define PROTOCOL_CONFIG_TABLES_H

#include "protocol/config.h"
#include "protocol/json_read.h"

extern const struct json_table config_table; /* struct config: the document */
extern const struct json_table process_table; /* struct oci_process */
extern const struct json_table scheduler_table; /* struct oci_scheduler */
extern const struct json_table io_priority_table; /* struct oci_io_priority */
extern const struct json_table affinity_table; /* struct oci_cpu_affinity */
extern const struct json_table memory_policy_table; /* struct oci_memory_policy */
extern const struct json_table personality_table; /* struct oci_linux: its members personality_* */
extern const struct json_table root_table; /* struct oci_root */
extern const struct json_table mount_table; /* struct oci_mount */
extern const struct json_table id_mapping_table; /* struct oci_id_mapping */
extern const struct json_table linux_table; /* struct oci_linux */
extern const struct json_table resources_table; /* struct oci_resources */
extern const struct json_table seccomp_table; /* struct oci_seccomp */
extern const struct json_table hooks_table; /* struct config: all kinds */
extern const struct json_table hook_table; /* struct oci_hook */
extern const struct json_table taskshim_table; /* struct ts_extension */

/* field->check for strings: number_list_parse() takes them. */
json_read_fn config_check_number_list;

/* Lists of id mappings: too many, too long, overlapping. */
int config_check_mappings(const struct json_reader *r, const struct json_path *at,
			  const struct oci_id_mapping *list, size_t n);

/* linux.uidMappings, gidMappings and timeOffsets beside linux.namespaces. */
int config_check_userns(const struct json_reader *r, const struct config *c);

/* uid and gid 4294967295 mean "no change" to setresuid(2): nobody may ask for them. */
#define ID_MAX (UINT32_MAX - 1)

/* What the kernel's device numbers hold: more would be cut off in silence. */
enum { DEVICE_MAJOR_MAX = 0xfff, DEVICE_MINOR_MAX = 0xfffff };

#endif
