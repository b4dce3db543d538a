/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User namespaces (user_namespaces(7)), for who may not make other namespaces: the caller becomes
 * root in one of its own. Descriptors keep one alive, as processes in it do.
 */
#ifndef KERNEL_USERNS_H
#define KERNEL_USERNS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* Does the calling process need one? */
bool userns_needed(void);

/* A new one, in which the caller's user and group are root; and where newuidmap(1) and /etc/subuid
 * give the caller ranges of ids, the ids from 1 on are those, in their order. The caller's to close; -1:
 * ERR_FEATURE, with the remedy, or ERR_OS. */
__attribute__((warn_unused_result)) int userns_make(struct err *e);

/* What newuidmap(1) or newgidmap(1) said when they refused the ranges that the caller has, here or in a process
 * that this one was forked from; "": nothing. One line. */
const char *userns_refusal(void);

/* For one who joins such a lab: finds again why it has one user, as far as that can be known. */
void userns_recall(void);

/* What would give user namespaces to who got this errno, in a few words. */
const char *userns_remedy(int errnum);

/* That of a process. -1: error. */
__attribute__((warn_unused_result)) int userns_of(pid_t pid, struct err *e);

/* Is the calling process in it? */
bool userns_is_own(int fd);

/* Has a process another than the calling one, as far as that can be seen? */
bool userns_is_other(pid_t pid);

/* Is the calling process in one that has a single user, as no range was given? */
bool userns_is_narrow(void);

/* Does the calling process's forbid setgroups(2)? Then nobody becomes another user there. */
bool userns_denies_groups(void);

/* Enters it, for good. */
__attribute__((warn_unused_result)) int userns_enter(int fd, struct err *e);

#endif
