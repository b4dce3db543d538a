/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Impairments on the command line: see impair.h. */
#include "ui/impair.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	double factor;
};

/* As tc has them: "bit" counts bits, "bps" bytes a second. The largest first, for printing. */
static const struct unit rates[] = {
	{ "tbit", 1e12 },	   { "gbit", 1e9 },	{ "mbit", 1e6 },
	{ "kbit", 1e3 },	   { "bit", 1 },	{ "", 1 },
	{ "tibit", 1099511627776 }, { "gibit", 1 << 30 }, { "mibit", 1 << 20 },
	{ "kibit", 1 << 10 },	   { "tbps", 8e12 },	{ "gbps", 8e9 },
	{ "mbps", 8e6 },	   { "kbps", 8e3 },	{ "bps", 8 },
	{ 0 },
};

/* A number alone would be microseconds to tc, seconds to others: it is refused. */
static const struct unit times[] = {
	{ "s", 1e6 },	{ "ms", 1e3 },	   { "us", 1 },	  { "sec", 1e6 }, { "secs", 1e6 },
	{ "msec", 1e3 }, { "msecs", 1e3 }, { "usec", 1 }, { "usecs", 1 }, { "m", 60e6 },
	{ 0 },
};

static const struct unit shares[] = { { "%", UINT32_MAX / 100.0 },
				      { "", UINT32_MAX / 100.0 },
				      { 0 } };

static const struct unit *const units[] = { [UNIT_RATE] = rates,
					    [UNIT_TIME] = times,
					    [UNIT_SHARE] = shares };

static bool parse_count(const char *text, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)*text) || strlen(text) > 18)
		return false;
	*value = strtoull(text, &end, 10);
	return !*end;
}

static bool parse_name(const char *text, uint64_t *value)
{
	for (*value = 0; *value < DIST_COUNT; ++*value)
		if (!strcmp(distribution_names[*value], text))
			return true;
	return false;
}

static bool parse_amount(const struct unit *u, const char *text, double max, uint64_t *value)
{
	size_t len = strspn(text, "0123456789.");
	char *end;
	double n = strtod(text, &end);

	if (!len || end != text + len)
		return false;
	if (n == 0 && !*end) {
		*value = 0;
		return true;
	}
	while (u->name && strcasecmp(u->name, end))
		u++;
	if (!u->name || n * u->factor > max * (1 + 1e-9))
		return false;
	*value = (uint64_t)(n * u->factor + 0.5);
	if (*value > (uint64_t)max)
		*value = (uint64_t)max;
	return *value || n == 0; /* too small to be told from nothing */
}

bool impairment_parse(const struct impairment_word *w, const char *text, uint64_t *value)
{
	if (w->unit == UNIT_NAME)
		return parse_name(text, value);
	if (w->unit == UNIT_COUNT)
		return parse_count(text, value) && *value <= w->max;
	return parse_amount(units[w->unit], text, (double)w->max, value);
}

const char *impairment_text(const struct impairment_word *w, uint64_t value, char *buf)
{
	const struct unit *u = w->unit <= UNIT_SHARE ? units[w->unit] : NULL;
	uint64_t again = 0;

	if (w->unit == UNIT_SHARE)
		for (int digits = 0; digits < 12 && (!digits || again != value); digits++) {
			snprintf(buf, IMPAIRMENT_TEXT, "%.*f%%", digits,
				 (double)value / shares[0].factor);
			if (!impairment_parse(w, buf, &again))
				again = 0;
		}
	else if (w->unit == UNIT_NAME)
		snprintf(buf, IMPAIRMENT_TEXT, "%s",
			 value < DIST_COUNT ? distribution_names[value] : "unknown");
	else if (!u)
		snprintf(buf, IMPAIRMENT_TEXT, "%" PRIu64, value);
	else {
		while (u->factor > 1 && value % (uint64_t)u->factor)
			u++;
		snprintf(buf, IMPAIRMENT_TEXT, "%" PRIu64 "%s", value / (uint64_t)u->factor, u->name);
	}
	return buf;
}

static int not_valid(const struct impairment_word *w, const char *text, struct err *e)
{
	static const char *const hints[] = {
		[UNIT_RATE] = "a rate such as 10mbit, up to 17gbit",
		[UNIT_TIME] = "a time with its unit such as 20ms, up to 200s, of jitter 2.147484s",
		[UNIT_SHARE] = "0% to 100%",
		[UNIT_COUNT] = "a whole number of up to 18 digits",
		[UNIT_NAME] = "uniform, normal, pareto or paretonormal",
	};

	if (w->unit == UNIT_COUNT && w->max < INT64_MAX)
		return err_set(e, ERR_USAGE, 0, "%s %.40s: not valid (a whole number up to %" PRIu64 ")", w->name,
			       text, w->max);
	return err_set(e, ERR_USAGE, 0, "%s %.40s: not valid (%s)", w->name, text, hints[w->unit]);
}

int impairments_of_call(struct impairment_change *change, const struct call *c, struct err *e)
{
	*change = (struct impairment_change){0};
	for (int i = 0; i < IMP_COUNT; i++) {
		const struct impairment_word *w = &impairment_words[i];
		const char *text = call_get(c, w->name);
		bool none = text && !strcmp(text, "none");
		uint64_t value = 0;

		if (!text)
			continue;
		if (!none && !impairment_parse(w, text, &value))
			return not_valid(w, text, e);
		change->given |= 1u << i;
		impairments_set(&change->to, (enum impairment)i, value, none);
	}
	return 0;
}

void impairments_text(const struct value *d, struct buf *line)
{
	for (int i = 0; i < IMP_COUNT; i++) {
		const struct impairment_word *w = &impairment_words[i];
		char text[IMPAIRMENT_TEXT];

		if (value_get(d, w->name))
			buf_addf(line, "%s%s %s", line->len ? " " : "", w->name,
				 impairment_text(w, (uint64_t)value_num(d, w->name, 0), text));
	}
}

void impairments_name_units(const struct value *list, struct value_pool *pool)
{
	for (size_t i = 0; i < value_len(list); i++) {
		const struct value *d = value_get(value_at(list, i), "impairments");

		for (int k = 0; k < IMP_COUNT; k++) {
			const struct impairment_word *w = &impairment_words[k];
			const struct value *v = value_get(d, w->name);
			char text[IMPAIRMENT_TEXT];

			if (!v || v->type != V_INT || w->unit == UNIT_COUNT)
				continue;
			impairment_text(w, (uint64_t)v->num, text);
			value_set(pool, (struct value *)(uintptr_t)d, w->name, value_cstr(pool, text));
		}
	}
}
