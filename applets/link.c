/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link: veth pairs between nodes. */
#include <errno.h>
#include <limits.h>

#include "applets.h"
#include "lab/links.h"

/* One end of a link, and a connection to its node. */
struct end {
	char *node;
	const char *iface;
	struct client client;
};

static void own_end(struct end *end)
{
	free(end->node);
	client_close(&end->client);
}

static int open_end(struct end *end, const struct call *c, const char *text, struct err *e)
{
	if (endpoint_parse(text, &end->node, &end->iface, e))
		return -1;
	return client_open(&end->client, c->lab, end->node, e);
}

static int set_up(struct end *end, struct err *e)
{
	int index;

	if (call_ifindex(&end->client, end->iface, &index, e))
		return -1;
	client_put(&end->client, "IF SET");
	client_put_i(&end->client, index);
	client_put(&end->client, " up 1");
	client_end(&end->client);
	return client_done(&end->client, e);
}

static void take_back(struct end *end)
{
	struct err ignored;
	int index;

	if (call_ifindex(&end->client, end->iface, &index, &ignored))
		return;
	client_put(&end->client, "IF DEL");
	client_put_i(&end->client, index);
	client_end(&end->client);
	if (client_done(&end->client, &ignored))
		return; /* the node has ended, and the link with it */
}

/* The kernel does not say which of the two names it means. */
static int name_taken(struct end *a, struct end *b, struct err *e)
{
	struct err ignored;
	int index;
	struct end *taken = call_ifindex(&a->client, a->iface, &index, &ignored) ? b : a;

	return err_set(e, ERR_KERNEL, EEXIST, "%s:%s: such an interface exists already",
		       taken->node, taken->iface);
}

static int link_add(struct call *c, struct err *e)
{
	own(end) struct end a = { .client = CLIENT_INIT }, b = { .client = CLIENT_INIT };
	const struct given *ends = call_all(c, "NODE:IF");

	if (ends->n != 2)
		return err_set(e, ERR_USAGE, 0, "a link has two ends: NODE1:IF1 NODE2:IF2");
	if (open_end(&a, c, ends->v[0], e) || open_end(&b, c, ends->v[1], e))
		return -1;
	client_put(&a.client, "LINK VETH");
	client_put_s(&a.client, a.iface);
	client_put_i(&a.client, b.client.pid);
	client_put_s(&a.client, b.iface);
	client_end(&a.client);
	if (client_done(&a.client, e)) {
		if (e->errnum == EEXIST)
			return name_taken(&a, &b, e);
		if (e->kind != ERR_REFUSED)
			return err_prefix(e, "%s %s", ends->v[0], ends->v[1]);
		return err_set(e, ERR_FEATURE, 0, "%s: this node's server cannot make links", a.node);
	}
	if (!set_up(&b, e))
		return 0;
	take_back(&a);
	return err_prefix(e, "%s", ends->v[1]);
}

static int on_end(struct call *c, const char *command, const char *rest, struct err *e)
{
	own(end) struct end end = { .client = CLIENT_INIT };
	int index;

	if (open_end(&end, c, call_get(c, "NODE:IF"), e))
		return -1;
	if (call_ifindex(&end.client, end.iface, &index, e))
		return err_prefix(e, "%s", end.node);
	client_put(&end.client, command);
	client_put_i(&end.client, index);
	client_put(&end.client, rest);
	client_end(&end.client);
	return client_done(&end.client, e) ? err_prefix(e, "%s", end.node) : 0;
}

static int link_up(struct call *c, struct err *e)
{
	return on_end(c, "IF SET", " up 1", e);
}

static int link_down(struct call *c, struct err *e)
{
	return on_end(c, "IF SET", " up 0", e);
}

static int link_del(struct call *c, struct err *e)
{
	return on_end(c, "IF DEL", "", e);
}

static void print_links(const struct value *list, bool quiet)
{
	struct table t = {0};

	table_row(&t, "END", "END", "STATE", TABLE_END);
	for (size_t i = 0; i < value_len(list); i++) {
		const struct value *d = value_at(list, i);
		const struct value *ends = value_get(d, "ends");
		const char *text[2] = { "", "" };
		char names[2][NAME_MAX];

		for (size_t k = 0; k < 2; k++) {
			const struct value *end = value_at(ends, k);

			snprintf(names[k], sizeof(names[k]), "%s:%s", value_text(end, "node", ""),
				 value_text(end, "ifname", ""));
			text[k] = end ? names[k] : "(outside the lab)";
		}
		if (quiet)
			puts(text[0]);
		else
			table_row(&t, text[0], text[1], value_text(d, "state", ""), TABLE_END);
	}
	table_print(&t, stdout);
}

static int link_list(struct call *c, struct err *e)
{
	own(value_pool) struct value_pool pool = {0};
	const struct value *list = links_of_lab(c->lab, &pool, e);

	if (!list)
		return -1;
	if (c->json)
		output_json(list, stdout);
	else
		print_links(list, c->quiet);
	return 0;
}

const struct verb applet_link_verbs[] = {
	{ "list", NULL, NO_WORDS, link_list },
	{ "add",
	  "a veth pair, up at both ends",
	  WORDS({ NULL, "NODE:IF", WORD_NEED | WORD_MANY },),
	  link_add },
	{ "del", "both ends", WORDS({ NULL, "NODE:IF", WORD_NEED },), link_del },
	{ "up", NULL, WORDS({ NULL, "NODE:IF", WORD_NEED },), link_up },
	{ "down", "the far end loses its carrier", WORDS({ NULL, "NODE:IF", WORD_NEED },), link_down },
	{ 0 },
};
