/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reference's answers under our keys: see compat.h. */
#include "lab/compat.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void set_str(struct value_pool *p, struct value *dict, const char *key, const char *text)
{
	if (text)
		value_set(p, dict, key, value_cstr(p, text));
}

static void set_int(struct value_pool *p, struct value *dict, const char *key, int64_t num)
{
	value_set(p, dict, key, value_int(p, num));
}

static struct value *no_list(struct err *e)
{
	err_set(e, ERR_PEER, 0, "the server's answer has not the expected shape");
	return NULL;
}

static struct value *one_link(const struct value *state, struct value_pool *p)
{
	struct value *d = value_new(p, V_DICT), *flags = value_new(p, V_LIST);

	if (!d || !flags)
		return NULL;
	set_int(p, d, "ifindex", value_num(state, "_index", 0));
	set_str(p, d, "ifname", value_text(state, "name", ""));
	if (value_num(state, "_mc", 0))
		value_append(p, flags, value_cstr(p, "MULTICAST"));
	if (!value_num(state, "_arp", 1))
		value_append(p, flags, value_cstr(p, "NOARP"));
	if (value_num(state, "_up", 0))
		value_append(p, flags, value_cstr(p, "UP"));
	value_set(p, d, "flags", flags);
	set_int(p, d, "mtu", value_num(state, "_mtu", 0));
	set_str(p, d, "address", value_text(state, "_lladdr", NULL));
	set_str(p, d, "broadcast", value_text(state, "broadcast", NULL));
	return d;
}

struct value *compat_links(struct client *c, const struct value *v, struct value_pool *p,
			   struct err *e)
{
	struct value *list = value_new(p, V_LIST);

	(void)c;
	if (!list || v->type != V_DICT)
		return no_list(e);
	for (size_t i = 0; i < value_len(v); i++) {
		if (value_at(v, i)->type != V_OBJECT)
			return no_list(e);
		value_append(p, list, one_link(value_at(v, i)->state, p));
	}
	return list;
}

static struct value *ask_links(struct client *c, struct value_pool *p, struct err *e)
{
	const struct value *v = client_ask(c, "IF LIST", p, e);

	return v ? compat_links(c, v, p, e) : NULL;
}

static struct value *one_address(const struct value *state, struct value_pool *p)
{
	struct value *d = value_new(p, V_DICT);
	int64_t family = value_num(state, "family", AF_INET);

	if (!d)
		return NULL;
	set_str(p, d, "family", family == AF_INET ? "inet" : "inet6");
	set_str(p, d, "local", value_text(state, "address", ""));
	set_int(p, d, "prefixlen", value_num(state, "prefix_len", 0));
	set_str(p, d, "broadcast", value_text(state, "broadcast", NULL));
	return d;
}

static struct value *addresses_of(const struct value *all, int64_t index, struct value_pool *p)
{
	struct value *list = value_new(p, V_LIST);

	for (size_t i = 0; i + 1 < all->count; i += 2) {
		const struct value *v = all->items[i + 1];

		if (all->items[i]->type != V_INT || all->items[i]->num != index)
			continue;
		for (size_t k = 0; k < value_len(v); k++)
			if (value_at(v, k)->type == V_OBJECT)
				value_append(p, list, one_address(value_at(v, k)->state, p));
	}
	return list;
}

struct value *compat_addresses(struct client *c, const struct value *v, struct value_pool *p,
			       struct err *e)
{
	struct value *links = ask_links(c, p, e);

	if (!links)
		return NULL;
	if (v->type != V_DICT)
		return no_list(e);
	for (size_t i = 0; i < links->count; i++)
		value_set(p, links->items[i], "addr_info",
			  addresses_of(v, value_num(links->items[i], "ifindex", 0), p));
	return links;
}

static const char *link_name(const struct value *links, int64_t index)
{
	for (size_t i = 0; i < links->count; i++)
		if (value_num(links->items[i], "ifindex", 0) == index)
			return value_text(links->items[i], "ifname", NULL);
	return NULL;
}

static struct value *one_route(const struct value *state, const struct value *links,
			       struct value_pool *p)
{
	struct value *d = value_new(p, V_DICT);
	const char *prefix = value_text(state, "_prefix", NULL);
	char dst[128] = "default";

	if (!d)
		return NULL;
	if (prefix)
		snprintf(dst, sizeof(dst), "%s/%lld", prefix,
			 (long long)value_num(state, "_plen", 0));
	set_str(p, d, "dst", dst);
	set_str(p, d, "gateway", value_text(state, "_nexthop", NULL));
	set_str(p, d, "dev", link_name(links, value_num(state, "_interface", 0)));
	if (value_num(state, "_metric", 0))
		set_int(p, d, "metric", value_num(state, "_metric", 0));
	return d;
}

struct value *compat_routes(struct client *c, const struct value *v, struct value_pool *p,
			    struct err *e)
{
	struct value *links = ask_links(c, p, e), *list = value_new(p, V_LIST);

	if (!links)
		return NULL;
	if (!list || (v->type != V_LIST && v->type != V_TUPLE))
		return no_list(e);
	for (size_t i = 0; i < v->count; i++)
		if (v->items[i]->type == V_OBJECT)
			value_append(p, list, one_route(v->items[i]->state, links, p));
	return list;
}
