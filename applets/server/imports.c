/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces that go back where they came from: see imports.h. */
#include "imports.h"

#include <errno.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "kernel/addr.h"
#include "kernel/link.h"
#include "kernel/monitor.h"
#include "kernel/ns.h"

struct import {
	struct import *next;
	int ns_fd;
	int index;	     /* here */
	struct iface before; /* how it was there */
	struct buf addresses; /* each a struct address */
	int64_t since; /* now_ms() */
};

static void import_free(struct import *i)
{
	drop_fd(&i->ns_fd);
	buf_free(&i->addresses);
	free(i);
}

/* Addresses that somebody gave; the kernel makes those of IPv6's links again. */
static void keep_address(const struct address *a, void *arg)
{
	struct import *i = arg;

	if (a->index == i->before.index && !(a->local.family == AF_INET6 && a->scope == RT_SCOPE_LINK))
		buf_add(&i->addresses, a, sizeof(*a));
}

static void forget(int index, void *server)
{
	struct server *s = server;

	for (struct import **p = &s->imports; *p; p = &(*p)->next) {
		struct import *i = *p;

		if (i->index != index)
			continue;
		*p = i->next;
		import_free(i);
		return;
	}
}

/* When there is none any more, nobody has to tell of them. */
static void rest(struct server *s)
{
	if (s->imports || s->imports_fd < 0)
		return;
	loop_del(s->loop, s->imports_id);
	drop_fd(&s->imports_fd);
}

static void look_for_gone(struct server *s)
{
	struct netlink *nl;
	struct iface now;
	struct err e;

	if (monitor_gone(s->imports_fd, forget, s))
		return;
	nl = server_netlink(s, &e);
	for (struct import *i = s->imports, *next; i && nl; i = next) {
		next = i->next;
		if (link_get(nl, i->index, &now, &e) && e.errnum == ENODEV)
			forget(i->index, s);
	}
}

static void on_change(void *obj, uint32_t events)
{
	(void)events;
	look_for_gone(obj);
	rest(obj);
}

/* The index of what has gone may be another's soon. */
static int watch(struct server *s, struct err *e)
{
	if (s->imports_fd >= 0)
		return 0;
	s->imports_fd = monitor_links(e);
	if (s->imports_fd < 0)
		return -1;
	s->imports_id = loop_add(s->loop, s->imports_fd, EPOLLIN, on_change, s);
	if (s->imports_id)
		return 0;
	drop_fd(&s->imports_fd);
	return err_nomem(e);
}

static int take(struct server *s, struct import *i, const char *name, struct err *e)
{
	own(netlink) struct netlink *there = netlink_open_in(i->ns_fd, e);
	struct netlink *here = server_netlink(s, e);
	own(fd) int own_ns = ns_own_net(e);
	struct iface now;

	/* Other descriptors can be entered, too (pidfd_open(2)), but nothing can be moved back there. */
	if (ioctl(i->ns_fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return err_set(e, ERR_OS, EINVAL, "no descriptor of a network namespace");
	if (!there || !here || own_ns < 0 || watch(s, e) || link_by_name(there, name, &i->before, e) ||
	    addr_each(there, keep_address, i, e))
		return -1;
	if (link_move_to(there, i->before.index, own_ns, NULL, e)) {
		if (e->errnum == EEXIST)
			err_set(e, ERR_KERNEL, EEXIST, "%s: such an interface exists already", name);
		return -1;
	}
	look_for_gone(s); /* what had its index before */
	/* Only the kernel can have renamed it, and it does not. */
	if (link_by_name(here, i->before.name, &now, e))
		return -1;
	i->index = now.index;
	return 0;
}

int imports_take(struct server *s, int ns_fd, const char *name, struct err *e)
{
	struct import *i = calloc(1, sizeof(*i));

	if (!i) {
		drop_fd(&ns_fd);
		return err_nomem(e);
	}
	i->ns_fd = ns_fd;
	i->since = now_ms();
	if (take(s, i, name, e)) {
		import_free(i);
		rest(s);
		return -1;
	}
	i->next = s->imports;
	s->imports = i;
	return 0;
}

void imports_forget(struct server *s, int index)
{
	forget(index, s);
	rest(s);
}

/* Moves it there; name becomes the one it has then. That it had before may have been taken
 * meanwhile: then it gets another, as from the kernel. */
static bool move_back(struct netlink *here, const struct import *i, char *name, size_t size)
{
	struct iface now;
	struct err e;

	if (link_get(here, i->index, &now, &e))
		return false;
	snprintf(name, size, "%s", i->before.name);
	if (!link_move_to(here, i->index, i->ns_fd, name, &e))
		return true;
	for (int k = 0; k < 1000 && e.errnum == EEXIST; k++) {
		struct err gone;

		if (link_get(here, i->index, &now, &gone)) { /* moved, and then not renamed */
			snprintf(name, size, "%s", now.name);
			return true;
		}
		snprintf(name, size, "dev%d", k);
		if (!link_move_to(here, i->index, i->ns_fd, name, &e))
			return true;
	}
	return false;
}

/* Its times go on meanwhile. */
static bool still_valid(struct address *a, int64_t since)
{
	int64_t s = (now_ms() - since) / 1000;

	if (a->preferred != UINT32_MAX)
		a->preferred = s < a->preferred ? a->preferred - (uint32_t)s : 0;
	if (a->valid == UINT32_MAX)
		return true;
	if (s >= a->valid)
		return false;
	a->valid -= (uint32_t)s;
	return true;
}

/* What cannot be done is left out: nobody is there to be told. */
static void give_back(struct server *s, const struct import *i)
{
	struct err ignored;
	own(netlink) struct netlink *there = netlink_open_in(i->ns_fd, &ignored);
	struct netlink *here = server_netlink(s, &ignored);
	char name[IFNAMSIZ];
	struct iface now;
	const unsigned int each[] = { LINK_MTU, LINK_LLADDR, LINK_UP };
	struct link_change c = {
		.mtu = i->before.mtu,
		.lladdr = i->before.lladdr,
		.up = i->before.flags & IFF_UP,
	};

	if (!there || !here || !move_back(here, i, name, sizeof(name)) ||
	    link_by_name(there, name, &now, &ignored))
		return;
	for (size_t k = 0; k < sizeof(each) / sizeof(*each); k++) {
		c.set = each[k];
		if (link_change(there, now.index, &c, &ignored))
			continue;
	}
	for (size_t k = 0; k < i->addresses.len / sizeof(struct address); k++) {
		struct address a = ((const struct address *)(const void *)i->addresses.data)[k];

		a.index = now.index;
		if (still_valid(&a, i->since) && addr_add(there, &a, &ignored))
			continue;
	}
}

void imports_return(struct server *s)
{
	if (s->imports)
		look_for_gone(s);
	while (s->imports) {
		struct import *i = s->imports;

		s->imports = i->next;
		give_back(s, i);
		import_free(i);
	}
	rest(s);
}
