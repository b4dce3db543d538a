/* SPDX-License-Identifier: GPL-2.0-or-later */
/* if: interfaces of a node. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "applets.h"
#include "base/net.h"
#include "base/num.h"
#include "base/program.h"
#include "lab/import.h"
#include "lab/links.h"
#include "lab/uplink.h"

static const char *state_text(const struct value *d)
{
	if (links_no_carrier(d))
		return "no-carrier";
	return value_has(d, "flags", "UP") ? "up" : "down";
}

static void print_links(const struct value *list)
{
	struct table t = {0};

	table_row(&t, "NAME", "INDEX", "STATE", "MTU", "ADDRESS", "TYPE", "MASTER", TABLE_END);
	for (size_t i = 0; i < value_len(list); i++) {
		const struct value *d = value_at(list, i);
		char index[24], mtu[24];

		snprintf(index, sizeof(index), "%lld", (long long)value_num(d, "ifindex", 0));
		snprintf(mtu, sizeof(mtu), "%lld", (long long)value_num(d, "mtu", 0));
		table_row(&t, value_text(d, "ifname", ""), index,
			  state_text(d), mtu, value_text(d, "address", ""),
			  value_text(value_get(d, "linkinfo"), "info_kind",
				     value_text(d, "link_type", "")),
			  value_text(d, "master", ""), TABLE_END);
	}
	table_print(&t, stdout);
}

/* Of a list of dicts, those whose key is text; all of them if text is NULL. */
static struct value *only(const struct value *list, const char *key, const char *text,
			  struct value_pool *pool)
{
	struct value *some = value_new(pool, V_LIST);

	for (size_t i = 0; some && i < value_len(list); i++)
		if (!text || !strcmp(value_text(value_at(list, i), key, ""), text))
			value_append(pool, some, list->items[i]);
	return some;
}

static int if_list(struct call *c, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;
	own(value_pool) struct value_pool pool = {0};
	const char *name = call_get(c, "IF");
	const struct value *list;

	if (connect_node(&client, c, e))
		return -1;
	list = call_links(&client, &pool, e);
	if (!list)
		return of_node(c, -1, e);
	list = only(list, "ifname", name, &pool);
	if (name && !value_len(list))
		return err_set(e, ERR_ABSENT, ENODEV, "%s: %s: no such interface", c->node, name);
	if (c->json)
		output_json(list, stdout);
	else if (c->quiet)
		for (size_t i = 0; i < value_len(list); i++)
			output_name(value_text(value_at(list, i), "ifname", ""), stdout);
	else
		print_links(list);
	return 0;
}

static int put_on_off(struct client *client, const char *key, const char *word, struct err *e)
{
	if (strcmp(word, "on") && strcmp(word, "off"))
		return err_set(e, ERR_USAGE, 0, "%s: on or off, not %.40s", key, word);
	client_put(client, " %s %d", key, !strcmp(word, "on"));
	return 0;
}

static int put_lladdr(struct client *client, const char *key, const char *word, const char *text,
		      struct err *e)
{
	struct lladdr a;
	char canonical[LLADDR_TEXT];

	if (!lladdr_parse(text, &a))
		return err_set(e, ERR_USAGE, 0, "%s %.60s: not a link-layer address", word, text);
	client_put(client, " %s %s", key, lladdr_text(&a, canonical));
	return 0;
}

/* A value that goes onto the wire as one plain word. */
static int put_word(struct client *client, const char *key, const char *word, struct err *e)
{
	if (!*word || strpbrk(word, " \t\n\v\f\r"))
		return err_set(e, ERR_USAGE, 0, "%s: the value must be one word", key);
	client_put(client, " %s %s", key, word);
	return 0;
}

