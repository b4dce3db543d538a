/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The links of a lab: see links.h. */
#include "lab/links.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/net.h"
#include "lab/calls.h"
#include "lab/client.h"
#include "lab/rundir.h"

/* One veth interface. The kernel tells of its peer: index, and an id for its namespace which
 * means something only where this one is. */
struct end {
	size_t node;
	int64_t index, peer;
	int64_t netnsid; /* -1: the same namespace */
	uint64_t address, peer_address; /* of the link layer; 0: not known */
	const struct value *d;
	const struct value *qdiscs; /* of all of the node */
	bool asked, done;
};

struct lab {
	char **names;
	struct client *clients; /* one a node; fd -1: gone */
	size_t nodes;
	struct end *ends;
	size_t count, cap;
	bool counted; /* nobody asks for qdiscs */
};

static void own_lab(struct lab *l)
{
	for (size_t i = 0; i < l->nodes; i++)
		client_close(&l->clients[i]);
	free(l->clients);
	free(l->ends);
	rundir_names_free(l->names);
}

/* Each end is compared with each other: as texts, most of the time of a large lab went there. */
static uint64_t address_number(const char *text)
{
	struct lladdr a;
	uint64_t n = 0;

	if (!lladdr_parse(text, &a))
		return 0;
	for (size_t i = 0; i < a.len; i++)
		n = n << 8 | a.bytes[i];
	return n;
}

static int add_end(struct lab *l, size_t node, const struct value *d, const struct value *qdiscs,
		   struct err *e)
{
	if (l->count == l->cap) {
		struct end *ends = reallocarray(l->ends, l->cap * 2 + 64, sizeof(*ends));

		if (!ends)
			return err_nomem(e);
		l->ends = ends;
		l->cap = l->cap * 2 + 64;
	}
	l->ends[l->count++] = (struct end){
		.node = node,
		.index = value_num(d, "ifindex", 0),
		.peer = value_num(d, "link_index", 0),
		.netnsid = value_num(d, "link_netnsid", -1),
		.address = address_number(value_text(d, "address", "")),
		.d = d,
		.qdiscs = qdiscs,
	};
	return 0;
}

/* Between two interfaces of one node the peer has a name instead of an index. */
static int64_t index_of(const struct value *list, const char *name)
{
	for (size_t i = 0; i < value_len(list); i++)
		if (!strcmp(value_text(value_at(list, i), "ifname", ""), name))
			return value_num(value_at(list, i), "ifindex", 0);
	return 0;
}

/* Asks it, and does not wait. */
static int open_node(struct lab *l, size_t node, const char *lab, int lab_fd, struct err *e)
{
	static const char *const all[] = { "IF INFO", "TC LIST", "LINK PEER", NULL },
				 *const counted[] = { "NODE INFO", "IF INFO", "LINK PEER", NULL };

	if (client_open_in(&l->clients[node], lab, lab_fd, l->names[node], e))
		return e->kind == ERR_ABSENT || e->kind == ERR_PEER ? 0 : -1;
	client_ahead(&l->clients[node], l->counted ? counted : all);
	return 0;
}

static uint64_t address_of_peer(const struct value *peers, int64_t index)
{
	for (size_t i = 0; peers && peers->type == V_DICT && i + 1 < peers->count; i += 2)
		if (peers->items[i]->type == V_INT && peers->items[i]->num == index &&
		    peers->items[i + 1]->type == V_STR)
			return address_number(peers->items[i + 1]->str);
	return 0;
}

/* Has it ended meanwhile? Then its links have, too. */
static bool gone(struct lab *l, size_t node, const struct err *e)
{
	if (e->kind != ERR_PEER)
		return false;
	client_close(&l->clients[node]);
	return true;
}

