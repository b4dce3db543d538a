/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of common/ui/impair.c and common/base/impair.c: units, and what makes sense with what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/impair.h"
#include "base/net.h"
#include "ui/impair.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define BAD UINT64_MAX

static void test_parse(void **state)
{
	static const struct {
		enum impairment what;
		const char *text;
		uint64_t value; /* BAD: refused */
	} rows[] = {
		{ IMP_RATE, "10mbit", 10000000 },     { IMP_RATE, "10Mbit", 10000000 },
		{ IMP_RATE, "1.5mbit", 1500000 },     { IMP_RATE, "64", 64 },
		{ IMP_RATE, "1gbit", 1000000000 },    { IMP_RATE, "2kbps", 16000 },
		{ IMP_RATE, "1kibit", 1024 },	      { IMP_RATE, "17gbit", 17000000000 },
		{ IMP_RATE, "18gbit", BAD },	      { IMP_RATE, "0", 0 },
		{ IMP_RATE, "10", 10 },		      { IMP_RATE, "10 mbit", BAD },
		{ IMP_RATE, "", BAD },		      { IMP_RATE, "mbit", BAD },
		{ IMP_RATE, "-1mbit", BAD },	      { IMP_RATE, "1e3", BAD },
		{ IMP_RATE, "0x10", BAD },	      { IMP_RATE, "nan", BAD },
		{ IMP_RATE, "1..5mbit", BAD },	      { IMP_RATE, "10mbits", BAD },
		{ IMP_DELAY, "20ms", 20000 },	      { IMP_DELAY, "1.5ms", 1500 },
		{ IMP_DELAY, "250us", 250 },	      { IMP_DELAY, "2s", 2000000 },
		{ IMP_DELAY, "1m", 60000000 },	      { IMP_DELAY, "3msec", 3000 },
		{ IMP_DELAY, "0", 0 },		      { IMP_DELAY, "20", BAD },
		{ IMP_DELAY, "0.1us", BAD },	      { IMP_DELAY, "200s", 200000000 },
		{ IMP_DELAY, "201s", BAD },	      { IMP_DELAY, "99999999999999999999s", BAD },
		{ IMP_JITTER, "2.147484s", 2147484 }, { IMP_JITTER, "2.148s", BAD },
		{ IMP_LOSS, "100%", UINT32_MAX },     { IMP_LOSS, "50%", 2147483648 },
		{ IMP_LOSS, "1%", 42949673 },	      { IMP_LOSS, "1", 42949673 },
		{ IMP_LOSS, "0%", 0 },		      { IMP_LOSS, "100.1%", BAD },
		{ IMP_LOSS, "-1%", BAD },	      { IMP_LOSS, "1%%", BAD },
		{ IMP_LOSS, "0.001%", 42950 },	      { IMP_LOSS, "0.00000000001%", BAD },
		{ IMP_GAP, "5", 5 },		      { IMP_GAP, "5.5", BAD },
		{ IMP_GAP, "-5", BAD },		      { IMP_GAP, "2147483648", BAD },
		{ IMP_LIMIT, "10000000", 10000000 },  { IMP_LIMIT, "10000001", BAD },
		{ IMP_SEED, "0", 0 },		      { IMP_SEED, "999999999999999999", 999999999999999999 },
		{ IMP_SEED, "9999999999999999999", BAD },
		{ IMP_DISTRIBUTION, "pareto", DIST_PARETO },
		{ IMP_DISTRIBUTION, "uniform", DIST_UNIFORM },
		{ IMP_DISTRIBUTION, "Normal", BAD },  { IMP_DISTRIBUTION, "", BAD },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t value = BAD;
		bool ok = impairment_parse(&impairment_words[rows[i].what], rows[i].text, &value);

		if (ok != (rows[i].value != BAD) || (ok && value != rows[i].value))
			fail_msg("%s '%s': %d %llu", impairment_words[rows[i].what].name,
				 rows[i].text, ok, (unsigned long long)value);
	}
}

