/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Impairments: what is done to the packets that an interface sends. The one table of them; on the
 * command line, on the wire, in JSON and on the way to the kernel they have these names.
 */
#ifndef BASE_IMPAIR_H
#define BASE_IMPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum impairment {
	IMP_RATE,
	IMP_DELAY,
	IMP_JITTER,
	IMP_CORRELATION, /* of a packet's delay with that of the one before */
	IMP_DISTRIBUTION,
	IMP_LOSS,
	IMP_LOSS_CORRELATION,
	IMP_DUPLICATE,
	IMP_CORRUPT,
	IMP_REORDER,
	IMP_GAP,
	IMP_LIMIT,
	IMP_SEED,
	IMP_COUNT,
};

enum impairment_unit {
	UNIT_RATE,  /* bits per second */
	UNIT_TIME,  /* microseconds */
	UNIT_SHARE, /* of 2^32-1, which is all: the kernel's probabilities */
	UNIT_COUNT, /* packets; or just a number */
	UNIT_NAME,  /* an enum distribution */
};

/* The delays' distribution around their mean; jitter is the standard deviation, of the first the
 * greatest deviation. */
enum distribution { DIST_UNIFORM, DIST_NORMAL, DIST_PARETO, DIST_PARETONORMAL, DIST_COUNT };
extern const char *const distribution_names[DIST_COUNT];

struct impairment_word {
	const char *name;
	enum impairment_unit unit;
	uint64_t max;
};
extern const struct impairment_word impairment_words[IMP_COUNT];

/* Which is it? IMP_COUNT: none. */
enum impairment impairment_find(const char *name);

/* What one interface has. A value 0 is none, and its bit in set is clear; but a seed or a
 * distribution of 0 is one if its bit is set. */
struct impairments {
	uint32_t set;
	uint64_t v[IMP_COUNT];
};

static inline bool impaired_by(const struct impairments *i, enum impairment what)
{
	return i->set >> what & 1;
}

/* Sets one value; none: takes it away. */
void impairments_set(struct impairments *i, enum impairment what, uint64_t value, bool none);

/* What is to become of those that are there. */
struct impairment_change {
	bool clear;	/* first, all of them go */
	uint32_t given; /* bits: those that are set, or, with their bit in to clear, taken away */
	struct impairments to;
};

/* Takes away what makes no sense any more without what is gone, but nothing whose bit is in keep. */
void impairments_prune(struct impairments *i, uint32_t keep);

/* Does all of it make sense together? If not: of that kind, with what is missing. */
__attribute__((warn_unused_result)) int impairments_check(const struct impairments *i,
							  enum err_kind kind, struct err *e);

#endif
