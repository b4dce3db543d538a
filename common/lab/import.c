/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces of the caller's own network namespace: see import.h. */
#include "lab/import.h"

#include <errno.h>
#include <linux/capability.h>

#include "base/cleanup.h"
#include "kernel/caps.h"
#include "kernel/link.h"

int import_interface(const char *name, pid_t pid, struct err *e)
{
	own(netlink) struct netlink *nl = netlink_open(e);
	struct iface i;

	if (!nl || link_by_name(nl, name, &i, e))
		return -1;
	if (!link_move(nl, i.index, (int)pid, e))
		return 0;
	return e->errnum == EPERM ? caps_explain(CAP_NET_ADMIN, EPERM, name, e) : -1;
}
