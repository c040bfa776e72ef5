/* The pure parsers of util/: /proc/PID/stat, cgroup files, passwd and group, path texts. */
#include "tests/unit/unit.h"

#include "shim/subid.h"
#include "util/cgroup.h"
#include "util/oom.h"
#include "util/passwd.h"
#include "util/path.h"
#include "util/proc.h"

#include <errno.h>
#include <signal.h>

/* --- /proc/PID/stat --- */

#define FIELDS_4_TO_21 " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18"

static const struct {
	const char *line;
	uint64_t start;
	int result;
	char task_state;
} stats[] = {
	{"1 (init) S" FIELDS_4_TO_21 " 4242 99\n", 4242, 0, 'S'},
	{"1 (a b) c) R" FIELDS_4_TO_21 " 7 99", 7, 0, 'R'},
	{"1 () Z" FIELDS_4_TO_21 " 18446744073709551615\n", UINT64_MAX, 0, 'Z'},
	{"1 (x) S 1 2 3) Q" FIELDS_4_TO_21 " 5\n", 5, 0,
	 'Q'}, /* the name holds all up to the last ) */
	{"1 (\n) D" FIELDS_4_TO_21 " 5\n", 5, 0, 'D'},
	{"1 (init) S" FIELDS_4_TO_21 " 18446744073709551616\n", 0, -EINVAL, 0},
	{"1 (init) S" FIELDS_4_TO_21 "\n", 0, -EINVAL, 0},
	{"1 (init) S" FIELDS_4_TO_21 " x\n", 0, -EINVAL, 0},
	{"1 (init) S 1 2 3\n", 0, -EINVAL, 0},
	{"1 (init)", 0, -EINVAL, 0},
	{"1 (init) ", 0, -EINVAL, 0},
	{"1 init S", 0, -EINVAL, 0},
	{"", 0, -EINVAL, 0},
};

static void test_ts_proc_stat_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(stats); i++) {
		uint64_t start = 0;
		char task_state = 0;

		assert_row(stats[i].line, ts_proc_stat_parse(stats[i].line, &start, &task_state) ==
						  stats[i].result);
		if (stats[i].result == 0) {
			assert_row(stats[i].line, start == stats[i].start);
			assert_row(stats[i].line, task_state == stats[i].task_state);
			assert_int_equal(ts_proc_stat_parse(stats[i].line, &start, NULL), 0);
		}
	}
}

#define FIELDS_23_TO_51 " 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"

static const struct {
	const char *line;
	int result, status;
} exit_codes[] = {
	{"1 (sh) Z" FIELDS_4_TO_21 " 77" FIELDS_23_TO_51 " 1792\n", 0, 7 << 8},
	{"1 (a) Z 9) Z" FIELDS_4_TO_21 " 77" FIELDS_23_TO_51 " 139\n", 0, 128 | SIGSEGV},
	{"1 (sh) Z" FIELDS_4_TO_21 " 77" FIELDS_23_TO_51 " 0\n", 0, 0},
	{"1 (sh) Z" FIELDS_4_TO_21 " 77" FIELDS_23_TO_51 " 65536\n", -EINVAL, 0},
	{"1 (sh) Z" FIELDS_4_TO_21 " 77" FIELDS_23_TO_51 " x\n", -EINVAL, 0},
	{"1 (sh) Z" FIELDS_4_TO_21 " 77" FIELDS_23_TO_51 " \n", -EINVAL, 0},
	{"1 (sh) Z" FIELDS_4_TO_21 " 77" FIELDS_23_TO_51 "\n", -EINVAL, 0},
	{"1 (sh) Z" FIELDS_4_TO_21 " 77\n", -EINVAL, 0},
	{"", -EINVAL, 0},
};

static void test_ts_proc_stat_exit_code(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(exit_codes); i++) {
		int status = 0;

		assert_row(exit_codes[i].line,
			   ts_proc_stat_exit_code(exit_codes[i].line, &status) ==
				   exit_codes[i].result);
		assert_row(exit_codes[i].line, status == exit_codes[i].status);
	}
}

/* --- /proc/PID/status --- */

#define STATUS(nspid, blocked, ignored, caught)                                                    \
	"Name:\tsh\nNStgid:\t9\t1\nNSpid:\t" nspid "\nNSpgid:\t9\t1\nSigQ:\t0/1\n"                 \
	"SigPnd:\tffffffffffffffff\nShdPnd:\tffffffffffffffff\nSigBlk:\t" blocked                  \
	"\nSigIgn:\t" ignored "\nSigCgt:\t" caught "\nCapInh:\t0000000000000000\n"
#define NONE "0000000000000000"
#define TERM "0000000000004000"
#define LAST "8000000000000000"

