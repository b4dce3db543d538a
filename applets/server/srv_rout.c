/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ROUT: routes of the node's main table (wire.md section 3). */
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "describe.h"
#include "kernel/route.h"
#include "session.h"
#include "wire/object.h"
#include "wire/pickle.h"

static void put_unicast(const struct route *r, void *pickle)
{
	if (r->type == RTN_UNICAST)
		object_route(pickle, r);
}

int srv_rout_list(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	own(buf) struct buf pickle = {0};

	(void)cmd;
	pickle_start(&pickle);
	pickle_list(&pickle);
	if (!nl || route_each(nl, put_unicast, &pickle, e))
		return FAILED;
	pickle_list_end(&pickle);
	pickle_stop(&pickle);
	session_reply_data(s, "Routing data follows.", &pickle);
	return NOW;
}

struct info {
	struct buf *pickle;
	const struct ifaces *ifaces;
};

static void put_info(const struct route *r, void *arg)
{
	const struct info *info = arg;

	describe_route(info->pickle, r, info->ifaces);
}

int srv_rout_info(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	own(ifaces) struct ifaces ifaces = {0};
	own(buf) struct buf pickle = {0};
	struct info info = { &pickle, &ifaces };

	(void)cmd;
	pickle_start(&pickle);
	pickle_list(&pickle);
	if (!nl || ifaces_read(&ifaces, nl, e) || route_each(nl, put_info, &info, e))
		return FAILED;
	pickle_list_end(&pickle);
	pickle_stop(&pickle);
	session_reply_data(s, "Routing data follows.", &pickle);
	return NOW;
}

/* type, prefix, prefix length, next hop, interface, metric */
static int read_args(const struct arg *v, struct route *r, struct err *e)
{
	int type = route_type_parse(v[0].s);

	*r = (struct route){ .index = v[4].i, .metric = (uint32_t)v[5].i };
	if (type < 0 || object_route_type(type) < 0)
		return err_set(e, ERR_VALUE, 0, "%.40s: not a type of route", v[0].s);
	r->type = (unsigned char)type;
	if (v[1].len && !inaddr_parse(v[1].s, &r->dst))
		return err_set(e, ERR_VALUE, 0, "%.60s: not a prefix", v[1].s);
	if (v[3].len && !inaddr_parse(v[3].s, &r->gateway))
		return err_set(e, ERR_VALUE, 0, "%.60s: not a next hop", v[3].s);
	r->family = r->dst.family ? r->dst.family : r->gateway.family ? r->gateway.family : AF_INET;
	if (r->gateway.family && r->gateway.family != r->family)
		return err_set(e, ERR_VALUE, 0, "%s: next hop and prefix differ in family", v[3].s);
	if (v[2].i < 0 || (size_t)v[2].i > (r->dst.family ? inaddr_len(r->family) * 8 : 0))
		return err_set(e, ERR_VALUE, 0, "%d: not a prefix length here", v[2].i);
	if (v[4].i < 0 || v[5].i < 0)
		return err_set(e, ERR_VALUE, 0, "%d: must not be negative",
			       v[4].i < 0 ? v[4].i : v[5].i);
	r->prefix_len = (unsigned char)v[2].i;
	return 0;
}

int srv_rout_change(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	struct route r;

	if (!nl || read_args(s->args.v, &r, e))
		return FAILED;
	if (strcmp(cmd->sub, "ADD") ? route_del(nl, &r, e) : route_add(nl, &r, e))
		return FAILED;
	session_reply(s, 200, "Done.");
	return NOW;
}
