/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ADDR: addresses of the node's interfaces (wire.md section 3). */
#include "kernel/addr.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "describe.h"
#include "kernel/link.h"
#include "names.h"
#include "session.h"
#include "wire/object.h"
#include "wire/pickle.h"

static void keep(const struct address *a, void *all)
{
	buf_add(all, a, sizeof(*a));
}

/* All addresses, one struct address behind the other, in the kernel's order. */
static int read_all(struct buf *all, struct netlink *nl, struct err *e)
{
	if (addr_each(nl, keep, all, e))
		return -1;
	return all->failed ? err_nomem(e) : 0;
}

/* Those of one interface, each as put has it. */
static void put_list(struct buf *pickle, const struct buf *all, int index,
		     void (*put)(struct buf *, const struct address *))
{
	const struct address *v = (const void *)all->data;

	pickle_list(pickle);
	for (size_t i = 0; i < all->len / sizeof(*v); i++)
		if (v[i].index == index)
			put(pickle, &v[i]);
	pickle_list_end(pickle);
}

int srv_addr_list(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	own(ifaces) struct ifaces ifaces = {0};
	own(buf) struct buf all = {0}, pickle = {0};
	struct iface one;

	(void)cmd;
	if (!nl || read_all(&all, nl, e))
		return FAILED;
	pickle_start(&pickle);
	if (s->args.n) {
		if (link_get(nl, s->args.v[0].i, &one, e))
			return FAILED;
		put_list(&pickle, &all, one.index, object_address);
	} else {
		if (ifaces_read(&ifaces, nl, e))
			return FAILED;
		pickle_dict(&pickle);
		for (size_t i = 0; i < ifaces.n; i++) {
			pickle_int(&pickle, ifaces.v[i].index);
			put_list(&pickle, &all, ifaces.v[i].index, object_address);
		}
		pickle_dict_end(&pickle);
	}
	pickle_stop(&pickle);
	session_reply_data(s, "Address data follows.", &pickle);
	return NOW;
}

int srv_addr_info(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	own(ifaces) struct ifaces ifaces = {0};
	own(buf) struct buf all = {0}, b = {0};

	(void)cmd;
	if (!nl || read_all(&all, nl, e) || ifaces_read(&ifaces, nl, e))
		return FAILED;
	pickle_start(&b);
	pickle_list(&b);
	for (size_t i = 0; i < ifaces.n; i++) {
		pickle_dict(&b);
		describe_iface(&b, &ifaces.v[i], &ifaces);
		pickle_str(&b, "addr_info");
		put_list(&b, &all, ifaces.v[i].index, describe_address);
		pickle_dict_end(&b);
	}
	pickle_list_end(&b);
	pickle_stop(&b);
	session_reply_data(s, "Address data follows.", &b);
	return NOW;
}

/* Interface, address, prefix length, as ADD and DEL have them in common. */
static int read_args(const struct args *args, struct address *a, struct err *e)
{
	int64_t len;

	*a = (struct address){ .index = args->v[0].i };
	if (!inaddr_parse(args->v[1].s, &a->local))
		return err_set(e, ERR_VALUE, 0, "%.60s: not an address", args->v[1].s);
	if (!num_parse(args->v[2].s, 0, (int64_t)inaddr_len(a->local.family) * 8, &len))
		return err_set(e, ERR_VALUE, 0, "%.20s: not a prefix length of IPv%d",
			       args->v[2].s, a->local.family == AF_INET ? 4 : 6);
	a->prefix_len = (unsigned char)len;
	return 0;
}

int srv_addr_add(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	struct address a;

	(void)cmd;
	if (!nl || read_args(&s->args, &a, e))
		return FAILED;
	a.scope = a.local.family == AF_INET && a.local.bytes[0] == 127 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	if (s->args.n < 4) {
		a.broadcast = inaddr_broadcast(&a.local, a.prefix_len);
	} else if (!inaddr_parse(s->args.v[3].s, &a.broadcast) ||
		   a.broadcast.family != AF_INET || a.local.family != AF_INET) {
		err_set(e, ERR_VALUE, 0, "%.60s: not an IPv4 broadcast address", s->args.v[3].s);
		return FAILED;
	}
	/* Without, it is tentative until the kernel's worker comes to it, also where nothing is probed: no program can
	 * send from it. */
	if (a.local.family == AF_INET6 && !s->server->dad)
		a.flags = IFA_F_NODAD;
	if (names_follow(s->server, e) || addr_add(nl, &a, e))
		return FAILED;
	names_added(s->server, &a);
	session_reply(s, 200, "Done.");
	return NOW;
}

int srv_addr_del(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	struct address a;

	(void)cmd;
	if (!nl || read_args(&s->args, &a, e) || addr_del(nl, &a, e))
		return FAILED;
	names_removed(s->server, &a);
	session_reply(s, 200, "Done.");
	return NOW;
}
