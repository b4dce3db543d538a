/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting a program (wire.md section 4). Nothing here waits: the child reports a failure
 * through a pipe, which ends when the program runs.
 */
#ifndef KERNEL_SPAWN_H
#define KERNEL_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "kernel/caps.h"

/* Descriptors 0 to 2, and 3, on which a program may tell that it is ready. */
#define SPAWN_FDS 4

/* Where a start can fail; the names are those of "step" in wire.md section 5. */
enum spawn_step { SPAWN_USER, SPAWN_CWD, SPAWN_SESSION, SPAWN_STDIO, SPAWN_EXEC };

/* What the child writes into the report when it could not become the program. */
struct spawn_failure {
	int step, errnum;
};

struct spawn {
	const char *executable; /* without a slash: searched for in the PATH of env */
	char **argv;
	char **env;	     /* NULL: the caller's */
	const char *cwd;     /* NULL: the caller's */
	const char *user;    /* name or number; NULL: the caller's */
	caps_set caps;	     /* that this user keeps */
	int fds[SPAWN_FDS];  /* 0 to 2: -1: the caller's; 3: -1: none */
	const char *own_file; /* a file that becomes the user's, or NULL */
	int mntns;	     /* a mount namespace to enter, or -1 */
	bool controlling_tty; /* make descriptor 0 the session's terminal */
	struct spawn_work *work; /* spawn_start's own, until spawn_release */
	struct spawn_failure failure; /* spawn_result's own */
	bool failed;
};

/* *report: what spawn_result reads, the caller's to close; reading it never blocks. The child is in a session
 * of its own, gets SIGKILL when the caller dies, and has no other descriptors than 0 to 2. All that s points to
 * must stay as it is until spawn_release, which may be called when the start is over or the child has ended. */
__attribute__((warn_unused_result)) int spawn_start(struct spawn *s, pid_t *pid, int *report,
						    struct err *e);
void spawn_release(struct spawn *s);

/* When report is readable: 1, it is not over yet, ask again when there is more; 0, the program runs; -1:
 * ERR_OS with a step (user, cwd, session, stdio, exec), or ERR_VALUE for an unknown user. The child then ends
 * by itself. */
__attribute__((warn_unused_result)) int spawn_result(struct spawn *s, int report, struct err *e);

#endif
