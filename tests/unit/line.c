/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of common/wire/line.c: words, arguments of type b, lines of replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "wire/line.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void test_words(void **state)
{
	static const struct {
		const char *line, *words[6];
	} rows[] = {
		{ "", { NULL } },
		{ " \t\n\v\f\r", { NULL } },
		{ "one", { "one" } },
		{ "  one", { "one" } },
		{ "one  ", { "one" } },
		{ "one two", { "one", "two" } },
		{ "\tone\v\ftwo\r", { "one", "two" } },
		{ "a b  c\td \r\n", { "a", "b", "c", "d" } },
		{ "= =\x01 \x7f\xff", { "=", "=\x01", "\x7f\xff" } },
		{ "a\xa0" "b \x85", { "a\xa0" "b", "\x85" } }, /* no spaces but in other alphabets */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		own(mem) char *line = strdup(rows[i].line);
		char *rest = line;

		for (size_t k = 0; rows[i].words[k]; k++) {
			char *word = wire_word(&rest);

			assert_non_null(word);
			assert_string_equal(word, rows[i].words[k]);
		}
		assert_null(wire_word(&rest));
		assert_null(wire_word(&rest));
	}
}

static void test_put_b(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		const char *text;
	} rows[] = {
		{ "plain", 5, " plain" },   { "", 0, " =" },	     { " ", 1, " =IA==" },
		{ "a b", 3, " =YSBi" },	    { "=", 1, " =PQ==" },    { "a=", 2, " =YT0=" },
		{ "!z/Z~", 5, " =IXovWn4=" }, { "!z/Z", 4, " !z/Z" }, { "\0", 1, " =AA==" },
		{ "a\0b", 3, " =YQBi" },    { "\x80", 1, " =gA==" }, { "{", 1, " =ew==" },
		{ "\n", 1, " =Cg==" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		own(buf) struct buf b = {0};

		buf_adds(&b, "CMD");
		wire_put_b(&b, rows[i].data, rows[i].len);
		assert_int_equal(b.len, 3 + strlen(rows[i].text));
		assert_memory_equal(buf_cstr(&b), "CMD", 3);
		assert_string_equal(b.data + 3, rows[i].text);
	}
}

/* Every byte alone: plain exactly if it is above ' ', not above 'z' and not '='. */
static void test_each_byte(void **state)
{
	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		own(buf) struct buf text = {0}, back = {0};
		char c = (char)(unsigned char)byte;
		bool plain = byte > 0x20 && byte <= 0x7a && byte != '=';

		wire_put_b(&text, &c, 1);
		buf_cstr(&text);
		assert_int_equal(text.data[0], ' ');
		assert_int_equal(text.data[1] == '=', !plain);
		if (plain)
			assert_int_equal(text.len, 2);
		assert_int_equal(wire_get_b(&back, text.data + 1), 0);
		assert_int_equal(back.len, 1);
		assert_memory_equal(back.data, &c, 1);
	}
}

