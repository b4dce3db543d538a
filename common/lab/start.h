/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting nodes. A node is two processes: its server, and the server's parent, the keeper (keeper.h). If the
 * keeper dies, the server ends the node. */
#ifndef LAB_START_H
#define LAB_START_H

#include <stddef.h>

#include "base/err.h"
#include "lab/keeper.h"

/* Makes nodes; returns when all of them serve. All or none: if one cannot be made, those made
 * by this call are ended again. ERR_REFUSED: one exists already. */
__attribute__((warn_unused_result)) int start_nodes(const char *lab, char *const *names, size_t n,
						    node_serve_fn *serve, const void *options,
						    struct err *e);

/* The same for one node, in the foreground: returns when the node has ended. */
__attribute__((warn_unused_result)) int start_here(const char *lab, const char *name,
						   node_serve_fn *serve, const void *options,
						   struct err *e);

#endif
