/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IF: the node's interfaces (wire.md section 3), and LINK SET, which takes more attributes. */
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "describe.h"
#include "imports.h"
#include "kernel/kind.h"
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

int link_change_read(struct link_change *c, unsigned int allowed, const char *kind,
		     const char *key, const char *value, struct err *e)
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
			bit = keys[i].bit & allowed;
	if (!bit && allowed & LINK_DATA) {
		c->set |= LINK_DATA;
		return kind_parse(&c->data, kind, key, value, e);
	}
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

/* If impairments cannot follow a new MTU, all is taken back; those that had followed go back with it. */
static int change(struct server *s, struct netlink *nl, int index, const struct link_change *c,
		  struct err *e)
{
	struct iface before;
	struct err ignored;

	if (!(c->set & LINK_MTU))
		return link_change(nl, index, c, e);
	if (link_get(nl, index, &before, e) || link_change(nl, index, c, e))
		return -1;
	if (before.mtu == c->mtu || !server_mtu_changed(s, index, e))
		return 0;
	link_change_back(nl, c, &before, e);
	if (server_mtu_changed(s, index, &ignored))
		err_prefix(e, "%s (its impairments may be those of another MTU)", before.name);
	return -1;
}

static int set_attributes(struct session *s, unsigned int allowed, struct err *e)
{
	struct netlink *nl = server_netlink(s->server, e);
	struct link_change c = {0};
	int index = s->args.v[0].i;
	struct iface now = {0};

	if (s->args.n % 2 == 0) {
		err_set(e, ERR_USAGE, 0, "Attributes and values must come in pairs.");
		return FAILED;
	}
	/* Its kind is asked for only where something of it may be set. */
	if (!nl || (allowed & LINK_DATA && link_get(nl, index, &now, e)))
		return FAILED;
	for (size_t i = 1; i < s->args.n; i += 2)
		if (link_change_read(&c, allowed, now.kind, s->args.v[i].s, s->args.v[i + 1].s, e))
			return FAILED;
	if (change(s->server, nl, index, &c, e))
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
	return set_attributes(ctx, LINK_DATA * 2 - 1, e);
}

int srv_if_rtrn(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);

	(void)cmd;
	if (!nl || link_move(nl, s->args.v[0].i, s->args.v[1].i, e))
		return FAILED;
	imports_forget(s->server, s->args.v[0].i);
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
	imports_forget(s->server, s->args.v[0].i);
	session_reply(s, 200, "Done.");
	return NOW;
}
