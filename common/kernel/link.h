/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces by rtnetlink. Errors as in netlink.h; an interface that is not there is ERR_ABSENT
 * with its index as the key. */
#ifndef KERNEL_LINK_H
#define KERNEL_LINK_H

#include "base/net.h"
#include "kernel/netlink.h"

typedef void link_fn(const struct iface *i, void *arg);

/* Calls fn for every interface, in the kernel's order. */
__attribute__((warn_unused_result)) int link_each(struct netlink *nl, link_fn *fn, void *arg,
						  struct err *e);
__attribute__((warn_unused_result)) int link_get(struct netlink *nl, int index, struct iface *i,
						 struct err *e);
__attribute__((warn_unused_result)) int link_by_name(struct netlink *nl, const char *name,
						     struct iface *i, struct err *e);

/* An interface in the network namespace that is known here under an id. */
__attribute__((warn_unused_result)) int link_get_far(struct netlink *nl, int netnsid, int index,
						     struct iface *i, struct err *e);

/* What to change; a bit in set for each that is meant. */
struct link_change {
	enum {
		LINK_NAME = 1,
		LINK_MTU = 2,
		LINK_LLADDR = 4,
		LINK_BROADCAST = 8,
		LINK_UP = 16,
		LINK_MULTICAST = 32,
		LINK_ARP = 64,
		LINK_MASTER = 128,
		LINK_DATA = 256,
	} set;
	char name[IFNAMSIZ];
	uint32_t mtu;
	struct lladdr lladdr, broadcast;
	bool up, multicast, arp;
	int master; /* index of the bridge; 0: none */
	struct kind_values data; /* of the interface's kind */
};

/* Sets what differs from what is there. All or nothing: if the kernel refuses a part, what was
 * done is taken back. The link-layer address is set even where the device must be down for it. */
__attribute__((warn_unused_result)) int link_change(struct netlink *nl, int index,
						    const struct link_change *c, struct err *e);

/* Takes back what link_change has done, for one who cannot go on: before is how it was. e is that one's
 * error, and says so if not all can be taken back. Returns -1. */
int link_change_back(struct netlink *nl, const struct link_change *c, const struct iface *before,
		     struct err *e);

__attribute__((warn_unused_result)) int link_del(struct netlink *nl, int index, struct err *e);
/* Those of them that are there and can be deleted. */
void link_del_all(struct netlink *nl, const int *indexes, size_t n);

/* Moves an interface into the network namespace of a process, or of a descriptor of one; there it
 * gets the name, where one is given. */
__attribute__((warn_unused_result)) int link_move(struct netlink *nl, int index, int pid,
						  struct err *e);
__attribute__((warn_unused_result)) int link_move_to(struct netlink *nl, int index, int ns_fd,
						     const char *name, struct err *e);

/* Makes an interface: name, kind, and of how name, mtu, lladdr, up, master and data. link: index of
 * the interface that it stands on, or 0. One request: all of it or nothing. ERR_FEATURE: the
 * kernel knows no such kind. */
__attribute__((warn_unused_result)) int link_add(struct netlink *nl, const char *name,
						 const char *kind, int link,
						 const struct link_change *how, struct err *e);

/* Makes a veth pair: name here and up, peer in the network namespace of the process peer_pid,
 * straight there and down (the kernel sets no flags there). One request: both ends or none.
 * lladdr may be NULL: the kernel's. index: that it gets if it is free; 0: the kernel's. master: index of the bridge that it becomes a port of, or 0. */
struct veth_end {
	const char *name;
	const struct lladdr *lladdr;
	int index;
};
__attribute__((warn_unused_result)) int link_add_veth(struct netlink *nl,
						      const struct veth_end *own, int master,
						      const struct veth_end *peer, int peer_pid,
						      struct err *e);

/* Sets loopback up. */
__attribute__((warn_unused_result)) int link_loopback_up(struct err *e);

/* The id under which this namespace knows the network namespace of a process, -1 if it has none
 * for it. */
__attribute__((warn_unused_result)) int link_netnsid(struct netlink *nl, int pid, int *id,
						     struct err *e);

#endif
