/* SPDX-License-Identifier: GPL-2.0-or-later */
/* route: routes of a node's main table. */

#include "applets.h"
#include "base/net.h"
#include "base/num.h"

static void print_routes(const struct value *list)
{
	struct table t = {0};

	table_row(&t, "TYPE", "DESTINATION", "VIA", "DEV", "METRIC", "PROTOCOL", TABLE_END);
	for (size_t i = 0; i < value_len(list); i++) {
		const struct value *d = value_at(list, i);
		char metric[24] = "";

		if (value_get(d, "metric"))
			snprintf(metric, sizeof(metric), "%lld",
				 (long long)value_num(d, "metric", 0));
		table_row(&t, value_text(d, "type", "unicast"), value_text(d, "dst", ""),
			  value_text(d, "gateway", ""), value_text(d, "dev", ""), metric,
			  value_text(d, "protocol", ""), TABLE_END);
	}
	table_print(&t, stdout);
}

static int route_list(struct call *c, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;
	own(value_pool) struct value_pool pool = {0};
	struct value *list;

	if (connect_node(&client, c, e))
		return -1;
	list = call_routes(&client, &pool, e);
	if (!list)
		return of_node(c, -1, e);
	for (size_t i = 0; i < list->count; i++)
		value_drop(list->items[i], "family"); /* "ip -j route" has none */
	if (c->json)
		output_json(list, stdout);
	else if (c->quiet)
		for (size_t i = 0; i < value_len(list); i++)
			puts(value_text(value_at(list, i), "dst", ""));
	else
		print_routes(list);
	return 0;
}

/* Each type is a word of the grammar, as in iproute2. */
static const char *type_of(const struct call *c, struct err *e)
{
	const char *type = NULL;

	for (int i = 1; route_type_name(i); i++) {
		const char *word = call_get(c, route_type_name(i));

		if (word && type) {
			err_set(e, ERR_USAGE, 0, "%s and %s exclude each other", type, word);
			return NULL;
		}
		type = word ? word : type;
	}
	return type ? type : "unicast";
}

struct wanted {
	const char *type, *via;
	char prefix[INADDR_TEXT]; /* "": default */
	int prefix_len, metric;
};

static int read_words(const struct call *c, struct wanted *w, struct err *e)
{
	const char *prefix = call_get(c, "PREFIX|default"), *metric = call_get(c, "metric");
	struct inaddr gateway = {0};
	int64_t n = 0;
	int family = 0;

	*w = (struct wanted){ .type = type_of(c, e), .via = call_get(c, "via") };
	if (!w->type)
		return -1;
	if (strcmp(prefix, "default") &&
	    prefix_parse(prefix, false, w->prefix, &w->prefix_len, &family, e))
		return -1;
	if (w->via && (!inaddr_parse(w->via, &gateway) || (family && gateway.family != family)))
		return err_set(e, ERR_USAGE, 0, "via %.60s: not an address that leads to %s", w->via,
			       prefix);
	if (metric && !num_parse(metric, 0, INT32_MAX, &n))
		return err_set(e, ERR_USAGE, 0, "metric %.40s: not a number from 0 to %d", metric, INT32_MAX);
	w->metric = (int)n;
	return 0;
}

static int change(struct call *c, const char *command, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;
	struct wanted w;
	int index = 0;

	if (read_words(c, &w, e) || connect_node(&client, c, e))
		return -1;
	if (call_get(c, "dev") && call_ifindex(&client, call_get(c, "dev"), &index, e))
		return of_node(c, -1, e);
	client_put(&client, "%s %s", command, w.type);
	client_put_b(&client, w.prefix);
	client_put(&client, " %d", w.prefix_len);
	client_put_b(&client, w.via ? w.via : "");
	client_say(&client, " %d %d", index, w.metric);
	return client_later(&client, c->node, e);
}

static int route_add(struct call *c, struct err *e)
{
	bool other_type = false;

	for (int i = 2; route_type_name(i); i++)
		other_type |= call_get(c, route_type_name(i)) != NULL;
	if (!other_type && !call_get(c, "via") && !call_get(c, "dev"))
		return err_set(e, ERR_USAGE, 0, "via GATEWAY or dev IF is missing");
	return change(c, "ROUT ADD", e);
}

static int route_del(struct call *c, struct err *e)
{
	return change(c, "ROUT DEL", e);
}

static const struct word route_words[] = {
	{ NULL, "PREFIX|default", WORD_NEED },
	{ "via", "GATEWAY", 0 },
	{ "dev", "IF", 0 },
	{ "metric", "N", 0 },
	/* types, as in iproute2 */
	{ "unicast", NULL, 0 },
	{ "local", NULL, 0 },
	{ "broadcast", NULL, 0 },
	{ "multicast", NULL, 0 },
	{ "blackhole", NULL, 0 },
	{ "unreachable", NULL, 0 },
	{ "prohibit", NULL, 0 },
	{ "throw", NULL, 0 },
	{ "nat", NULL, 0 },
	{ 0 },
};

const struct verb applet_route_verbs[] = {
	{ "list", NULL, NO_WORDS, route_list },
	{ "add", "a type (blackhole ...) stands before the prefix", route_words, route_add },
	{ "del", NULL, route_words, route_del },
	{ 0 },
};
