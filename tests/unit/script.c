/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of common/ui/script.c: the words of a line are those that sh(1) makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ui/script.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* The words of all commands: "LINE:word|word|" each, "LINE!" for an error. */
static void read_all(const char *text, size_t len, char *out, size_t size)
{
	int ends[2], got;
	unsigned long line;
	size_t used = 0;
	char **argv;
	struct err e = ERR_INIT;

	assert_int_equal(pipe(ends), 0);
	struct script s = SCRIPT_INIT(ends[0], NULL);

	assert_int_equal(write(ends[1], text, len), (ssize_t)len);
	close(ends[1]);
	*out = '\0';
	while ((got = script_next(&s, &argv, &line, &e)) && (got > 0 || e.kind == ERR_USAGE)) {
		used += (size_t)snprintf(out + used, size - used, "%lu%s", line, got > 0 ? ":" : "!");
		for (; got > 0 && *argv; argv++)
			used += (size_t)snprintf(out + used, size - used, "%s|", *argv);
		e = (struct err)ERR_INIT;
	}
	script_free(&s);
	close(ends[0]);
}

static void test_words(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "", "" },
		{ "\n\n  \t\n", "" },
		{ "a", "1:a|" },
		{ "a b\tc\n", "1:a|b|c|" },
		{ "a\n\nb\n", "1:a|3:b|" },
		{ "# x\na # y\nb#c #\n#", "2:a|3:b#c|" },
		{ "'a b' \"c d\" e\\ f", "1:a b|c d|e f|" },
		{ "a'b'\"c\"d", "1:abcd|" },
		{ "'' \"\" x''", "1:||x|" },
		{ "a \\\n b\nc\n", "1:a|b|3:c|" },
		{ "a\\\nb", "1:ab|" },
		{ "\"a\\\nb\" \"\\$\\`\\\"\\\\\\x\"", "1:ab|$`\"\\\\x|" },
		{ "'\\$x`\"' '#'", "1:\\$x`\"|#|" },
		{ "'a\nb' c\nd", "1:a\nb|c|3:d|" },
		{ "\\a \\# \\' \\\"", "1:a|#|'|\"|" },
		{ "a=b {x} ~ * ? [ ! %", "1:a=b|{x}|~|*|?|[|!|%|" },
		{ "$x\na", "1!2:a|" },
		{ "\"$x\"\na", "1!2:a|" },
		{ "`a`\n\"`\"\n", "1!2!" },
		{ "a;b\nc|d\ne&\n<f\n>g\n(h\ni)\nok", "1!2!3!4!5!6!7!8:ok|" },
		{ "ok\n'a\nb\n", "1:ok|2!" },
		{ "ok\n\"a", "1:ok|2!" },
		{ "a\\", "1!" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char out[512];

		read_all(rows[i].text, strlen(rows[i].text), out, sizeof(out));
		if (strcmp(out, rows[i].words))
			fail_msg("row %zu: '%s', not '%s'", i, out, rows[i].words);
	}
}

static void test_nul(void **state)
{
	char out[64];

	(void)state;
	read_all("a \0b\nc", 6, out, sizeof(out));
	assert_string_equal(out, "1!2:c|");
}

static unsigned int reads;

static void count_reads(void)
{
	reads++;
}

/* A command that is there is given before the next read, which may wait. */
static void test_pieces(void **state)
{
	int ends[2];
	unsigned long line;
	char **argv;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	struct script s = SCRIPT_INIT(ends[0], count_reads);

	assert_int_equal(write(ends[1], "a b\nc 'd", 8), 8);
	assert_int_equal(script_next(&s, &argv, &line, &e), 1);
	assert_string_equal(argv[1], "b");
	assert_int_equal(reads, 1);
	assert_int_equal(write(ends[1], " e'\n", 4), 4);
	assert_int_equal(script_next(&s, &argv, &line, &e), 1);
	assert_string_equal(argv[1], "d e");
	assert_int_equal(line, 2);
	assert_int_equal(reads, 2);
	close(ends[1]);
	assert_int_equal(script_next(&s, &argv, &line, &e), 0);
	close(ends[0]);
	assert_int_equal(script_next(&s, &argv, &line, &e), 0);
	script_free(&s);
}

static void test_unreadable(void **state)
{
	unsigned long line;
	char **argv;
	struct err e = ERR_INIT;
	struct script s = SCRIPT_INIT(-1, NULL);

	(void)state;
	assert_int_equal(script_next(&s, &argv, &line, &e), -1);
	assert_int_equal(e.kind, ERR_OS);
	script_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
