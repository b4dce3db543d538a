/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queueing disciplines: see tc.h. */
#include "kernel/tc.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/netem.h"

#define MESSAGE_SIZE 16384 /* a distribution takes half of it */
#define FRAME_HEADER 14
#define PAUSE_MS 50	    /* a full queue is emptied in this time, and twice the delay */
#define BURST_MS 1
#define SMALL_PACKET 256    /* bytes: packets on their way may be as small as this */
#define ASSUMED_RATE 1000000000ull /* bits per second, where there is none */

/* Ours are known by these. The child of a tbf and a root have different ones, so that the kernel
 * never takes the one for the other. */
#define TBF TC_H_MAKE(1 << 16, 0)
#define TBF_CLASS TC_H_MAKE(1 << 16, 1)
#define NETEM_ROOT TC_H_MAKE(2 << 16, 0)
#define NETEM_CHILD TC_H_MAKE(3 << 16, 0)
#define FIFO_CHILD TC_H_MAKE(4 << 16, 0)

/* ------------------------------------------------------------------ reading */

static void read_stats(struct qdisc *q, struct nlattr *stats)
{
	struct nlattr *tb[TCA_STATS_MAX + 1];
	struct gnet_stats_basic basic;
	struct gnet_stats_queue queue;

	if (!stats || nla_parse_nested(tb, TCA_STATS_MAX, stats, NULL) < 0)
		return;
	if (tb[TCA_STATS_BASIC] && nla_len(tb[TCA_STATS_BASIC]) >= 12) {
		memcpy(&basic, nla_data(tb[TCA_STATS_BASIC]), 12);
		q->bytes = basic.bytes;
		q->packets = basic.packets;
	}
	if (tb[TCA_STATS_QUEUE] && nla_len(tb[TCA_STATS_QUEUE]) >= (int)sizeof(queue)) {
		memcpy(&queue, nla_data(tb[TCA_STATS_QUEUE]), sizeof(queue));
		q->qlen = queue.qlen;
		q->backlog = queue.backlog;
		q->drops = queue.drops;
		q->requeues = queue.requeues;
		q->overlimits = queue.overlimits;
	}
}

static void read_tbf(struct qdisc *q, struct nlattr *options)
{
	struct nlattr *tb[TCA_TBF_MAX + 1];
	struct tc_tbf_qopt opt;
	uint64_t rate;

	if (nla_parse_nested(tb, TCA_TBF_MAX, options, NULL) < 0 || !tb[TCA_TBF_PARMS] ||
	    nla_len(tb[TCA_TBF_PARMS]) < (int)sizeof(opt))
		return;
	memcpy(&opt, nla_data(tb[TCA_TBF_PARMS]), sizeof(opt));
	rate = tb[TCA_TBF_RATE64] ? nla_get_u64(tb[TCA_TBF_RATE64]) : opt.rate.rate;
	impairments_set(&q->has, IMP_RATE, rate * 8, false);
	q->limit = opt.limit;
	q->more = opt.peakrate.rate;
}

static bool read_qdisc(const struct nlmsghdr *h, struct qdisc *q)
{
	const struct tcmsg *tc = nlmsg_data(h);
	struct nlattr *tb[TCA_MAX + 1];

	*q = (struct qdisc){0};
	if (h->nlmsg_type != RTM_NEWQDISC ||
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*tc), tb, TCA_MAX, NULL) < 0 ||
	    !tb[TCA_KIND])
		return false;
	q->index = tc->tcm_ifindex;
	q->handle = tc->tcm_handle;
	q->parent = tc->tcm_parent;
	nla_strlcpy(q->kind, tb[TCA_KIND], sizeof(q->kind));
	read_stats(q, tb[TCA_STATS2]);
	if (tb[TCA_OPTIONS] && !strcmp(q->kind, "tbf"))
		read_tbf(q, tb[TCA_OPTIONS]);
	if (tb[TCA_OPTIONS] && !strcmp(q->kind, "netem"))
		q->more = netem_read(&q->has, tb[TCA_OPTIONS]);
	if (impaired_by(&q->has, IMP_LIMIT))
		q->limit = (uint32_t)q->has.v[IMP_LIMIT];
	return true;
}

struct each {
	qdisc_fn *fn;
	void *arg;
};

static void each_qdisc(const struct nlmsghdr *h, void *arg)
{
	const struct each *each = arg;
	struct qdisc q;

	if (read_qdisc(h, &q))
		each->fn(&q, each->arg);
}

static struct nl_msg *request(int type, int flags, int index, uint32_t parent, uint32_t handle)
{
	struct tcmsg tc = { .tcm_ifindex = index, .tcm_parent = parent, .tcm_handle = handle };
	struct nl_msg *msg = nlmsg_alloc_size(MESSAGE_SIZE);

	return netlink_whole(msg, msg && nlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, flags) &&
					  !nlmsg_append(msg, &tc, sizeof(tc), NLMSG_ALIGNTO));
}

int qdisc_each(struct netlink *nl, qdisc_fn *fn, void *arg, struct err *e)
{
	struct each each = { fn, arg };

	return netlink_dump(nl, request(RTM_GETQDISC, 0, 0, 0, 0), "queueing disciplines",
			    each_qdisc, &each, e);
}

