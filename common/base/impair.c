/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of impairments: see impair.h. */
#include "base/impair.h"

#include <string.h>

#define MAX_TIME 200000000ull /* the kernel counts 64 ns in 32 bits: 274 s */
#define MAX_JITTER 2147484ull /* the kernel cuts it to 31 bits of nanoseconds, which is this, rounded */
#define MAX_RATE (8ull * INT32_MAX) /* bytes a second in 31 bits: 17 gbit */

const char *const distribution_names[DIST_COUNT] = { "uniform", "normal", "pareto",
						     "paretonormal" };

const struct impairment_word impairment_words[IMP_COUNT] = {
	[IMP_RATE] = { "rate", UNIT_RATE, MAX_RATE },
	[IMP_DELAY] = { "delay", UNIT_TIME, MAX_TIME },
	[IMP_JITTER] = { "jitter", UNIT_TIME, MAX_JITTER },
	[IMP_CORRELATION] = { "correlation", UNIT_SHARE, UINT32_MAX },
	[IMP_DISTRIBUTION] = { "distribution", UNIT_NAME, DIST_COUNT - 1 },
	[IMP_LOSS] = { "loss", UNIT_SHARE, UINT32_MAX },
	[IMP_LOSS_CORRELATION] = { "loss-correlation", UNIT_SHARE, UINT32_MAX },
	[IMP_DUPLICATE] = { "duplicate", UNIT_SHARE, UINT32_MAX },
	[IMP_CORRUPT] = { "corrupt", UNIT_SHARE, UINT32_MAX },
	[IMP_REORDER] = { "reorder", UNIT_SHARE, UINT32_MAX },
	[IMP_GAP] = { "gap", UNIT_COUNT, INT32_MAX },
	[IMP_LIMIT] = { "limit", UNIT_COUNT, 10000000 },
	[IMP_SEED] = { "seed", UNIT_COUNT, INT64_MAX },
};

enum impairment impairment_find(const char *name)
{
	int i = 0;

	while (i < IMP_COUNT && strcmp(impairment_words[i].name, name))
		i++;
	return (enum impairment)i;
}

void impairments_set(struct impairments *i, enum impairment what, uint64_t value, bool none)
{
	bool zero_is_one = what == IMP_SEED || what == IMP_DISTRIBUTION;

	none = none || (!value && !zero_is_one);
	i->v[what] = none ? 0 : value;
	i->set = (i->set & ~(1u << what)) | (none ? 0 : 1u << what);
}

/* What makes sense only with one of others; what those need in turn comes first. */
#define BIT(what) (1u << IMP_##what)
#define RANDOM (BIT(JITTER) | BIT(LOSS) | BIT(DUPLICATE) | BIT(CORRUPT) | BIT(REORDER))
static const struct {
	enum impairment what;
	uint32_t needs;
	const char *names;
} rules[] = {
	{ IMP_JITTER, BIT(DELAY), "delay" },
	{ IMP_CORRELATION, BIT(JITTER), "jitter" },
	{ IMP_DISTRIBUTION, BIT(JITTER), "jitter" },
	{ IMP_LOSS_CORRELATION, BIT(LOSS), "loss" },
	{ IMP_REORDER, BIT(DELAY), "delay" },
	{ IMP_GAP, BIT(REORDER), "reorder" },
	{ IMP_SEED, RANDOM, "what is left to chance: jitter, loss, duplicate, corrupt, reorder" },
	{ IMP_LIMIT, RANDOM | BIT(RATE) | BIT(DELAY), "others, such as rate or delay" },
};

void impairments_prune(struct impairments *i, uint32_t keep)
{
	for (size_t k = 0; k < sizeof(rules) / sizeof(*rules); k++)
		if (!(i->set & rules[k].needs) && !(keep >> rules[k].what & 1))
			impairments_set(i, rules[k].what, 0, true);
}

int impairments_check(const struct impairments *i, enum err_kind kind, struct err *e)
{
	for (size_t k = 0; k < sizeof(rules) / sizeof(*rules); k++)
		if (impaired_by(i, rules[k].what) && !(i->set & rules[k].needs))
			return err_set(e, kind, 0, "%s makes sense only with %s",
				       impairment_words[rules[k].what].name, rules[k].names);
	return 0;
}
