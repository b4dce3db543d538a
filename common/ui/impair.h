/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Impairments on the command line, with tc's units: rates (10mbit), times (20ms), shares (1%).
 */
#ifndef UI_IMPAIR_H
#define UI_IMPAIR_H

#include "base/buf.h"
#include "base/impair.h"
#include "base/value.h"
#include "ui/words.h"

/* For the tables of words. */
#define IMPAIRMENT_WORDS \
	{ NULL, "IMPAIRMENT", WORD_HEAD }, \
	{ "rate", "RATE", WORD_FOLD }, { "delay", "TIME", WORD_FOLD }, { "jitter", "TIME", WORD_FOLD }, \
	{ "correlation", "PERCENT", WORD_FOLD }, { "distribution", "NAME", WORD_FOLD }, \
	{ "loss", "PERCENT", WORD_FOLD }, { "loss-correlation", "PERCENT", WORD_FOLD }, \
	{ "duplicate", "PERCENT", WORD_FOLD }, { "corrupt", "PERCENT", WORD_FOLD }, \
	{ "reorder", "PERCENT", WORD_FOLD }, { "gap", "PACKETS", WORD_FOLD }, { "limit", "PACKETS", WORD_FOLD }, \
	{ "seed", "NUMBER", WORD_FOLD }

/* What a call says of them; "none" in place of a value takes one away. ERR_USAGE. */
__attribute__((warn_unused_result)) int impairments_of_call(struct impairment_change *change,
							    const struct call *c, struct err *e);

/* One value as it is typed; false: it is none. */
bool impairment_parse(const struct impairment_word *w, const char *text, uint64_t *value);
/* The same back, with the largest unit and the fewest digits that say it exactly. buf has
 * IMPAIRMENT_TEXT bytes and is returned. */
#define IMPAIRMENT_TEXT 32
const char *impairment_text(const struct impairment_word *w, uint64_t value, char *buf);
/* All of a dict of words and numbers, "rate 10mbit delay 20ms", behind what is in line already. */
void impairments_text(const struct value *d, struct buf *line);
/* In JSON they have their units, too: in each dict of the list, the numbers of its "impairments"
 * become texts. */
void impairments_name_units(const struct value *list, struct value_pool *pool);

#endif
