/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link: veth pairs between nodes, and what they do to packets on their way. */
#include <errno.h>
#include <limits.h>

#include "applets.h"
#include "base/net.h"
#include "lab/links.h"
#include "ui/impair.h"

/* One end of a link, and a connection to its node. */
struct end {
	char *node;
	const char *iface; /* NULL: not named, a port of a switch */
	char port[IFNAMSIZ];
	int bridge; /* of a switch: the index of its bridge; else 0 */
	struct client client;
};

#define END_INIT { .client = CLIENT_INIT }

static void own_end(struct end *end)
{
	free(end->node);
	client_close(&end->client);
}

/* NODE:IF, or, where may_be_switch, NODE. */
static int open_end(struct end *end, const struct call *c, const char *text, bool may_be_switch,
		    struct err *e)
{
	if (may_be_switch && !strchr(text, ':')) {
		end->node = strdup(text);
		if (!end->node)
			return err_nomem(e);
	} else if (endpoint_parse(text, &end->node, &end->iface, e)) {
		return -1;
	}
	return client_open(&end->client, c->lab, end->node, e);
}

/* ------------------------------------------------------------------ add */

/* Both nodes are asked before either is listened to: are they switches? */
static int find_switches(struct end *const ends[2], struct err *e)
{
	static const char *const command[] = { "NODE INFO", NULL };

	for (size_t i = 0; i < 2; i++)
		client_ahead(&ends[i]->client, command);
	for (size_t i = 0; i < 2; i++) {
		own(value_pool) struct value_pool pool = {0};
		const struct value *v = call_node(&ends[i]->client, &pool, e);

		if (!v && e->kind != ERR_FEATURE) /* another program's server: no switch */
			return err_prefix(e, "%s", ends[i]->node);
		ends[i]->bridge = (int)value_num(v, "bridge_index", 0);
		if (!ends[i]->bridge && !ends[i]->iface)
			return err_set(e, ERR_USAGE, 0,
				       "%s: not a switch: name the interface, as in %s:eth0",
				       ends[i]->node, ends[i]->node);
	}
	return 0;
}

/* Does it have no name but that which name_port gives? */
static bool is_nameless(const struct end *end)
{
	return !end->iface || end->iface == end->port;
}

/* For a port whose name is too long, or another's: the rest of it is a number that is always the same for it. */
static void number_port(struct end *end, const struct end *other)
{
	struct lladdr hash = lladdr_of("", other->node, is_nameless(other) ? "" : other->iface);

	snprintf(end->port, sizeof(end->port), "%.6s-%02x%02x%02x%02x", other->node, hash.bytes[1],
		 hash.bytes[2], hash.bytes[3], hash.bytes[4]);
}

/* A port is called after what is plugged in: "h1-eth0". */
static void name_port(struct end *end, const struct end *other)
{
	const char *iface = is_nameless(other) ? "" : other->iface;
	int n;

	if (end->iface)
		return;
	n = snprintf(end->port, sizeof(end->port), "%s%s%s", other->node, *iface ? "-" : "", iface);
	if (n >= (int)sizeof(end->port))
		number_port(end, other);
	end->iface = end->port;
}

/* Of a pair that could not be made. Only a port's name was taken, as "a-b:c" and "a:b-c" would both be
 * "a-b-c": it gets the number. False: it is not so, or it has the number. */
static bool rename_port(struct end *const ends[2], const struct err *e)
{
	struct end *port = is_nameless(ends[0]) ? ends[0] : ends[1], *other = ends[port == ends[0]];
	char before[IFNAMSIZ];
	struct err ignored;
	int index;

	if (e->errnum != EEXIST || !is_nameless(port) || is_nameless(other) ||
	    !call_ifindex(&other->client, other->iface, &index, &ignored))
		return false;
	memcpy(before, port->port, sizeof(before));
	number_port(port, other);
	return strcmp(before, port->port);
}

static void put_address(struct client *client, const char *key, const struct call *c,
			const struct end *end)
{
	struct lladdr a = lladdr_of(c->lab, end->node, end->iface);
	char text[LLADDR_TEXT];

	client_put(client, " %s %s", key, lladdr_text(&a, text));
}

