/* Sorts the option words of mounts into flags, attributes, propagation and what the filesystem itself reads. Pure. */
#include "protocol/mount_options.h"

#include "protocol/fields.h"
#include "protocol/values.h"

#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	NOTHING, /* the default said aloud */
	FLAG_SET, /* MS_* */
	FLAG_CLEAR,
	ATTR_SET, /* MOUNT_ATTR_*, of this mount */
	ATTR_CLEAR,
	ATTR_REC_SET, /* of the tree */
	ATTR_REC_CLEAR,
	PROPAGATION,
	PROPAGATION_REC,
	TMPCOPYUP,
	IDMAP,
	RIDMAP,
};

struct option_word {
	const char *name;
	enum kind kind;
	uint64_t bits;
};

/* Sorted by name, for bsearch(3). Access times are one field of three values, of which relatime is 0. As with mount(8),
 * norelatime and nostrictatime leave the kernel's default, which is relatime. "acl" is no word of ours: MS_POSIXACL is
 * mount(2)'s, fsconfig(2) leaves it to the filesystems. */
static const struct option_word words[] = {
	{"async", FLAG_CLEAR, MS_SYNCHRONOUS},
	{"atime", ATTR_SET, MOUNT_ATTR_RELATIME},
	{"bind", FLAG_SET, MS_BIND},
	{"defaults", NOTHING, 0},
	{"dev", ATTR_CLEAR, MOUNT_ATTR_NODEV},
	{"diratime", ATTR_CLEAR, MOUNT_ATTR_NODIRATIME},
	{"dirsync", FLAG_SET, MS_DIRSYNC},
	{"exec", ATTR_CLEAR, MOUNT_ATTR_NOEXEC},
	{"idmap", IDMAP, 0},
	{"iversion", FLAG_SET, MS_I_VERSION},
	{"lazytime", FLAG_SET, MS_LAZYTIME},
	{"loud", FLAG_CLEAR, MS_SILENT},
	{"mand", FLAG_SET, MS_MANDLOCK},
	{"noatime", ATTR_SET, MOUNT_ATTR_NOATIME},
	{"nodev", ATTR_SET, MOUNT_ATTR_NODEV},
	{"nodiratime", ATTR_SET, MOUNT_ATTR_NODIRATIME},
	{"noexec", ATTR_SET, MOUNT_ATTR_NOEXEC},
	{"noiversion", FLAG_CLEAR, MS_I_VERSION},
	{"nolazytime", FLAG_CLEAR, MS_LAZYTIME},
	{"nomand", FLAG_CLEAR, MS_MANDLOCK},
	{"norelatime", ATTR_SET, MOUNT_ATTR_RELATIME},
	{"nostrictatime", ATTR_SET, MOUNT_ATTR_RELATIME},
	{"nosuid", ATTR_SET, MOUNT_ATTR_NOSUID},
	{"nosymfollow", ATTR_SET, MOUNT_ATTR_NOSYMFOLLOW},
	{"private", PROPAGATION, MS_PRIVATE},
	{"ratime", ATTR_REC_SET, MOUNT_ATTR_RELATIME},
	{"rbind", FLAG_SET, MS_BIND | MS_REC},
	{"rdev", ATTR_REC_CLEAR, MOUNT_ATTR_NODEV},
	{"rdiratime", ATTR_REC_CLEAR, MOUNT_ATTR_NODIRATIME},
	{"relatime", ATTR_SET, MOUNT_ATTR_RELATIME},
	{"remount", FLAG_SET, MS_REMOUNT},
	{"rexec", ATTR_REC_CLEAR, MOUNT_ATTR_NOEXEC},
	{"ridmap", RIDMAP, 0},
	{"rnoatime", ATTR_REC_SET, MOUNT_ATTR_NOATIME},
	{"rnodev", ATTR_REC_SET, MOUNT_ATTR_NODEV},
	{"rnodiratime", ATTR_REC_SET, MOUNT_ATTR_NODIRATIME},
	{"rnoexec", ATTR_REC_SET, MOUNT_ATTR_NOEXEC},
	{"rnorelatime", ATTR_REC_SET, MOUNT_ATTR_RELATIME},
	{"rnostrictatime", ATTR_REC_SET, MOUNT_ATTR_RELATIME},
	{"rnosuid", ATTR_REC_SET, MOUNT_ATTR_NOSUID},
	{"rnosymfollow", ATTR_REC_SET, MOUNT_ATTR_NOSYMFOLLOW},
	{"ro", ATTR_SET, MOUNT_ATTR_RDONLY},
	{"rprivate", PROPAGATION_REC, MS_PRIVATE},
	{"rrelatime", ATTR_REC_SET, MOUNT_ATTR_RELATIME},
	{"rro", ATTR_REC_SET, MOUNT_ATTR_RDONLY},
	{"rrw", ATTR_REC_CLEAR, MOUNT_ATTR_RDONLY},
	{"rshared", PROPAGATION_REC, MS_SHARED},
	{"rslave", PROPAGATION_REC, MS_SLAVE},
	{"rstrictatime", ATTR_REC_SET, MOUNT_ATTR_STRICTATIME},
	{"rsuid", ATTR_REC_CLEAR, MOUNT_ATTR_NOSUID},
	{"rsymfollow", ATTR_REC_CLEAR, MOUNT_ATTR_NOSYMFOLLOW},
	{"runbindable", PROPAGATION_REC, MS_UNBINDABLE},
	{"rw", ATTR_CLEAR, MOUNT_ATTR_RDONLY},
	{"shared", PROPAGATION, MS_SHARED},
	{"silent", FLAG_SET, MS_SILENT},
	{"slave", PROPAGATION, MS_SLAVE},
	{"strictatime", ATTR_SET, MOUNT_ATTR_STRICTATIME},
	{"suid", ATTR_CLEAR, MOUNT_ATTR_NOSUID},
	{"symfollow", ATTR_CLEAR, MOUNT_ATTR_NOSYMFOLLOW},
	{"sync", FLAG_SET, MS_SYNCHRONOUS},
	{"tmpcopyup", TMPCOPYUP, 0},
	{"unbindable", PROPAGATION, MS_UNBINDABLE},
};

