/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line on the terminal while work takes long. */
#ifndef UI_PROGRESS_H
#define UI_PROGRESS_H

#include <stddef.h>

/* "WHAT: DONE of TOTAL" on standard error, once work has taken half a second, five times a second;
 * the line is wiped when done is total. To be called where standard error is a terminal. */
void progress_print(const char *what, size_t done, size_t total);

#endif
