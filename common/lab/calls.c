/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What applets ask of a node's server: see calls.h. */
#include "lab/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/net.h"
#include "base/num.h"
#include "lab/compat.h"
#include "lab/rundir.h"

static int lacks(struct err *e, const char *what)
{
	if (e->kind == ERR_REFUSED)
		return err_set(e, ERR_FEATURE, 0, "this node's server cannot %s", what);
	return -1;
}

/* What comes of extensions must be plain, and a list of dicts, or one: who gets it need not look at the
 * types of keys again. */
static const struct value *check(const struct value *v, enum value_type type, struct err *e)
{
	bool good = v && v->type == type && value_is_plain(v);

	for (size_t i = 0; good && type == V_LIST && i < value_len(v); i++)
		good = value_at(v, i)->type == V_DICT;
	if (v && !good)
		err_set(e, ERR_PEER, 0, "the server's answer is no %s of what was asked for",
			type == V_LIST ? "list" : "dict");
	return good ? v : NULL;
}

static const struct value *check_list(const struct value *v, struct err *e)
{
	return check(v, V_LIST, e);
}

/* In all that the reference tells of its interfaces. */
static int find_in_list(struct client *c, const char *name, int *index, struct err *e)
{
	struct value_pool pool = {0};
	const struct value *all = client_ask(c, "IF LIST", &pool, e);

	*index = 0;
	for (size_t i = 0; i < value_len(all); i++) {
		const struct value *v = value_at(all, i);

		if (v->type == V_OBJECT && !strcmp(value_text(v->state, "name", ""), name))
			*index = (int)value_num(v->state, "_index", 0);
	}
	value_pool_free(&pool);
	if (!all)
		return -1;
	return *index ? 0 : err_set(e, ERR_ABSENT, ENODEV, "%s: no such interface", name);
}

static int ask_ifindex(struct client *c, const char *name, int *index, struct err *e)
{
	if (!ifname_valid(name)) /* it would not be one word of a line */
		return err_set(e, ERR_ABSENT, ENODEV, "%.60s: no such interface", name);
	client_say(c, "LINK FIND %s", name);
	if (!client_number(c, index, e))
		return *index > 0 ? 0 : err_set(e, ERR_PEER, 0, "the server names no interface");
	if (e->kind == ERR_REFUSED)
		return find_in_list(c, name, index, e);
	if (e->kind == ERR_ABSENT)
		err_set(e, ERR_ABSENT, ENODEV, "%s: no such interface", name);
	return -1;
}

int call_ifindex(struct client *c, const char *name, int *index, struct err *e)
{
	const size_t room = sizeof(c->interfaces) / sizeof(*c->interfaces);

	for (size_t i = 0; i < room && i < c->known; i++)
		if (!strcmp(c->interfaces[i].name, name)) {
			*index = c->interfaces[i].index;
			return 0;
		}
	if (ask_ifindex(c, name, index, e))
		return -1;
	if (c->kept) {
		snprintf(c->interfaces[c->known % room].name, IFNAMSIZ, "%s", name);
		c->interfaces[c->known++ % room].index = *index;
	}
	return 0;
}

void call_impair(struct client *c, int index, const struct impairment_change *change)
{
	client_put(c, "TC SET %d%s", index, change->clear ? " clear 1" : "");
	for (int i = 0; i < IMP_COUNT; i++) {
		if (!(change->given >> i & 1))
			continue;
		if (impaired_by(&change->to, (enum impairment)i))
			client_put(c, " %s %" PRIu64, impairment_words[i].name, change->to.v[i]);
		else
			client_put(c, " %s none", impairment_words[i].name);
	}
	client_end(c);
}

const struct value *call_qdiscs(struct client *c, struct value_pool *pool, struct err *e)
{
	const struct value *v = client_ask(c, "TC LIST", pool, e);

	if (!v && e->kind == ERR_REFUSED)
		v = value_new(pool, V_LIST);
	return check_list(v, e);
}

struct impairments qdiscs_impairments(const struct value *qdiscs, int index)
{
	struct impairments all = {0};

	for (size_t i = 0; i < value_len(qdiscs); i++) {
		const struct value *q = value_at(qdiscs, i), *has = value_get(q, "impairments");

		for (int k = 0; k < IMP_COUNT && value_num(q, "ifindex", 0) == index; k++)
			if (value_get(has, impairment_words[k].name))
				impairments_set(&all, (enum impairment)k,
						(uint64_t)value_num(has, impairment_words[k].name, 0),
						false);
	}
	return all;
}

/* A list of ours, or, from a server that has no such command, what convert makes of the
 * reference's. */
static struct value *list(struct client *c, const char *own, const char *other,
			  struct value *(*convert)(struct client *, const struct value *,
						   struct value_pool *, struct err *),
			  struct value_pool *pool, struct err *e)
{
	const struct value *v = client_ask(c, own, pool, e);

	if (!v && e->kind == ERR_REFUSED) {
		v = client_ask(c, other, pool, e);
		v = v ? convert(c, v, pool, e) : NULL;
	}
	return (struct value *)(uintptr_t)check_list(v, e); /* the pool's, and so the caller's */
}

