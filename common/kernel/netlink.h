/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One netlink socket through libnl, in the network namespace where it was opened. Errors
 * carry the kernel's raw errno and its extended text: ERR_KERNEL (ENODEV and the like included),
 * ERR_FEATURE for EOPNOTSUPP.
 */
#ifndef KERNEL_NETLINK_H
#define KERNEL_NETLINK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct netlink;
struct nl_msg;
struct nlmsghdr;

/* rtnetlink, or another protocol (NETLINK_*). The caller's to close. NULL: error. */
struct netlink *netlink_open(struct err *e);
struct netlink *netlink_open_for(int protocol, struct err *e);
void netlink_close(struct netlink *nl);

/* After an error of the socket itself no answer could be told from another's: all requests fail from then
 * on, with ERR_OS, until it has been mended, which is in the network namespace of who does it. 0: there
 * was nothing to mend, or it is. */
__attribute__((warn_unused_result)) int netlink_mend(struct netlink *nl, struct err *e);

static inline void own_netlink(struct netlink *const *nl)
{
	netlink_close(*nl);
}

/* A message of this type that begins with the type's own header. NULL: no memory. */
struct nl_msg *netlink_message(int type, int flags, const void *header, size_t size);
/* The message, if all of it is in there; else it is freed: NULL. */
struct nl_msg *netlink_whole(struct nl_msg *msg, bool whole);

/* Sends one request, which it frees (NULL: out of memory), and waits for the kernel's ack. A
 * reply that comes before it goes to fn. what: the object in the error's text ("eth0"). */
typedef void netlink_fn(const struct nlmsghdr *h, void *arg);
__attribute__((warn_unused_result)) int netlink_request(struct netlink *nl, struct nl_msg *msg,
							const char *what, netlink_fn *fn, void *arg,
							struct err *e);

/* Sends a dump request, which it frees; then fn sees every message of the answer. If something changed while it was
 * read, it is asked for again, some times. */
__attribute__((warn_unused_result)) int netlink_dump(struct netlink *nl, struct nl_msg *msg,
						     const char *what, netlink_fn *fn, void *arg,
						     struct err *e);

#endif
