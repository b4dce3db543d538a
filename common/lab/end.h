/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ending nodes. When these return, their processes and sockets are gone. */
#ifndef LAB_END_H
#define LAB_END_H

#include <stddef.h>

#include "base/err.h"

/* ERR_ABSENT if one is not there: then none is ended. A server that does not answer within 5 s
 * is killed. */
__attribute__((warn_unused_result)) int end_nodes(const char *lab, char *const *names, size_t n,
						  struct err *e);

/* All nodes of the lab, and what dead ones have left; a lab that is not there is no error. */
__attribute__((warn_unused_result)) int end_all_nodes(const char *lab, struct err *e);

#endif
