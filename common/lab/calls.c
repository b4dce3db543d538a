/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What applets ask of a node's server: see calls.h. */
#include "lab/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "lab/compat.h"

static int lacks(struct err *e, const char *what)
{
	if (e->kind == ERR_REFUSED)
		return err_set(e, ERR_FEATURE, 0, "this node's server cannot %s", what);
	return -1;
}

static const struct value *ask(struct client *c, const char *command, struct value_pool *pool,
			       struct err *e)
{
	client_put(c, command);
	client_end(c);
	return client_data(c, pool, e);
}

int call_ifindex(struct client *c, const char *name, int *index, struct err *e)
{
	struct value_pool pool = {0};
	const struct value *all = ask(c, "IF LIST", &pool, e);

	*index = 0;
	for (size_t i = 1; all && all->type == V_DICT && i < all->count; i += 2) {
		const struct value *v = all->items[i];

		if (v->type == V_OBJECT && !strcmp(value_text(v->state, "name", ""), name))
			*index = (int)value_num(v->state, "_index", 0);
	}
	value_pool_free(&pool);
	if (!all)
		return -1;
	return *index ? 0 : err_set(e, ERR_ABSENT, ENODEV, "%s: no such interface", name);
}

/* A list of ours, or, from a server that has no such command, what convert makes of the
 * reference's. */
static struct value *list(struct client *c, const char *own, const char *other,
			  struct value *(*convert)(struct client *, const struct value *,
						   struct value_pool *, struct err *),
			  struct value_pool *pool, struct err *e)
{
	const struct value *v = ask(c, own, pool, e);

	if (!v && e->kind == ERR_REFUSED) {
		v = ask(c, other, pool, e);
		v = v ? convert(c, v, pool, e) : NULL;
	}
	if (v && v->type != V_LIST) {
		err_set(e, ERR_PEER, 0, "the server's answer is no list");
		return NULL;
	}
	return (struct value *)(uintptr_t)v; /* the pool's, and so the caller's */
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
	const struct value *v = ask(c, "NODE INFO", pool, e);

	if (!v)
		lacks(e, "tell about itself");
	return v;
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
	return v;
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
	if (*pid)
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

int call_end(struct client *c, pid_t *last, struct err *e)
{
	char text[64];
	int code;

	client_put(c, "NODE END");
	client_end(c);
	if (client_reply(c, &code, text, sizeof(text), e))
		return lacks(e, "be ended from outside");
	*last = (pid_t)strtol(text, NULL, 10);
	return 0;
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
	client_put(c, words);
	client_put_b(c, text);
	client_end(c);
}

static void put_words(struct client *c, const char *words)
{
	client_put(c, words);
	client_end(c);
}

/* All that needs no descriptor, in one go. Returns the number of replies that must be good. */
static int put_description(struct client *c, const struct program *p)
{
	char *cwd = p->dir ? NULL : getcwd(NULL, 0);
	const char *dir = p->dir ? p->dir : cwd;
	int n = 2;

	client_put(c, "PROC CRTE");
	client_put_b(c, p->argv[0]);
	for (char **v = p->argv; *v; v++)
		client_put_b(c, *v);
	client_end(c);
	put_env(c, p);
	if (p->user) {
		put_text(c, "PROC USER", p->user);
		n++;
	}
	if (dir && *dir == '/') {
		put_text(c, "PROC CWD", dir);
		n++;
	}
	free(cwd);
	return n;
}

/* An extension that the program can do without. *got: the server has it. */
static int try_extension(struct client *c, const char *words, bool *got, struct err *e)
{
	put_words(c, words);
	*got = !client_done(c, e);
	return *got || e->kind == ERR_REFUSED ? 0 : -1;
}

static int put_extensions(struct client *c, const struct program *p, bool *log, struct err *e)
{
	bool got;

	if (p->log && try_extension(c, "PROC LOG", log, e))
		return -1;
	if (p->tied && try_extension(c, "PROC TIE", &got, e))
		return -1;
	if (p->tag) {
		put_text(c, "PROC NAME", p->tag);
		if (client_done(c, e))
			return -1;
	}
	if (p->tty) {
		put_words(c, "PROC TTY");
		if (client_done(c, e))
			return lacks(e, "give a program a terminal");
	}
	if (p->notify) {
		put_words(c, "PROC NTFY");
		*p->notify = client_receive(c, e);
		if (*p->notify < 0)
			return lacks(e, "receive a program's notification");
	}
	return 0;
}

static int pass_all(struct client *c, const int *fds, struct err *e)
{
	static const char *const names[] = { "PROC SIN", "PROC SOUT", "PROC SERR", "PROC RFD" };

	for (int i = 0; i < 4; i++) {
		if (fds[i] < 0)
			continue;
		put_words(c, names[i]);
		if (client_pass(c, names[i], fds[i], e))
			return -1;
	}
	return 0;
}

static int pass_null(struct client *c, struct err *e)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), rc;

	if (null < 0)
		return err_os(e, errno, "/dev/null");
	rc = pass_all(c, (int[]){ null, null, null, -1 }, e);
	close(null);
	return rc;
}

int call_run(struct client *c, const struct program *p, pid_t *pid, struct err *e)
{
	int replies = put_description(c, p), code;
	bool log = false;
	char text[64];

	while (replies-- > 0)
		if (client_done(c, e))
			return -1;
	if (put_extensions(c, p, &log, e))
		return -1;
	if (p->log && !log ? pass_null(c, e) : pass_all(c, p->fds, e))
		return -1;
	put_words(c, "PROC RUN");
	if (client_reply(c, &code, text, sizeof(text), e))
		return -1;
	*pid = (pid_t)strtol(text, NULL, 10);
	return *pid > 0 ? 0 : err_set(e, ERR_PEER, 0, "the server names no process");
}
