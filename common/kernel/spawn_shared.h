/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting a program from a child that shares the caller's memory until it executes: private to
 * spawn.c. */
#ifndef KERNEL_SPAWN_SHARED_H
#define KERNEL_SPAWN_SHARED_H

#include <stdbool.h>

#include "kernel/spawn.h"

/* Can it be done for this program, on this machine? */
bool spawn_shared_possible(const struct spawn *s);

/* Clones the child. tell: the write end of the report pipe. The child's PID, or -1 with errno.
 * *work: what the child uses; to be freed with spawn_shared_free when the report has ended. */
pid_t spawn_shared(const struct spawn *s, int tell, struct spawn_work **work);
void spawn_shared_free(struct spawn_work *work);

#endif
