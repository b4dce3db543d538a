/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lab save: interfaces and links, in the order in which they can be made. */
#include <inttypes.h>
#include <stdint.h>

#include "base/net.h"
#include "lab/uplink.h"
#include "lab_save.h"
#include "ui/impair.h"

static const struct value *data_of(const struct value *iface)
{
	return value_get(value_get(iface, "linkinfo"), "info_data");
}

static const char *kind_of(const struct value *iface)
{
	return str(value_get(iface, "linkinfo"), "info_kind");
}

static void endpoint(char *buf, size_t size, const char *node, const char *iface)
{
	snprintf(buf, size, "%s:%s", node, iface);
}

static int compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int nodes = strcmp(x->node, y->node);

	return nodes ? nodes : strcmp(str(x->d, "ifname"), str(y->d, "ifname"));
}

static bool is_uplink(const struct value *node, const char *ifname)
{
	return *ifname && is(node, "uplink", ifname);
}

/* The bridge that makes its node a switch. */
static bool is_own_bridge(const struct item *x)
{
	return *str(x->of, "bridge") && is(x->d, "ifname", str(x->of, "bridge"));
}

/* All later lines, "link add" of a port too, name it so. */
static void save_bridge_names(const struct value *nodes)
{
	for (size_t i = 0; i < value_len(nodes); i++) {
		const struct value *d = value_at(nodes, i);

		if (!*str(d, "bridge") || is(d, "bridge", "br0"))
			continue;
		PUT("nemu if", str(d, "name"), "set", "br0", "name", str(d, "bridge"));
		putchar('\n');
	}
}

static bool collect(struct items *all, const struct value *nodes)
{
	size_t n = 0;

	for (size_t i = 0; i < value_len(nodes); i++)
		n += value_len(value_get(value_at(nodes, i), "interfaces"));
	all->v = calloc(n + 1, sizeof(*all->v));
	for (size_t i = 0; all->v && i < value_len(nodes); i++) {
		const struct value *node = value_at(nodes, i), *list = value_get(node, "interfaces");

		for (size_t k = 0; k < value_len(list); k++) {
			const struct value *d = value_at(list, k);
			struct item *x = &all->v[all->n++];

			*x = (struct item){ .node = str(node, "name"), .d = d, .of = node, .kind = kind_of(d),
					    .uplink = is_uplink(node, str(d, "ifname")) };
			x->made = is(d, "ifname", "lo") || is(d, "ifname", value_text(node, "bridge", "lo"));
		}
	}
	if (all->v)
		qsort(all->v, all->n, sizeof(*all->v), compare);
	return all->v;
}

static struct item *find(const struct items *all, const char *node, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->v[i].node, node) && is(all->v[i].d, "ifname", name))
			return &all->v[i];
	return NULL;
}

bool save_makes(const struct items *all, const char *node, const char *ifname)
{
	const struct item *x = find(all, node, ifname);

	return x && x->made;
}

/* Would the grammar take it for something else than a name? */
static bool is_word(const char *name)
{
	for (const struct verb *v = applet_if_verbs; v->run; v++)
		for (const struct word *w = v->words; w->word || w->value; w++)
			if (w->word && !strcmp(w->word, name))
				return true;
	return *name == '-';
}

/* For "if add" and "if set": such a name stands last, behind "--", any other first. */
static void put_name(const struct item *x, bool last)
{
	const char *name = str(x->d, "ifname");

	if (is_word(name) == last)
		PUT(last ? " --" : "", name);
}

/* What a bridge has that a new one has not. In JSON, as with ip(8), times are hundredths of a
 * second. */
static void add_bridge(struct buf *line, const struct value *data)
{
	static const struct {
		const char *word, *key;
		int64_t fresh;
		bool time;
	} words[] = { { "stp", "stp_state", 0, false },
		      { "forward-delay", "forward_delay", 1500, true },
		      { "hello", "hello_time", 200, true },
		      { "ageing", "ageing_time", 30000, true },
		      { "max-age", "max_age", 2000, true },
		      { "vlan-filtering", "vlan_filtering", 0, false } };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		int64_t n = value_num(data, words[i].key, words[i].fresh);

		if (n == words[i].fresh)
			continue;
		if (!words[i].time)
			buf_addf(line, " %s %s", words[i].word, n ? "on" : "off");
		else if (n % 100)
			buf_addf(line, " %s %" PRId64 "0ms", words[i].word, n);
		else
			buf_addf(line, " %s %" PRId64 "s", words[i].word, n / 100);
	}
}