static void one_qdisc(const struct nlmsghdr *h, void *arg)
{
	read_qdisc(h, arg);
}

/* None there: kind is "". */
static int qdisc_get(struct netlink *nl, const struct iface *on, uint32_t parent, struct qdisc *q,
		     struct err *e)
{
	*q = (struct qdisc){0};
	/* The answer is a notification, which only this flag sends to who has asked. */
	if (netlink_request(nl, request(RTM_GETQDISC, NLM_F_ECHO, on->index, parent, 0), on->name, one_qdisc,
			    q, e) &&
	    e->errnum != ENOENT)
		return -1;
	return 0;
}

/* What the kernel tells only as it is, and not whether it was asked for. */
static void keep_known(struct impairments *now, const struct impairments *known)
{
	static const enum impairment untold[] = { IMP_DISTRIBUTION, IMP_LIMIT, IMP_SEED };

	for (size_t i = 0; i < 3; i++)
		if (!impaired_by(known, untold[i]) || !impaired_by(now, untold[i]))
			impairments_set(now, untold[i], known->v[untold[i]],
					!impaired_by(known, untold[i]));
}

int impairments_read(struct netlink *nl, const struct iface *on, const struct impairments *known,
		     struct impairments *now, struct err *e)
{
	struct qdisc root, child = {0};

	*now = (struct impairments){0};
	if (qdisc_get(nl, on, TC_H_ROOT, &root, e))
		return -1;
	if (!strcmp(root.kind, "tbf")) {
		if (qdisc_get(nl, on, TC_H_MAKE(root.handle, 1), &child, e))
			return -1;
	} else if (strcmp(root.kind, "netem") && root.handle) {
		return err_set(e, ERR_KERNEL, EBUSY,
			       "%s: has a queueing discipline already (%s %x:, set by another program)",
			       on->name, root.kind, TC_H_MAJ(root.handle) >> 16);
	}
	*now = strcmp(root.kind, "tbf") ? root.has : child.has;
	if (!strcmp(root.kind, "tbf"))
		impairments_set(now, IMP_RATE, root.has.v[IMP_RATE], false);
	if (now->set)
		keep_known(now, known);
	return 0;
}

/* ------------------------------------------------------------------ setting */

static uint64_t at_least(uint64_t n, uint64_t least)
{
	return n > least ? n : least;
}

/* Bytes a second, as the kernel has it; 0: no rate. */
static uint64_t byte_rate(const struct impairments *i)
{
	return impaired_by(i, IMP_RATE) ? at_least(i->v[IMP_RATE] / 8, 1) : 0;
}

/* Packets that netem may hold: those on their way at this rate and delay, and a queue of full-size
 * ones, so that a flow of those reaches the rate. */
static uint64_t packets_limit(const struct impairments *i, uint64_t frame)
{
	uint64_t us = i->v[IMP_DELAY] + i->v[IMP_JITTER], rate = byte_rate(i), packets;
	const uint64_t most = impairment_words[IMP_LIMIT].max;

	if (impaired_by(i, IMP_LIMIT))
		return i->v[IMP_LIMIT];
	if (!rate)
		return 1000 + ASSUMED_RATE / 8 * us / 1000000 / frame;
	packets = rate * us / 1000000 / SMALL_PACKET + rate * (PAUSE_MS * 1000 + 2 * us) / 1000000 / frame;
	return packets < most ? at_least(packets, 32) : most;
}

static uint64_t bytes_limit(const struct impairments *i, uint64_t frame)
{
	uint64_t bytes = packets_limit(i, frame) * frame;

	return bytes < INT32_MAX ? bytes : INT32_MAX;
}

#define PUT (NLM_F_CREATE | NLM_F_REPLACE) /* a new one, or a change to what is there */

static int send_qdisc(struct netlink *nl, const struct iface *on, struct nl_msg *msg, const char *kind, struct err *e)
{
	if (!netlink_request(nl, msg, on->name, NULL, NULL, e))
		return 0;
	/* The kernel answers both for a kind that it does not know. */
	if (e->errnum != ENOENT && e->errnum != EOPNOTSUPP)
		return -1;
	return err_set(e, ERR_FEATURE, EOPNOTSUPP, "%s: this kernel has no %s (module sch_%s)",
		       on->name, kind, kind);
}

static int put_tbf(struct netlink *nl, const struct iface *on, const struct impairments *i,
		   struct err *e)
{
	uint64_t frame = on->mtu + FRAME_HEADER, rate = byte_rate(i);
	/* Less than two frames: two that come in one packet (GSO) are taken apart. They would want the bucket quite full,
	 * and what runs over until they are sent is lost: 8.8 of 10 mbit/s were seen. */
	uint64_t burst = at_least(rate * BURST_MS / 1000, 2 * frame - 1);
	struct tc_tbf_qopt opt = {
		.rate = { .linklayer = TC_LINKLAYER_ETHERNET, .rate = (uint32_t)rate },
		.limit = (uint32_t)bytes_limit(i, frame),
	};
	struct nlattr *options = NULL;
	struct nl_msg *msg;

