/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a request says of an interface: private to link.c and link_add.c. */
#ifndef KERNEL_LINK_PUT_H
#define KERNEL_LINK_PUT_H

#include "kernel/link.h"

/* Appends the header of an interface, index 0 for a new one, and what of c all kinds have. -1: no room. */
__attribute__((warn_unused_result)) int link_put(struct nl_msg *msg, int index, const struct link_change *c);

#endif
