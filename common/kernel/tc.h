/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel does to the packets that an interface sends: queueing disciplines by rtnetlink.
 * Impairments are netem's (all but the rate) under a tbf (the rate), each only where it is
 * needed; see base/impair.h.
 */
#ifndef KERNEL_TC_H
#define KERNEL_TC_H

#include "base/impair.h"
#include "kernel/link.h"

/* One queueing discipline, and what it has counted. */
struct qdisc {
	int index; /* of the interface */
	char kind[16];
	uint32_t handle, parent; /* 0: the kernel's own; TC_H_ROOT, or where in another */
	uint64_t bytes;
	uint32_t packets, drops, overlimits, requeues, backlog, qlen;
	struct impairments has; /* of netem and tbf */
	uint32_t limit;		/* of netem packets, of tbf bytes; 0: not known */
	bool more;		/* a netem or tbf does what impairments have no word for */
};

typedef void qdisc_fn(const struct qdisc *q, void *arg);

/* Calls fn for every one of every interface. */
__attribute__((warn_unused_result)) int qdisc_each(struct netlink *nl, qdisc_fn *fn, void *arg,
						   struct err *e);

/* The impairments of one interface. The kernel does not tell the distribution, nor whether limit
 * and seed were asked for: known (which may have others) says those; where it says nothing, the
 * kernel's are left out. ERR_KERNEL with EBUSY: the interface has a queueing discipline that
 * impairments would replace. */
__attribute__((warn_unused_result)) int impairments_read(struct netlink *nl, const struct iface *on,
							 const struct impairments *known,
							 struct impairments *now, struct err *e);

/* Makes of now, what impairments_read told, what is wanted. All or nothing. ERR_FEATURE: the
 * kernel lacks a module, which is named. */
__attribute__((warn_unused_result)) int impairments_apply(struct netlink *nl,
							  const struct iface *on,
							  const struct impairments *now,
							  const struct impairments *wanted,
							  struct err *e);

#endif