/* What is printed can be typed, and means the same. */
static void test_round_trip(void **state)
{
	static const struct {
		enum impairment what;
		const char *text;
	} rows[] = {
		{ IMP_RATE, "10mbit" }, { IMP_RATE, "1500kbit" }, { IMP_RATE, "999bit" },
		{ IMP_RATE, "1gbit" },	{ IMP_DELAY, "20ms" },	  { IMP_DELAY, "1500us" },
		{ IMP_DELAY, "2s" },	{ IMP_DELAY, "1us" },	  { IMP_LOSS, "10%" },
		{ IMP_LOSS, "0.5%" },	{ IMP_LOSS, "33.3333%" }, { IMP_LOSS, "0.001%" },
		{ IMP_LOSS, "0.00000002%" },
		{ IMP_LOSS, "100%" },	{ IMP_GAP, "5" },	  { IMP_DISTRIBUTION, "normal" },
		{ IMP_SEED, "0" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct impairment_word *w = &impairment_words[rows[i].what];
		char text[IMPAIRMENT_TEXT];
		uint64_t value;

		assert_true(impairment_parse(w, rows[i].text, &value));
		assert_string_equal(impairment_text(w, value, text), rows[i].text);
	}
	for (uint64_t n = 1; n <= 100000; n++) {
		const struct impairment_word *w = &impairment_words[n % 2 ? IMP_RATE : IMP_DELAY];
		char text[IMPAIRMENT_TEXT];
		uint64_t value;

		assert_true(impairment_parse(w, impairment_text(w, n * 500, text), &value));
		assert_int_equal(value, n * 500);
	}
}

static struct impairments make(const char *words)
{
	struct impairments i = {0};

	for (int k = 0; k < IMP_COUNT; k++) {
		const char *at = strstr(words, impairment_words[k].name);
		size_t len = strlen(impairment_words[k].name);

		if (at && (at == words || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			impairments_set(&i, (enum impairment)k, 1, false);
	}
	return i;
}

static void test_rules(void **state)
{
	static const char *const good[] = { "",
					    "rate",
					    "delay",
					    "loss",
					    "delay jitter correlation distribution",
					    "loss loss-correlation",
					    "delay reorder gap",
					    "rate limit",
					    "corrupt seed",
					    "duplicate" };
	static const char *const bad[] = { "jitter",	      "delay correlation",
					   "delay distribution", "loss-correlation",
					   "reorder",	      "delay gap",
					   "limit",	      "rate seed",
					   "delay seed" };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct impairments all = make(good[i]);

		if (impairments_check(&all, ERR_USAGE, &e))
			fail_msg("%s: %s", good[i], e.text);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct impairments all = make(bad[i]);

		if (!impairments_check(&all, ERR_USAGE, &e) || e.kind != ERR_USAGE)
			fail_msg("%s", bad[i]);
		impairments_prune(&all, 0);
		if (impairments_check(&all, ERR_USAGE, &e))
			fail_msg("%s, pruned: %s", bad[i], e.text);
	}
}

static void test_prune(void **state)
{
	struct impairments all = make("rate delay jitter correlation distribution loss reorder gap "
				      "limit seed");
	const uint32_t jitter = 1u << IMP_JITTER;

	(void)state;
	impairments_set(&all, IMP_DELAY, 0, true);
	impairments_prune(&all, jitter);
	assert_true(impaired_by(&all, IMP_JITTER)); /* it was asked for: an error is to follow */
	impairments_prune(&all, 0);
	assert_int_equal(all.set, make("rate loss limit seed").set);
	impairments_set(&all, IMP_LOSS, 0, false);
	impairments_prune(&all, 0);
	assert_int_equal(all.set, make("rate limit").set);
	impairments_set(&all, IMP_RATE, 0, true);
	impairments_prune(&all, 0);
	assert_int_equal(all.set, 0);
	for (int i = 0; i < IMP_COUNT; i++)
		assert_int_equal(all.v[i], 0);
}

/* Addresses by name: local, unicast, the same each time, and different for different names. */
static void test_addresses(void **state)
{
	char seen[3000][LLADDR_TEXT];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char node[16];

		snprintf(node, sizeof(node), "n%d", i);
		for (int k = 0; k < 3; k++) {
			struct lladdr a = lladdr_of(k ? "lab" : "bal", node, k == 2 ? "eth1" : "eth0");

			assert_int_equal(a.len, 6);
			assert_int_equal(a.bytes[0] & 3, 2);
			lladdr_text(&a, seen[n++]);
		}
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (!strcmp(seen[i], seen[k]))
				fail_msg("%zu and %zu: %s", i, k, seen[i]);
	struct lladdr a = lladdr_of("default", "a", "eth0"), b = lladdr_of("default", "ae", "th0");
	assert_false(lladdr_equal(&a, &b));
	/* A lab that was saved must find them again with the next version. */
	assert_string_equal(lladdr_text(&a, seen[0]), "82:56:3a:60:57:eb");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse), cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_rules), cmocka_unit_test(test_prune),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
