/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TC: what is done to the packets that an interface sends (extensions). */
#include <errno.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "describe.h"
#include "kernel/tc.h"
#include "session.h"
#include "wire/pickle.h"

/* What was asked for on one interface; the kernel does not tell all of it. */
struct shaped {
	int index;
	struct impairments as;
};

#define MANY 32 /* interfaces that are remembered, before it is looked whether they are there */

static const struct impairments nothing;

static struct shaped *find(struct server *s, int index)
{
	for (size_t i = 0; i < s->shaped_count; i++)
		if (s->shaped[i].index == index)
			return &s->shaped[i];
	return NULL;
}

static const struct impairments *known(struct server *s, int index)
{
	const struct shaped *i = find(s, index);

	return i ? &i->as : &nothing;
}

/* Room for one more, so that nothing can fail once the kernel has done it. */
static int make_room(struct server *s, struct err *e)
{
	struct netlink *nl = server_netlink(s, e);
	struct shaped *all;
	struct iface there;
	struct err gone;

	/* Interfaces that are no more: in a lab of days they would become many. */
	for (size_t i = s->shaped_count; nl && s->shaped_count >= MANY && i-- > 0;)
		if (link_get(nl, s->shaped[i].index, &there, &gone))
			s->shaped[i] = s->shaped[--s->shaped_count];
	all = reallocarray(s->shaped, s->shaped_count + 1, sizeof(*all));
	if (!all)
		return err_nomem(e);
	s->shaped = all;
	return 0;
}

static void remember(struct server *s, int index, const struct impairments *as)
{
	struct shaped *i = find(s, index);

	if (!i && as->set)
		i = &s->shaped[s->shaped_count++];
	if (i)
		*i = (struct shaped){ index, *as };
	if (i && !as->set)
		*i = s->shaped[--s->shaped_count];
}

static int read_pair(struct impairments *i, uint32_t *given, const char *key, const char *value,
		     struct err *e)
{
	enum impairment what = impairment_find(key);
	int64_t n;

	if (!strcmp(key, "clear")) {
		*i = nothing;
		return 0;
	}
	if (what == IMP_COUNT)
		return err_set(e, ERR_VALUE, 0, "%.40s: unknown impairment", key);
	*given |= 1u << what;
	if (!strcmp(value, "none")) {
		impairments_set(i, what, 0, true);
		return 0;
	}
	if (!num_parse(value, 0, (int64_t)impairment_words[what].max, &n))
		return err_set(e, ERR_VALUE, 0, "%s: not valid: %.60s", key, value);
	impairments_set(i, what, (uint64_t)n, false);
	return 0;
}

/* Pairs change what is there, one after the other; args may be NULL: nothing changes. */
static int set(struct server *s, int index, const struct args *args, struct err *e)
{
	struct netlink *nl = server_netlink(s, e);
	struct impairments now, wanted;
	uint32_t given = 0;
	struct iface on;

	if (!nl || make_room(s, e) || link_get(nl, index, &on, e) ||
	    impairments_read(nl, &on, known(s, index), &now, e))
		return -1;
	wanted = now;
	for (size_t i = 1; args && i < args->n; i += 2)
		if (read_pair(&wanted, &given, args->v[i].s, args->v[i + 1].s, e))
			return -1;
	impairments_prune(&wanted, given);
	if (impairments_check(&wanted, ERR_VALUE, e))
		return err_prefix(e, "%s", on.name);
	if (impairments_apply(nl, &on, &now, &wanted, e))
		return -1;
	remember(s, index, &wanted);
	return 0;
}

int srv_tc_set(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	if (s->args.n % 2 == 0) {
		err_set(e, ERR_USAGE, 0, "Impairments and values must come in pairs.");
		return FAILED;
	}
	if (set(s->server, s->args.v[0].i, &s->args, e))
		return FAILED;
	session_reply(s, 200, "Done.");
	return NOW;
}

int server_mtu_changed(struct server *s, int index, struct err *e)
{
	if (!known(s, index)->set || !set(s, index, NULL, e))
		return 0;
	if (e->errnum != EBUSY)
		return -1;
	remember(s, index, &nothing); /* another program has put its own in their place */
	e->kind = ERR_NONE;
	return 0;
}

/* ------------------------------------------------------------------ TC LIST */

static const char *handle_text(uint32_t handle, char *buf, size_t size)
{
	if (TC_H_MIN(handle))
		snprintf(buf, size, "%x:%x", TC_H_MAJ(handle) >> 16, TC_H_MIN(handle));
	else
		snprintf(buf, size, "%x:", TC_H_MAJ(handle) >> 16);
	return buf;
}

/* What of this one is told as an impairment, and its value. Limit and seed are the kernel's own
 * business unless they were asked for; a tbf's limit is in bytes, and the distribution it keeps to
 * itself. */
static bool told(const struct impairments *has, const struct impairments *asked, enum impairment what,
		 int64_t *value)
{
	bool told = impaired_by(has, what);
	const struct impairments *from = has;

	if (what == IMP_LIMIT || what == IMP_SEED)
		told = told && impaired_by(asked, what);
	if ((what == IMP_DISTRIBUTION && impaired_by(has, IMP_JITTER)) ||
	    (what == IMP_LIMIT && impaired_by(has, IMP_RATE))) {
		told = impaired_by(asked, what);
		from = asked;
	}
	*value = (int64_t)from->v[what];
	return told;
}

static void put_impairments(struct buf *b, const struct impairments *has,
			    const struct impairments *asked)
{
	int64_t value;

	pickle_str(b, "impairments");
	pickle_dict(b);
	for (int i = 0; i < IMP_COUNT; i++)
		if (told(has, asked, (enum impairment)i, &value))
			pickle_set_int(b, impairment_words[i].name, value);
	pickle_dict_end(b);
}

struct list {
	struct server *server;
	struct buf *pickle;
};

static void put_qdisc(const struct qdisc *q, void *arg)
{
	struct list *l = arg;
	struct buf *b = l->pickle;
	char text[24];

	pickle_dict(b);
	pickle_set_int(b, "ifindex", q->index);
	pickle_set_str(b, "kind", q->kind);
	pickle_set_str(b, "handle", handle_text(q->handle, text, sizeof(text)));
	if (q->parent == TC_H_ROOT)
		pickle_set_bool(b, "root", true);
	else
		pickle_set_str(b, "parent", handle_text(q->parent, text, sizeof(text)));
	if (q->limit)
		pickle_set_int(b, "limit", q->limit);
	put_impairments(b, &q->has, known(l->server, q->index));
	if (q->more)
		pickle_set_bool(b, "more", true);
	pickle_set_int(b, "bytes", (int64_t)q->bytes);
	pickle_set_int(b, "packets", q->packets);
	pickle_set_int(b, "drops", q->drops);
	pickle_set_int(b, "overlimits", q->overlimits);
	pickle_set_int(b, "requeues", q->requeues);
	pickle_set_int(b, "backlog", q->backlog);
	pickle_set_int(b, "qlen", q->qlen);
	pickle_dict_end(b);
}

int srv_tc_list(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	own(buf) struct buf pickle = {0};
	struct list l = { s->server, &pickle };

	(void)cmd;
	if (!nl)
		return FAILED;
	pickle_start(&pickle);
	pickle_list(&pickle);
	if (qdisc_each(nl, put_qdisc, &l, e))
		return FAILED;
	pickle_list_end(&pickle);
	pickle_stop(&pickle);
	session_reply_data(s, "Queueing disciplines follow.", &pickle);
	return NOW;
}
