/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of common/ui/exit.c: the exit codes of design.md section 3, row by row. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ui/exit.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const struct row {
	struct err e;
	int general, process, spawn;
} rows[] = {
	{ { .kind = ERR_USAGE }, 1, 125, 1 },
	{ { .kind = ERR_ABSENT, .errnum = ENOENT }, 3, 125, 3 }, /* a lab, a node */
	{ { .kind = ERR_ABSENT, .errnum = ENODEV }, 3, 125, 3 },
	{ { .kind = ERR_ABSENT, .errnum = ESRCH }, 3, 127, 3 }, /* a process, as in sh's wait */
	{ { .kind = ERR_VALUE }, 2, 125, 2 },
	{ { .kind = ERR_KERNEL, .errnum = EEXIST }, 2, 125, 2 },
	{ { .kind = ERR_KERNEL, .errnum = EPERM }, 2, 125, 2 },
	{ { .kind = ERR_KERNEL, .errnum = ENOENT }, 2, 125, 2 }, /* no command that is not found */
	{ { .kind = ERR_KERNEL, .errnum = EACCES }, 2, 125, 2 },
	{ { .kind = ERR_KERNEL, .errnum = ENODEV }, 3, 125, 3 },
	{ { .kind = ERR_KERNEL, .errnum = EOPNOTSUPP }, 4, 125, 4 },
	{ { .kind = ERR_OS, .errnum = EIO }, 2, 125, 2 },
	{ { .kind = ERR_OS, .errnum = EOPNOTSUPP }, 4, 125, 4 },
	{ { .kind = ERR_OS, .errnum = ENODEV }, 3, 125, 3 },
	{ { .kind = ERR_REFUSED }, 2, 125, 2 },
	{ { .kind = ERR_FEATURE }, 4, 125, 4 },
	{ { .kind = ERR_FEATURE, .errnum = EOPNOTSUPP }, 4, 125, 4 },
	{ { .kind = ERR_PEER }, 2, 125, 2 },
	{ { .kind = ERR_TIMEOUT }, 124, 124, 124 },
	{ { .kind = ERR_INTERNAL, .errnum = ENOMEM }, 2, 125, 2 },
	/* The command: not found; found, but nothing that can be executed. */
	{ { .kind = ERR_OS, .errnum = ENOENT, .step = "exec" }, 127, 127, 127 },
	{ { .kind = ERR_OS, .errnum = EACCES, .step = "exec" }, 126, 126, 126 },
	{ { .kind = ERR_OS, .errnum = ENOEXEC, .step = "exec" }, 126, 126, 126 },
	{ { .kind = ERR_OS, .errnum = E2BIG, .step = "exec" }, 126, 126, 126 },
	{ { .kind = ERR_OS, .errnum = ENOTDIR, .step = "exec" }, 126, 126, 126 },
	{ { .kind = ERR_OS, .errnum = EPERM, .step = "exec" }, 126, 126, 126 },
	/* What comes before the command. */
	{ { .kind = ERR_OS, .errnum = ENOENT, .step = "cwd" }, 2, 125, 2 },
	{ { .kind = ERR_OS, .errnum = EACCES, .step = "cwd" }, 2, 125, 2 },
	{ { .kind = ERR_OS, .errnum = EPERM, .step = "user" }, 2, 125, 2 },
	{ { .kind = ERR_OS, .errnum = EACCES, .step = "stdio" }, 2, 125, 2 },
	{ { .kind = ERR_OS, .errnum = EAGAIN, .step = "fork" }, 2, 125, 2 },
	{ { .kind = ERR_OS, .errnum = EPERM, .step = "session" }, 2, 125, 2 },
	/* The reference names no step. */
	{ { .kind = ERR_OS, .errnum = ENOENT }, 2, 127, 127 },
	{ { .kind = ERR_OS, .errnum = EACCES }, 2, 126, 126 },
	{ { .kind = ERR_OS, .errnum = ENOEXEC }, 2, 126, 126 },
	{ { .kind = ERR_OS, .errnum = EPERM }, 2, 125, 2 },
};

static void check_row(const char *what, size_t i, int got, int want)
{
	if (got != want)
		fail_msg("%s, row %zu (kind %d, errno %d, step %s): %d, not %d", what, i,
			 (int)rows[i].e.kind, rows[i].e.errnum, rows[i].e.step ? rows[i].e.step : "-",
			 got, want);
}

static void test_general(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_row("general", i, exit_general(&rows[i].e), rows[i].general);
}

static void test_of_process(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_row("of a process", i, exit_of_process(&rows[i].e), rows[i].process);
}

static void test_of_spawn(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_row("of spawn", i, exit_of_spawn(&rows[i].e), rows[i].spawn);
}

static void test_from_status(void **state)
{
	static const struct {
		int status, code;
	} statuses[] = {
		{ 0, 0 },   { 1 << 8, 1 },  { 3 << 8, 3 },   { 255 << 8, 255 }, { 15, 143 },
		{ 9, 137 }, { 1, 129 },	    { 11 | 0x80, 139 }, { 6 | 0x80, 134 }, { 64, 192 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(statuses); i++)
		assert_int_equal(exit_from_status(statuses[i].status), statuses[i].code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_general),
		cmocka_unit_test(test_of_process),
		cmocka_unit_test(test_of_spawn),
		cmocka_unit_test(test_from_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
