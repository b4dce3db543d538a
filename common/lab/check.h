/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this machine can do for labs of the caller, found out by doing it in namespaces that are thrown
 * away. */
#ifndef LAB_CHECK_H
#define LAB_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct check_row {
	const char *name; /* "netem" */
	const char *what; /* what it is for */
	bool works;
	char how[128];	  /* how to get it */
	char reason[sizeof(((struct err *)0)->text)]; /* why it does not work */
};

/* All rows, the caller's to free; *n: how many. NULL: error. */
struct check_row *check_machine(size_t *n, struct err *e);

#endif