static int read_node(struct lab *l, size_t node, struct value_pool *pool, struct err *e)
{
	const struct value *list, *qdiscs = NULL, *peers;
	struct err ignored;

	if (l->clients[node].fd < 0)
		return 0;
	list = call_links(&l->clients[node], pool, e);
	if (list && !l->counted)
		qdiscs = call_qdiscs(&l->clients[node], pool, e);
	if (!list || (!l->counted && !qdiscs))
		return gone(l, node, e) ? 0 : err_prefix(e, "%s", l->names[node]);
	peers = client_ask(&l->clients[node], "LINK PEER", pool, &ignored);
	for (size_t i = 0; i < value_len(list); i++) {
		const struct value *d = value_at(list, i);

		if (strcmp(value_text(value_get(d, "linkinfo"), "info_kind", ""), "veth"))
			continue;
		if (add_end(l, node, d, qdiscs, e))
			return -1;
		l->ends[l->count - 1].peer_address = address_of_peer(peers, value_num(d, "ifindex", 0));
		if (value_get(d, "link"))
			l->ends[l->count - 1].peer = index_of(list, value_text(d, "link", ""));
	}
	return 0;
}

static int read_lab(struct lab *l, const char *lab, links_node_fn *fn, void *arg,
		    struct value_pool *pool, struct err *e)
{
	own(fd) int lab_fd = rundir_open_lab(lab, false, e);

	if (lab_fd < 0)
		return e->kind == ERR_ABSENT ? 0 : -1;
	l->names = rundir_names(lab_fd, e);
	if (!l->names)
		return -1;
	while (l->names[l->nodes])
		l->nodes++;
	l->clients = calloc(l->nodes + 1, sizeof(*l->clients));
	if (!l->clients) {
		l->nodes = 0;
		return err_nomem(e);
	}
	for (size_t i = 0; i < l->nodes; i++)
		l->clients[i].fd = -1;
	client_many(l->nodes);
	for (size_t i = 0; i < l->nodes; i++)
		if (open_node(l, i, lab, lab_fd, e))
			return -1;
	for (size_t i = 0; i < l->nodes; i++) {
		if (fn && l->clients[i].fd >= 0 && fn(&l->clients[i], arg, e))
			return err_prefix(e, "%s", l->names[i]);
		if (read_node(l, i, pool, e))
			return -1;
	}
	return 0;
}

static bool may_be_peers(const struct end *a, const struct end *b)
{
	return a != b && a->index == b->peer && a->peer == b->index &&
	       (!b->peer_address || a->address == b->peer_address) &&
	       (!a->peer_address || b->address == a->peer_address) &&
	       (a->netnsid < 0 ? a->node == b->node : a->node != b->node);
}

/* Asks the node of an end which namespaces of ends behind it have the id of its peer's; the answer is
 * read by find_peer. */
static void ask_for_peer(struct lab *l, struct end *a)
{
	struct client *c = &l->clients[a->node];

	for (struct end *b = a + 1; b < l->ends + l->count && a->netnsid >= 0; b++) {
		if (!may_be_peers(a, b))
			continue;
		if (!a->asked)
			client_put(c, "LINK NSID");
		a->asked = true;
		client_put(c, " %d", (int)l->clients[b->node].pid);
	}
	if (a->asked)
		client_end(c);
}

static struct end *find_peer(struct lab *l, const struct end *a, struct value_pool *pool)
{
	const struct value *ids = NULL;
	struct err ignored;
	size_t k = 0;

	if (a->asked)
		ids = client_data(&l->clients[a->node], pool, &ignored);
	for (struct end *b = l->ends; b < l->ends + l->count; b++) {
		const struct value *id;

		if (b == a || !may_be_peers(a, b))
			continue;
		if (a->netnsid < 0 && !b->done)
			return b;
		if (b < a)
			continue;
		id = a->netnsid < 0 ? NULL : value_at(ids, k++);
		if (id && id->type == V_INT && id->num == a->netnsid && !b->done)
			return b;
	}
	return NULL;
}

static struct value *describe_impairments(const struct end *end, struct value_pool *p)
{
	struct impairments i = qdiscs_impairments(end->qdiscs, (int)end->index);
	struct value *d = value_new(p, V_DICT);

	for (int k = 0; d && k < IMP_COUNT; k++)
		if (impaired_by(&i, (enum impairment)k))
			value_set(p, d, impairment_words[k].name, value_int(p, (int64_t)i.v[k]));
	return d;
}

static struct value *the_pools(const struct value *v)
{
	return (struct value *)(uintptr_t)v; /* and so the caller's */
}