/* Attributes of a bridge. */
static int put_bridge(struct client *client, const struct call *c, struct err *e)
{
	static const char *const flags[] = { "stp", "vlan-filtering" };
	static const char *const times[] = { "forward-delay", "hello", "ageing", "max-age" };

	for (size_t i = 0; i < 2; i++)
		if (call_get(c, flags[i]) && put_on_off(client, flags[i], call_get(c, flags[i]), e))
			return -1;
	for (size_t i = 0; i < 4; i++) {
		const char *text = call_get(c, times[i]);
		int64_t ms;

		if (!text)
			continue;
		if (!num_parse_ms(text, &ms) || ms > INT32_MAX || (ms && ms < 10))
			return err_set(e, ERR_USAGE, 0, "%s %.40s: not a time such as 15s, of 10ms or more",
				       times[i], text);
		client_put(client, " %s %d", times[i], (int)ms);
	}
	return 0;
}

static bool names_bridge(const struct call *c)
{
	return call_get(c, "stp") || call_get(c, "vlan-filtering") || call_get(c, "forward-delay") ||
	       call_get(c, "hello") || call_get(c, "ageing") || call_get(c, "max-age");
}

/* All pairs go in one command, so that the server sets all of them or none. */
static int put_changes(struct client *client, struct call *c, int master, struct err *e)
{
	static const struct {
		const char *word, *key;
	} words[] = { { "mtu", "mtu" }, { "name", "name" } };
	const char *address = call_get(c, "address"), *broadcast = call_get(c, "broadcast");

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (call_get(c, words[i].word) &&
		    put_word(client, words[i].key, call_get(c, words[i].word), e))
			return -1;
	if ((address && put_lladdr(client, "lladdr", "address", address, e)) ||
	    (broadcast && put_lladdr(client, "broadcast", "broadcast", broadcast, e)))
		return -1;
	if (call_get(c, "multicast") &&
	    put_on_off(client, "multicast", call_get(c, "multicast"), e))
		return -1;
	if (call_get(c, "arp") && put_on_off(client, "arp", call_get(c, "arp"), e))
		return -1;
	if (call_get(c, "up") || call_get(c, "down"))
		client_put(client, " up %d", call_get(c, "up") != NULL);
	if (master >= 0)
		client_put(client, " master %d", master);
	return put_bridge(client, c, e);
}

/* "Operation not supported" is all that the kernel says of a master that is none. */
static void explain_master(struct client *client, const struct call *c, struct err *e)
{
	static const char *const kinds[] = { "bridge", "vrf", "bond", "team", "batadv" };
	own(value_pool) struct value_pool pool = {0};
	const char *master = call_get(c, "master"), *kind;
	const struct value *d;
	struct err ignored;

	if (!master || e->errnum != EOPNOTSUPP)
		return;
	d = value_at(only(call_links(client, &pool, &ignored), "ifname", master, &pool), 0);
	kind = value_text(value_get(d, "linkinfo"), "info_kind", "");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i], kind))
			return;
	if (d)
		err_set(e, ERR_VALUE, 0, "master %s: takes no ports", master);
}

static int if_set(struct call *c, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;
	const char *name = call_get(c, "IF"), *bridge = call_get(c, "master");
	bool extended;
	int index, master = bridge || call_get(c, "nomaster") ? 0 : -1;
	size_t said = 0;

	for (size_t i = 0; i < WORDS_MAX; i++)
		said += c->given[i].n;
	if (said < 2)
		return err_set(e, ERR_USAGE, 0, "%s: nothing to set", name);
	if (call_get(c, "up") && call_get(c, "down"))
		return err_set(e, ERR_USAGE, 0, "up and down exclude each other");
	if (bridge && call_get(c, "nomaster"))
		return err_set(e, ERR_USAGE, 0, "master and nomaster exclude each other");
	if (connect_node(&client, c, e))
		return -1;
	if (call_ifindex(&client, name, &index, e) ||
	    (bridge && call_ifindex(&client, bridge, &master, e)))
		return of_node(c, -1, e);
	extended = master >= 0 || names_bridge(c);
	client_put(&client, "%s SET %d", extended ? "LINK" : "IF", index);
	if (put_changes(&client, c, master, e))
		return -1;
	client_end(&client);
	if (!client_done(&client, e))
		return 0;
	if (extended && e->kind == ERR_REFUSED)
		err_set(e, ERR_FEATURE, 0, "this node's server cannot set masters, nor what is a bridge's");
	explain_master(&client, c, e);
	return of_node(c, -1, e);
}

