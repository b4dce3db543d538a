/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of netem in netlink messages. */
#ifndef KERNEL_NETEM_H
#define KERNEL_NETEM_H

#include "base/impair.h"

struct nl_msg;
struct nlattr;

/* Appends TCA_KIND and TCA_OPTIONS: all that netem can be told, so that what is not in i is taken
 * away. limit: packets. -1: no room. */
__attribute__((warn_unused_result)) int netem_put(struct nl_msg *msg, const struct impairments *i,
						  uint32_t limit);

/* Reads TCA_OPTIONS. True: it does more than there are impairments for. */
bool netem_read(struct impairments *i, struct nlattr *options);

#endif