/* The kernel does not say which of the two names it means. */
static int name_taken(struct end *a, struct end *b, struct err *e)
{
	struct err ignored;
	int index;
	struct end *taken = call_ifindex(&a->client, a->iface, &index, &ignored) ? b : a;

	if (taken == b && !strcmp(a->node, b->node) && !strcmp(a->iface, b->iface))
		return err_set(e, ERR_KERNEL, EEXIST, "%s:%s: both ends cannot have one name", a->node, a->iface);
	return err_set(e, ERR_KERNEL, EEXIST, "%s:%s: such an interface exists already",
		       taken->node, taken->iface);
}

/*
 * Each namespace's first link has the index 2. If both ends of a pair have the same, the kernel takes
 * the second for what it is not (dev_get_iflink), and tells routes, bridges and IPv6 of changes of the
 * carrier only once a second. So they get different ones. Where a server cannot tell, the kernel's.
 */
static bool choose_indexes(struct end *const ends[2], int indexes[2], struct err *e)
{
	bool told = true;

	for (int i = 0; i < 2; i++) {
		client_say(&ends[i]->client, "LINK NEXT");
		told = !client_flush(&ends[i]->client, e) && told;
	}
	for (int i = 0; i < 2; i++)
		told = !client_number(&ends[i]->client, &indexes[i], e) && told;
	indexes[0] += indexes[0] == indexes[1];
	return told;
}

/* The pair, up at the end of a, which is a port if that is a switch. */
static int make(struct end *a, struct end *b, const struct call *c, struct err *e)
{
	struct end *const ends[] = { a, b };
	int indexes[2];
	bool chosen = choose_indexes(ends, indexes, e);

	if ((!chosen && e->kind != ERR_REFUSED) || client_check_pid(&a->client, e) || client_check_pid(&b->client, e))
		return err_prefix(e, "%s:%s %s:%s", a->node, a->iface, b->node, b->iface);
	client_put(&a->client, "LINK VETH %s %d %s", a->iface, (int)b->client.pid, b->iface);
	if (!call_get(c, "--random")) {
		put_address(&a->client, "lladdr", c, a);
		put_address(&a->client, "peer", c, b);
	}
	if (chosen)
		client_put(&a->client, " index %d peer-index %d", indexes[0], indexes[1]);
	if (a->bridge)
		client_put(&a->client, " master %d", a->bridge);
	client_end(&a->client);
	if (!client_done(&a->client, e))
		return 0;
	if (e->errnum == EEXIST)
		return is_nameless(a) ? name_taken(b, a, e) : name_taken(a, b, e);
	if (e->kind != ERR_REFUSED)
		return err_prefix(e, "%s:%s %s:%s", a->node, a->iface, b->node, b->iface);
	return err_set(e, ERR_FEATURE, 0, "%s: this node's server cannot make links", a->node);
}

static int no_impairments(const struct end *end, struct err *e)
{
	if (e->kind == ERR_REFUSED)
		err_set(e, ERR_FEATURE, 0, "this node's server knows no impairments");
	return err_prefix(e, "%s", end->node);
}

/* One end: impaired before it is up, so that no packet goes out as it should not. */
static int finish_end(struct end *end, bool set_up, const struct impairment_change *change,
		      struct err *e)
{
	int index;

	if (!set_up && !change->given)
		return 0;
	if (call_ifindex(&end->client, end->iface, &index, e))
		return err_prefix(e, "%s", end->node);
	if (change->given) {
		call_impair(&end->client, index, change);
		if (client_done(&end->client, e))
			return no_impairments(end, e);
	}
	if (!set_up)
		return 0;
	if (end->bridge)
		client_say(&end->client, "LINK SET %d up 1 master %d", index, end->bridge);
	else
		client_say(&end->client, "IF SET %d up 1", index);
	return client_done(&end->client, e) ? err_prefix(e, "%s:%s", end->node, end->iface) : 0;
}

static void take_back(struct end *end)
{
	struct err ignored;
	int index;

	if (call_ifindex(&end->client, end->iface, &index, &ignored))
		return;
	client_say(&end->client, "IF DEL %d", index);
	if (client_done(&end->client, &ignored))
		return; /* the node has ended, and the link with it */
}

/* Which ends the impairments of an "add" are for: both, or that named by "on". */
static int check_on(const struct call *c, const struct given *ends, struct err *e)
{
	const char *on = call_get(c, "on");

	if (on && call_get(c, "both"))
		return err_set(e, ERR_USAGE, 0, "both and on exclude each other");
	if (on && strcmp(on, ends->v[0]) && strcmp(on, ends->v[1])) {
		err_set(e, ERR_USAGE, 0, "on %.80s: not an end of this link", on);
		return -1;
	}
	return 0;
}

