/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals as something to read. */
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "base/err.h"

struct signals {
	int fd;		 /* a signalfd(2) that does not block */
	sigset_t before; /* the mask as it was */
};
#define SIGNALS_NONE { .fd = -1 }

/* Blocks those by which a user ends a program (SIGHUP, SIGINT, SIGQUIT, SIGTERM), and with terminal those that
 * concern one, but for what is ignored already, as by nohup(1). Release it in any case. */
__attribute__((warn_unused_result)) int signals_catch(struct signals *s, bool terminal, struct err *e);

/* They do again what they did before; what has come meanwhile is dropped. */
void signals_release(struct signals *s);
static inline void own_signals(struct signals *s)
{
	signals_release(s);
}

/* Is it one by which a user ends a program? */
bool signals_is_end(int sig);
/* Such a one is blocked and has come; it is left where it is. */
bool signals_end_pending(void);

/* Of such a descriptor: what has come, 0 if nothing; *from_user: by kill(2), not by a terminal. */
int signals_read(int fd, bool *from_user);

/* How a command that waits for a program comes to *ended_by, the signal by which the user wanted it to end (0: none):
 * one has been passed on, which from a terminal the program got as well; then the program has ended with this code. From
 * a terminal it is only meant for both if the program minded it. */
void signals_note(int *ended_by, int sig, bool from_user);
void signals_settle(int *ended_by, int code);

/* The process ends by it, as it would have done at once. */
__attribute__((noreturn)) void signals_die_of(int sig);

/* Nobody reads what is written: who does not ignore SIGPIPE ends by it, as write(2) would have it. */
void signals_broken_pipe(void);

#endif