/* Types that "if add" makes with all that it knows of them. */
static bool can_make(const char *kind)
{
	static const char *const kinds[] = { "bridge",	"tun", "dummy",	  "ifb", "vlan",     "vxlan",
					     "macvlan", "vrf", "macvtap", "wireguard" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i], kind))
			return true;
	return false;
}

/* The interface below it, "" if there is none. */
static const char *below(const struct item *x)
{
	return !strcmp(x->kind, "vxlan") ? str(data_of(x->d), "link") : str(x->d, "link");
}

const char *save_fresh_address(const char *lab, const struct item *x, char *buf)
{
	struct lladdr a = lladdr_of(lab, x->node, is_own_bridge(x) ? "br0" : str(x->d, "ifname"));

	return lladdr_text(&a, buf);
}

/* A vlan has the address of what it stands on; a vrf a new one each time. */
static bool address_differs(const char *lab, const struct items *all, const struct item *x)
{
	char text[LLADDR_TEXT];
	const struct item *under = find(all, x->node, below(x));

	if (!*str(x->d, "address") || is(x->d, "link_type", "loopback"))
		return false;
	if (!strcmp(x->kind, "vlan") && under)
		return strcmp(str(x->d, "address"), str(under->d, "address"));
	return strcmp(str(x->d, "address"), save_fresh_address(lab, x, text));
}

/* "if add" does, and not "link add" or "switch add". */
static bool can_add(const struct item *x)
{
	return can_make(x->kind) && !is_own_bridge(x);
}

static void make(const char *lab, const struct items *all, struct item *x)
{
	const struct value *data = data_of(x->d);
	bool tun = !strcmp(x->kind, "tun");
	own(buf) struct buf words = {0};

	PUT("nemu if", x->node, "add");
	put_name(x, false);
	PUT("", "type", tun ? str(data, "type") : x->kind);
	if (*below(x))
		PUT("", "link", below(x));
	save_number("id", data, "id");
	save_text("mode", data, "mode");
	save_text("remote", data, "remote");
	save_text("remote", data, "remote6");
	save_text("group", data, "group");
	save_text("group", data, "group6");
	save_text("local", data, "local");
	save_text("local", data, "local6");
	save_number("dstport", data, "port");
	save_number("table", data, "table");
	save_number("user", data, "uid");
	if (!strcmp(x->kind, "bridge"))
		add_bridge(&words, data);
	fputs(buf_cstr(&words), stdout);
	if (address_differs(lab, all, x)) /* some types take none later */
		save_text("address", x->d, "address");
	put_name(x, true);
	putchar('\n');
	x->made = true;
	if (!strcmp(x->kind, "wireguard"))
		save_comment("not saved: %s:%s: keys and peers of wireguard", x->node, str(x->d, "ifname"));
}

/* What was moved away from what it stands on. (Of a link both ends may be anywhere.) */
static bool is_apart(const struct item *x)
{
	return value_get(x->d, "link_netnsid") && strcmp(x->kind, "veth");
}

/* Those that stand on nothing, or on what is there. */
static void make_all(const char *lab, const struct items *all, bool stacked)
{
	bool progress = true;

	while (progress) {
		progress = false;
		for (size_t i = 0; i < all->n; i++) {
			struct item *x = &all->v[i], *under;

			if (x->made || x->uplink || !can_make(x->kind) || is_apart(x) || (*below(x) && !stacked))
				continue;
			under = *below(x) ? find(all, x->node, below(x)) : NULL;
			if (*below(x) && (!under || !under->made))
				continue;
			make(lab, all, x);
			progress = true;
		}
	}
}

/* ------------------------------------------------------------------ links */

struct link {
	const struct value *ends[2]; /* the first by name first */
};

