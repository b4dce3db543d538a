/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of labs and nodes: [A-Za-z0-9][A-Za-z0-9._-]{0,62}. */
#ifndef LAB_NAME_H
#define LAB_NAME_H

#include <stdbool.h>

#include "base/err.h"

#define NAME_LEN_MAX 63

bool name_valid(const char *name);

/* The order in which names are listed: as strcmp, but for numbers in them, which go by value. */
int name_compare(const char *a, const char *b);

/* what: "node", "lab". ERR_USAGE if the name is not valid. */
__attribute__((warn_unused_result)) int name_check(const char *what, const char *name,
						   struct err *e);

#endif
