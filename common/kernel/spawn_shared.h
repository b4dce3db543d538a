/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting a program from a child that shares the caller's memory until it executes: private to
 * spawn.c. */
#ifndef KERNEL_SPAWN_SHARED_H
#define KERNEL_SPAWN_SHARED_H

#include <stdbool.h>

#include "kernel/spawn.h"

/* So many descriptors are closed, or marked close-on-exec, one by one where close_range(2) cannot do it at once,
 * before Linux 5.9 and 5.11. Only what the caller has inherited matters: its own are close-on-exec already. */
#define SPAWN_FDS_SEEN 1024

/* Can it be done for this program, on this machine? */
bool spawn_shared_possible(const struct spawn *s);

/* Clones the child. tell: the write end of the report pipe. The child's PID, or -1 with errno.
 * *work: what the child uses; to be freed with spawn_shared_free when the report has ended. */
pid_t spawn_shared(const struct spawn *s, int tell, struct spawn_work **work);
void spawn_shared_free(struct spawn_work *work);

#endif
