/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IF and LINK: the node's interfaces (wire.md section 3; LINK is an extension). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "describe.h"
#include "kernel/link.h"
#include "session.h"
#include "wire/object.h"
#include "wire/pickle.h"

static void put_entry(const struct iface *i, void *pickle)
{
	pickle_int(pickle, i->index);
	object_iface(pickle, i);
}

int srv_if_list(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	own(buf) struct buf pickle = {0};
	struct iface i;

	(void)cmd;
	if (!nl)
		return FAILED;
	pickle_start(&pickle);
	if (s->args.n) {
		if (link_get(nl, s->args.v[0].i, &i, e))
			return FAILED;
		object_iface(&pickle, &i);
	} else {
		pickle_dict(&pickle);
		if (link_each(nl, put_entry, &pickle, e))
			return FAILED;
		pickle_dict_end(&pickle);
	}
	pickle_stop(&pickle);
	session_reply_data(s, "Interface data follows.", &pickle);
	return NOW;
}

int srv_if_info(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	own(ifaces) struct ifaces all = {0};
	own(buf) struct buf pickle = {0};

	(void)cmd;
	if (!nl || ifaces_read(&all, nl, e))
		return FAILED;
	pickle_start(&pickle);
	pickle_list(&pickle);
	for (size_t i = 0; i < all.n; i++) {
		pickle_dict(&pickle);
		describe_iface(&pickle, &all.v[i], &all);
		pickle_dict_end(&pickle);
	}
	pickle_list_end(&pickle);
	pickle_stop(&pickle);
	session_reply_data(s, "Interface data follows.", &pickle);
	return NOW;
}

/* wire.md section 3: a number is true unless 0; true and false in any case; all else is true. */
static bool truth(const char *s)
{
	int64_t n;

	if (num_parse(s, INT64_MIN, INT64_MAX, &n))
		return n != 0;
	return strcasecmp(s, "false") != 0;
}

static bool read_name(struct link_change *c, const char *value)
{
	if (!ifname_valid(value))
		return false;
	memcpy(c->name, value, strlen(value) + 1);
	return true;
}

static bool read_number(const char *value, int64_t *n)
{
	return num_parse(value, 0, INT32_MAX, n);
}

/* One pair of IF SET or, with master, of LINK SET. */
static int read_pair(struct link_change *c, const char *key, const char *value, struct err *e)
{
	static const struct {
		const char *key;
		unsigned int bit;
	} keys[] = { { "name", LINK_NAME },	      { "mtu", LINK_MTU },
		     { "lladdr", LINK_LLADDR },	      { "broadcast", LINK_BROADCAST },
		     { "up", LINK_UP },		      { "multicast", LINK_MULTICAST },
		     { "arp", LINK_ARP },	      { "master", LINK_MASTER } };
	unsigned int bit = 0;
	int64_t n = 0;
	bool ok = true;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (!strcmp(keys[i].key, key))
			bit = keys[i].bit;
	switch (bit) {
	case LINK_NAME:
		ok = read_name(c, value);
		break;
	case LINK_MTU:
		ok = read_number(value, &n);
		c->mtu = (uint32_t)n;
		break;
	case LINK_LLADDR:
		ok = lladdr_parse(value, &c->lladdr);
		break;
	case LINK_BROADCAST:
		ok = lladdr_parse(value, &c->broadcast);
		break;
	case LINK_UP:
		c->up = truth(value);
		break;
	case LINK_MULTICAST:
		c->multicast = truth(value);
		break;
	case LINK_ARP:
		c->arp = truth(value);
		break;
	case LINK_MASTER:
		ok = read_number(value, &n);
		c->master = (int)n;
		break;
	default:
		return err_set(e, ERR_VALUE, 0, "%.40s: unknown attribute of an interface", key);
	}
	c->set |= bit;
	return ok ? 0 : err_set(e, ERR_VALUE, 0, "%s: not valid: %.60s", key, value);
}

