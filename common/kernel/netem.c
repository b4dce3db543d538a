/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of netem: see netem.h. Zeros are sent, too: what is left out would stay. */
#include "kernel/netem.h"

#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <math.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define TICK_NS 64 /* of the kernel's clock for packets */
#define TABLE_SIZE 4096
#define NETEM_PRNG_SEED 14 /* TCA_NETEM_PRNG_SEED, Linux 6.6 */

/* ------------------------------------------------------------------ distributions */

/*
 * The kernel takes a table of what the delay's deviation may be, each place as likely as the
 * next, in 1/8192 of the jitter: the distribution's quantiles.
 */
static int16_t scaled(double deviations)
{
	double n = round(deviations * NETEM_DIST_SCALE);

	return (int16_t)(n > INT16_MAX ? INT16_MAX : n < INT16_MIN ? INT16_MIN : n);
}

/* By bisection of the distribution function: simple, and only done when a table is set. */
static double normal_quantile(double p)
{
	double low = -8, high = 8;

	while (high - low > 1e-6) {
		double mid = (low + high) / 2;

		if (erfc(-mid / M_SQRT2) / 2 < p)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* Of shape 3, with mean 0 and standard deviation 1: a long tail of late packets. */
static double pareto_quantile(double p)
{
	return (1 / cbrt(1 - p) - 1.5) / sqrt(0.75);
}

static void fill_table(int16_t *table, enum distribution d)
{
	for (int i = 0; i < TABLE_SIZE; i++) {
		double p = (i + 0.5) / TABLE_SIZE, x = 2 * p - 1;

		if (d == DIST_NORMAL)
			x = normal_quantile(p);
		if (d == DIST_PARETO)
			x = pareto_quantile(p);
		if (d == DIST_PARETONORMAL)
			x = normal_quantile(p) / 4 + pareto_quantile(p) * 3 / 4;
		table[i] = scaled(x);
	}
}

static int put_distribution(struct nl_msg *msg, enum distribution d)
{
	own(mem) int16_t *table = malloc(TABLE_SIZE * sizeof(*table));

	if (!table)
		return -1;
	fill_table(table, d);
	return nla_put(msg, TCA_NETEM_DELAY_DIST, TABLE_SIZE * (int)sizeof(*table), table);
}

/* ------------------------------------------------------------------ options */

static uint32_t share(const struct impairments *i, enum impairment what)
{
	return (uint32_t)i->v[what];
}

static uint32_t ticks(uint64_t us)
{
	return (uint32_t)(us * 1000 / TICK_NS);
}

int netem_put(struct nl_msg *msg, const struct impairments *i, uint32_t limit)
{
	struct tc_netem_qopt opt = {
		.latency = ticks(i->v[IMP_DELAY]),
		.jitter = ticks(i->v[IMP_JITTER]),
		.limit = limit,
		.loss = share(i, IMP_LOSS),
		.duplicate = share(i, IMP_DUPLICATE),
		.gap = (uint32_t)i->v[IMP_GAP],
	};
	struct tc_netem_corr corr = { .delay_corr = share(i, IMP_CORRELATION),
				      .loss_corr = share(i, IMP_LOSS_CORRELATION) };
	struct tc_netem_reorder reorder = { .probability = share(i, IMP_REORDER) };
	struct tc_netem_corrupt corrupt = { .probability = share(i, IMP_CORRUPT) };
	int64_t delay = (int64_t)i->v[IMP_DELAY] * 1000, jitter = (int64_t)i->v[IMP_JITTER] * 1000;
	struct nlattr *options;

	if (reorder.probability && !opt.gap)
		opt.gap = 1; /* every packet may overtake; with 0 none does */
	if (nla_put_string(msg, TCA_KIND, "netem") < 0)
		return -1;
	options = nla_reserve(msg, TCA_OPTIONS, sizeof(opt));
	if (!options)
		return -1;
	memcpy(nla_data(options), &opt, sizeof(opt));
	if (nla_put(msg, TCA_NETEM_CORR, sizeof(corr), &corr) < 0 ||
	    nla_put(msg, TCA_NETEM_REORDER, sizeof(reorder), &reorder) < 0 ||
	    nla_put(msg, TCA_NETEM_CORRUPT, sizeof(corrupt), &corrupt) < 0 ||
	    nla_put(msg, TCA_NETEM_LATENCY64, sizeof(delay), &delay) < 0 ||
	    nla_put(msg, TCA_NETEM_JITTER64, sizeof(jitter), &jitter) < 0)
		return -1;
	if (impaired_by(i, IMP_SEED) && nla_put_u64(msg, NETEM_PRNG_SEED, i->v[IMP_SEED]) < 0)
		return -1;
	/* A table stays until another comes: where it was never set, uniform is the kernel's own. */
	if (impaired_by(i, IMP_DISTRIBUTION) &&
	    put_distribution(msg, (enum distribution)i->v[IMP_DISTRIBUTION]))
		return -1;
	options->nla_len = (uint16_t)((char *)nlmsg_tail(nlmsg_hdr(msg)) - (char *)options);
	return 0;
}

static bool fetch(struct nlattr *a, void *to, size_t size)
{
	if (!a || nla_len(a) < (int)size)
		return false;
	memcpy(to, nla_data(a), size);
	return true;
}

static uint64_t rounded_us(int64_t ns)
{
	return ns > 0 ? ((uint64_t)ns + 500) / 1000 : 0;
}

/* What impairments have no word for: only tc(8) sets it. */
static bool does_more(struct nlattr **tb, const struct tc_netem_corr *corr,
		      const struct tc_netem_reorder *reorder, const struct tc_netem_corrupt *corrupt)
{
	struct tc_netem_rate rate = {0};

	fetch(tb[TCA_NETEM_RATE], &rate, sizeof(rate));
	return rate.rate || tb[TCA_NETEM_LOSS] || tb[TCA_NETEM_SLOT] || tb[TCA_NETEM_ECN] || corr->dup_corr ||
	       reorder->correlation || corrupt->correlation;
}

bool netem_read(struct impairments *i, struct nlattr *options)
{
	struct nlattr *tb[NETEM_PRNG_SEED + 1];
	struct tc_netem_qopt opt;
	struct tc_netem_corr corr = {0};
	struct tc_netem_reorder reorder = {0};
	struct tc_netem_corrupt corrupt = {0};
	int64_t delay, jitter;
	int rest = nla_len(options) - (int)sizeof(opt);

	if (!fetch(options, &opt, sizeof(opt)) ||
	    nla_parse(tb, NETEM_PRNG_SEED, (void *)((char *)nla_data(options) + sizeof(opt)), rest,
		      NULL) < 0)
		return false;
	if (!fetch(tb[TCA_NETEM_LATENCY64], &delay, sizeof(delay)))
		delay = (int64_t)opt.latency * TICK_NS;
	if (!fetch(tb[TCA_NETEM_JITTER64], &jitter, sizeof(jitter)))
		jitter = (int64_t)opt.jitter * TICK_NS;
	fetch(tb[TCA_NETEM_CORR], &corr, sizeof(corr));
	fetch(tb[TCA_NETEM_REORDER], &reorder, sizeof(reorder));
	fetch(tb[TCA_NETEM_CORRUPT], &corrupt, sizeof(corrupt));
	impairments_set(i, IMP_DELAY, rounded_us(delay), false);
	impairments_set(i, IMP_JITTER, rounded_us(jitter), false);
	impairments_set(i, IMP_CORRELATION, corr.delay_corr, false);
	impairments_set(i, IMP_LOSS, opt.loss, false);
	impairments_set(i, IMP_LOSS_CORRELATION, corr.loss_corr, false);
	impairments_set(i, IMP_DUPLICATE, opt.duplicate, false);
	impairments_set(i, IMP_CORRUPT, corrupt.probability, false);
	impairments_set(i, IMP_REORDER, reorder.probability, false);
	impairments_set(i, IMP_GAP, opt.gap > 1 ? opt.gap : 0, false);
	impairments_set(i, IMP_LIMIT, opt.limit, false);
	if (tb[NETEM_PRNG_SEED] && nla_len(tb[NETEM_PRNG_SEED]) >= 8)
		impairments_set(i, IMP_SEED, nla_get_u64(tb[NETEM_PRNG_SEED]), false);
	return does_more(tb, &corr, &reorder, &corrupt);
}