static const struct {
	const char *status;
	int signo;
	bool dropped;
} statuses[] = {
	{STATUS("812\t1", NONE, NONE, NONE), SIGTERM, true},
	{STATUS("812\t7\t1", NONE, NONE, NONE), SIGTERM, true},
	{STATUS("812\t1", NONE, NONE, NONE), SIGHUP, true},
	{STATUS("812\t1", NONE, NONE, NONE), SIGKILL, false},
	{STATUS("812\t1", NONE, NONE, NONE), SIGSTOP, false},
	{STATUS("812\t1", TERM, NONE, NONE), SIGTERM, false},
	{STATUS("812\t1", NONE, TERM, NONE), SIGTERM, false},
	{STATUS("812\t1", NONE, NONE, TERM), SIGTERM, false},
	{STATUS("812\t1", NONE, NONE, TERM), SIGINT, true},
	{STATUS("812\t1", NONE, NONE, LAST), 64, false},
	{STATUS("812\t1", NONE, NONE, "7fffffffffffffff"), 64, true},
	{STATUS("1", NONE, NONE, NONE), SIGTERM, false}, /* process 1 of the host is not ours */
	{STATUS("812", NONE, NONE, NONE), SIGTERM, false},
	{STATUS("812\t21", NONE, NONE, NONE), SIGTERM, false},
	{"Name:\tsh\nNSpid:\t812\t1\nSigBlk:\t" NONE "\nSigIgn:\t" NONE "\n", SIGTERM, false},
	{"Name:\tsh\nNSpid:\t812\t1", SIGTERM, false},
	{"Name:\tsh\n", SIGTERM, false},
	{"", SIGTERM, false},
};

static void test_ts_proc_status_drops_signal(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(statuses); i++)
		assert_row(statuses[i].status,
			   ts_proc_status_drops_signal(statuses[i].status, statuses[i].signo) ==
				   statuses[i].dropped);
}

/* --- /dev/kmsg --- */

static const struct {
	const char *record;
	bool killed; /* process 5044 */
} oom_records[] = {
	{"3,417,1520,-;Memory cgroup out of memory: Killed process 5044 (probe) total-vm:1kB",
	 true},
	{"3,417,1520,-;Out of memory: Killed process 5044 (probe) total-vm:1kB", true},
	{"3,417,1520,-;Out of memory (oom_kill_allocating_task): Killed process 5044 (x)", true},
	{"6,416,1521,-;oom-kill:constraint=CONSTRAINT_MEMCG,task=probe,pid=5044,uid=0", true},
	{"6,416,1521,c,caller=T1;oom-kill:constraint=NONE,task=probe,pid=5044,uid=0\n", true},
	{"3,417,1520,-;Memory cgroup out of memory: Killed process 50440 (probe)", false},
	{"3,417,1520,-;Memory cgroup out of memory: Killed process 504 (probe)", false},
	{"3,417,1520,-;Memory cgroup out of memory: Killed process 1 (: Killed process 5044 )",
	 false},
	{"6,416,1521,-;oom-kill:constraint=NONE,task=,pid=5044,,pid=7,uid=0", false},
	{"6,416,1521,-;oom-kill:constraint=NONE,task=,pid=5044,uid=0,pid=7,uid=0", false},
	/* what a process wrote there: facility 1 */
	{"11,417,1520,-;Memory cgroup out of memory: Killed process 5044 (probe)", false},
	{"12,416,1521,-;oom-kill:constraint=NONE,task=probe,pid=5044,uid=0", false},
	{"3,417,1520,-;x: Killed process 5044 (probe)", false},
	{"4,415,1519,-;probe invoked oom-killer: gfp_mask=0xcc0", false},
	{"3,417,1520,-", false},
	{"", false},
};

static void test_ts_kmsg_is_oom_kill(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(oom_records); i++)
		assert_row(oom_records[i].record,
			   ts_kmsg_is_oom_kill(oom_records[i].record, 5044) ==
				   oom_records[i].killed);
}

static void test_ts_kmsg_time(void **state)
{
	static const char *const bad[] = {"", "3", "3,4", "3,4,;x", "3,4,x,-;y", "3,4,5x,-;y"};
	uint64_t us = 0;

	(void)state;
	assert_int_equal(ts_kmsg_time("3,417,152021300,-;x", &us), 0);
	assert_int_equal(us, 152021300);
	assert_int_equal(ts_kmsg_time("3,417,7;x", &us), 0);
	assert_int_equal(us, 7);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_row(bad[i], ts_kmsg_time(bad[i], &us) == -EINVAL);
}

/* --- cgroup files --- */

