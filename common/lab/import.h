/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is the caller's own: interfaces of its network namespace, and its users' names. */
#ifndef LAB_IMPORT_H
#define LAB_IMPORT_H

#include <sys/types.h>

#include "base/err.h"
#include "lab/client.h"

/* Moves one into a node, which gives it back when it ends; a server that cannot do so gets it for
 * good. ERR_ABSENT: there is none of that name. */
__attribute__((warn_unused_result)) int import_interface(struct client *c, const char *name,
							 struct err *e);

/* The number that a user of that name or number has in a node: the caller's own is 0 where the lab has users of
 * its own, any other is the same. A number needs no account. */
__attribute__((warn_unused_result)) int import_user(const struct client *c, const char *name, uid_t *uid,
						    struct err *e);

#endif
