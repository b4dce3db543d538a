/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of common/wire/command.c, with a table of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "wire/command.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

enum { DAY = 1, NIGHT = 2 };

static const struct command table[] = {
	{ "STOP", NULL, "", "", DAY | NIGHT, NULL },
	{ "SAY", NULL, "s", "s*", DAY, NULL },
	{ "IF", "LIST", "", "i", DAY, NULL },
	{ "IF", "SET", "iss", "s*", DAY, NULL },
	{ "ADD", "ALL", "i", "i*", DAY, NULL },
	{ "ADD", "STAR", "b", "*", DAY, NULL }, /* repeats the mandatory one */
	{ "RUN", "IT", "b", "b*", DAY, NULL },
	{ "MIX", "IT", "sbi", "bis", DAY, NULL },
	{ "RUN", "NOW", "", "", NIGHT, NULL },
	{ "REST", NULL, "", "", NIGHT, NULL },
	{ 0 },
};

/* The parsed line as text: SUB or WORD, then each argument in brackets; integers by value. */
static void parse(struct buf *out, struct args *args, unsigned int modes, const char *line)
{
	own(mem) char *copy = strdup(line);
	struct err e = { .kind = ERR_PEER, .text = "stale" };
	const struct command *c = command_parse(table, modes, copy, args, &e);

	buf_consume(out, out->len);
	if (!c) {
		buf_adds(out, e.kind == ERR_NONE ? "blank" : e.kind == ERR_USAGE ? "usage" : "what");
		if (e.kind == ERR_USAGE)
			assert_true(e.text[0] && strcmp(e.text, "stale"));
		return;
	}
	assert_int_equal(e.kind, ERR_NONE);
	buf_adds(out, c->sub ? c->sub : c->word);
	for (size_t i = 0; i < args->n; i++) {
		char type = i < strlen(c->mandatory)
				    ? c->mandatory[i]
				    : (char)(strchr(c->optional, 'i') && args->v[i].i ? 'i' : 's');

		assert_int_equal(args->v[i].s[args->v[i].len], '\0');
		if (type == 'i')
			buf_addf(out, " [%d]", (int)args->v[i].i);
		else
			buf_addf(out, " [%s]", args->v[i].s);
	}
}

static void check(struct args *args, unsigned int modes, const char *line, const char *want)
{
	own(buf) struct buf got = {0};

	parse(&got, args, modes, line);
	if (strcmp(buf_cstr(&got), want))
		fail_msg("\"%s\": %s, not %s", line, got.data, want);
}

