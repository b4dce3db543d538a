/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK: interfaces that are made, found and taken in (extensions). */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "describe.h"
#include "imports.h"
#include "kernel/kind.h"
#include "kernel/link.h"
#include "kernel/tun.h"
#include "session.h"
#include "wire/pickle.h"

static int check_name(const char *name, struct err *e)
{
	if (ifname_valid(name))
		return 0;
	return err_set(e, ERR_VALUE, 0, "%.40s: not an interface name", name);
}

/* Arguments from the first-th on come in pairs. */
static int check_pairs(const struct args *args, size_t first, struct err *e)
{
	if ((args->n - first) % 2 == 0)
		return 0;
	return err_set(e, ERR_USAGE, 0, "%s: value missing", args->v[args->n - 1].s);
}

/* Pairs: lladdr and peer, the link-layer addresses of the two ends; index and peer-index; master, a
 * bridge's index. */
static int read_veth_options(const struct args *args, struct lladdr *own, struct lladdr *peer,
			     int indexes[2], int *master, struct err *e)
{
	if (check_pairs(args, 3, e))
		return -1;
	for (size_t i = 3; i < args->n; i += 2) {
		const char *key = args->v[i].s, *value = args->v[i + 1].s;
		int64_t n = 0;
		bool ok;

		if (!strcmp(key, "lladdr"))
			ok = lladdr_parse(value, own);
		else if (!strcmp(key, "peer"))
			ok = lladdr_parse(value, peer);
		else if (!strcmp(key, "master") || !strcmp(key, "index") || !strcmp(key, "peer-index"))
			ok = num_parse(value, 0, INT32_MAX, &n);
		else
			return err_set(e, ERR_VALUE, 0, "%.40s: unknown attribute of a link", key);
		if (!ok)
			return err_set(e, ERR_VALUE, 0, "%s: not valid: %.60s", key, value);
		if (!strcmp(key, "master"))
			*master = (int)n;
		else if (n)
			indexes[*key == 'p'] = (int)n;
	}
	return 0;
}

int srv_link_veth(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	const struct arg *a = s->args.v;
	struct netlink *nl = server_netlink(s->server, e);
	struct lladdr lladdr = {0}, peer = {0};
	struct veth_end own_end = { .name = a[0].s }, peer_end = { .name = a[2].s };
	int master = 0, indexes[2] = { 0, 0 };

	(void)cmd;
	if (!nl || check_name(a[0].s, e) || check_name(a[2].s, e) ||
	    read_veth_options(&s->args, &lladdr, &peer, indexes, &master, e))
		return FAILED;
	own_end.index = indexes[0];
	peer_end.index = indexes[1];
	own_end.lladdr = lladdr.len ? &lladdr : NULL;
	peer_end.lladdr = peer.len ? &peer : NULL;
	if (link_add_veth(nl, &own_end, master, &peer_end, a[1].i, e))
		return FAILED;
	session_reply(s, 200, "Done.");
	return NOW;
}

/* What LINK NEW says beyond name and kind. */
struct new {
	struct link_change how;
	int64_t link, user;
};

/* The kernel would pass over it in silence. */
static bool stands_alone(const char *kind)
{
	static const char *const kinds[] = { "bridge", "tun", "tap", "dummy", "ifb", "vrf", "wireguard" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kind, kinds[i]))
			return true;
	return false;
}

static int read_new_pair(struct new *n, const char *kind, const char *key, const char *value,
			 struct err *e)
{
	const unsigned int allowed = LINK_MTU | LINK_LLADDR | LINK_UP | LINK_MASTER | LINK_DATA;
	bool tun = !strcmp(kind, "tun") || !strcmp(kind, "tap");
	int64_t *number = !strcmp(key, "link") && strcmp(kind, "vxlan") ? &n->link
			  : !strcmp(key, "user") && tun			? &n->user
									: NULL;

	if (number == &n->link && stands_alone(kind))
		return err_set(e, ERR_VALUE, 0, "link: a %.15s stands on no other interface", kind);
	if (!tun && !strcmp(key, "user"))
		return err_set(e, ERR_VALUE, 0, "an interface of type %.15s has no user", kind);
	if (!number)
		return link_change_read(&n->how, allowed, kind, key, value, e);
	if (!num_parse(value, 0, number == &n->link ? INT32_MAX : UINT32_MAX - 1ll, number))
		return err_set(e, ERR_VALUE, 0, "%s: not valid: %.60s", key, value);
	return 0;
}