static int set_attributes(struct session *s, unsigned int allowed, struct err *e)
{
	struct netlink *nl = server_netlink(s->server, e);
	struct link_change c = {0};

	if (s->args.n % 2 == 0) {
		err_set(e, ERR_USAGE, 0, "Attributes and values must come in pairs.");
		return FAILED;
	}
	for (size_t i = 1; i < s->args.n; i += 2) {
		if (read_pair(&c, s->args.v[i].s, s->args.v[i + 1].s, e))
			return FAILED;
		if (c.set & ~allowed) {
			err_set(e, ERR_VALUE, 0, "%s: unknown attribute of an interface",
				s->args.v[i].s);
			return FAILED;
		}
	}
	if (!nl || link_change(nl, s->args.v[0].i, &c, e))
		return FAILED;
	session_reply(s, 200, "Done.");
	return NOW;
}

int srv_if_set(void *ctx, const struct command *cmd, struct err *e)
{
	(void)cmd;
	return set_attributes(ctx, LINK_MASTER - 1, e);
}

int srv_link_set(void *ctx, const struct command *cmd, struct err *e)
{
	(void)cmd;
	return set_attributes(ctx, LINK_MASTER * 2 - 1, e);
}

int srv_if_rtrn(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);

	(void)cmd;
	if (!nl || link_move(nl, s->args.v[0].i, s->args.v[1].i, e))
		return FAILED;
	session_reply(s, 200, "Done.");
	return NOW;
}

int srv_if_del(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);

	(void)cmd;
	if (!nl || link_del(nl, s->args.v[0].i, e))
		return FAILED;
	session_reply(s, 200, "Done.");
	return NOW;
}

/* Optional pairs: lladdr and peer, the link-layer addresses of the two ends. */
static int read_veth_options(const struct args *args, struct lladdr *own, struct lladdr *peer,
			     struct err *e)
{
	for (size_t i = 3; i < args->n; i += 2) {
		const char *key = args->v[i].s;
		struct lladdr *a = !strcmp(key, "lladdr") ? own : !strcmp(key, "peer") ? peer : NULL;

		if (!a)
			return err_set(e, ERR_VALUE, 0, "%.40s: unknown attribute of a link", key);
		if (i + 1 == args->n)
			return err_set(e, ERR_USAGE, 0, "%s: value missing", key);
		if (!lladdr_parse(args->v[i + 1].s, a))
			return err_set(e, ERR_VALUE, 0, "%s: not valid: %.60s", key,
				       args->v[i + 1].s);
	}
	return 0;
}

int srv_link_veth(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	const struct arg *a = s->args.v;
	struct netlink *nl = server_netlink(s->server, e);
	struct lladdr lladdr = {0}, peer = {0};

	(void)cmd;
	if (!nl || read_veth_options(&s->args, &lladdr, &peer, e))
		return FAILED;
	if (!ifname_valid(a[0].s) || !ifname_valid(a[2].s)) {
		err_set(e, ERR_VALUE, 0, "%.40s: not an interface name",
			ifname_valid(a[0].s) ? a[2].s : a[0].s);
		return FAILED;
	}
	if (link_add_veth(nl, a[0].s, a[2].s, a[1].i, lladdr.len ? &lladdr : NULL,
			  peer.len ? &peer : NULL, e))
		return FAILED;
	session_reply(s, 200, "Done.");
	return NOW;
}

int srv_link_new(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);

	(void)cmd;
	if (!nl)
		return FAILED;
	if (!ifname_valid(s->args.v[0].s)) {
		err_set(e, ERR_VALUE, 0, "%.40s: not an interface name", s->args.v[0].s);
		return FAILED;
	}
	if (link_add(nl, s->args.v[0].s, s->args.v[1].s, e))
		return FAILED;
	session_reply(s, 200, "Done.");
	return NOW;
}

int srv_link_nsid(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	own(buf) struct buf pickle = {0};
	struct err gone;
	int id;

	(void)cmd;
	if (!nl)
		return FAILED;
	pickle_start(&pickle);
	pickle_list(&pickle);
	for (size_t i = 0; i < s->args.n; i++)
		if (link_netnsid(nl, s->args.v[i].i, &id, &gone))
			pickle_int(&pickle, -1); /* no such process: no such namespace */
		else
			pickle_int(&pickle, id);
	pickle_list_end(&pickle);
	pickle_stop(&pickle);
	session_reply_data(s, "Namespace ids follow.", &pickle);
	return NOW;
}
