/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces that came from another network namespace, and go back there when the node ends. */
#ifndef SERVER_IMPORTS_H
#define SERVER_IMPORTS_H

#include "server.h"

/* Moves the interface of that name here from the namespace of a descriptor, which it takes over,
 * and remembers how it was there. */
__attribute__((warn_unused_result)) int imports_take(struct server *s, int ns_fd, const char *name,
						     struct err *e);

/* It has been moved away, or deleted: nothing of it goes back. */
void imports_forget(struct server *s, int index);

/* All of them go back, each with its name, MTU, addresses and state. */
void imports_return(struct server *s);

#endif
