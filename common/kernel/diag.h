/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listening sockets, by sock_diag(7), in the network namespace where it is asked. */
#ifndef KERNEL_DIAG_H
#define KERNEL_DIAG_H

#include <stdint.h>

#include "base/err.h"

typedef void diag_fn(uint32_t inode, void *arg);

/* Calls fn for every socket that listens on a port: protocol IPPROTO_TCP (in state LISTEN) or
 * IPPROTO_UDP (bound and not connected); IPv4 and IPv6. */
__attribute__((warn_unused_result)) int diag_listening(int protocol, uint16_t port, diag_fn *fn,
						       void *arg, struct err *e);

#endif
