/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the reference's server tells, under the keys that ours uses (those of "ip -j"). */
#ifndef LAB_COMPAT_H
#define LAB_COMPAT_H

#include "base/err.h"
#include "base/value.h"
#include "lab/client.h"

/* From the answers to IF LIST, ADDR LIST, ROUT LIST. The latter two ask IF LIST, too. */
struct value *compat_links(struct client *c, const struct value *v, struct value_pool *pool,
			   struct err *e);
struct value *compat_addresses(struct client *c, const struct value *v, struct value_pool *pool,
			       struct err *e);
struct value *compat_routes(struct client *c, const struct value *v, struct value_pool *pool,
			    struct err *e);

#endif
