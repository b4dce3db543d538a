/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of common/wire/base64.c. What decoding has to give was asked of Python 2.7's binascii. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "wire/base64.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void test_encode(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		const char *text;
	} rows[] = {
		{ "", 0, "" },		     { "f", 1, "Zg==" },
		{ "fo", 2, "Zm8=" },	     { "foo", 3, "Zm9v" },
		{ "foob", 4, "Zm9vYg==" },   { "\0", 1, "AA==" },
		{ "\xff\xfe\xfd", 3, "//79" }, { "\xfb\xef\xbe", 3, "++++" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		own(buf) struct buf b = {0};

		buf_adds(&b, "before ");
		base64_encode(&b, rows[i].data, rows[i].len);
		assert_memory_equal(buf_cstr(&b), "before ", 7);
		assert_string_equal(b.data + 7, rows[i].text);
		assert_int_equal(b.len, 7 + strlen(rows[i].text));
	}
}

static void test_decode(void **state)
{
	static const struct {
		const char *text, *data;
	} rows[] = {
		{ "", "" },
		{ "Zm9v", "foo" },
		{ "Zm8=", "fo" },
		{ "Zg==", "f" },
		{ "Zm\n9 v\r\n", "foo" },      /* noise is skipped */
		{ "Z-m_9\x80\xffv!", "foo" },
		{ "=Zm9v", "foo" },	       /* pads that cannot be are noise too */
		{ "Z=m9v", "foo" },
		{ "Z==m9v", "foo" },
		{ "Zm=9v", "foo" },
		{ "Zm9v=", "foo" },
		{ "Zm9v====", "foo" },
		{ "=", "" },
		{ "Zm8=Zm9v", "fo" },	       /* a good pad ends the text */
		{ "Zg==Zg==", "f" },
		{ "Zg=\n=", "f" },
		{ "Zg=?=", "f" },
		{ "Zm8=!", "fo" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		own(buf) struct buf b = {0};

		buf_adds(&b, "before ");
		assert_int_equal(base64_decode(&b, rows[i].text, strlen(rows[i].text)), 0);
		assert_memory_equal(buf_cstr(&b), "before ", 7);
		assert_string_equal(b.data + 7, rows[i].data);
		assert_int_equal(b.len, 7 + strlen(rows[i].data));
	}
}

/* Zg=A is Z, g, A: the pad is noise, and three digits are no whole group. */
static void test_wrong_padding(void **state)
{
	static const char *const rows[] = { "Z", "Zm", "Zm9", "Zg=", "Zm9vZg", "Z===", "Zg=A",
					    "Zm=9", "Zm9vZ=" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		own(buf) struct buf b = {0};

		buf_adds(&b, "before");
		assert_int_equal(base64_decode(&b, rows[i], strlen(rows[i])), -1);
		assert_string_equal(buf_cstr(&b), "before");
		assert_false(b.failed);
	}
}

static void test_no_memory(void **state)
{
	struct buf b = { .failed = true };

	(void)state;
	assert_int_equal(base64_decode(&b, "Zm9v", 4), -1);
	base64_encode(&b, "foo", 3);
	assert_int_equal(b.len, 0);
}

/* Exact storage, so that a sanitizer sees a byte read too far. */
static void test_round_trip(void **state)
{
	(void)state;
	srand(1);
	for (size_t len = 0; len < 400; len++) {
		own(buf) struct buf text = {0}, data = {0};
		own(mem) unsigned char *bytes = malloc(len ? len : 1);
		own(mem) char *exact = NULL;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (unsigned char)rand();
		base64_encode(&text, bytes, len);
		assert_int_equal(text.len, (len + 2) / 3 * 4);
		exact = malloc(text.len ? text.len : 1);
		memcpy(exact, buf_cstr(&text), text.len);
		assert_int_equal(base64_decode(&data, exact, text.len), 0);
		assert_int_equal(data.len, len);
		assert_memory_equal(buf_cstr(&data), bytes, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),	      cmocka_unit_test(test_decode),
		cmocka_unit_test(test_wrong_padding), cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