static int compare_ends(const struct value *a, const struct value *b)
{
	int nodes = strcmp(str(a, "node"), str(b, "node"));

	return nodes ? nodes : strcmp(str(a, "ifname"), str(b, "ifname"));
}

static int compare_links(const void *a, const void *b)
{
	return compare_ends(((const struct link *)a)->ends[0], ((const struct link *)b)->ends[0]);
}

static void save_link(const struct link *l, const struct items *all)
{
	struct buf text[2] = { {0}, {0} };
	char ends[2][128];
	bool same;

	for (int i = 0; i < 2; i++) {
		find(all, str(l->ends[i], "node"), str(l->ends[i], "ifname"))->made = true;
		endpoint(ends[i], sizeof(ends[i]), str(l->ends[i], "node"), str(l->ends[i], "ifname"));
		impairments_text(value_get(l->ends[i], "impairments"), &text[i]);
	}
	same = !strcmp(buf_cstr(&text[0]), buf_cstr(&text[1]));
	PUT("nemu link add", ends[0], ends[1]);
	printf("%s%s\n", same && text[0].len ? " " : "", same ? buf_cstr(&text[0]) : "");
	for (int i = 0; i < 2; i++) {
		if (!same && text[i].len) {
			PUT("nemu link set", ends[i]);
			printf(" %s\n", buf_cstr(&text[i]));
		}
		buf_free(&text[i]);
	}
}

/* It is not, if it, or its node, has come after interfaces were asked for. */
static bool is_known(const struct items *all, const struct value *end)
{
	return find(all, str(end, "node"), str(end, "ifname"));
}

static bool save_links(const struct value *links, const struct items *all)
{
	bool made;
	size_t n = 0;
	struct link *v = calloc(value_len(links) + 1, sizeof(*v));

	for (size_t i = 0; v && i < value_len(links); i++) {
		const struct value *ends = value_get(value_at(links, i), "ends");
		int swap;

		if (value_len(ends) != 2 || !is_known(all, value_at(ends, 0)) || !is_known(all, value_at(ends, 1)))
			continue;
		swap = compare_ends(value_at(ends, 0), value_at(ends, 1)) > 0;
		v[n].ends[0] = value_at(ends, (size_t)swap);
		v[n++].ends[1] = value_at(ends, (size_t)!swap);
	}
	if (v)
		qsort(v, n, sizeof(*v), compare_links);
	for (size_t i = 0; i < n; i++)
		save_link(&v[i], all);
	made = v != NULL;
	free(v);
	return made;
}

/* ------------------------------------------------------------------ attributes */

/* Is it a port of the bridge that makes its node a switch? */
static bool is_port_by_itself(const struct item *x)
{
	return !strcmp(x->kind, "veth") && *str(x->of, "bridge");
}

/* Of a bridge these are its ports. */
static bool stands_on(const struct item *x, const struct item *y)
{
	const char *name = str(y->d, "ifname");

	if (strcmp(x->node, y->node))
		return false;
	return strcmp(x->kind, "bridge") ? !strcmp(below(x), name) : is(y->d, "master", str(x->d, "ifname"));
}

/* What it has as long as nobody sets another: a bridge has the smallest of its ports. -1: it depends. */
static int64_t fresh_mtu(const struct items *all, const struct item *x)
{
	int64_t least = INT64_MAX;

	if (!strcmp(x->kind, "vxlan") && *below(x))
		return -1;
	if (strcmp(x->kind, "bridge"))
		return is(x->d, "ifname", "lo") ? 65536 : 1500;
	for (size_t i = 0; i < all->n; i++) {
		const struct item *y = &all->v[i];

		if (y->made && stands_on(x, y) && value_num(y->d, "mtu", 0) < least)
			least = value_num(y->d, "mtu", 0);
	}
	return least < INT64_MAX ? least : 1500;
}

/* What a vlan stands on, whose flags it takes over; NULL: it is none. */
static const struct item *under_vlan(const struct items *all, const struct item *x)
{
	return strcmp(x->kind, "vlan") ? NULL : find(all, x->node, below(x));
}

