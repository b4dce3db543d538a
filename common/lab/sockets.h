/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who listens on a port of a node. */
#ifndef LAB_SOCKETS_H
#define LAB_SOCKETS_H

#include <sys/types.h>

#include "base/err.h"
#include "lab/client.h"

/* Is it "tcp/PORT" or "udp/PORT"? ERR_USAGE if not. */
__attribute__((warn_unused_result)) int sockets_check_word(const char *word, struct err *e);

/* Does a socket listen there: one that process owner or one of its descendants has open, if
 * owner is not 0? 1, 0, or -1: error. */
__attribute__((warn_unused_result)) int sockets_listen(struct client *c, const char *word,
						       pid_t owner, struct err *e);

#endif
