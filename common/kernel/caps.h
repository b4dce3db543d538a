/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities, through libcap-ng. */
#ifndef KERNEL_CAPS_H
#define KERNEL_CAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Does the calling process have the capability (CAP_SYS_ADMIN ...)? */
bool caps_have(unsigned int cap);

/* Explains a refusal: if errnum is EPERM and cap is missing, fills e with "WHAT: needs
 * CAP_..."; else as err_os. Returns -1. */
int caps_explain(unsigned int cap, int errnum, const char *what, struct err *e);

/* A set of them, a bit for each by its number. */
typedef uint64_t caps_set;

/* Adds those of a list, "net_raw,cap_net_bind_service", in upper or lower case. false: *bad, in the
 * list, is none. */
bool caps_parse(const char *list, caps_set *set, const char **bad);

#define CAPS_BIT(cap) ((caps_set)1 << (cap))

/* Takes those that are not of keep out of force (the effective set). They stay permitted: a program may
 * still be given them. Errors: ERR_OS. */
__attribute__((warn_unused_result)) int caps_lower(caps_set keep, struct err *e);

/* Gives up all of them, for a process that starts no program. Errors: ERR_OS. */
__attribute__((warn_unused_result)) int caps_give_up(struct err *e);

/* Becomes another user for good: gid, supplementary groups and uid, every capability dropped
 * (bounding and ambient sets included) but those of keep, which become ambient, and no_new_privs.
 * uid 0 keeps its capabilities, if keep is empty. Who is that user already keeps the groups where they
 * cannot be changed. 0, or -1 with errno. For the child between fork and
 * exec. */
int caps_become(uid_t uid, gid_t gid, const gid_t *groups, size_t n, caps_set keep);

/* Explains why nobody can become another user: true, if errnum is EPERM and the calling process has not got what
 * caps_become needs for that. */
bool caps_explain_become(int errnum, const char *user, struct err *e);

/* Explains why a user could not keep these: true, if errnum is EPERM and one of them is not the calling
 * process's. */
bool caps_explain_kept(caps_set keep, int errnum, const char *user, struct err *e);

#endif