	if (i->v[IMP_RATE] > impairment_words[IMP_RATE].max)
		return err_set(e, ERR_KERNEL, EINVAL, "%s: has a rate beyond 17gbit, set by another program", on->name);
	msg = request(RTM_NEWQDISC, PUT, on->index, TC_H_ROOT, TBF);
	msg = netlink_whole(msg, msg && !nla_put_string(msg, TCA_KIND, "tbf") &&
					  (options = nla_nest_start(msg, TCA_OPTIONS)) &&
					  !nla_put(msg, TCA_TBF_PARMS, sizeof(opt), &opt) &&
					  !nla_put_u32(msg, TCA_TBF_BURST, (uint32_t)burst));
	if (msg)
		nla_nest_end(msg, options);
	return send_qdisc(nl, on, msg, "tbf", e);
}

/* In the place of a netem: without anything there, tbf would drop all packets. */
static int put_fifo(struct netlink *nl, const struct iface *on, const struct impairments *i,
		    struct err *e)
{
	struct tc_fifo_qopt opt = { .limit = (uint32_t)bytes_limit(i, on->mtu + FRAME_HEADER) };
	struct nl_msg *msg = request(RTM_NEWQDISC, PUT, on->index, TBF_CLASS, FIFO_CHILD);

	msg = netlink_whole(msg, msg && !nla_put_string(msg, TCA_KIND, "bfifo") &&
					  !nla_put(msg, TCA_OPTIONS, sizeof(opt), &opt));
	return send_qdisc(nl, on, msg, "bfifo", e);
}

static int put_netem(struct netlink *nl, const struct iface *on, const struct impairments *i,
		     bool is_child, struct err *e)
{
	struct nl_msg *msg = request(RTM_NEWQDISC, PUT, on->index, is_child ? TBF_CLASS : TC_H_ROOT,
				     is_child ? NETEM_CHILD : NETEM_ROOT);

	msg = netlink_whole(msg, msg && !netem_put(msg, i, (uint32_t)packets_limit(i, on->mtu + FRAME_HEADER)));
	return send_qdisc(nl, on, msg, "netem", e);
}

/* The kernel's own takes the place. */
static int clear(struct netlink *nl, const struct iface *on, struct err *e)
{
	return netlink_request(nl, request(RTM_DELQDISC, 0, on->index, TC_H_ROOT, 0), on->name, NULL,
			       NULL, e);
}

/* Is there anything for netem to do? */
static bool needs_netem(const struct impairments *i)
{
	return i->set & ~(1u << IMP_RATE | 1u << IMP_LIMIT | 1u << IMP_SEED);
}

static bool has_seed(struct netlink *nl, const struct iface *on, bool is_child)
{
	struct qdisc q;
	struct err ignored;

	return !qdisc_get(nl, on, is_child ? TBF_CLASS : TC_H_ROOT, &q, &ignored) &&
	       impaired_by(&q.has, IMP_SEED);
}

static int change(struct netlink *nl, const struct iface *on, const struct impairments *now,
		  const struct impairments *to, struct err *e)
{
	struct impairments copy = *to, *wanted = &copy;
	bool had_rate = impaired_by(now, IMP_RATE), rate = impaired_by(wanted, IMP_RATE);

	/* A table that is there is not forgotten, only replaced; without a jitter it is not known. */
	if ((impaired_by(now, IMP_DISTRIBUTION) || !impaired_by(now, IMP_JITTER)) && needs_netem(now) &&
	    !impaired_by(to, IMP_DISTRIBUTION) && impaired_by(to, IMP_JITTER))
		impairments_set(wanted, IMP_DISTRIBUTION, DIST_UNIFORM, false);
	if (!rate && !needs_netem(wanted))
		return had_rate || needs_netem(now) ? clear(nl, on, e) : 0;
	if (rate && put_tbf(nl, on, wanted, e))
		return -1;
	if (needs_netem(wanted) && put_netem(nl, on, wanted, rate, e))
		return -1;
	if (rate && had_rate && needs_netem(now) && !needs_netem(wanted))
		return put_fifo(nl, on, wanted, e);
	if (impaired_by(wanted, IMP_SEED) && needs_netem(wanted) && !has_seed(nl, on, rate))
		return err_set(e, ERR_FEATURE, EOPNOTSUPP,
			       "%s: this kernel's netem takes no seed (Linux 6.6 does)", on->name);
	return 0;
}

int impairments_apply(struct netlink *nl, const struct iface *on, const struct impairments *now,
		      const struct impairments *wanted, struct err *e)
{
	struct impairments halfway;
	struct err ignored;

	if (!change(nl, on, now, wanted, e))
		return 0;
	if (impairments_read(nl, on, wanted, &halfway, &ignored))
		return -1;
	if (!impaired_by(&halfway, IMP_JITTER)) /* it was only wanted */
		impairments_set(&halfway, IMP_DISTRIBUTION, 0, true);
	if (change(nl, on, &halfway, now, &ignored))
		err_prefix(e, "%s (not all of it could be taken back)", on->name);
	return -1;
}
