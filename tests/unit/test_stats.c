/* What statistics are parsed from: texts as kernels write them, and texts that none should. */
#include "tests/unit/unit.h"

#include "shim/stats_util.h"

#include <errno.h>

#define UNKNOWN TASKSHIM_UNKNOWN
#define NO_LIMIT TASKSHIM_NO_LIMIT

static void test_stats_number_parse(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} rows[] = {
		{"0\n", 0},
		{"4096\n", 4096},
		{"4096", 4096},
		{"max\n", NO_LIMIT},
		{"max", NO_LIMIT},
		{"9223372036854771712\n", NO_LIMIT}, /* v1, pages of 4 KB */
		{"9223372036854710272\n", NO_LIMIT}, /* of 64 KB */
		{"9223372036854710271\n", 9223372036854710271U},
		{"18446744073709551615\n", UNKNOWN}, /* it would be our word for that */
		{"18446744073709551616\n", UNKNOWN},
		{"99999999999999999999999\n", UNKNOWN},
		{"maximum\n", UNKNOWN},
		{"-1\n", UNKNOWN},
		{"+1\n", UNKNOWN},
		{" 1\n", UNKNOWN},
		{"1 2\n", UNKNOWN},
		{"1x\n", UNKNOWN},
		{"0x10\n", UNKNOWN},
		{"\n", UNKNOWN},
		{"", UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_row(rows[i].text, stats_number_parse(rows[i].text) == rows[i].value);
}

static void test_stats_keys_parse(void **state)
{
	static const char text[] = "anon 4096\nfile 8192\nanon_thp 1\nkernel x\nslab 7 8\nsock\n"
				   "shmem  5\n 12\nswap -1\nlast 3";
	uint64_t anon = UNKNOWN, file = UNKNOWN, kernel = UNKNOWN, slab = UNKNOWN, sock = UNKNOWN,
		 shmem = UNKNOWN, swap = UNKNOWN, last = UNKNOWN, none = UNKNOWN, an = UNKNOWN;
	const struct stats_key keys[] = {{"anon", &anon}, {"file", &file}, {"kernel", &kernel},
					 {"slab", &slab}, {"sock", &sock}, {"shmem", &shmem},
					 {"swap", &swap}, {"last", &last}, {"none", &none},
					 {"an", &an}};

	(void)state;
	stats_keys_parse(text, keys, COUNT(keys));
	assert_int_equal(anon, 4096);
	assert_int_equal(file, 8192);
	assert_int_equal(last, 3);
	/* malformed, or not there */
	assert_true(kernel == UNKNOWN && slab == UNKNOWN && sock == UNKNOWN && shmem == UNKNOWN);
	assert_true(swap == UNKNOWN && none == UNKNOWN && an == UNKNOWN);
	stats_keys_parse("", keys, COUNT(keys));
	assert_int_equal(anon, 4096);
}

/* The devices as "8:0 r 1 w 2 ri 3 wi 4\n", "-" for what is not known. */
static const char *show(const struct stats_devices *devices)
{
	static char text[1024];
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < devices->n; i++) {
		const struct taskshim_device_stats *d = &devices->v[i];
		const uint64_t values[] = {d->rbytes, d->wbytes, d->rios, d->wios};
		static const char *const names[] = {"r", "w", "ri", "wi"};

		at += (size_t)snprintf(text + at, sizeof text - at, "%u:%u", d->major, d->minor);
		for (size_t k = 0; k < 4; k++) {
			char number[24] = "-";

			if (values[k] != UNKNOWN)
				(void)snprintf(number, sizeof number, "%llu",
					       (unsigned long long)values[k]);
			at += (size_t)snprintf(text + at, sizeof text - at, " %s %s", names[k],
					       number);
		}
		at += (size_t)snprintf(text + at, sizeof text - at, "\n");
	}
	return text;
}

