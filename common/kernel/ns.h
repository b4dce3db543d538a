/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Namespaces: entering new ones, and what stands in them from the start. */
#ifndef KERNEL_NS_H
#define KERNEL_NS_H

#include <stdbool.h>

#include "base/err.h"
#include "kernel/netlink.h"

/* unshare(2); a refusal names the capability that is missing. */
__attribute__((warn_unused_result)) int ns_unshare(int flags, struct err *e);

/* A descriptor of the caller's network namespace, the caller's to close. */
__attribute__((warn_unused_result)) int ns_own_net(struct err *e);

/* Opens an rtnetlink socket in the network namespace of a descriptor: it stays there, the caller
 * does not. NULL: error. */
struct netlink *netlink_open_in(int ns_fd, struct err *e);

/* In the caller's network namespace: interfaces to come have no IPv6. */
__attribute__((warn_unused_result)) int ns_no_ipv6(struct err *e);

/* A descriptor of a new procfs that is mounted nowhere; -1 where the kernel gives none. Within one procfs,
 * lookups under /proc/sys/net search one list of the entries of all network namespaces: in the machine's,
 * with a thousand namespaces, that takes longer than making one. */
int ns_new_proc(void);

/* In the caller's network namespace: IPv4 and IPv6 forwarding on (IPv4 alone with a kernel that
 * has no IPv6); no duplicate address detection on interfaces to come, so that an address can be
 * used at once. proc_fd: by ns_new_proc, or -1. */
__attribute__((warn_unused_result)) int ns_sysctls(int proc_fd, bool forwarding, bool no_dad, struct err *e);

/* In a new mount namespace of the caller: nothing that is mounted here is seen outside (what is
 * mounted outside still comes in), and /sys is that of the caller's network namespace. */
__attribute__((warn_unused_result)) int ns_private_mounts(struct err *e);

/* In a new mount namespace of the caller: /proc is that of the caller's PID namespace. */
__attribute__((warn_unused_result)) int ns_mount_proc(struct err *e);

/* In a new UTS namespace: the host name. */
__attribute__((warn_unused_result)) int ns_hostname(const char *name, struct err *e);

#endif
