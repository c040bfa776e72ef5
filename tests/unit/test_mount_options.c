/* mount_options_parse(): every word, alone and against the word before it. */
#include "tests/unit/unit.h"

#include "protocol/defaults.h"
#include "protocol/mount_options.h"

#include <linux/mount.h>

/* The words of @joined, separated by commas. */
static void parse_words(const char *joined, struct mount_options *ret)
{
	static char copy[256];
	static const char *words[32];
	static const char *data[33];
	struct str_list list = {.v = words};

	snprintf(copy, sizeof copy, "%s", joined);
	for (char *save, *word = strtok_r(copy, ",", &save); word;
	     word = strtok_r(NULL, ",", &save))
		words[list.n++] = word;
	ret->data.v = data;
	mount_options_parse(&list, ret);
}

#define ATIME .attr_clr = MOUNT_ATTR__ATIME
#define REC_ATIME .rec_attr_clr = MOUNT_ATTR__ATIME

static const struct {
	const char *words;
	struct mount_options expected; /* data apart */
	const char *data;
} rows[] = {
	{"", {0}, ""},
	{"defaults", {0}, ""},
	{"ro", {.attr_set = MOUNT_ATTR_RDONLY, .ro_superblock = true}, ""},
	{"rw", {.attr_clr = MOUNT_ATTR_RDONLY}, ""},
	{"ro,rw", {.attr_clr = MOUNT_ATTR_RDONLY}, ""},
	{"rw,ro", {.attr_set = MOUNT_ATTR_RDONLY, .ro_superblock = true}, ""},
	{"nosuid", {.attr_set = MOUNT_ATTR_NOSUID}, ""},
	{"suid", {.attr_clr = MOUNT_ATTR_NOSUID}, ""},
	{"nodev", {.attr_set = MOUNT_ATTR_NODEV}, ""},
	{"dev", {.attr_clr = MOUNT_ATTR_NODEV}, ""},
	{"noexec", {.attr_set = MOUNT_ATTR_NOEXEC}, ""},
	{"exec", {.attr_clr = MOUNT_ATTR_NOEXEC}, ""},
	{"nodiratime", {.attr_set = MOUNT_ATTR_NODIRATIME}, ""},
	{"diratime", {.attr_clr = MOUNT_ATTR_NODIRATIME}, ""},
	{"nosymfollow", {.attr_set = MOUNT_ATTR_NOSYMFOLLOW}, ""},
	{"symfollow", {.attr_clr = MOUNT_ATTR_NOSYMFOLLOW}, ""},
	{"noatime", {.attr_set = MOUNT_ATTR_NOATIME, ATIME}, ""},
	{"atime", {ATIME}, ""},
	{"relatime", {ATIME}, ""},
	{"norelatime", {ATIME}, ""},
	{"strictatime", {.attr_set = MOUNT_ATTR_STRICTATIME, ATIME}, ""},
	{"nostrictatime", {ATIME}, ""},
	{"noatime,strictatime", {.attr_set = MOUNT_ATTR_STRICTATIME, ATIME}, ""},
	{"noatime,relatime", {ATIME}, ""},
	{"sync", {.flags = MS_SYNCHRONOUS}, ""},
	{"sync,async", {.flags_clr = MS_SYNCHRONOUS}, ""},
	{"async,sync", {.flags = MS_SYNCHRONOUS}, ""},
	{"dirsync", {.flags = MS_DIRSYNC}, ""},
	{"remount", {.flags = MS_REMOUNT}, ""},
	{"mand", {.flags = MS_MANDLOCK}, ""},
	{"mand,nomand", {.flags_clr = MS_MANDLOCK}, ""},
	{"lazytime", {.flags = MS_LAZYTIME}, ""},
	{"lazytime,nolazytime", {.flags_clr = MS_LAZYTIME}, ""},
	{"iversion", {.flags = MS_I_VERSION}, ""},
	{"iversion,noiversion", {.flags_clr = MS_I_VERSION}, ""},
	{"silent", {.flags = MS_SILENT}, ""},
	{"silent,loud", {.flags_clr = MS_SILENT}, ""},
	{"acl", {0}, "acl,"},
	{"noacl", {0}, "noacl,"},
	{"bind", {.flags = MS_BIND}, ""},
	{"rbind", {.flags = MS_BIND | MS_REC}, ""},
	{"private", {.propagation = MS_PRIVATE}, ""},
	{"rprivate", {.propagation = MS_PRIVATE, .propagation_rec = true}, ""},
	{"shared", {.propagation = MS_SHARED}, ""},
	{"rshared", {.propagation = MS_SHARED, .propagation_rec = true}, ""},
	{"slave", {.propagation = MS_SLAVE}, ""},
	{"rslave", {.propagation = MS_SLAVE, .propagation_rec = true}, ""},
	{"unbindable", {.propagation = MS_UNBINDABLE}, ""},
	{"runbindable", {.propagation = MS_UNBINDABLE, .propagation_rec = true}, ""},
	{"rshared,slave", {.propagation = MS_SLAVE}, ""},
	{"rro", {.rec_attr_set = MOUNT_ATTR_RDONLY}, ""},
	{"rrw", {.rec_attr_clr = MOUNT_ATTR_RDONLY}, ""},
	{"rnosuid", {.rec_attr_set = MOUNT_ATTR_NOSUID}, ""},
	{"rsuid", {.rec_attr_clr = MOUNT_ATTR_NOSUID}, ""},
	{"rnodev", {.rec_attr_set = MOUNT_ATTR_NODEV}, ""},
	{"rdev", {.rec_attr_clr = MOUNT_ATTR_NODEV}, ""},
	{"rnoexec", {.rec_attr_set = MOUNT_ATTR_NOEXEC}, ""},
	{"rexec", {.rec_attr_clr = MOUNT_ATTR_NOEXEC}, ""},
	{"rnodiratime", {.rec_attr_set = MOUNT_ATTR_NODIRATIME}, ""},
	{"rdiratime", {.rec_attr_clr = MOUNT_ATTR_NODIRATIME}, ""},
	{"rnosymfollow", {.rec_attr_set = MOUNT_ATTR_NOSYMFOLLOW}, ""},
	{"rsymfollow", {.rec_attr_clr = MOUNT_ATTR_NOSYMFOLLOW}, ""},
	{"rnoatime", {.rec_attr_set = MOUNT_ATTR_NOATIME, REC_ATIME}, ""},
	{"ratime", {REC_ATIME}, ""},
	{"rrelatime", {REC_ATIME}, ""},
	{"rnorelatime", {REC_ATIME}, ""},
	{"rstrictatime", {.rec_attr_set = MOUNT_ATTR_STRICTATIME, REC_ATIME}, ""},
	{"rnostrictatime", {REC_ATIME}, ""},
	{"tmpcopyup", {.tmpcopyup = true}, ""},
	{"idmap", {.idmap = true}, ""},
	{"ridmap", {.ridmap = true}, ""},
	{"mode=755,nosuid,size=64k,noexce",
	 {.attr_set = MOUNT_ATTR_NOSUID},
	 "mode=755,size=64k,noexce,"},
	{"RO,ro=1", {0}, "RO,ro=1,"},
};

