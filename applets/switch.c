/* SPDX-License-Identifier: GPL-2.0-or-later */
/* switch: nodes that hold a bridge, to which links are plugged. */
#include <errno.h>

#include "applets.h"
#include "lab/end.h"
#include "lab/name.h"
#include "lab/start.h"
#include "server/server.h"

static int switch_add(struct call *c, struct err *e)
{
	const struct given *names = call_all(c, "NAME");
	struct node_options o = { .host = true, .is_switch = true };

	return start_nodes(c->lab, names->v, names->n, server_run_node, &o, e);
}

struct listing {
	struct value_pool pool;
	struct value *list;
};

/* The bridge's own attributes, and which interfaces are its ports. */
static int describe(struct value *d, const struct value *links, const char *bridge,
		    struct value_pool *p)
{
	struct value *ports = value_new(p, V_LIST);

	for (size_t i = 0; i < value_len(links); i++) {
		const struct value *l = value_at(links, i);
		const char *name = value_text(l, "ifname", "");

		if (!strcmp(value_text(l, "master", ""), bridge) &&
		    !value_append(p, ports, value_cstr(p, name)))
			return -1;
		if (!strcmp(name, bridge)) {
			const struct value *data = value_get(value_get(l, "linkinfo"), "info_data");

			value_set(p, d, "stp", value_bool(p, value_num(data, "stp_state", 0)));
			value_set(p, d, "vlan_filtering",
				  value_bool(p, value_num(data, "vlan_filtering", 0)));
		}
	}
	return value_set(p, d, "ports", ports) ? 0 : -1;
}

static int keep_switch(const char *name, struct client *client, void *arg, struct err *e)
{
	struct listing *l = arg;
	const struct value *node = call_node(client, &l->pool, e), *links;
	const char *bridge = value_text(node, "bridge", NULL);
	struct value *d;

	if (!node)
		return e->kind == ERR_PEER || e->kind == ERR_FEATURE ? 0 : -1;
	if (!bridge)
		return 0;
	links = call_links(client, &l->pool, e);
	if (!links)
		return e->kind == ERR_PEER ? 0 : -1;
	d = value_new(&l->pool, V_DICT);
	if (!d || !value_set(&l->pool, d, "name", value_cstr(&l->pool, name)) ||
	    !value_set(&l->pool, d, "bridge", value_cstr(&l->pool, bridge)) ||
	    describe(d, links, bridge, &l->pool) || !value_append(&l->pool, l->list, d))
		return err_nomem(e);
	return 0;
}

static void print_switches(const struct value *list)
{
	struct table t = {0};

	table_row(&t, "NAME", "BRIDGE", "PORTS", "STP", "VLAN-FILTERING", TABLE_END);
	for (size_t i = 0; i < value_len(list); i++) {
		const struct value *d = value_at(list, i);
		char ports[24];

		snprintf(ports, sizeof(ports), "%zu", value_len(value_get(d, "ports")));
		table_row(&t, value_text(d, "name", ""), value_text(d, "bridge", ""), ports,
			  value_num(d, "stp", 0) ? "on" : "off",
			  value_num(d, "vlan_filtering", 0) ? "on" : "off", TABLE_END);
	}
	table_print(&t, stdout);
}

static int list_switches(const struct call *c, struct listing *l, struct err *e)
{
	if (name_check("lab", c->lab, e))
		return -1;
	l->list = value_new(&l->pool, V_LIST);
	return l->list ? each_node(c, "NODE INFO", keep_switch, l, e) : err_nomem(e);
}

static int switch_list(struct call *c, struct err *e)
{
	struct listing l = {0};
	int rc = list_switches(c, &l, e);

	if (!rc && c->json)
		output_json(l.list, stdout);
	else if (!rc && c->quiet)
		for (size_t i = 0; i < value_len(l.list); i++)
			puts(value_text(value_at(l.list, i), "name", ""));
	else if (!rc)
		print_switches(l.list);
	value_pool_free(&l.pool);
	return rc;
}

static int check_switch(const struct call *c, const char *name, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;
	own(value_pool) struct value_pool pool = {0};
	const struct value *node;

	if (client_open(&client, c->lab, name, e))
		return -1;
	node = call_node(&client, &pool, e);
	if (!node && e->kind != ERR_FEATURE)
		return err_prefix(e, "%s", name);
	if (!value_text(node, "bridge", NULL))
		return err_set(e, ERR_ABSENT, ENOENT, "%s: not a switch (node del removes nodes)", name);
	return 0;
}

static int del_all(const struct call *c, struct err *e)
{
	struct listing l = {0};
	int rc = list_switches(c, &l, e);
	size_t n = value_len(l.list);
	char **names = rc || !n ? NULL : calloc(n, sizeof(*names));

	for (size_t i = 0; names && i < n; i++)
		names[i] = (char *)(uintptr_t)value_text(value_at(l.list, i), "name", "");
	if (names)
		rc = end_nodes(c->lab, names, n, e);
	else if (!rc && n)
		rc = err_nomem(e);
	free(names);
	value_pool_free(&l.pool);
	return rc;
}

static int switch_del(struct call *c, struct err *e)
{
	const struct given *names = call_all(c, "NAME");

	if (check_names_or_all(c, e))
		return -1;
	if (!names->n)
		return del_all(c, e);
	for (size_t i = 0; i < names->n; i++)
		if (check_switch(c, names->v[i], e))
			return -1;
	return end_nodes(c->lab, names->v, names->n, e);
}

const struct verb applet_switch_verbs[] = {
	{ "list", "the switches of the lab", NO_WORDS, switch_list },
	{ "add",
	  "a node with a bridge, br0: \"link add h1:eth0 NAME\" plugs a link in; attributes of the "
	  "bridge: \"if NAME set br0\"",
	  WORDS({ NULL, "NAME", WORD_NEED | WORD_MANY },),
	  switch_add },
	{ "del",
	  NULL,
	  WORDS({ NULL, "NAME", WORD_MANY }, { "--all", NULL, 0 },),
	  switch_del },
	{ 0 },
};