/* Flags that it has as long as nobody sets others. */
static void fresh_flags(const struct items *all, const struct item *x, bool *multicast, bool *arp)
{
	static const char *const neither[] = { "dummy", "ifb", "vrf", "wireguard" };
	const struct item *under = under_vlan(all, x);

	if (under) {
		fresh_flags(all, under, multicast, arp);
		return;
	}
	*multicast = !is(x->d, "ifname", "lo");
	*arp = strcmp(x->kind, "tun") || !is(data_of(x->d), "type", "tun");
	for (size_t i = 0; i < sizeof(neither) / sizeof(*neither); i++)
		if (!strcmp(x->kind, neither[i]))
			*multicast = *arp = false;
}

static void add_flags(struct buf *line, const struct items *all, const struct item *x)
{
	bool multicast, arp, has_multicast = value_has(x->d, "flags", "MULTICAST");
	bool has_arp = !value_has(x->d, "flags", "NOARP");

	fresh_flags(all, x, &multicast, &arp);
	if (has_multicast != multicast)
		buf_addf(line, " multicast %s", has_multicast ? "on" : "off");
	if (has_arp != arp)
		buf_addf(line, " arp %s", has_arp ? "on" : "off");
}

static void add_broadcast(struct buf *line, const struct item *x)
{
	const char *broadcast = str(x->d, "broadcast");
	bool lo = is(x->d, "link_type", "loopback");

	if ((lo || is(x->d, "link_type", "ether")) && *broadcast &&
	    strcmp(broadcast, lo ? "00:00:00:00:00:00" : "ff:ff:ff:ff:ff:ff"))
		buf_addf(line, " broadcast %s", broadcast);
}

/* The kernel puts a vlan up with what it stands on. */
static bool is_put_up(const struct items *all, const struct item *x)
{
	const struct item *under = under_vlan(all, x);

	return under && value_has(under->d, "flags", "UP");
}

/* Words of "if set" for what a new one has not. */
static void add_attributes(struct buf *line, const struct items *all, const struct item *x)
{
	bool veth = !strcmp(x->kind, "veth"), lo = is(x->d, "ifname", "lo");
	bool own_bridge = is_own_bridge(x), up = value_has(x->d, "flags", "UP");

	if (value_num(x->d, "mtu", 0) != fresh_mtu(all, x))
		buf_addf(line, " mtu %" PRId64, value_num(x->d, "mtu", 0));
	add_broadcast(line, x);
	add_flags(line, all, x);
	if (!veth && !lo && !own_bridge && up)
		buf_adds(line, " up");
	if ((lo || own_bridge || is_put_up(all, x)) && !up)
		buf_adds(line, " down");
	if (own_bridge)
		add_bridge(line, data_of(x->d));
}

static void save_attributes(const char *lab, const struct items *all, const struct item *x)
{
	const char *master = str(x->d, "master");
	bool no_master = *master && !save_makes(all, x->node, master);
	const char *expected = is_port_by_itself(x) ? str(x->of, "bridge") : "";
	own(buf) struct buf line = {0};
	bool address = !can_add(x) && address_differs(lab, all, x);

	if (no_master) {
		save_comment("not saved: %s:%s: its master %s", x->node, str(x->d, "ifname"), master);
		master = "";
	}
	add_attributes(&line, all, x);
	if (line.len || address || strcmp(master, expected)) {
		PUT("nemu if", x->node, "set");
		put_name(x, false);
		if (*master && strcmp(master, expected))
			PUT("", "master", master);
		if (!*master && *expected)
			fputs(" nomaster", stdout);
		if (address)
			save_text("address", x->d, "address");
		fputs(buf_cstr(&line), stdout);
		put_name(x, true);
		putchar('\n');
	}
	if (!strcmp(x->kind, "veth") && !value_has(x->d, "flags", "UP")) {
		char end[128];

		endpoint(end, sizeof(end), x->node, str(x->d, "ifname"));
		PUT("nemu link down", end);
		putchar('\n');
	}
}

/* What it stands on comes first: above it the kernel takes no larger MTU, and nothing that is up; a bridge's
 * follows its ports'. */