/* Those of this interface, without what is said elsewhere. */
static struct value *describe_qdiscs(const struct end *end, struct value_pool *p)
{
	struct value *list = value_new(p, V_LIST);

	for (size_t i = 0; list && i < value_len(end->qdiscs); i++) {
		const struct value *q = value_at(end->qdiscs, i);
		struct value *d = value_new(p, V_DICT);

		if (value_num(q, "ifindex", 0) != end->index)
			continue;
		for (size_t k = 0; d && k < value_len(q); k++)
			if (strcmp(value_key(q, k), "ifindex") && strcmp(value_key(q, k), "impairments"))
				value_set(p, d, value_key(q, k), the_pools(value_at(q, k)));
		value_append(p, list, d);
	}
	return list;
}

static struct value *describe_end(const struct lab *l, const struct end *end, struct value_pool *p)
{
	struct value *d = value_new(p, V_DICT);

	if (!d)
		return NULL;
	value_set(p, d, "node", value_cstr(p, l->names[end->node]));
	for (size_t i = 0; i < value_len(end->d); i++) {
		static const char *const keys[] = { "ifname", "ifindex", "address", "flags" };

		for (size_t k = 0; k < 4; k++)
			if (!strcmp(value_key(end->d, i), keys[k]))
				value_set(p, d, keys[k], the_pools(value_at(end->d, i)));
	}
	if (!l->counted) {
		value_set(p, d, "impairments", describe_impairments(end, p));
		value_set(p, d, "qdiscs", describe_qdiscs(end, p));
	}
	return d;
}

bool links_no_carrier(const struct value *iface)
{
	return value_has(iface, "flags", "NO-CARRIER") && !value_has(iface, "flags", "LOWER_UP");
}

static struct value *describe(const struct lab *l, const struct end *a, const struct end *b,
			      struct value_pool *p)
{
	struct value *d = value_new(p, V_DICT), *ends = value_new(p, V_LIST);
	bool up = value_has(a->d, "flags", "UP") && (!b || value_has(b->d, "flags", "UP"));
	bool no_carrier = links_no_carrier(a->d) || (b && links_no_carrier(b->d));

	if (!d || !ends)
		return NULL;
	value_append(p, ends, describe_end(l, a, p));
	if (b)
		value_append(p, ends, describe_end(l, b, p));
	value_set(p, d, "ends", ends);
	value_set(p, d, "state",
		  value_cstr(p, !up ? "down" : no_carrier ? "no-carrier" : "up"));
	return d;
}

struct value *links_of_lab(const char *lab, struct value_pool *pool, struct err *e)
{
	return links_and_nodes(lab, NULL, NULL, pool, e);
}

struct value *links_and_nodes(const char *lab, links_node_fn *fn, void *arg, struct value_pool *pool,
			      struct err *e)
{
	own(lab) struct lab l = { .counted = fn != NULL };
	struct value *list = value_new(pool, V_LIST);

	if (!list) {
		err_nomem(e);
		return NULL;
	}
	if (read_lab(&l, lab, fn, arg, pool, e))
		return NULL;
	for (size_t i = 0; i < l.count; i++)
		ask_for_peer(&l, &l.ends[i]);
	for (size_t i = 0; i < l.nodes; i++)
		if (l.clients[i].fd >= 0 && client_flush(&l.clients[i], e) && !gone(&l, i, e))
			return NULL;
	for (size_t i = 0; i < l.count; i++) {
		struct end *a = &l.ends[i], *b;

		b = find_peer(&l, a, pool);
		if (a->done)
			continue;
		a->done = true;
		if (b)
			b->done = true;
		if (!value_append(pool, list, describe(&l, a, b, pool))) {
			err_nomem(e);
			return NULL;
		}
	}
	return list;
}

const struct value *links_far_end(const struct value *links, const char *node, const char *ifname)
{
	for (size_t i = 0; i < value_len(links); i++) {
		const struct value *ends = value_get(value_at(links, i), "ends");

		for (size_t k = 0; k < value_len(ends); k++)
			if (!strcmp(value_text(value_at(ends, k), "node", ""), node) &&
			    !strcmp(value_text(value_at(ends, k), "ifname", ""), ifname))
				return value_at(ends, 1 - k);
	}
	return NULL;
}