static const struct {
	const char *text, *key;
	int result;
	uint64_t value;
} keys[] = {
	{"low 0\noom_kill 3\n", "oom_kill", 0, 3},
	{"oom_kill 3", "oom_kill", 0, 3},
	{"oom_kill_disable 0\nunder_oom 0\noom_kill 12\n", "oom_kill", 0, 12},
	{"oom 1\noom_kill 2\n", "oom", 0, 1},
	{"x 18446744073709551615\n", "x", 0, UINT64_MAX},
	{"x 18446744073709551616\n", "x", -EINVAL, 0},
	{"x -1\n", "x", -EINVAL, 0},
	{"x max\n", "x", -EINVAL, 0},
	{"x 1y\n", "x", -EINVAL, 0},
	{"x \n", "x", -EINVAL, 0},
	{"x\n", "x", -ENODATA, 0},
	{"xx 1\n", "x", -ENODATA, 0},
	{"a x 1\n", "x", -ENODATA, 0},
	{"", "x", -ENODATA, 0},
};

static void test_ts_cgroup_key_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		uint64_t value = 0;

		assert_row(keys[i].text, ts_cgroup_key_parse(keys[i].text, keys[i].key, &value) ==
						 keys[i].result);
		if (keys[i].result == 0)
			assert_row(keys[i].text, value == keys[i].value);
	}
}

/* The values that runc's conversion gives. */
static void test_ts_cgroup_weights(void **state)
{
	static const uint64_t shares[][2] = {
		{0, 0},	    {1, 1},	{2, 1},		 {512, 20},
		{1024, 39}, {2048, 79}, {262144, 10000}, {UINT64_MAX, 10000}};
	static const uint64_t blkio[][2] = {{0, 0},	 {1, 1},	{10, 1},
					    {500, 4950}, {1000, 10000}, {UINT64_MAX, 10000}};

	(void)state;
	for (size_t i = 0; i < COUNT(shares); i++)
		assert_int_equal(ts_cgroup_weight_from_shares(shares[i][0]), shares[i][1]);
	for (size_t i = 0; i < COUNT(blkio); i++)
		assert_int_equal(ts_cgroup_io_weight_from_blkio(blkio[i][0]), blkio[i][1]);
}

/* --- passwd and group --- */

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
			     "short:x:5:5\n"
			     "# comment\n"
			     "\n"
			     "badid:x:0x0:0::/:/bin/sh\n"
			     "minus:x:-1:0::/:/bin/sh\n"
			     "huge:x:4294967295:0::/:/bin/sh\n"
			     "1000:x:77:78::/home/1000:/bin/sh\n"
			     "nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin:extra\n"
			     "nobody:x:0:0::/second:/bin/sh\n"
			     ":x:3:3::/:/bin/sh\n"
			     "last:x:4294967294:1:a,b c:/home/last:";

static void test_ts_passwd_find(void **state)
{
	struct ts_passwd p;

	(void)state;
	assert_true(ts_passwd_find(passwd, "root", 9, &p));
	assert_int_equal(p.uid, 0);
	assert_string_equal(p.home, "/root");
	assert_true(ts_passwd_find(passwd, "nobody", 0, &p)); /* the first one, never uid 0 */
	assert_int_equal(p.uid, 65534);
	assert_int_equal(p.gid, 65533);
	assert_true(ts_passwd_find(passwd, "1000", 0, &p));
	assert_int_equal(p.uid, 77);
	assert_true(ts_passwd_find(passwd, NULL, 4294967294, &p));
	assert_string_equal(p.name, "last");
	assert_true(ts_passwd_find(passwd, NULL, 77, &p));
	assert_string_equal(p.name, "1000");
}

static void test_ts_passwd_find_passes_over_what_is_malformed(void **state)
{
	static const char *const missing[] = {"short", "badid", "minus", "huge",  "",
					      "Root",  "roo",	"root ", "root:", "# comment"};
	struct ts_passwd p;

	(void)state;
	for (size_t i = 0; i < COUNT(missing); i++)
		assert_row(missing[i], !ts_passwd_find(passwd, missing[i], 0, &p));
	assert_false(ts_passwd_find(passwd, NULL, 3, &p));
	assert_false(ts_passwd_find(passwd, NULL, 1000, &p));
	assert_false(ts_passwd_find("", "root", 0, &p));
}

static const char group[] = "root:x:0:\n"
			    "data:x:33:www,jane\n"
			    "broken\n"
			    "bad:x:-5:jane\n"
			    "janes:x:34:janet\n"
			    "more:x:35:jane\n"
			    "nomembers:x:36\n"
			    "last:x:37:,,jane";

static void test_ts_group_find(void **state)
{
	gid_t gid = 99;

	(void)state;
	assert_true(ts_group_find(group, "data", &gid));
	assert_int_equal(gid, 33);
	assert_true(ts_group_find(group, "nomembers", &gid));
	assert_int_equal(gid, 36);
	assert_false(ts_group_find(group, "broken", &gid));
	assert_false(ts_group_find(group, "bad", &gid));
	assert_false(ts_group_find(group, "", &gid));
	assert_false(ts_group_find(group, "dat", &gid));
}