static int link_add(struct call *c, struct err *e)
{
	own(end) struct end a = END_INIT, b = END_INIT;
	struct end *both[2] = { &a, &b }, *maker, *other;
	const struct given *ends = call_all(c, "NODE:IF");
	const char *on = call_get(c, "on");
	struct impairment_change change, none = {0};

	if (ends->n != 2)
		return err_set(e, ERR_USAGE, 0, "a link has two ends: NODE1:IF1 NODE2:IF2");
	if (check_on(c, ends, e) || impairments_of_call(&change, c, e) ||
	    impairments_check(&change.to, ERR_USAGE, e))
		return -1;
	if (open_end(&a, c, ends->v[0], true, e) || open_end(&b, c, ends->v[1], true, e) ||
	    find_switches(both, e))
		return -1;
	name_port(&a, &b);
	name_port(&b, &a);
	maker = b.bridge && !a.bridge ? &b : &a;
	other = maker == &a ? &b : &a;
	if (make(maker, other, c, e) && (!rename_port(both, e) || make(maker, other, c, e)))
		return -1;
	if (!finish_end(maker, false, on && strcmp(on, ends->v[maker == &b]) ? &none : &change, e) &&
	    !finish_end(other, true, on && strcmp(on, ends->v[other == &b]) ? &none : &change, e))
		return 0;
	if (e->kind != ERR_ABSENT) /* else the pair has gone meanwhile, and its name may be another's */
		take_back(maker);
	return -1;
}

/* ------------------------------------------------------------------ set */

static int impair(struct end *end, const struct impairment_change *change, struct impairments *before,
		  struct err *e)
{
	own(value_pool) struct value_pool pool = {0};
	const struct value *qdiscs;
	int index;

	if (call_ifindex(&end->client, end->iface, &index, e))
		return err_prefix(e, "%s", end->node);
	qdiscs = call_qdiscs(&end->client, &pool, e);
	if (!qdiscs)
		return err_prefix(e, "%s", end->node);
	*before = qdiscs_impairments(qdiscs, index);
	call_impair(&end->client, index, change);
	return client_done(&end->client, e) ? no_impairments(end, e) : 0;
}

static int open_far_end(struct end *far, struct end *near, const struct call *c, struct err *e)
{
	own(value_pool) struct value_pool pool = {0};
	const struct value *links, *d;
	int index;

	if (call_ifindex(&near->client, near->iface, &index, e))
		return err_prefix(e, "%s", near->node);
	links = links_of_lab(c->lab, &pool, e);
	if (!links)
		return -1;
	d = links_far_end(links, near->node, near->iface);
	if (!d)
		return err_set(e, ERR_ABSENT, ENODEV, "%s:%s: has no far end in this lab", near->node,
			       near->iface);
	snprintf(far->port, sizeof(far->port), "%s", value_text(d, "ifname", ""));
	far->iface = far->port;
	far->node = strdup(value_text(d, "node", ""));
	return far->node ? client_open(&far->client, c->lab, far->node, e) : err_nomem(e);
}

static int link_set(struct call *c, struct err *e)
{
	own(end) struct end near = END_INIT, far = END_INIT;
	struct impairment_change change, undo = { .clear = true };
	struct impairments before;
	struct err ignored;

	if (impairments_of_call(&change, c, e))
		return -1;
	change.clear = call_get(c, "none") != NULL;
	if (!change.given && !change.clear)
		return err_set(e, ERR_USAGE, 0, "%s: nothing to set", call_get(c, "NODE:IF"));
	if (open_end(&near, c, call_get(c, "NODE:IF"), false, e) ||
	    (call_get(c, "both") && open_far_end(&far, &near, c, e)) ||
	    impair(&near, &change, &before, e))
		return -1;
	if (!far.node || !impair(&far, &change, &undo.to, e))
		return 0;
	undo.to = before;
	undo.given = before.set;
	return impair(&near, &undo, &before, &ignored)
		       ? err_prefix(e, "%s:%s is set, but", near.node, near.iface)
		       : -1;
}

/* ------------------------------------------------------------------ up, down, del */

