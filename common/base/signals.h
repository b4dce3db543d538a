/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals as something to read. */
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "base/err.h"

/* Blocks those by which a user ends a program (SIGHUP, SIGINT, SIGQUIT, SIGTERM), and with terminal those that
 * concern one, but for what is ignored already, as by nohup(1). Gives a signalfd(2), the caller's to close, which does
 * not block; before (may be NULL) gets the mask as it was. -1: error. */
__attribute__((warn_unused_result)) int signals_catch(bool terminal, sigset_t *before, struct err *e);

/* Of such a descriptor: what has come, 0 if nothing; *from_user: by kill(2), not by a terminal. */
int signals_read(int fd, bool *from_user);

/* The process ends by it, as it would have done at once. */
__attribute__((noreturn)) void signals_die_of(int sig);

#endif
