/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exit codes: see exit.h. */
#include "ui/exit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

int exit_general(const struct err *e)
{
	/* Of the applets that have these codes, "if tapfd" executes a command. */
	if (e->kind == ERR_OS && e->step && !strcmp(e->step, "exec"))
		return e->errnum == ENOENT ? 127 : 126;
	switch (e->kind) {
	case ERR_USAGE:
		return 1;
	case ERR_ABSENT:
		return 3;
	case ERR_FEATURE:
		return 4;
	case ERR_TIMEOUT:
		return 124;
	case ERR_KERNEL:
	case ERR_OS:
		return e->errnum == ENODEV ? 3 : e->errnum == EOPNOTSUPP ? 4 : 2;
	default:
		return 2;
	}
}

static int of_command(const struct err *e)
{
	/* The reference names no step: there the errno must do. */
	bool exec = e->kind == ERR_OS && (!e->step || !strcmp(e->step, "exec"));

	if (exec && e->errnum == ENOENT)
		return 127;
	return exec && (e->step || e->errnum == EACCES || e->errnum == ENOEXEC) ? 126 : 0;
}

int exit_of_process(const struct err *e)
{
	int code = of_command(e);

	if (e->kind == ERR_ABSENT && e->errnum == ESRCH)
		return 127; /* as wait in sh: no such process */
	return code ? code : e->kind == ERR_TIMEOUT ? 124 : 125;
}

int exit_of_spawn(const struct err *e)
{
	int code = of_command(e);

	return code ? code : exit_general(e);
}

int exit_from_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