static void assert_options(const char *row, const struct mount_options *got,
			   const struct mount_options *expected)
{
	assert_row(row, got->flags == expected->flags);
	assert_row(row, got->flags_clr == expected->flags_clr);
	assert_row(row, got->attr_set == expected->attr_set);
	assert_row(row, got->attr_clr == expected->attr_clr);
	assert_row(row, got->rec_attr_set == expected->rec_attr_set);
	assert_row(row, got->rec_attr_clr == expected->rec_attr_clr);
	assert_row(row, got->propagation == expected->propagation);
	assert_row(row, got->propagation_rec == expected->propagation_rec);
	assert_row(row, got->ro_superblock == expected->ro_superblock);
	assert_row(row, got->tmpcopyup == expected->tmpcopyup);
	assert_row(row, got->idmap == expected->idmap);
	assert_row(row, got->ridmap == expected->ridmap);
}

static void test_mount_options_parse_sorts_every_word(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mount_options got;
		char data[256] = "";

		parse_words(rows[i].words, &got);
		assert_options(rows[i].words, &got, &rows[i].expected);
		for (size_t d = 0; d < got.data.n; d++) {
			append(data, sizeof data, got.data.v[d]);
			append(data, sizeof data, ",");
		}
		assert_row_text(rows[i].words, data, rows[i].data);
		assert_null(got.data.v[got.data.n]);
	}
}

static void assert_words(const char *row, const struct str_list *got,
			 const struct str_list *expected)
{
	assert_row(row, got->n == expected->n);
	for (size_t i = 0; i < got->n; i++)
		assert_row_text(row, got->v[i], expected->v[i]);
	assert_null(got->v[got->n]);
}

static void test_default_mounts_mean_what_their_words_mean(void **state)
{
	(void)state;
	for (size_t i = 0; i < DEFAULT_MOUNTS; i++) {
		const struct oci_mount *mount = &default_mounts[i];
		const char *data[8];
		struct mount_options expected = {.data.v = data};

		assert_true(mount->options.n < COUNT(data));
		mount_options_parse(&mount->options, &expected);
		assert_options(mount->destination, &mount->parsed, &expected);
		assert_words(mount->destination, &mount->parsed.data, &expected.data);
	}
}

static const struct {
	const char *word, *hint;
} hints[] = {
	{"noexce", "noexec"},
	{"nosiud", "nosuid"},
	{"realtime", "relatime"},
	{"rprivat", "rprivate"},
	{"size=64k", NULL},
	{"", NULL},
	{"x", NULL},
	{"mode", NULL},
	{"averyveryveryverylongwordthatisnothing", NULL},
};

static void test_mount_option_hint_is_close_or_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(hints); i++) {
		const char *hint = mount_option_hint(hints[i].word);

		if (hint && hints[i].hint)
			assert_row_text(hints[i].word, hint, hints[i].hint);
		else if (hint != hints[i].hint)
			fail_msg("row %s: %s", hints[i].word, hint ? hint : "no hint");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mount_options_parse_sorts_every_word),
		cmocka_unit_test(test_default_mounts_mean_what_their_words_mean),
		cmocka_unit_test(test_mount_option_hint_is_close_or_nothing),
	};

	return cmocka_run_group_tests_name("mount_options", tests, NULL, NULL);
}