static int on_end(struct call *c, const char *command, const char *rest, struct err *e)
{
	own(end) struct end end = END_INIT;
	int index;

	if (open_end(&end, c, call_get(c, "NODE:IF"), false, e))
		return -1;
	if (call_ifindex(&end.client, end.iface, &index, e))
		return err_prefix(e, "%s", end.node);
	client_say(&end.client, "%s %d%s", command, index, rest);
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

/* ------------------------------------------------------------------ list */

/* Of the queueing discipline at the root, which counts for all of them. */
static int64_t counter(const struct value *end, const char *key)
{
	const struct value *qdiscs = value_get(end, "qdiscs");

	for (size_t i = 0; i < value_len(qdiscs); i++)
		if (value_num(value_at(qdiscs, i), "root", 0))
			return value_num(value_at(qdiscs, i), key, 0);
	return 0;
}

/* "delay 20ms" for both directions, else "> delay 20ms" for the one from the first end and "<"
 * for the other. */
static void link_cells(const struct value *ends, struct buf *what, struct buf *drops)
{
	own(buf) struct buf a = {0}, b = {0};

	impairments_text(value_get(value_at(ends, 0), "impairments"), &a);
	impairments_text(value_get(value_at(ends, 1), "impairments"), &b);
	if (!a.len && !b.len)
		return;
	if (value_len(ends) == 2 && !strcmp(buf_cstr(&a), buf_cstr(&b)))
		buf_adds(what, buf_cstr(&a));
	else
		buf_addf(what, "%s%s%s%s%s", a.len ? "> " : "", buf_cstr(&a),
			 a.len && b.len ? " " : "", b.len ? "< " : "", buf_cstr(&b));
	buf_addf(drops, "%lld/%lld", (long long)counter(value_at(ends, 0), "drops"),
		 (long long)counter(value_at(ends, 1), "drops"));
}

static void print_links(const struct value *list, bool quiet)
{
	struct table t = {0};

	table_row(&t, "END", "END", "STATE", "DROPS", "IMPAIRMENTS", TABLE_END);
	for (size_t i = 0; i < value_len(list); i++) {
		const struct value *d = value_at(list, i);
		const struct value *ends = value_get(d, "ends");
		own(buf) struct buf what = {0}, drops = {0};
		const char *text[2] = { "", "" };
		char names[2][NAME_MAX];

		for (size_t k = 0; k < 2; k++) {
			const struct value *end = value_at(ends, k);

			snprintf(names[k], sizeof(names[k]), "%s:%s", value_text(end, "node", ""),
				 value_text(end, "ifname", ""));
			text[k] = end ? names[k] : "(outside the lab)";
		}
		link_cells(ends, &what, &drops);
		if (quiet)
			output_name(text[0], stdout);
		else
			table_row(&t, text[0], text[1], value_text(d, "state", ""), buf_cstr(&drops),
				  buf_cstr(&what), TABLE_END);
	}
	table_print(&t, stdout);
}

static int link_list(struct call *c, struct err *e)
{
	own(value_pool) struct value_pool pool = {0};
	const struct value *list = links_of_lab(c->lab, &pool, e);

	if (!list)
		return -1;
	if (c->json) {
		for (size_t i = 0; i < value_len(list); i++)
			impairments_name_units(value_get(value_at(list, i), "ends"), &pool);
		output_json(list, stdout);
	} else {
		print_links(list, c->quiet);
	}
	return 0;
}

const struct verb applet_link_verbs[] = {
	{ "list", NULL, NO_WORDS, link_list },
	{ "add",
	  "a veth pair, up at both ends; an end may be a switch's name alone. Impairments are for both "
	  "ends, or what one end sends (on NODE:IF). --random: link-layer addresses from the kernel",
	  WORDS({ NULL, "NODE:IF", WORD_NEED | WORD_MANY },
	    { "both", NULL, 0 },
	    { "on", "NODE:IF", 0 },
	    { "--random", NULL, 0 },
	    IMPAIRMENT_WORDS,),
	  link_add },
	{ "set",
	  "what this end sends (both: and the far end); the rest stays as it is. none, also as a value, "
	  "takes away",
	  WORDS({ NULL, "NODE:IF", WORD_NEED },
	    { "both", NULL, 0 },
	    { "none", NULL, 0 },
	    IMPAIRMENT_WORDS,),
	  link_set },
	{ "del", "both ends", WORDS({ NULL, "NODE:IF", WORD_NEED },), link_del },
	{ "up", NULL, WORDS({ NULL, "NODE:IF", WORD_NEED },), link_up },
	{ "down", "the far end loses its carrier", WORDS({ NULL, "NODE:IF", WORD_NEED },), link_down },
	{ 0 },
};