static void test_get_b(void **state)
{
	static const struct {
		const char *word;
		int rc;
		const char *data;
	} rows[] = {
		{ "abc", 0, "abc" }, { "=YWJj", 0, "abc" }, { "=", 0, "" },	 { "", 0, "" },
		{ "a=b", 0, "a=b" }, { "=Y-W?Jj", 0, "abc" }, { "=YQ==", 0, "a" }, { "=a", -1, "" },
		{ "=YQ=", -1, "" },  { "=YWJ", -1, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		own(buf) struct buf b = {0};

		buf_adds(&b, "<");
		assert_int_equal(wire_get_b(&b, rows[i].word), rows[i].rc);
		assert_int_equal(b.len, 1 + strlen(rows[i].data));
		assert_string_equal(buf_cstr(&b) + 1, rows[i].data);
		assert_int_equal(b.data[0], '<');
	}
}

/* In storage of exactly its length, so that a sanitizer sees a byte read too far. */
static bool parse(const char *line, int *code, bool *last, char **text)
{
	size_t len = strlen(line), text_len = 0;
	own(mem) char *exact = malloc(len ? len : 1);
	const char *start = NULL;
	bool ok;

	memcpy(exact, line, len);
	ok = wire_reply_line(exact, len, code, last, &start, &text_len);
	*text = ok ? strndup(text_len ? start : "", text_len) : NULL;
	return ok;
}

static void test_reply_line(void **state)
{
	static const struct {
		const char *line;
		int code;
		bool last;
		const char *text;
	} rows[] = {
		{ "200 Done.", 200, true, "Done." },
		{ "200-Done.", 200, false, "Done." },
		{ "200 two words ", 200, true, "two words" },
		{ "550 =abc\r", 550, true, "=abc" },
		{ "500-x \t\r", 500, false, "x" },
		{ "200  x", 200, true, " x" },
		{ "200 ", 200, true, "" },
		{ "200-", 200, false, "" },
		{ "200- \r", 200, false, "" },
		{ "200", 200, true, "" },
		{ "000 x", 0, true, "x" },
		{ "999-200 x", 999, false, "200 x" },
	};
	static const char *const none[] = { "", " ", "2", "20", "2000", "20 x", "200x", "200+x",
					    "200_", "x200 y", " 200 x", "-20 x", "2 0 x", "abc d",
					    "\xb2\xb0\xb0 x", "0x2 y", "20\t x" };
	bool last;
	int code;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		own(mem) char *text = NULL;

		assert_true(parse(rows[i].line, &code, &last, &text));
		assert_int_equal(code, rows[i].code);
		assert_int_equal(last, rows[i].last);
		assert_string_equal(text, rows[i].text);
	}
	for (size_t i = 0; i < COUNT(none); i++) {
		own(mem) char *text = NULL;

		assert_false(parse(none[i], &code, &last, &text));
	}
}

/* A NUL among the bytes is no white space and ends nothing. */
static void test_reply_with_nul(void **state)
{
	const char *text;
	size_t len;
	bool last;
	int code;

	(void)state;
	assert_true(wire_reply_line("200 a\0b\0", 8, &code, &last, &text, &len));
	assert_int_equal(len, 4);
	assert_memory_equal(text, "a\0b\0", 4);
	assert_false(wire_reply_line("20\0 x", 5, &code, &last, &text, &len));
}

static void test_put_reply(void **state)
{
	static const struct {
		int code;
		const char *text, *bytes;
	} rows[] = {
		{ 200, "Done.", "200 Done.\n" },
		{ 500, "a\nb", "500-a\n500 b\n" },
		{ 200, "a\nb\nc", "200-a\n200-b\n200 c\n" },
		{ 200, "a\r\nb", "200-a\n200 b\n" },
		{ 200, "a\rb", "200-a\n200 b\n" },
		{ 200, "a\n\nb", "200-a\n200 b\n" },
		{ 200, "%s%n", "200 %s%n\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		own(buf) struct buf b = {0};

		wire_put_reply(&b, rows[i].code, rows[i].text);
		assert_string_equal(buf_cstr(&b), rows[i].bytes);
	}
}

/* Whatever the text: lines of one code, the last and only the last of which says so; and with
 * trailing white space gone, as readers do it, there is still a character behind each code. */
static void test_reply_can_be_read(void **state)
{
	static const char *const texts[] = { "", "\n", "\r\n", "\n\n\n", "a\n", "\na", "a\r", " ",
					     "a\n \nb", "a\n ", "200-x\n200 y", "\t\n\t", "a b c" };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		own(buf) struct buf b = {0};
		char *line, *rest;
		bool last = false;

		wire_put_reply(&b, 450, texts[i]);
		buf_cstr(&b);
		assert_int_equal(b.data[b.len - 1], '\n');
		for (rest = b.data; (line = strsep(&rest, "\n")) && rest;) {
			size_t len = strlen(line), text_len;
			const char *text;
			int code;

			assert_false(last);
			while (len && strchr(" \t\r", line[len - 1]))
				len--;
			if (len < 4)
				fail_msg("text %zu: \"%s\" is no line of a reply", i, line);
			assert_true(wire_reply_line(line, len, &code, &last, &text, &text_len));
			assert_int_equal(code, 450);
		}
		assert_true(last);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),	   cmocka_unit_test(test_put_b),
		cmocka_unit_test(test_each_byte),  cmocka_unit_test(test_get_b),
		cmocka_unit_test(test_reply_line), cmocka_unit_test(test_reply_with_nul),
		cmocka_unit_test(test_put_reply),  cmocka_unit_test(test_reply_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