static int compare(const void *key, const void *element)
{
	return strcmp(key, ((const struct option_word *)element)->name);
}

/* Whether @bits is a value of the access time field (mount_setattr(2)): the whole field is then cleared first. */
static bool is_atime(uint64_t bits)
{
	return (bits & ~(uint64_t)MOUNT_ATTR__ATIME) == 0;
}

/* The last word about an attribute wins. */
static void set_attr(uint64_t bits, uint64_t *set, uint64_t *clear)
{
	if (is_atime(bits)) {
		*set &= ~(uint64_t)MOUNT_ATTR__ATIME;
		*clear |= MOUNT_ATTR__ATIME;
	} else {
		*clear &= ~bits;
	}
	*set |= bits;
}

static void clear_attr(uint64_t bits, uint64_t *set, uint64_t *clear)
{
	*set &= ~bits;
	*clear |= bits;
}

static void apply(const struct option_word *word, struct mount_options *o)
{
	switch (word->kind) {
	case NOTHING:
		break;
	case FLAG_SET:
		o->flags |= word->bits;
		o->flags_clr &= ~word->bits;
		break;
	case FLAG_CLEAR:
		o->flags &= ~word->bits;
		o->flags_clr |= word->bits;
		break;
	case ATTR_SET:
		set_attr(word->bits, &o->attr_set, &o->attr_clr);
		break;
	case ATTR_CLEAR:
		clear_attr(word->bits, &o->attr_set, &o->attr_clr);
		break;
	case ATTR_REC_SET:
		set_attr(word->bits, &o->rec_attr_set, &o->rec_attr_clr);
		break;
	case ATTR_REC_CLEAR:
		clear_attr(word->bits, &o->rec_attr_set, &o->rec_attr_clr);
		break;
	case PROPAGATION:
	case PROPAGATION_REC:
		o->propagation = word->bits;
		o->propagation_rec = word->kind == PROPAGATION_REC;
		break;
	case TMPCOPYUP:
		o->tmpcopyup = true;
		break;
	case IDMAP:
		o->idmap = true;
		break;
	case RIDMAP:
		o->ridmap = true;
		break;
	}
}

void mount_options_parse(const struct str_list *options, struct mount_options *ret)
{
	const char **data = ret->data.v;

	*ret = (struct mount_options){.data.v = data};
	for (size_t i = 0; i < options->n; i++) {
		const struct option_word *word =
			bsearch(options->v[i], words, sizeof words / sizeof words[0],
				sizeof words[0], compare);

		if (word)
			apply(word, ret);
		else
			data[ret->data.n++] = options->v[i];
	}
	data[ret->data.n] = NULL;
	ret->ro_superblock = ret->attr_set & MOUNT_ATTR_RDONLY;
}

const char *mount_option_word(size_t i)
{
	return i < sizeof words / sizeof words[0] ? words[i].name : NULL;
}

const struct mount_superblock_word mount_superblock_words[MOUNT_SUPERBLOCK_WORDS] = {
	{MS_SYNCHRONOUS, "sync", "async"},
	{MS_DIRSYNC, "dirsync", NULL},
	{MS_LAZYTIME, "lazytime", "nolazytime"},
	{MS_MANDLOCK, "mand", "nomand"},
};

const char *mount_option_hint(const char *word)
{
	const char *best = NULL;
	unsigned best_distance = 3;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		unsigned distance = text_distance(word, words[i].name);

		if (distance < best_distance && distance < strlen(words[i].name) / 2) {
			best_distance = distance;
			best = words[i].name;
		}
	}
	return best;
}
