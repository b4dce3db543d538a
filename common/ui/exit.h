/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exit codes (design.md section 3). */
#ifndef UI_EXIT_H
#define UI_EXIT_H

#include "base/err.h"

/* The code for an error: 1 usage, 2 refused, 3 absent, 4 feature, 124 time-out. */
int exit_general(const struct err *e);
/* Of exec, wait and their like, whose codes are a process's: 126 not executable, 127 not found,
 * 125 everything else. */
int exit_of_process(const struct err *e);
/* Of spawn: general, and 126, 127 for its command. */
int exit_of_spawn(const struct err *e);

/* The code for a process that ended: its own, 128 + n for a signal. */
int exit_from_status(int status);

#endif