static const struct row {
	unsigned int modes;
	const char *line, *want;
} rows[] = {
	/* nothing */
	{ DAY, "", "blank" },
	{ DAY, " \t\r\n\v\f ", "blank" },
	/* words */
	{ DAY, "STOP", "STOP" },
	{ DAY, "stop", "STOP" },
	{ DAY, "  sToP \r", "STOP" },
	{ DAY, "if list", "LIST" },
	{ DAY, "If\tLiSt  7", "LIST [7]" },
	{ DAY, "STOPS", "usage" },
	{ DAY, "STO", "usage" },
	{ DAY, "LIST", "usage" },
	{ DAY, "IF", "usage" },
	{ DAY, "IF FOO", "usage" },
	{ DAY, "IF LIS", "usage" },
	{ DAY, "IF 7 LIST", "usage" },
	{ DAY, "\xc9\xa6", "usage" },
	/* modes */
	{ NIGHT, "STOP", "STOP" },
	{ NIGHT, "IF LIST", "usage" },
	{ NIGHT, "SAY x", "usage" },
	{ NIGHT, "RUN NOW", "NOW" },
	{ NIGHT, "RUN IT x", "usage" },
	{ DAY, "RUN NOW", "usage" },
	{ DAY, "REST", "usage" },
	{ DAY | NIGHT, "REST", "REST" },
	{ DAY | NIGHT, "RUN NOW", "NOW" },
	{ 0, "STOP", "usage" },
	/* how many */
	{ DAY, "STOP now", "usage" },
	{ DAY, "SAY", "usage" },
	{ DAY, "SAY a", "SAY [a]" },
	{ DAY, "SAY a b c d e f g h i j", "SAY [a] [b] [c] [d] [e] [f] [g] [h] [i] [j]" },
	{ DAY, "IF LIST 1 2", "usage" },
	{ DAY, "IF SET 1 a", "usage" },
	{ DAY, "IF SET 1 a b", "SET [1] [a] [b]" },
	{ DAY, "IF SET 1 a b c", "SET [1] [a] [b] [c]" },
	{ DAY, "ADD ALL", "usage" },
	{ DAY, "ADD ALL 1", "ALL [1]" },
	{ DAY, "ADD ALL 1 2 -3", "ALL [1] [2] [-3]" },
	{ DAY, "ADD ALL 1 2 x", "usage" },
	{ DAY, "ADD STAR =YQ== b =Yw==", "STAR [a] [b] [c]" },
	{ DAY, "ADD STAR a b =Y", "usage" },
	{ DAY, "MIX IT s", "usage" },
	{ DAY, "MIX IT s =YiBi", "usage" },
	{ DAY, "MIX IT s =YiBi 5", "IT [s] [b b] [5]" },
	{ DAY, "MIX IT s b 5 =Yw== 6 =ZA==", "IT [s] [b] [5] [c] [6] [=ZA==]" },
	{ DAY, "MIX IT s b 5 =Yw== 6 d e", "usage" },
	/* integers */
	{ DAY, "IF LIST +5", "LIST [5]" },
	{ DAY, "IF LIST -5", "LIST [-5]" },
	{ DAY, "IF LIST 0005", "LIST [5]" },
	{ DAY, "IF LIST 2147483647", "LIST [2147483647]" },
	{ DAY, "IF LIST -2147483648", "LIST [-2147483648]" },
	{ DAY, "IF LIST 2147483648", "usage" },
	{ DAY, "IF LIST -2147483649", "usage" },
	{ DAY, "IF LIST 18446744073709551617", "usage" },
	{ DAY, "IF LIST 0x1", "usage" },
	{ DAY, "IF LIST 1.0", "usage" },
	{ DAY, "IF LIST 1e1", "usage" },
	{ DAY, "IF LIST --1", "usage" },
	{ DAY, "IF LIST +", "usage" },
	{ DAY, "IF LIST =", "usage" },
	{ DAY, "IF LIST =MQ==", "usage" },
	{ DAY, "IF LIST 1,", "usage" },
	/* base64 */
	{ DAY, "RUN IT =", "IT []" },
	{ DAY, "RUN IT = = =", "IT [] [] []" },
	{ DAY, "RUN IT a=b =YT1i", "IT [a=b] [a=b]" },
	{ DAY, "RUN IT =aGVsbG8= plain =d29ybGQ=", "IT [hello] [plain] [world]" },
	{ DAY, "RUN IT =a-G?Vsb!G8=", "IT [hello]" },
	{ DAY, "RUN IT =a", "usage" },
	{ DAY, "RUN IT ok =aGVsbG8", "usage" },
	{ DAY, "SAY =aGVsbG8=", "SAY [=aGVsbG8=]" },
	{ DAY, "SAY =a", "SAY [=a]" },
};

/* Each with arguments of its own, and all with the same ones. */
static void test_lines(void **state)
{
	struct args shared = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct args fresh = {0};

		check(&fresh, rows[i].modes, rows[i].line, rows[i].want);
		args_free(&fresh);
		check(&shared, rows[i].modes, rows[i].line, rows[i].want);
	}
	args_free(&shared);
	assert_null(shared.v);
	assert_int_equal(shared.n, 0);
}

static void test_bytes_of_b(void **state)
{
	struct args args = {0};
	struct err e = ERR_INIT;
	char line[] = "RUN IT =AGEAAA== =/w== x";

	(void)state;
	assert_non_null(command_parse(table, DAY, line, &args, &e));
	assert_int_equal(args.n, 3);
	assert_int_equal(args.v[0].len, 4);
	assert_memory_equal(args.v[0].s, "\0a\0\0", 5);
	assert_int_equal(args.v[1].len, 1);
	assert_memory_equal(args.v[1].s, "\xff", 2);
	assert_string_equal(args.v[2].s, "x");
	args_free(&args);
}

/* Storage moves while it grows: in the end every argument must still be where it is said to be. */
static void test_many(void **state)
{
	struct args args = {0};
	struct err e = ERR_INIT;
	const size_t many = 100000;

	(void)state;
	for (int round = 0; round < 2; round++) {
		own(buf) struct buf line = {0};

		buf_adds(&line, "RUN IT");
		for (size_t i = 0; i < many; i++)
			buf_adds(&line, i % 3 == 0 ? " =aGVsbG8=" : i % 3 == 1 ? " =" : " plain");
		buf_cstr(&line);
		assert_non_null(command_parse(table, DAY, line.data, &args, &e));
		assert_int_equal(args.n, many);
		for (size_t i = 0; i < many; i++)
			assert_string_equal(args.v[i].s, i % 3 == 0 ? "hello" : i % 3 == 1 ? "" : "plain");
	}
	args_free(&args);
}

static void test_errors_are_lines(void **state)
{
	own(buf) struct buf line = {0};
	struct args args = {0};
	struct err e = ERR_INIT;

	(void)state;
	buf_adds(&line, "IF LIST ");
	for (int i = 0; i < 5000; i++)
		buf_adds(&line, "x");
	buf_cstr(&line);
	assert_null(command_parse(table, DAY, line.data, &args, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	assert_null(strpbrk(e.text, "\r\n"));
	args_free(&args);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_bytes_of_b),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_errors_are_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
