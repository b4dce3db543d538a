/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections that are kept: see pool.h. */
#include "lab/pool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define POOL_MAX 256 /* connections; many systems allow 1024 descriptors */

struct kept {
	char *lab, *node;
	struct client c;
	bool used;	     /* by somebody who has opened it */
	unsigned long since; /* when it was used last */
};

static struct {
	pool_failed_fn *failed; /* NULL: off */
	struct kept *v[POOL_MAX];
	size_t n, max;
	unsigned long clock;
	struct origin origin;
} pool;

void pool_begin(pool_failed_fn *failed)
{
	pool.failed = failed;
	pool.max = client_many(POOL_MAX);
}

void pool_origin(struct origin origin)
{
	pool.origin = origin;
}

struct origin pool_now(void)
{
	return pool.origin;
}

void pool_failed(const struct client *c, const struct origin *of, struct err *e)
{
	pool.failed(of, c->kept->node, e);
}

static void drop(size_t i)
{
	struct kept *k = pool.v[i];

	k->c.kept = NULL;
	client_close(&k->c);
	free(k->lab);
	free(k->node);
	free(k);
	pool.v[i] = pool.v[--pool.n];
}

static void settle(struct kept *k)
{
	struct err e;

	if (k->used)
		return;
	k->c.known = 0;
	if (client_catch_up(&k->c, &e))
		k->c.spoiled = true;
}

/* Still there, and silent but for what it was asked? */
static bool alive(struct client *c)
{
	char byte;
	ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return !c->spoiled && (n < 0 || (n > 0 && c->later_count));
}

static void make_room(void)
{
	size_t oldest = POOL_MAX;

	if (pool.n < pool.max)
		return;
	for (size_t i = 0; i < pool.n; i++)
		if (!pool.v[i]->used && (oldest == POOL_MAX || pool.v[i]->since < pool.v[oldest]->since))
			oldest = i;
	if (oldest == POOL_MAX)
		return;
	settle(pool.v[oldest]);
	drop(oldest);
}

static struct kept *add(const char *lab, const char *node)
{
	struct kept *k;

	make_room();
	if (pool.n >= pool.max)
		return NULL;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	*k = (struct kept){ .lab = strdup(lab), .node = strdup(node), .c = CLIENT_INIT };
	if (k->lab && k->node) {
		pool.v[pool.n++] = k;
		return k;
	}
	free(k->lab);
	free(k->node);
	free(k);
	return NULL;
}

bool pool_take(const char *lab, const char *node, struct client *c)
{
	struct kept *k = NULL;

	if (!pool.failed)
		return false;
	for (size_t i = 0; i < pool.n && !k; i++)
		if (!strcmp(pool.v[i]->node, node) && !strcmp(pool.v[i]->lab, lab))
			k = pool.v[i];
	if (k && k->used)
		return false; /* a second one at the same time is closed as usual */
	if (k && k->c.fd >= 0 && !alive(&k->c)) {
		settle(k);
		k->c.kept = NULL;
		client_close(&k->c);
	}
	if (!k)
		k = add(lab, node);
	if (!k)
		return false;
	k->used = true;
	k->since = ++pool.clock;
	*c = k->c;
	c->kept = k;
	return c->fd >= 0;
}

bool pool_give(struct client *c)
{
	struct kept *k = c->kept;
	bool good = c->fd >= 0 && !c->spoiled && c->open_replies == (int)c->later_count;

	if (!k)
		return false;
	k->used = false;
	k->c = good ? *c : (struct client)CLIENT_INIT;
	if (!good)
		c->kept = NULL;
	return good;
}

void pool_settle(void)
{
	struct err e;

	for (size_t i = 0; i < pool.n; i++)
		if (!pool.v[i]->used && client_flush(&pool.v[i]->c, &e))
			pool.v[i]->c.spoiled = true;
	for (size_t i = 0; i < pool.n; i++)
		settle(pool.v[i]);
}

void pool_end(void)
{
	pool_settle();
	while (pool.n)
		drop(pool.n - 1);
	pool.failed = NULL;
}