static int if_del(struct call *c, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;
	int index;

	if (connect_node(&client, c, e))
		return -1;
	if (call_ifindex(&client, call_get(c, "IF"), &index, e))
		return of_node(c, -1, e);
	client_say(&client, "IF DEL %d", index);
	return of_node(c, client_done(&client, e), e);
}

/* A node's name, "host" (where this command runs), or a PID, in that order. */
static int find_target(struct call *c, const char *where, pid_t *pid, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;
	int64_t n;

	if (!client_open(&client, c->lab, where, e)) {
		*pid = client.pid;
		return client_check_pid(&client, e) ? err_prefix(e, "%s", where) : 0;
	}
	if (!strcmp(where, "host"))
		*pid = getpid();
	else if (num_parse(where, 1, INT32_MAX, &n))
		*pid = (pid_t)n;
	else
		return -1;
	return 0;
}

static int if_move(struct call *c, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;
	const char *where = call_get(c, "NODE2|host|PID");
	int index;
	pid_t pid;

	if (connect_node(&client, c, e))
		return -1;
	if (call_ifindex(&client, call_get(c, "IF"), &index, e))
		return of_node(c, -1, e);
	if (client_check_pid(&client, e))
		return of_node(c, -1, e);
	if (find_target(c, where, &pid, e))
		return -1;
	client_say(&client, "IF RTRN %d %d", index, (int)pid);
	if (!client_done(&client, e))
		return 0;
	return e->errnum == ESRCH ? err_set(e, ERR_ABSENT, ESRCH, "%s: no such process", where)
				  : of_node(c, -1, e);
}

static int if_import(struct call *c, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;

	if (connect_node(&client, c, e))
		return -1;
	return import_interface(&client, call_get(c, "IF"), e);
}

/* Ethernet devices of these types have an address of their own, which is the same each time. */
static bool has_own_address(const char *type)
{
	static const char *const types[] = { "bridge", "dummy", "ifb",	"macvlan",
					     "macvtap", "tap",	"vxlan" };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(types[i], type))
			return true;
	return false;
}

/* Interfaces that it stands on are asked for first, before the command itself begins. */
static int put_new_links(struct client *client, struct call *c, struct err *e)
{
	own(buf) struct buf words = {0};
	static const char *const names[] = { "link", "master" };

	for (size_t i = 0; i < 2; i++) {
		int index;

		if (!call_get(c, names[i]))
			continue;
		if (call_ifindex(client, call_get(c, names[i]), &index, e))
			return -1;
		buf_addf(&words, " %s %d", names[i], index);
	}
	client_put(client, "LINK NEW %s %s%s", call_get(c, "NAME"), call_get(c, "type"), buf_cstr(&words));
	return words.failed ? err_nomem(e) : 0;
}

