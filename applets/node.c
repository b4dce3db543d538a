/* SPDX-License-Identifier: GPL-2.0-or-later */
/* node: make, list and remove nodes. */
#include <stdint.h>

#include "applets.h"
#include "lab/end.h"
#include "lab/name.h"
#include "lab/start.h"
#include "server/server.h"

static int node_add(struct call *c, struct err *e)
{
	const struct given *names = call_all(c, "NAME");
	const char *isolate = call_get(c, "--isolate");
	struct node_options o = {
		.isolate_pid = isolate != NULL,
		.host = call_get(c, "--host") != NULL,
		.dad = call_get(c, "--dad") != NULL,
	};

	if (isolate && strcmp(isolate, "pid"))
		return err_set(e, ERR_USAGE, 0, "--isolate %s: only 'pid' can be isolated", isolate);
	return start_nodes(c->lab, names->v, names->n, server_run_node, &o, e);
}

static int node_del(struct call *c, struct err *e)
{
	const struct given *names = call_all(c, "NAME");

	if (check_names_or_all(c, e))
		return -1;
	return names->n ? end_nodes(c->lab, names->v, names->n, e) : end_all_nodes(c->lab, e);
}

static int print_name(const char *name, struct client *client, void *arg, struct err *e)
{
	(void)client;
	(void)arg;
	(void)e;
	puts(name);
	return 0;
}

struct listing {
	struct value_pool pool;
	struct value *list;
};

/* Another program's server, which tells nothing of itself, is listed by what is known of it. */
static int keep_info(const char *name, struct client *client, void *arg, struct err *e)
{
	struct listing *l = arg;
	const struct value *v = call_node(client, &l->pool, e);
	struct value *own;

	if (v)
		return value_append(&l->pool, l->list, (struct value *)(uintptr_t)v) ? 0
										    : err_nomem(e);
	if (e->kind == ERR_PEER)
		return 0; /* it has ended meanwhile */
	if (e->kind != ERR_FEATURE)
		return -1;
	own = value_new(&l->pool, V_DICT);
	if (!own || !value_set(&l->pool, own, "name", value_cstr(&l->pool, name)) ||
	    !value_set(&l->pool, own, "pid", value_int(&l->pool, client->pid)) ||
	    !value_append(&l->pool, l->list, own))
		return err_nomem(e);
	return 0;
}

static void number(char *buf, size_t size, const struct value *d, const char *key)
{
	*buf = '\0';
	if (value_get(d, key))
		snprintf(buf, size, "%lld", (long long)value_num(d, key, 0));
}

static void print_nodes(const struct value *list)
{
	struct table t = {0};

	table_row(&t, "NAME", "PID", "PROCESSES", "FORWARDING", "ISOLATED", TABLE_END);
	for (size_t i = 0; i < value_len(list); i++) {
		const struct value *d = value_at(list, i);
		char pid[24], processes[24];

		number(pid, sizeof(pid), d, "pid");
		number(processes, sizeof(processes), d, "processes");
		table_row(&t, value_text(d, "name", ""), pid, processes,
			  value_num(d, "forwarding", 0) ? "yes" : "no",
			  value_text(d, "isolate", ""), TABLE_END);
	}
	table_print(&t, stdout);
}

static int node_list(struct call *c, struct err *e)
{
	struct listing l = {0};
	int rc;

	if (name_check("lab", c->lab, e))
		return -1;
	if (c->quiet && !c->json)
		return each_node(c, NULL, print_name, NULL, e);
	l.list = value_new(&l.pool, V_LIST);
	rc = l.list ? each_node(c, "NODE INFO", keep_info, &l, e) : err_nomem(e);
	if (!rc && c->json)
		output_json(l.list, stdout);
	else if (!rc)
		print_nodes(l.list);
	value_pool_free(&l.pool);
	return rc;
}

static void print_pairs(const struct value *d)
{
	for (size_t i = 0; i < value_len(d); i++) {
		const struct value *v = value_at(d, i);

		printf("%-13s", value_key(d, i));
		if (v->type == V_STR)
			printf("%s\n", v->str);
		else if (v->type == V_BOOL)
			printf("%s\n", v->num ? "yes" : "no");
		else if (v->type == V_INT)
			printf("%lld\n", (long long)v->num);
		else
			printf("-\n");
	}
}

static int node_show(struct call *c, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;
	own(value_pool) struct value_pool pool = {0};
	const struct value *v;

	c->node = call_get(c, "NAME");
	if (connect_node(&client, c, e))
		return -1;
	v = call_node(&client, &pool, e);
	if (!v)
		return of_node(c, -1, e);
	if (c->json)
		output_json(v, stdout);
	else if (c->quiet)
		puts(value_text(v, "name", ""));
	else
		print_pairs(v);
	return 0;
}

static int node_pid(struct call *c, struct err *e)
{
	own(client) struct client client = CLIENT_INIT;

	c->node = call_get(c, "NAME");
	if (connect_node(&client, c, e))
		return -1;
	if (client_check_pid(&client, e))
		return of_node(c, -1, e);
	printf("%d\n", (int)client.pid);
	return 0;
}

const struct verb applet_node_verbs[] = {
	{ "list", "the nodes of the lab", NO_WORDS, node_list },
	{ "add",
	  "forwarding is on (--host: off); --isolate pid: a PID namespace; --dad: IPv6 addresses "
	  "are probed before use",
	  WORDS({ NULL, "NAME", WORD_NEED | WORD_MANY },
	    { "--isolate", "pid", 0 },
	    { "--host", NULL, 0 },
	    { "--dad", NULL, 0 },),
	  node_add },
	{ "del",
	  "with all that runs in them",
	  WORDS({ NULL, "NAME", WORD_MANY }, { "--all", NULL, 0 },),
	  node_del },
	{ "show", NULL, WORDS({ NULL, "NAME", WORD_NEED },), node_show },
	{ "pid", "of its server, for nsenter -t", WORDS({ NULL, "NAME", WORD_NEED },), node_pid },
	{ 0 },
};
