/* The sections `root` and `mounts` of the config. */
#include "protocol/config.h"
#include "protocol/config_tables.h"
#include "protocol/mount_options.h"

#include <json-c/json.h>
#include <linux/mount.h>
#include <string.h>

/* --- root --- */

static const struct json_field root_fields[] = {
	JSON_ROW(struct oci_root, "path", path, json_read_text),
	JSON_ROW(struct oci_root, "readonly", readonly, json_read_bool),
};
JSON_TABLE(root_table, root_fields, struct oci_root, .has_set = true);

/* --- mounts --- */

static const struct json_field id_mapping_fields[] = {
	JSON_ROW(struct oci_id_mapping, "containerID", container_id, json_read_u32, .max = ID_MAX),
	JSON_ROW(struct oci_id_mapping, "hostID", host_id, json_read_u32, .max = ID_MAX),
	JSON_ROW(struct oci_id_mapping, "size", size, json_read_u32, .min = 1, .max = UINT32_MAX,
		 .required = true),
};
JSON_TABLE(id_mapping_table, id_mapping_fields, struct oci_id_mapping);

/* What the filesystems that every task has read of their own: a word that is neither this nor a mount option is a typing
 * mistake, and better named here than answered with the kernel's EINVAL. */
static const struct {
	const char *type;
	const char *words[24];
} filesystem_words[] = {
	{"tmpfs",
	 {"mode",
	  "size",
	  "nr_blocks",
	  "nr_inodes",
	  "uid",
	  "gid",
	  "huge",
	  "mpol",
	  "inode32",
	  "inode64",
	  "noswap",
	  "quota",
	  "usrquota",
	  "grpquota",
	  "usrquota_block_hardlimit",
	  "usrquota_inode_hardlimit",
	  "grpquota_block_hardlimit",
	  "grpquota_inode_hardlimit",
	  "casefold",
	  "strict_encoding"}},
	{"proc", {"hidepid", "gid", "subset", "pidns"}},
	{"sysfs", {NULL}},
	{"devpts", {"uid", "gid", "mode", "ptmxmode", "newinstance", "max"}},
	{"mqueue", {NULL}},
	{"bind", {NULL}},
};

static bool is_selinux_word(const char *word, size_t len)
{
	static const char *const names[] = {"context", "fscontext", "defcontext", "rootcontext"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strlen(names[i]) == len && memcmp(names[i], word, len) == 0)
			return true;
	return false;
}

/* Whether the filesystem @type may know @word ("size=64k"); for a type that is not in the table, it may. */
static bool filesystem_may_know(const char *type, const char *word)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < sizeof filesystem_words / sizeof filesystem_words[0]; i++) {
		if (strcmp(filesystem_words[i].type, type) != 0)
			continue;
		for (const char *const *w = filesystem_words[i].words; *w; w++)
			if (strlen(*w) == len && memcmp(*w, word, len) == 0)
				return true;
		return is_selinux_word(word, len);
	}
	return true;
}

static int check_option_words(const struct json_reader *r, const struct json_path *at,
			      const struct oci_mount *mount)
{
	const struct str_list *data = &mount->parsed.data;
	const char *type = mount->parsed.flags & MS_BIND ? "bind" : mount->type;

	for (size_t d = 0, i = 0; d < data->n; d++) {
		char quoted[JSON_QUOTED];
		const char *hint;

		if (filesystem_may_know(type, data->v[d]))
			continue;
		while (mount->options.v[i] != data->v[d])
			i++;
		struct json_path list = {.up = at, .key = "options"};
		struct json_path here = {.up = &list, .index = i};

		hint = mount_option_hint(data->v[d]);
		if (hint)
			return json_fail(r, &here, "%s: unknown mount option; did you mean \"%s\"?",
					 json_quote(data->v[d], quoted), hint);
		return json_fail(r, &here, "%s: unknown mount option for type %s",
				 json_quote(data->v[d], quoted), type);
	}
	return 0;
}

/* bind and rbind say what the mount is; the type may then be absent, "bind", "none" or anything. */
static int check_type(const struct json_reader *r, const struct json_path *at,
		      struct oci_mount *mount)
{
	struct json_path type = {.up = at, .key = "type"};
	struct json_path source = {.up = at, .key = "source"};

	if (mount->type && strcmp(mount->type, "bind") == 0 && !(mount->parsed.flags & MS_BIND))
		mount->parsed.flags |= MS_BIND;
	if (!mount->type && mount->parsed.flags & MS_BIND)
		mount->type = "bind";
	if (!mount->type)
		return json_fail(r, &type, "missing: name a filesystem, or bind among the options");
	if (mount->parsed.flags & MS_BIND && !mount->source)
		return json_fail(r, &source, "missing: a bind mount needs one");
	return 0;
}

static int check_mount(const struct json_reader *r, const struct json_path *at, void *object)
{
	struct oci_mount *mount = object;

	if (!mount->options.v) {
		mount->options.v = json_alloc(r, 1, sizeof *mount->options.v);
		if (!mount->options.v)
			return -1;
	}
	mount->parsed.data.v = json_alloc(r, mount->options.n + 1, sizeof *mount->options.v);
	if (!mount->parsed.data.v)
		return -1;
	mount_options_parse(&mount->options, &mount->parsed);
	if (check_type(r, at, mount) < 0)
		return -1;
	return check_option_words(r, at, mount);
}

static const struct json_field mount_fields[] = {
	JSON_ROW(struct oci_mount, "destination", destination, json_read_absolute,
		 .required = true),
	JSON_ROW(struct oci_mount, "type", type, json_read_text),
	JSON_ROW(struct oci_mount, "source", source, json_read_text),
	JSON_ROW(struct oci_mount, "options", options, json_read_strings),
	JSON_LIST(struct oci_mount, "uidMappings", uid_mappings, n_uid_mappings, json_read_array,
		  .table = &id_mapping_table),
	JSON_LIST(struct oci_mount, "gidMappings", gid_mappings, n_gid_mappings, json_read_array,
		  .table = &id_mapping_table),
};
JSON_TABLE(mount_table, mount_fields, struct oci_mount, .check = check_mount);