static void test_ts_group_memberships(void **state)
{
	gid_t gids[2] = {0};

	(void)state;
	assert_int_equal(ts_group_memberships(group, "jane", gids, 2), 3);
	assert_int_equal(gids[0], 33);
	assert_int_equal(gids[1], 35);
	assert_int_equal(ts_group_memberships(group, "www", gids, 0), 1);
	assert_int_equal(ts_group_memberships(group, "nobody", gids, 2), 0);
	assert_int_equal(ts_group_memberships("", "jane", gids, 2), 0);
}

static void test_ts_id_parse(void **state)
{
	static const char *const bad[] = {"",	 "-1",	       "+1",	     " 1",	    "1 ",
					  "0x0", "4294967295", "4294967296", "99999999999", "a"};
	unsigned id = 9;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_row(bad[i], !ts_id_parse(bad[i], strlen(bad[i]), &id));
	assert_int_equal(id, 9);
	assert_true(ts_id_parse("0", 1, &id));
	assert_int_equal(id, 0);
	assert_true(ts_id_parse("4294967294", 10, &id));
	assert_true(id == 4294967294u);
	assert_true(ts_id_parse("12x", 2, &id));
	assert_int_equal(id, 12);
}

/* --- path texts --- */

static void test_ts_path_is_normal(void **state)
{
	static const char *const good[] = {"/", "/a", "/a/b", "/...", "/.a", "/a..", "/a b/\xff"};
	static const char *const bad[] = {"",	  "a",	   ".",	      "a/b",   "//",   "/a/",
					  "//a",  "/a//b", "/.",      "/..",   "/a/.", "/a/..",
					  "/./a", "/../a", "/a/../b", "/a/./b"};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_row(good[i], ts_path_is_normal(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_row(bad[i], !ts_path_is_normal(bad[i]));
}

static void test_ts_path_is_below(void **state)
{
	(void)state;
	assert_true(ts_path_is_below("/a", "/a"));
	assert_true(ts_path_is_below("/a/b", "/a"));
	assert_true(ts_path_is_below("/a", "/"));
	assert_true(ts_path_is_below("/", "/"));
	assert_false(ts_path_is_below("/ab", "/a"));
	assert_false(ts_path_is_below("/a", "/a/b"));
	assert_false(ts_path_is_below("/b", "/a"));
}

/* --- /etc/subuid --- */

static void test_subid_find(void **state)
{
	static const char text[] = "alice:100000:65536\n"
				   "\n"
				   "bad\nbob\nbob:\nbob:1\nbob:x:5\nbob:7:y\nbob:8:0\nbob::\n"
				   "1000:5:6\n"
				   "bob:300000:10\n"
				   "bob:400000:20\n"
				   "carol:1:2";
	unsigned first = 0, size = 0;

	(void)state;
	assert_true(subid_find(text, "alice", 77, &first, &size));
	assert_int_equal(first, 100000);
	assert_int_equal(size, 65536);
	assert_true(subid_find(text, "bob", 77, &first, &size)); /* the first that is one */
	assert_int_equal(first, 300000);
	assert_int_equal(size, 10);
	assert_true(subid_find(text, "dave", 1000, &first, &size)); /* by number */
	assert_int_equal(first, 5);
	assert_true(subid_find(text, NULL, 1000, &first, &size));
	assert_true(subid_find(text, "carol", 1, &first, &size)); /* without a newline */
	assert_int_equal(size, 2);
	assert_false(subid_find(text, "ali", 1, &first, &size));
	assert_false(subid_find(text, NULL, 100, &first, &size));
	assert_false(subid_find("", "alice", 1, &first, &size));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ts_proc_stat_parse),
		cmocka_unit_test(test_ts_proc_stat_exit_code),
		cmocka_unit_test(test_ts_proc_status_drops_signal),
		cmocka_unit_test(test_ts_kmsg_is_oom_kill),
		cmocka_unit_test(test_ts_kmsg_time),
		cmocka_unit_test(test_ts_cgroup_key_parse),
		cmocka_unit_test(test_ts_cgroup_weights),
		cmocka_unit_test(test_ts_passwd_find),
		cmocka_unit_test(test_ts_passwd_find_passes_over_what_is_malformed),
		cmocka_unit_test(test_ts_group_find),
		cmocka_unit_test(test_ts_group_memberships),
		cmocka_unit_test(test_ts_id_parse),
		cmocka_unit_test(test_subid_find),
		cmocka_unit_test(test_ts_path_is_normal),
		cmocka_unit_test(test_ts_path_is_below),
	};

	return cmocka_run_group_tests_name("parsers", tests, NULL, NULL);
}