static void test_stats_io_parse(void **state)
{
	static const struct {
		const char *text, *devices;
	} rows[] = {
		{"", ""},
		{"8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n",
		 "8:0 r 4096 w 8192 ri 1 wi 2\n"},
		{"8:0 rbytes=1 wbytes=2 rios=3 wios=4\n253:16 rbytes=5 wbytes=6 rios=7 wios=8\n",
		 "8:0 r 1 w 2 ri 3 wi 4\n253:16 r 5 w 6 ri 7 wi 8\n"},
		{"8:0 wios=4 rbytes=1", "8:0 r 1 w - ri - wi 4\n"},
		{"8:0 cost.usage=5 rbytes=1\n", "8:0 r 1 w - ri - wi -\n"},
		/* Linux 5.12: devices that did nothing, with no values and no new line */
		{"8:16 8:0 rbytes=1 wbytes=2 rios=3 wios=4\n", "8:0 r 1 w 2 ri 3 wi 4\n"},
		{"8:16 \n8:0 rbytes=1\n", "8:0 r 1 w - ri - wi -\n"},
		{"8:16\n", ""},
		/* nonsense */
		{"rbytes=1 wbytes=2\n", ""},
		{"8:0 rbytes=x wbytes=-1 rios= wios=4\n", "8:0 r - w - ri - wi 4\n"},
		{"8:0 rbytes=18446744073709551616\n", "8:0 r - w - ri - wi -\n"},
		{"8 rbytes=1\n8: rbytes=1\n:0 rbytes=1\nx:0 rbytes=1\n", ""},
		{"4294967296:0 rbytes=1\n", ""},
		{"8:0 rbytes=1\nnone rbytes=2\n", "8:0 r 1 w - ri - wi -\n"},
		{"8:0 rbytesx=1 xrbytes=1 rbytes wios=4\n", "8:0 r - w - ri - wi 4\n"},
		{"\n\n 8:0 rbytes=1\n", "8:0 r 1 w - ri - wi -\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct stats_devices devices = {0};

		assert_int_equal(stats_io_parse(rows[i].text, &devices), 0);
		assert_row_text(rows[i].text, show(&devices), rows[i].devices);
		free(devices.v);
	}
}

static void test_stats_blkio_parse(void **state)
{
	static const char bytes[] = "8:0 Read 4096\n8:0 Write 8192\n8:0 Sync 1\n8:0 Async 2\n"
				    "8:0 Discard 3\n8:0 Total 12288\n8:16 Read 1\nTotal 12288\n";
	static const char operations[] =
		"8:0 Read 5\n8:0 Write 6\n8:0 Total 11\n8:32 Read x\n8:32 Write 7 8\nTotal 11\n";
	struct stats_devices devices = {0};

	(void)state;
	assert_int_equal(stats_blkio_parse(bytes, false, &devices), 0);
	assert_int_equal(stats_blkio_parse(operations, true, &devices), 0);
	assert_string_equal(show(&devices), "8:0 r 4096 w 8192 ri 5 wi 6\n"
					    "8:16 r 1 w - ri - wi -\n"
					    "8:32 r - w - ri - wi -\n");
	devices.n = 0;
	assert_int_equal(stats_blkio_parse("Total 0\n", false, &devices), 0);
	assert_int_equal(stats_blkio_parse("8:0 Read\n8:0\n8:0 read 1\nRead 1\n", false, &devices),
			 0);
	assert_int_equal(devices.n, 0);
	free(devices.v);
}

/* More than the first allocation holds. */
static void test_stats_io_parse_grows(void **state)
{
	struct stats_devices devices = {0};

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		char line[64];

		(void)snprintf(line, sizeof line, "8:%u rbytes=%u\n", i, i * 2);
		assert_int_equal(stats_io_parse(line, &devices), 0);
	}
	assert_int_equal(devices.n, 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(devices.v[i].rbytes, i * 2);
	free(devices.v);
}

static void test_stats_pressure_parse(void **state)
{
	static const char text[] = "some avg10=1.50 avg60=12.05 avg300=100.00 total=1234567\n"
				   "full avg10=0.01 avg60=0.00 avg300=0.00 total=89\n";
	static const char *const malformed[] = {
		"",
		"some\n",
		"some avg10=1.50 avg60=0.00 avg300=0.00\n",
		"some avg10=1.50 avg60=0.00 total=1\n",
		"some avg10=x avg60=0.00 avg300=0.00 total=1\n",
		"some avg10=1. avg60=0.00 avg300=0.00 total=1\n",
		"some avg10=-1.00 avg60=0.00 avg300=0.00 total=1\n",
		"some avg10=1.00 avg60=0.00 avg300=0.00 total=\n",
		"some avg10=1.00 avg60=0.00 avg300=0.00 total=1 more\n",
		"all avg10=1.00 avg60=0.00 avg300=0.00 total=1\n",
	};
	struct taskshim_pressure p;

	(void)state;
	stats_pressure_parse(text, &p);
	assert_int_equal((int)(p.some.avg10 * 100 + 0.5), 150);
	assert_int_equal((int)(p.some.avg60 * 100 + 0.5), 1205);
	assert_int_equal((int)(p.some.avg300 * 100 + 0.5), 10000);
	assert_int_equal(p.some.total_us, 1234567);
	assert_int_equal((int)(p.full.avg10 * 100 + 0.5), 1);
	assert_int_equal(p.full.total_us, 89);
	for (size_t i = 0; i < COUNT(malformed); i++) {
		stats_pressure_parse(malformed[i], &p);
		assert_row(malformed[i], p.some.total_us == UNKNOWN && p.some.avg10 < 0);
		assert_row(malformed[i], p.full.total_us == UNKNOWN && p.full.avg300 < 0);
	}
}

/* Before Linux 5.13 there is no line "full" for CPUs. */
static void test_stats_pressure_parse_some_alone(void **state)
{
	struct taskshim_pressure p;

	(void)state;
	stats_pressure_parse("some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n", &p);
	assert_int_equal(p.some.total_us, 5);
	assert_true(p.full.total_us == UNKNOWN);
}

#define FIELDS_4_TO_13 " 1 2 3 4 -1 6 7 8 9 10"
#define FIELDS_16_TO_19 " 12 13 20 0"

static void test_stats_process_parse(void **state)
{
	static const struct {
		const char *line, *comm;
	} rows[] = {
		{"42 (sh) S" FIELDS_4_TO_13 " 150 25" FIELDS_16_TO_19
		 " 3 0 777 999 10 18446744073709551615\n",
		 "sh"},
		{"42 (a b) c) S" FIELDS_4_TO_13 " 150 25" FIELDS_16_TO_19 " 3 0 777 999 10",
		 "a b) c"},
		{"42 (() S" FIELDS_4_TO_13 " 150 25" FIELDS_16_TO_19 " 3 0 777 999 10\n", "("},
		{"42 () S" FIELDS_4_TO_13 " 150 25" FIELDS_16_TO_19 " 3 0 777 999 10\n", ""},
		{"42 (\n) S" FIELDS_4_TO_13 " 150 25" FIELDS_16_TO_19 " 3 0 777 999 10\n", "\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct taskshim_process p;

		assert_row(rows[i].line, stats_process_parse(rows[i].line, 100, 4096, &p) == 0);
		assert_row_text(rows[i].line, p.comm, rows[i].comm);
		assert_int_equal(p.pid, 42);
		assert_int_equal(p.state, 'S');
		assert_int_equal(p.user_ns, 1500000000);
		assert_int_equal(p.system_ns, 250000000);
		assert_int_equal(p.threads, 3);
		assert_int_equal(p.start_time, 777);
		assert_int_equal(p.rss, 40960);
	}
}

static void test_stats_process_parse_malformed(void **state)
{
	static const char *const rows[] = {
		"",
		"42",
		"42 sh S 1",
		"42 (sh)",
		"42 (sh) ",
		"42 (sh) S",
		")42 (sh S",
		"x (sh) S" FIELDS_4_TO_13 " 150 25" FIELDS_16_TO_19 " 3 0 777 999 10\n",
		"42(sh) S" FIELDS_4_TO_13 " 150 25" FIELDS_16_TO_19 " 3 0 777 999 10\n",
		"42 (sh) S" FIELDS_4_TO_13 " 150 25" FIELDS_16_TO_19 " 3 0 777 999\n",
		"42 (sh) S" FIELDS_4_TO_13 " x 25" FIELDS_16_TO_19 " 3 0 777 999 10\n",
		"42 (sh) S" FIELDS_4_TO_13 "  150 25" FIELDS_16_TO_19 " 3 0 777 999 10\n",
		"42 (sh) S" FIELDS_4_TO_13 " 150 25" FIELDS_16_TO_19 " 3 0 777 999 10x\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct taskshim_process p = {.pid = 7};

		assert_row(rows[i], stats_process_parse(rows[i], 100, 4096, &p) == -EINVAL);
		assert_int_equal(p.pid, 7);
	}
}

/* A kernel thread may have a longer name than a process; one that does not fit is cut. */
static void test_stats_process_parse_cuts_a_long_name(void **state)
{
	struct taskshim_process p;
	char line[256];

	(void)state;
	(void)snprintf(line, sizeof line,
		       "42 (%080d) S" FIELDS_4_TO_13 " 150 25" FIELDS_16_TO_19 " 3 0 777 999 10\n",
		       0);
	assert_int_equal(stats_process_parse(line, 100, 4096, &p), 0);
	assert_int_equal(strlen(p.comm), sizeof p.comm - 1);
}

static void test_stats_mhz_parse(void **state)
{
	(void)state;
	assert_int_equal(
		(int)(stats_mhz_parse("processor\t: 0\ncpu MHz\t\t: 2596.134\nflags\t: fpu\n"
				      "cpu MHz\t\t: 100.000\n") *
			      1000 +
		      0.5),
		2596134);
	assert_true(stats_mhz_parse("processor\t: 0\nBogoMIPS\t: 50.00\n") < 0);
	assert_true(stats_mhz_parse("cpu MHz\t\t: 0.000\n") < 0);
	assert_true(stats_mhz_parse("cpu MHz\t\t: unknown\n") < 0);
	assert_true(stats_mhz_parse("cpu MHz") < 0);
	assert_true(stats_mhz_parse("") < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stats_number_parse),
		cmocka_unit_test(test_stats_keys_parse),
		cmocka_unit_test(test_stats_io_parse),
		cmocka_unit_test(test_stats_io_parse_grows),
		cmocka_unit_test(test_stats_blkio_parse),
		cmocka_unit_test(test_stats_pressure_parse),
		cmocka_unit_test(test_stats_pressure_parse_some_alone),
		cmocka_unit_test(test_stats_process_parse),
		cmocka_unit_test(test_stats_process_parse_malformed),
		cmocka_unit_test(test_stats_process_parse_cuts_a_long_name),
		cmocka_unit_test(test_stats_mhz_parse),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
