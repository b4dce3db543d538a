/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nemu --complete: what may come next on a command line, for shells. */
#ifndef APPLETS_COMPLETE_H
#define APPLETS_COMPLETE_H

#include "applets.h"

/*
 * words: what follows "nemu" (applet NULL) or the applet's name, up to the cursor; the last one is to
 * be completed, "" if nothing of it is there. Prints candidates that begin with it, a line each. Before
 * them there may be a line for the shell: "!files", "!dirs", or "!command N": a command begins at word N.
 */
int complete(const struct applet *applets, const struct applet *a, struct call *c, char **words);

/* The i-th condition of until, and what follows it ("NODE PID|TAG"); NULL: there are no more. */
const char *until_condition(size_t i, const char **operands);

#endif