struct value *call_links(struct client *c, struct value_pool *pool, struct err *e)
{
	return list(c, "IF INFO", "IF LIST", compat_links, pool, e);
}

struct value *call_addresses(struct client *c, struct value_pool *pool, struct err *e)
{
	return list(c, "ADDR INFO", "ADDR LIST", compat_addresses, pool, e);
}

struct value *call_routes(struct client *c, struct value_pool *pool, struct err *e)
{
	return list(c, "ROUT INFO", "ROUT LIST", compat_routes, pool, e);
}

const struct value *call_node(struct client *c, struct value_pool *pool, struct err *e)
{
	const struct value *v = client_ask(c, "NODE INFO", pool, e);

	if (!v)
		lacks(e, "tell about itself");
	return check(v, V_DICT, e);
}

const struct value *call_processes(struct client *c, const char *only, struct value_pool *pool,
				   struct err *e)
{
	const struct value *v;

	client_put(c, "PROC LIST");
	if (only)
		client_put_b(c, only);
	client_end(c);
	v = client_data(c, pool, e);
	if (!v)
		lacks(e, "list its processes");
	return check_list(v, e);
}

int call_find(struct client *c, const char *name, pid_t *pid, struct err *e)
{
	struct value_pool pool = {0};
	const struct value *v, *last;
	int64_t number = 0;

	v = call_processes(c, name, &pool, e);
	last = v ? value_at(v, value_len(v) - 1) : NULL;
	*pid = (pid_t)value_num(last, "pid", 0);
	value_pool_free(&pool);
	if (*pid > 0)
		return 0;
	if (!v && e->kind != ERR_FEATURE)
		return -1;
	/* A server that cannot tell: it will say itself whether it knows the number. */
	if (!v && num_parse(name, 1, INT32_MAX, &number)) {
		*pid = (pid_t)number;
		return 0;
	}
	return err_set(e, ERR_ABSENT, ESRCH, "%s: no such process", name);
}

void call_end_ask(struct client *c, bool cut)
{
	if (cut)
		client_say(c, "NODE CUT");
	client_say(c, "NODE END");
}

int call_end_answer(struct client *c, bool cut, pid_t *last, struct err *e)
{
	if (cut && client_done(c, e)) {
		if (e->kind != ERR_REFUSED)
			return -1;
		*e = (struct err)ERR_INIT; /* another program's server ends all the same */
	}
	return client_number(c, last, e) ? lacks(e, "be ended from outside") : 0;
}

/* ------------------------------------------------------------------ starting programs */

static bool overridden(const char *name, const struct program *p)
{
	size_t len = strcspn(name, "=") + 1;

	for (size_t i = 0; i < p->env_count; i++)
		if (!strncmp(name, p->env[i], len))
			return true;
	return false;
}

static void put_variable(struct client *c, const char *text)
{
	const char *value = strchr(text, '=');
	char *name = value ? strndup(text, (size_t)(value - text)) : NULL;

	if (!name)
		return;
	client_put_b(c, name);
	client_put_b(c, value + 1);
	free(name);
}

static void put_env(struct client *c, const struct program *p)
{
	rundir_pin_for_programs();
	client_put(c, "PROC ENV");
	for (char **v = environ; *v; v++)
		if (!overridden(*v, p))
			put_variable(c, *v);
	for (size_t i = 0; i < p->env_count; i++)
		put_variable(c, p->env[i]);
	client_end(c);
}

static void put_text(struct client *c, const char *words, const char *text)
{
	client_put(c, "%s", words);
	client_put_b(c, text);
	client_end(c);
}

/* What has been asked and not yet been answered, in order: a letter each. Everything is sent
 * before the first answer is read, as each round trip costs as much as all of the rest. */
struct asked {
	char what[16]; /* 'm': must be done; 'o': can be done without; 'l': the log; 'c', 't', 'n' */
	size_t n;
};

/* The caller's, or one that is named from there on. Without one, as when it has been removed, the program would be in
 * the server's, which is the root. */
static int find_folder(const struct program *p, char **folder, struct err *e)
{
	own(mem) char *cwd = NULL;
	int n;

	*folder = NULL;
	if (p->dir && *p->dir == '/') {
		n = asprintf(folder, "%s", p->dir);
	} else {
		cwd = getcwd(NULL, 0);
		if (!cwd) {
			err_os(e, errno, "the working directory");
			e->step = "cwd";
			return -1;
		}
		n = asprintf(folder, "%s%s%s", cwd, p->dir ? "/" : "", p->dir ? p->dir : "");
	}
	if (n >= 0)
		return 0;
	*folder = NULL;
	return err_nomem(e);
}

