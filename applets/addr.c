/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addr: addresses of a node's interfaces. */
#include <errno.h>
#include <sys/socket.h>

#include "applets.h"
#include "base/net.h"

static void print_addresses(const struct value *list)
{
	struct table t = {0};

	table_row(&t, "INTERFACE", "ADDRESS", "BROADCAST", "SCOPE", TABLE_END);
	for (size_t i = 0; i < value_len(list); i++) {
		const struct value *d = value_at(list, i), *all = value_get(d, "addr_info");

		for (size_t k = 0; k < value_len(all); k++) {
			const struct value *a = value_at(all, k);
			char text[80];

			snprintf(text, sizeof(text), "%s/%lld", value_text(a, "local", ""),
				 (long long)value_num(a, "prefixlen", 0));
			table_row(&t, value_text(d, "ifname", ""), text,
				  value_text(a, "broadcast", ""), value_text(a, "scope", ""),
				  TABLE_END);
		}
	}
	table_print(&t, stdout);
}

static void print_quiet(const struct value *list)
{
	for (size_t i = 0; i < value_len(list); i++) {
		const struct value *all = value_get(value_at(list, i), "addr_info");

		for (size_t k = 0; k < value_len(all); k++)
			puts(value_text(value_at(all, k), "local", ""));
	}
}

static int addr_list(struct call *c, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;
	own(value_pool) struct value_pool pool = {0};
	const char *dev = call_get(c, "dev");
	struct value *all, *list = value_new(&pool, V_LIST);

	if (connect_node(&client, c, e))
		return -1;
	all = call_addresses(&client, &pool, e);
	if (!all || !list)
		return of_node(c, -1, e);
	for (size_t i = 0; i < all->count; i++)
		if (!dev || !strcmp(value_text(all->items[i], "ifname", ""), dev))
			value_append(&pool, list, all->items[i]);
	if (dev && !value_len(list))
		return err_set(e, ERR_ABSENT, ENODEV, "%s: %s: no such interface", c->node, dev);
	if (c->json)
		output_json(list, stdout);
	else if (c->quiet)
		print_quiet(list);
	else
		print_addresses(list);
	return 0;
}

static int change(struct call *c, const char *command, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;
	const char *broadcast = call_get(c, "broadcast");
	int prefix, family, index;
	char host[INADDR_TEXT];
	struct inaddr b;

	if (prefix_parse(call_get(c, "ADDRESS/PREFIX"), true, host, &prefix, &family, e))
		return -1;
	if (broadcast && (!inaddr_parse(broadcast, &b) || b.family != AF_INET || family != AF_INET))
		return err_set(e, ERR_USAGE, 0, "broadcast %.40s: not an IPv4 address for %s",
			       broadcast, host);
	if (connect_node(&client, c, e))
		return -1;
	if (call_ifindex(&client, call_get(c, "dev"), &index, e))
		return of_node(c, -1, e);
	client_say(&client, "%s %d %s %d%s%s", command, index, host, prefix, broadcast ? " " : "",
		   broadcast ? broadcast : "");
	return client_later(&client, c->node, e);
}

static int addr_add(struct call *c, struct err *e)
{
	return change(c, "ADDR ADD", e);
}

static int addr_del(struct call *c, struct err *e)
{
	return change(c, "ADDR DEL", e);
}

const struct verb applet_addr_verbs[] = {
	{ "list", NULL, WORDS({ "dev", "IF", 0 },), addr_list },
	{ "add",
	  NULL,
	  WORDS({ NULL, "ADDRESS/PREFIX", WORD_NEED },
	    { "broadcast", "ADDRESS", 0 },
	    { "dev", "IF", WORD_NEED },),
	  addr_add },
	{ "del",
	  NULL,
	  WORDS({ NULL, "ADDRESS/PREFIX", WORD_NEED }, { "dev", "IF", WORD_NEED },),
	  addr_del },
	{ 0 },
};