int srv_link_new(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	const char *name = s->args.v[0].s, *kind = s->args.v[1].s;
	struct new n = { .user = -1 };
	int failed;

	(void)cmd;
	if (!nl || check_name(name, e) || check_pairs(&s->args, 2, e))
		return FAILED;
	if (strlen(kind) >= sizeof(((struct iface *)0)->kind)) {
		err_set(e, ERR_FEATURE, EOPNOTSUPP, "%.20s...: no type of interfaces", kind);
		return FAILED;
	}
	for (size_t i = 2; i < s->args.n; i += 2)
		if (read_new_pair(&n, kind, s->args.v[i].s, s->args.v[i + 1].s, e))
			return FAILED;
	if (!strcmp(kind, "tun") || !strcmp(kind, "tap"))
		failed = tun_add(nl, name, !strcmp(kind, "tap"), n.user, &n.how, e);
	else
		failed = link_add(nl, name, kind, (int)n.link, &n.how, e);
	if (failed)
		return FAILED;
	session_reply(s, 200, "Done.");
	return NOW;
}

/* LINK FIND NAME: its index, the first word of the reply. */
int srv_link_find(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	struct iface i;

	(void)cmd;
	if (!nl || check_name(s->args.v[0].s, e) || link_by_name(nl, s->args.v[0].s, &i, e))
		return FAILED;
	session_replyf(s, 200, "%d is its index.", i.index);
	return NOW;
}

#define NSIDS_MAX 1024 /* each is a question to the kernel, and others wait */

int srv_link_nsid(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	own(buf) struct buf pickle = {0};
	struct err gone;
	int id;

	(void)cmd;
	if (s->args.n > NSIDS_MAX) {
		err_set(e, ERR_USAGE, 0, "No more than %d processes at once.", NSIDS_MAX);
		return FAILED;
	}
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

/* ---- LINK NEXT */

static void keep_highest(const struct iface *i, void *arg)
{
	int *highest = arg;

	*highest = i->index > *highest ? i->index : *highest;
}

int srv_link_next(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	int *top = &s->server->top_index;
	struct iface taken;
	struct err ignored;

	(void)cmd;
	if (!nl || (!*top && link_each(nl, keep_highest, top, e)))
		return FAILED;
	do
		*top = *top == INT_MAX ? 1 : *top + 1;
	while (!link_get(nl, *top, &taken, &ignored));
	session_replyf(s, 200, "%d is free.", *top);
	return NOW;
}

/* ---- LINK PEER */

int srv_link_peer(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	own(ifaces) struct ifaces all = {0};
	own(buf) struct buf pickle = {0};
	struct err gone;
	struct iface far;
	char text[LLADDR_TEXT];

	(void)cmd;
	if (!nl || ifaces_read(&all, nl, e))
		return FAILED;
	pickle_start(&pickle);
	pickle_dict(&pickle);
	for (size_t i = 0; i < all.n; i++) {
		if (strcmp(all.v[i].kind, "veth") || !all.v[i].has_netnsid ||
		    link_get_far(nl, all.v[i].netnsid, all.v[i].link, &far, &gone))
			continue;
		pickle_int(&pickle, all.v[i].index);
		pickle_str(&pickle, lladdr_text(&far.lladdr, text));
	}
	pickle_dict_end(&pickle);
	pickle_stop(&pickle);
	session_reply_data(s, "Addresses of far ends follow.", &pickle);
	return NOW;
}

/* LINK TAPF NAME: the descriptor of a tap or tun comes as X11 SOCK's does (wire.md section 6). */
int srv_link_tapf(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	own(fd) int fd = -1;
	struct iface i;

	(void)cmd;
	if (session_before_fd(s, e))
		return FAILED;
	if (!nl || check_name(s->args.v[0].s, e) || link_by_name(nl, s->args.v[0].s, &i, e))
		return FAILED;
	fd = tun_attach(&i, e);
	if (fd < 0)
		return FAILED;
	s->server->tap_given = true;
	session_send_fd(s, fd, "Descriptor sent.");
	return NOW;
}

/* LINK IMPT NAME: 354, then the descriptor of the network namespace where it is. */
int srv_link_impt(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	if (check_name(s->args.v[0].s, e))
		return FAILED;
	memcpy(s->ifname, s->args.v[0].s, s->args.v[0].len + 1);
	s->want = STDIO_NETNS;
	return WANT_FD;
}

void srv_link_take_ns(struct session *s, int fd)
{
	struct err e = ERR_INIT;

	if (imports_take(s->server, fd, s->ifname, &e))
		session_reply_error(s, &e);
	else
		session_reply(s, 200, "Done.");
}