static void put_description(struct client *c, const struct program *p, const char *folder,
			    struct asked *asked)
{
	client_put(c, "PROC CRTE");
	client_put_b(c, p->argv[0]);
	for (char **v = p->argv; *v; v++)
		client_put_b(c, *v);
	client_end(c);
	asked->what[asked->n++] = 'm';
	put_env(c, p);
	asked->what[asked->n++] = 'm';
	if (p->user) {
		put_text(c, "PROC USER", p->user);
		asked->what[asked->n++] = 'm';
	}
	put_text(c, "PROC CWD", folder);
	asked->what[asked->n++] = 'm';
}

static void put_extensions(struct client *c, const struct program *p, struct asked *asked)
{
	if (p->log) {
		client_say(c, "PROC LOG");
		asked->what[asked->n++] = 'l';
	}
	if (p->caps) {
		client_say(c, "PROC CAPS %s", p->caps);
		asked->what[asked->n++] = 'c';
	}
	if (p->tied) {
		client_say(c, "PROC TIE");
		asked->what[asked->n++] = 'o';
	}
	if (p->tag) {
		put_text(c, "PROC NAME", p->tag);
		asked->what[asked->n++] = 'n';
	}
	if (p->tty) {
		client_say(c, "PROC TTY");
		asked->what[asked->n++] = 't';
	}
}

/* *log: the server keeps one. */
static int read_answers(struct client *c, const struct asked *asked, bool *log, struct err *e)
{
	for (size_t i = 0; i < asked->n; i++) {
		bool done = !client_done(c, e);

		if (asked->what[i] == 'l')
			*log = done;
		if (done || (strchr("lo", asked->what[i]) && e->kind == ERR_REFUSED))
			continue;
		return asked->what[i] == 'c'   ? lacks(e, "let a user keep capabilities")
		       : asked->what[i] == 't' ? lacks(e, "give a program a terminal")
		       : asked->what[i] == 'n' ? lacks(e, "give processes names")
					       : -1;
	}
	return 0;
}

/* The ways in which descriptors can be passed: all three at once, or one by one. */
static const struct passing {
	const char *name;
	int first;
	size_t n;
} passings[] = {
	{ "PROC STD", 0, 3 }, { "PROC SIN", 0, 1 }, { "PROC SOUT", 1, 1 },
	{ "PROC SERR", 2, 1 }, { "PROC RFD", 3, 1 }, { "PROC RUN", 4, 0 },
};

/* From i on, the next that has something to pass; the last row is what follows when all is. */
static int next_passing(const int *fds, int i, bool at_once)
{
	for (; passings[i].n; i++) {
		const struct passing *p = &passings[i];

		if (p->n == 3 ? at_once && fds[0] >= 0 && fds[1] >= 0 && fds[2] >= 0
			      : fds[p->first] >= 0)
			return i;
	}
	return i;
}

/* passings[i] has been asked for. Behind the descriptors the next command is sent at once, or with them: the
 * last is RUN. */
static int pass_from(struct client *c, int i, const int *fds, struct err *e)
{
	while (passings[i].n) {
		const struct passing *p = &passings[i];
		int next = next_passing(fds, p->n == 3 ? 4 : i + 1, false);
		const char *behind = p->n == 3 ? passings[next].name : NULL;

		if (client_send_fds(c, p->name, fds + p->first, p->n, behind, e)) {
			if (p->first == 3)
				return lacks(e, "hear from a program that it is ready");
			if (p->n == 1 || e->kind != ERR_REFUSED)
				return -1;
			i = next_passing(fds, 1, false); /* a server that takes them one by one */
			client_say(c, "%s", passings[i].name);
			continue;
		}
		i = next;
		if (!behind)
			client_say(c, "%s", passings[i].name);
		if (client_done(c, e))
			return -1;
	}
	return 0;
}

static int run_program(struct client *c, const struct program *p, pid_t *pid, struct err *e)
{
	own(fd) int null = -1;
	own(mem) char *folder = NULL;
	int fds[4], first;
	bool log = false;
	struct asked asked = {0};

	if (find_folder(p, &folder, e))
		return -1;
	memcpy(fds, p->fds, sizeof(fds));
	put_description(c, p, folder, &asked);
	put_extensions(c, p, &asked);
	first = next_passing(fds, 0, true);
	if (!p->log && !p->notify)
		client_say(c, "%s", passings[first].name);
	if (read_answers(c, &asked, &log, e))
		return -1;
	if (p->log && !log) {
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		fds[0] = fds[1] = fds[2] = null;
		first = next_passing(fds, 0, false);
	}
	if (p->notify) {
		client_say(c, "PROC NTFY");
		*p->notify = client_receive(c, e);
		if (*p->notify < 0)
			return lacks(e, "receive a program's notification");
	}
	if (p->log || p->notify)
		client_say(c, "%s", passings[first].name);
	if (pass_from(c, first, fds, e) || client_number(c, pid, e))
		return -1;
	return *pid > 0 ? 0 : err_set(e, ERR_PEER, 0, "the server names no process");
}

int call_run(struct client *c, const struct program *p, pid_t *pid, struct err *e)
{
	int rc = run_program(c, p, pid, e);

	c->spoiled |= rc != 0; /* it may be in the middle of a description */
	return rc;
}
