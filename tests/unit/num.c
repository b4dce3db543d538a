/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of common/base/num.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/num.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void test_integers(void **state)
{
	static const struct {
		const char *text;
		int64_t min, max;
		bool ok;
		int64_t num;
	} rows[] = {
		{ "0", 0, 10, true, 0 },
		{ "10", 0, 10, true, 10 },
		{ "+7", 0, 10, true, 7 },
		{ "-7", -10, 10, true, -7 },
		{ "-0", 0, 10, true, 0 },
		{ "0010", 0, 10, true, 10 },
		{ "11", 0, 10, false, 0 },
		{ "-1", 0, 10, false, 0 },
		{ "2147483647", INT32_MIN, INT32_MAX, true, INT32_MAX },
		{ "2147483648", INT32_MIN, INT32_MAX, false, 0 },
		{ "-2147483648", INT32_MIN, INT32_MAX, true, INT32_MIN },
		{ "-2147483649", INT32_MIN, INT32_MAX, false, 0 },
		{ "9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX },
		{ "-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN },
		{ "9223372036854775808", INT64_MIN, INT64_MAX, false, 0 },
		{ "-9223372036854775809", INT64_MIN, INT64_MAX, false, 0 },
		{ "99999999999999999999999", INT64_MIN, INT64_MAX, false, 0 },
		{ "", INT64_MIN, INT64_MAX, false, 0 },
		{ "+", INT64_MIN, INT64_MAX, false, 0 },
		{ "-", INT64_MIN, INT64_MAX, false, 0 },
		{ "--1", INT64_MIN, INT64_MAX, false, 0 },
		{ "+-1", INT64_MIN, INT64_MAX, false, 0 },
		{ " 1", INT64_MIN, INT64_MAX, false, 0 },
		{ "- 1", INT64_MIN, INT64_MAX, false, 0 },
		{ "1 ", INT64_MIN, INT64_MAX, false, 0 },
		{ "1\n", INT64_MIN, INT64_MAX, false, 0 },
		{ "0x1", INT64_MIN, INT64_MAX, false, 0 },
		{ "1.0", INT64_MIN, INT64_MAX, false, 0 },
		{ "1e1", INT64_MIN, INT64_MAX, false, 0 },
		{ "one", INT64_MIN, INT64_MAX, false, 0 },
		{ "1_0", INT64_MIN, INT64_MAX, false, 0 },
		{ "\xb2", INT64_MIN, INT64_MAX, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t num = -77;

		if (num_parse(rows[i].text, rows[i].min, rows[i].max, &num) != rows[i].ok)
			fail_msg("\"%s\": not so", rows[i].text);
		assert_int_equal(num, rows[i].ok ? rows[i].num : -77);
	}
}

static void test_times(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{ "250ms", 250 },  { "2s", 2000 },     { "1m", 60000 },	  { "1h", 3600000 },
		{ "0", 0 },	   { "0s", 0 },	       { "5", 5000 },	  { "0.5s", 500 },
		{ "0.5", 500 },	   { ".5s", 500 },     { "1.25m", 75000 }, { "0.1s", 100 },
		{ "4.35s", 4350 }, { "1.1", 1100 },    { "1ms", 1 },	  { "1000us", 1 },
		{ "1us", 1 },	   { "1500us", 2 },    { "24h", 86400000 }, { "007ms", 7 },
	};
	static const char *const none[] = { "", "-1", "-1s", "+-1s", "s", "ms", ".", "1x", "1 s",
					    " 1s", "1s ", "1ss", "1.2.3s", "0x10", "0x10s", "nan",
					    "inf", "infinity", "1d", "1e999", "1m30s", "1,5s",
					    "99999999999999999999999h" };
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		ms = -77;
		if (!num_parse_ms(rows[i].text, &ms) || ms != rows[i].ms)
			fail_msg("\"%s\": %lld ms", rows[i].text, (long long)ms);
	}
	for (size_t i = 0; i < COUNT(none); i++)
		if (num_parse_ms(none[i], &ms))
			fail_msg("\"%s\" is no time", none[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
