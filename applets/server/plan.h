/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process that is being described (PROC CRTE to PROC RUN). Functions: 0, or -1 and the error. */
#ifndef SERVER_PLAN_H
#define SERVER_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "kernel/spawn.h"
#include "wire/command.h"

struct plan {
	char *executable, *cwd, *user, *tag;
	char **argv, **env; /* each in one block, as there may be two million words; env NULL: the server's */
	int fds[SPAWN_FDS]; /* -1: the server's */
	caps_set caps; /* that the user keeps */
	bool log;  /* descriptors 1 and 2 go to a log of the node's */
	bool tied; /* SIGHUP when its session ends */
	bool tty;  /* descriptor 0 becomes its controlling terminal */
	bool lacks; /* PROC STD was said and nothing accepted since: RUN must not run without */
	char *xauth; /* its Xauthority file, removed with it; or NULL */
};

/* words: the program, then its arguments from argv[0] on; of one alone that is its argv[0] as well.
 * NULL: the error. */
struct plan *plan_new(const struct arg *words, size_t n, struct err *e);
void plan_free(struct plan *p);

/* One of the texts; the copy is the plan's. */
__attribute__((warn_unused_result)) int plan_set(char **place, const struct arg *a, struct err *e);

/* Names and values in turn; there is an even number of them. */
__attribute__((warn_unused_result)) int plan_replace_env(struct plan *p, const struct args *args,
							 struct err *e);
/* In place of all of this name, as a client may have given several; value NULL: there shall be none. */
__attribute__((warn_unused_result)) int plan_set_variable(struct plan *p, const char *name,
							  const char *value, struct err *e);

#endif
