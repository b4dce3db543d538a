/* SPDX-License-Identifier: GPL-2.0-or-later */
/* if: interfaces of a node. */
#include <errno.h>
#include <unistd.h>

#include "applets.h"
#include "base/num.h"
#include "lab/import.h"

static const char *flags_text(const struct value *d, char *buf, size_t size)
{
	const struct value *flags = value_get(d, "flags");
	const char *up = "down";

	for (size_t i = 0; i < value_len(flags); i++) {
		const struct value *f = value_at(flags, i);

		if (f->type == V_STR && !strcmp(f->str, "UP"))
			up = "up";
	}
	for (size_t i = 0; i < value_len(flags); i++) {
		const struct value *f = value_at(flags, i);

		if (f->type == V_STR && !strcmp(f->str, "NO-CARRIER"))
			up = "no-carrier";
	}
	snprintf(buf, size, "%s", up);
	return buf;
}

static void print_links(const struct value *list)
{
	struct table t = {0};

	table_row(&t, "NAME", "INDEX", "STATE", "MTU", "ADDRESS", "TYPE", "MASTER", TABLE_END);
	for (size_t i = 0; i < value_len(list); i++) {
		const struct value *d = value_at(list, i);
		char index[24], mtu[24], state[16];

		snprintf(index, sizeof(index), "%lld", (long long)value_num(d, "ifindex", 0));
		snprintf(mtu, sizeof(mtu), "%lld", (long long)value_num(d, "mtu", 0));
		table_row(&t, value_text(d, "ifname", ""), index,
			  flags_text(d, state, sizeof(state)), mtu, value_text(d, "address", ""),
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
			puts(value_text(value_at(list, i), "ifname", ""));
	else
		print_links(list);
	return 0;
}

static int put_on_off(struct client *client, const char *key, const char *word, struct err *e)
{
	if (strcmp(word, "on") && strcmp(word, "off"))
		return err_set(e, ERR_USAGE, 0, "%s: on or off, not %.40s", key, word);
	client_put_s(client, key);
	client_put_s(client, strcmp(word, "on") ? "0" : "1");
	return 0;
}

/* A value that goes onto the wire as one plain word. */
static int put_word(struct client *client, const char *key, const char *word, struct err *e)
{
	if (!*word || strpbrk(word, " \t\n\v\f\r"))
		return err_set(e, ERR_USAGE, 0, "%s: the value must be one word", key);
	client_put_s(client, key);
	client_put_s(client, word);
	return 0;
}

/* All pairs go in one command, so that the server sets all of them or none. */
static int put_changes(struct client *client, struct call *c, int master, struct err *e)
{
	static const struct {
		const char *word, *key;
	} words[] = { { "mtu", "mtu" },
		      { "name", "name" },
		      { "address", "lladdr" },
		      { "broadcast", "broadcast" } };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (call_get(c, words[i].word) &&
		    put_word(client, words[i].key, call_get(c, words[i].word), e))
			return -1;
	if (call_get(c, "multicast") &&
	    put_on_off(client, "multicast", call_get(c, "multicast"), e))
		return -1;
	if (call_get(c, "arp") && put_on_off(client, "arp", call_get(c, "arp"), e))
		return -1;
	if (call_get(c, "up") || call_get(c, "down"))
		client_put(client, call_get(c, "up") ? " up 1" : " up 0");
	if (master >= 0) {
		client_put_s(client, "master");
		client_put_i(client, master);
	}
	return 0;
}

static int if_set(struct call *c, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;
	const char *name = call_get(c, "IF"), *bridge = call_get(c, "master");
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
	client_put(&client, master < 0 ? "IF SET" : "LINK SET");
	client_put_i(&client, index);
	if (put_changes(&client, c, master, e))
		return -1;
	client_end(&client);
	if (!client_done(&client, e))
		return 0;
	if (master >= 0 && e->kind == ERR_REFUSED)
		err_set(e, ERR_FEATURE, 0, "this node's server cannot set masters");
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
	client_put(&client, "IF DEL");
	client_put_i(&client, index);
	client_end(&client);
	return of_node(c, client_done(&client, e), e);
}

/* A node's name, "host" (where this command runs), or a PID, in that order. */
static int find_target(struct call *c, const char *where, pid_t *pid, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;
	int64_t n;

	if (!client_open(&client, c->lab, where, e)) {
		*pid = client.pid;
		return 0;
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
	int index;
	pid_t pid;

	if (connect_node(&client, c, e))
		return -1;
	if (call_ifindex(&client, call_get(c, "IF"), &index, e))
		return of_node(c, -1, e);
	if (find_target(c, call_get(c, "NODE2|host|PID"), &pid, e))
		return -1;
	client_put(&client, "IF RTRN");
	client_put_i(&client, index);
	client_put_i(&client, pid);
	client_end(&client);
	return of_node(c, client_done(&client, e), e);
}

static int if_import(struct call *c, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;

	if (connect_node(&client, c, e))
		return -1;
	return import_interface(call_get(c, "IF"), client.pid, e);
}

const struct verb applet_if_verbs[] = {
	{ "list", NULL, WORDS({ NULL, "IF", 0 },), if_list },
	{ "set",
	  "all that is named, or nothing",
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
	    { "nomaster", NULL, 0 },),
	  if_set },
	{ "del", NULL, WORDS({ NULL, "IF", WORD_NEED },), if_del },
	{ "move",
	  "into another node, the caller's network namespace, or a process's",
	  WORDS({ NULL, "IF", WORD_NEED }, { NULL, "NODE2|host|PID", WORD_NEED },),
	  if_move },
	{ "import", "from the caller's network namespace", WORDS({ NULL, "IF", WORD_NEED },), if_import },
	{ 0 },
};
