/* The sections `root` and `mounts` of the config. */
#include "protocol/config.h"
#include "protocol/config_tables.h"
#include "protocol/mount_options.h"

#include <json-c/json.h>
#include <linux/mount.h>
#include <stdio.h>
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
	{"cgroup", {NULL}},
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

/* Whether the filesystem @type may know @word ("size=64k"); for a type that is not in the table, it may. NULL: any type. */
static bool filesystem_may_know(const char *type, const char *word)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; type && i < sizeof filesystem_words / sizeof filesystem_words[0]; i++) {
		if (strcmp(filesystem_words[i].type, type) != 0)
			continue;
		for (const char *const *w = filesystem_words[i].words; *w; w++)
			if (strlen(*w) == len && memcmp(*w, word, len) == 0)
				return true;
		return is_selinux_word(word, len);
	}
	return true;
}

/* Names the option @word, which is in the list, and why it cannot be. */
static int fail_option(const struct json_reader *r, const struct json_path *at,
		       const struct oci_mount *mount, const char *word, const char *why)
{
	struct json_path list = {.up = at, .key = "options"};
	struct json_path here = {.up = &list};
	char quoted[JSON_QUOTED];

	while (strcmp(mount->options.v[here.index], word) != 0)
		here.index++;
	return json_fail(r, &here, "%s: %s", json_quote(word, quoted), why);
}

static int check_option_words(const struct json_reader *r, const struct json_path *at,
			      const struct oci_mount *mount)
{
	const struct str_list *data = &mount->parsed.data;
	const char *type = mount->parsed.flags & MS_BIND ? "bind" : mount->type;

	for (size_t d = 0; d < data->n; d++) {
		const char *hint;
		char why[128];

		if (filesystem_may_know(type, data->v[d]))
			continue;
		hint = mount_option_hint(data->v[d]);
		if (hint)
			(void)snprintf(why, sizeof why,
				       "unknown mount option; did you mean \"%s\"?", hint);
		else
			(void)snprintf(why, sizeof why, "unknown mount option for type %.64s",
				       type);
		return fail_option(r, at, mount, data->v[d], why);
	}
	return 0;
}

/* What a bind mount cannot do, and what only one kind of mount can: mount(2) would leave it out in silence. */
static int check_option_kinds(const struct json_reader *r, const struct json_path *at,
			      const struct oci_mount *mount)
{
	const struct mount_options *o = &mount->parsed;
	bool bind = o->flags & MS_BIND, remount = o->flags & MS_REMOUNT;

	for (size_t i = 0; bind && i < MOUNT_SUPERBLOCK_WORDS; i++)
		if (o->flags & mount_superblock_words[i].flag)
			return fail_option(r, at, mount, mount_superblock_words[i].word,
					   "belongs to the filesystem: a bind mount cannot "
					   "change it");
	if (o->tmpcopyup && (bind || remount || strcmp(mount->type, "tmpfs") != 0))
		return fail_option(r, at, mount, "tmpcopyup", "only for a new tmpfs");
	if (remount && o->idmap)
		return fail_option(r, at, mount, o->ridmap ? "ridmap" : "idmap",
				   "a mount that is there already cannot be mapped");
	return 0;
}

/* OCI wants both lists or none; where no word says so, they map one mount. */
static int check_mappings(const struct json_reader *r, const struct json_path *at,
			  struct oci_mount *mount)
{
	struct json_path uids = {.up = at, .key = "uidMappings"};
	struct json_path gids = {.up = at, .key = "gidMappings"};

	mount->parsed.idmap |= mount->parsed.ridmap || mount->n_uid_mappings > 0;
	if (mount->n_uid_mappings > 0 && mount->n_gid_mappings == 0)
		return json_fail(r, &gids, "missing: uidMappings is there");
	if (mount->n_gid_mappings > 0 && mount->n_uid_mappings == 0)
		return json_fail(r, &uids, "missing: gidMappings is there");
	return 0;
}

/* bind, rbind and remount say what the mount is; the type may then be absent, "bind", "none" or anything. */
static int check_type(const struct json_reader *r, const struct json_path *at,
		      struct oci_mount *mount)
{
	struct json_path type = {.up = at, .key = "type"};
	struct json_path source = {.up = at, .key = "source"};

	if (mount->type && strcmp(mount->type, "bind") == 0 && !(mount->parsed.flags & MS_BIND))
		mount->parsed.flags |= MS_BIND;
	if (!mount->type && mount->parsed.flags & MS_BIND)
		mount->type = "bind";
	if (mount->parsed.flags & MS_REMOUNT)
		return 0;
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
	if (check_type(r, at, mount) < 0 || check_mappings(r, at, mount) < 0 ||
	    check_option_kinds(r, at, mount) < 0)
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