static int put_new(struct client *client, struct call *c, struct err *e)
{
	static const char *const plain[] = { "mtu", "id", "mode", "remote", "local", "dstport", "table" };
	const char *type = call_get(c, "type"), *name = call_get(c, "NAME");
	const char *address = call_get(c, "address"), *user = call_get(c, "user");
	char text[LLADDR_TEXT];
	uid_t uid = 0;

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (call_get(c, plain[i]) && put_word(client, plain[i], call_get(c, plain[i]), e))
			return -1;
	/* 4789 is what IANA says; the kernel's own default is older. */
	if (!strcmp(type, "vxlan") && !call_get(c, "dstport"))
		client_put(client, " dstport 4789");
	if (call_get(c, "group") && put_word(client, "remote", call_get(c, "group"), e))
		return -1;
	if (user && import_user(client, user, &uid, e))
		return -1;
	if (user)
		client_put(client, " user %u", uid);
	if (address && put_lladdr(client, "lladdr", "address", address, e))
		return -1;
	if (!address && !call_get(c, "--random") && has_own_address(type)) {
		struct lladdr own = lladdr_of(c->lab, c->node, name);

		client_put(client, " lladdr %s", lladdr_text(&own, text));
	}
	if (put_bridge(client, c, e))
		return -1;
	if (call_get(c, "up"))
		client_put(client, " up 1");
	return 0;
}

/* The kernel would say no more than "Invalid argument", or take 0 for it. */
static int check_words(const struct call *c, const char *name, const char *type, struct err *e)
{
	static const char *const needed[][3] = { { "vlan", "link", "link IF" },	 { "vlan", "id", "id N" },
						 { "macvlan", "link", "link IF" }, { "macvtap", "link", "link IF" },
						 { "vxlan", "id", "id N" }, { "vrf", "table", "table N" } };
	const char *group = call_get(c, "group");
	struct inaddr a;

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!strcmp(type, needed[i][0]) && !call_get(c, needed[i][1]))
			return err_set(e, ERR_USAGE, 0, "%s: type %s: %s is missing", name, type, needed[i][2]);
	if (group && call_get(c, "remote"))
		return err_set(e, ERR_USAGE, 0, "group and remote exclude each other");
	if (group && (!inaddr_parse(group, &a) || !inaddr_is_multicast(&a)))
		return err_set(e, ERR_USAGE, 0, "group %.60s: not a multicast address", group);
	return 0;
}

