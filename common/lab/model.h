/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that the servers of a lab tell of it, in one piece. */
#ifndef LAB_MODEL_H
#define LAB_MODEL_H

#include "base/err.h"
#include "base/value.h"

/* A dict: lab; nodes, a list of dicts sorted by name (the keys of call_node; interfaces, as from
 * call_addresses; routes; processes; qdiscs); links, as from links_of_lab. ERR_ABSENT: there is no
 * such lab. NULL: error. */
struct value *lab_model(const char *lab, struct value_pool *pool, struct err *e);

#endif