static void save_in_order(const char *lab, const struct items *all, struct item *x)
{
	size_t n = strcmp(x->kind, "veth") ? all->n : 0;

	if (x->said || !x->made)
		return;
	x->said = true;
	for (size_t i = 0; i < n; i++)
		if (stands_on(x, &all->v[i]))
			save_in_order(lab, all, &all->v[i]);
	save_attributes(lab, all, x);
}

/* Impairments of what is no end of a link within the lab, and what else sends packets. */
static void save_qdiscs(const struct item *x)
{
	const struct value *qdiscs = value_get(x->of, "qdiscs");
	int index = (int)value_num(x->d, "ifindex", 0);
	own(buf) struct buf text = {0};
	char end[128];

	endpoint(end, sizeof(end), x->node, str(x->d, "ifname"));
	for (size_t i = 0; i < value_len(qdiscs); i++) {
		const struct value *q = value_at(qdiscs, i);

		if (value_num(q, "ifindex", 0) != index || is(q, "handle", "0:"))
			continue;
		if (is(q, "kind", "tbf") || is(q, "kind", "netem"))
			impairments_text(value_get(q, "impairments"), &text);
		else if (!is(q, "kind", "bfifo"))
			save_comment("not saved: %s: queueing discipline %s %s", end, str(q, "kind"),
				str(q, "handle"));
		if (value_num(q, "more", 0))
			save_comment("not saved: %s: what %s %s does beyond impairments", end, str(q, "kind"),
				str(q, "handle"));
	}
	if (!text.len || (!strcmp(x->kind, "veth") && !x->uplink))
		return;
	PUT("nemu link set", end);
	printf(" %s\n", buf_cstr(&text));
}

/* ------------------------------------------------------------------ all */

static void save_unmade(const struct items *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct item *x = &all->v[i];

		if (x->made || x->uplink)
			continue;
		if (!strcmp(x->kind, "veth"))
			save_comment("not saved: %s:%s: a link out of the lab", x->node, str(x->d, "ifname"));
		else if (is_apart(x))
			save_comment("not saved: %s:%s: an interface of type %s whose lower one is elsewhere",
				     x->node, str(x->d, "ifname"), x->kind);
		else
			save_comment("not saved: %s:%s: an interface of type %s", x->node,
				str(x->d, "ifname"), *x->kind ? x->kind : "(none: a real one)");
	}
}

/* Its flags and its link-layer address depend on the way, which the script leaves open. */
static void save_uplink_attributes(const struct item *x)
{
	const char *fresh = strcmp(x->kind, "tun") ? "1500" : UPLINK_TAP_MTU;
	char mtu[24];
	bool renamed = !is(x->d, "ifname", UPLINK_NAME);

	snprintf(mtu, sizeof(mtu), "%" PRId64, value_num(x->d, "mtu", 0));
	if (!renamed && !strcmp(mtu, fresh))
		return;
	PUT("nemu if", x->node, "set", UPLINK_NAME);
	if (renamed)
		PUT("", "name", str(x->d, "ifname"));
	if (strcmp(mtu, fresh))
		PUT("", "mtu", mtu);
	putchar('\n');
}

/* Each is made as a whole; then comes what was added to it. */
static void save_uplinks(const char *lab, const struct items *all)
{
	for (size_t i = 0; i < all->n; i++) {
		struct item *x = &all->v[i];

		if (!x->uplink)
			continue;
		PUT("nemu if", x->node, "uplink");
		putchar('\n');
		save_uplink_attributes(x);
		x->made = true;
		save_qdiscs(x);
		save_addresses(lab, x);
	}
}

int save_interfaces(const struct value *model, struct items *all, struct err *e)
{
	const char *lab = str(model, "lab");

	if (!collect(all, value_get(model, "nodes")))
		return err_nomem(e);
	save_bridge_names(value_get(model, "nodes"));
	make_all(lab, all, false);
	if (!save_links(value_get(model, "links"), all))
		return err_nomem(e);
	make_all(lab, all, true);
	save_unmade(all);
	for (size_t i = 0; i < all->n; i++)
		save_in_order(lab, all, &all->v[i]);
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].made)
			save_qdiscs(&all->v[i]);
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].made)
			save_addresses(lab, &all->v[i]);
	save_uplinks(lab, all);
	return 0;
}