static int if_add(struct call *c, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;
	const char *name = call_get(c, "NAME"), *type = call_get(c, "type");
	struct err ignored;
	int index;

	if (!ifname_valid(name))
		return err_set(e, ERR_USAGE, 0, "%.40s: not an interface name", name);
	if (!*type || type[strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789_-")])
		return err_set(e, ERR_USAGE, 0, "%.40s: not a type of interfaces", type);
	if (!strcmp(type, "veth"))
		return err_set(e, ERR_USAGE, 0, "a veth has two ends: nemu link add %s:%s ...", c->node,
			       name);
	if (check_words(c, name, type, e) || connect_node(&client, c, e))
		return -1;
	if (put_new_links(&client, c, e) || put_new(&client, c, e))
		return of_node(c, -1, e);
	client_end(&client);
	if (!client_done(&client, e))
		return 0;
	if (e->kind == ERR_REFUSED)
		err_set(e, ERR_FEATURE, 0, "this node's server makes no interfaces");
	if (e->errnum == EEXIST && !call_ifindex(&client, name, &index, &ignored)) /* or a vxlan's id is taken */
		err_set(e, ERR_KERNEL, EEXIST, "%s: such an interface exists already", name);
	explain_master(&client, c, e);
	return of_node(c, -1, e);
}

/* The command runs where the caller is, with the descriptor. */
static int if_tapfd(struct call *c, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;
	char **argv = call_all(c, "CMD")->v, number[16];
	const char *name = call_get(c, "NAME");
	own(fd) int fd = -1;
	int index;

	if (c->where)
		return err_set(e, ERR_USAGE, 0, "tapfd: not within a batch, whose place CMD would take");
	if (connect_node(&client, c, e))
		return -1;
	if (call_ifindex(&client, name, &index, e))
		return of_node(c, -1, e);
	client_say(&client, "LINK TAPF %s", name);
	fd = client_receive(&client, e);
	if (fd < 0 && e->kind == ERR_REFUSED)
		err_set(e, ERR_FEATURE, 0, "this node's server passes no descriptors of taps");
	if (fd < 0)
		return of_node(c, -1, e);
	snprintf(number, sizeof(number), "%d", fd);
	if (fcntl(fd, F_SETFD, 0) || setenv("NEMU_TAP_FD", number, 1))
		return err_os(e, errno, "%s", name);
	program_exec(argv);
	err_os(e, errno, "%s", argv[0]);
	e->step = "exec";
	return -1;
}

static int if_uplink(struct call *c, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;
	struct uplink u = { .way = call_get(c, "slirp4netns|pasta|nat"),
			    .masquerade = call_get(c, "--masquerade") };

	if (connect_node(&client, c, e))
		return -1;
	if (uplink_start(&client, &u, e))
		return of_node(c, -1, e);
	if (*u.note)
		fprintf(stderr, "nemu if: %s: uplink: %s\n", c->node, u.note);
	return 0;
}

#define BRIDGE_WORDS \
	{ NULL, "OF-BRIDGE", WORD_HEAD }, { "stp", "on|off", WORD_FOLD }, \
	{ "forward-delay", "TIME", WORD_FOLD }, { "hello", "TIME", WORD_FOLD }, \
	{ "ageing", "TIME", WORD_FOLD }, { "max-age", "TIME", WORD_FOLD }, \
	{ "vlan-filtering", "on|off", WORD_FOLD }

const struct verb applet_if_verbs[] = {
	{ "list", NULL, WORDS({ NULL, "IF", 0 },), if_list },
	{ "set",
	  NULL,
	  WORDS({ NULL, "IF", WORD_NEED },
	    { "up", NULL, 0 },
	    { "down", NULL, 0 },
	    { "mtu", "BYTES", 0 },
	    { "name", "NAME", 0 },
	    { "address", "LLADDR", 0 },
	    { "broadcast", "LLADDR", 0 },
	    { "multicast", "on|off", 0 },
	    { "arp", "on|off", 0 },
	    { "master", "BRIDGE", 0 },
	    { "nomaster", NULL, 0 },
	    BRIDGE_WORDS,),
	  if_set },
	{ "add",
	  "types: bridge, tap, tun, dummy, ifb, vlan, vxlan, macvlan, vrf, wireguard",
	  WORDS({ NULL, "NAME", WORD_NEED },
	    { "type", "TYPE", WORD_NEED },
	    { "link", "IF", 0 },
	    { "id", "N", 0 },
	    { "mode", "MODE", 0 },
	    { "remote", "ADDRESS", 0 },
	    { "group", "ADDRESS", 0 },
	    { "local", "ADDRESS", 0 },
	    { "dstport", "PORT", 0 },
	    { "table", "N", 0 },
	    { "user", "USER", 0 },
	    { "address", "LLADDR", 0 },
	    { "--random", NULL, 0 },
	    { "mtu", "BYTES", 0 },
	    { "master", "BRIDGE", 0 },
	    { "up", NULL, 0 },
	    BRIDGE_WORDS,),
	  if_add },
	{ "del", NULL, WORDS({ NULL, "IF", WORD_NEED },), if_del },
	{ "move",
	  "into another node, the caller's network namespace, or a process's",
	  WORDS({ NULL, "IF", WORD_NEED }, { NULL, "NODE2|host|PID", WORD_NEED },),
	  if_move },
	{ "import",
	  "from the caller's namespace, where it goes back when the node ends",
	  WORDS({ NULL, "IF", WORD_NEED },),
	  if_import },
	{ "uplink",
	  "to the outside: an interface, a default route, a name server",
	  WORDS({ NULL, "slirp4netns|pasta|nat", 0 }, { "--masquerade", NULL, 0 },),
	  if_uplink },
	{ "tapfd",
	  "runs CMD here, with a tap's or tun's descriptor in $NEMU_TAP_FD",
	  WORDS({ NULL, "NAME", WORD_NEED }, { NULL, "CMD", WORD_NEED | WORD_TAIL },),
	  if_tapfd },
	{ 0 },
};
