/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which processes have a process as their parent: those that it started, and those that were left to it
 * (PR_SET_CHILD_SUBREAPER). */
#ifndef BASE_OFFSPRING_H
#define BASE_OFFSPRING_H

#include <stdbool.h>
#include <sys/types.h>

/* Tells fn of each child of parent, whichever of its threads has it, until fn returns true; zombies are told
 * of, too. While children end, the kernel may leave out others: who ends them looks again.
 * Whether fn did return true. false also if /proc does not tell, or is that of another PID namespace. */
bool offspring_find(pid_t parent, bool (*fn)(pid_t pid, void *arg), void *arg);

/* The other way round. 0: there is none, no such process, or no /proc of this PID namespace. */
pid_t offspring_parent(pid_t pid);

#endif
