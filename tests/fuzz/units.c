/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes impairments and their units, and the values of interfaces' kinds: what was read and printed
 * reads as the same. The first bytes are a number, the rest are words, a line each. */
#include "base/cleanup.h"
#include "base/num.h"
#include "fuzz.h"
#include "kernel/kind.h"
#include "ui/impair.h"

static void try_text(const struct impairment_word *w, const char *text)
{
	uint64_t value, again;
	char back[IMPAIRMENT_TEXT];

	if (!impairment_parse(w, text, &value))
		return;
	MUST(value <= w->max);
	impairment_text(w, value, back);
	MUST(impairment_parse(w, back, &again) && again == value);
}

static void try_value(const struct impairment_word *w, uint64_t value)
{
	uint64_t again;
	char text[IMPAIRMENT_TEXT];

	impairment_text(w, value, text); /* a server may say anything */
	if (value > w->max)
		value %= w->max;
	impairment_text(w, value, text);
	MUST(strlen(text) < IMPAIRMENT_TEXT - 1);
	/* A seed may have 19 digits, of which 18 can be typed. */
	if (w->unit != UNIT_COUNT || value < 1000000000000000000)
		MUST(impairment_parse(w, text, &again) && again == value);
}

/* Sets, prunes, checks: what is left makes sense. */
static void try_together(uint64_t number)
{
	struct impairments i = {0};
	struct err e = ERR_INIT;

	for (int what = 0; what < IMP_COUNT; what++)
		impairments_set(&i, (enum impairment)what, number >> what & 3, number >> (what + 32) & 1);
	impairments_prune(&i, 0);
	MUST(!impairments_check(&i, ERR_VALUE, &e));
}

static void try_kinds(char **words)
{
	static const char *const kinds[] = { "vlan", "bridge", "vxlan", "vrf", "bond", "macvlan",
					     "ipvlan", "gre", "tun", "tap", "wireguard", "" };
	struct err e = ERR_INIT;

	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
		struct kind_values wanted = {0}, now = {0}, former;

		for (char **w = words; w[0] && w[1]; w += 2) {
			if (kind_parse(&wanted, kinds[k], w[0], w[1], &e))
				MUST(e.kind != ERR_NONE && !strchr(e.text, '\n'));
			if (kind_parse(&now, kinds[k], w[0], "1", &e))
				continue;
		}
		MUST(wanted.n <= KIND_VALUES_MAX && now.n <= KIND_VALUES_MAX);
		former = kind_former(&wanted, &now);
		MUST(former.n <= wanted.n);
		kind_difference(&wanted, &now);
	}
}

static void try_dict(char **words, uint64_t number)
{
	own(value_pool) struct value_pool pool = {0};
	own(buf) struct buf line = {0};
	struct value *list = value_new(&pool, V_LIST), *entry = value_new(&pool, V_DICT),
		     *dict = value_new(&pool, V_DICT);

	for (char **w = words; *w; w++)
		value_set(&pool, dict, *w,
			  **w == 'x' ? value_cstr(&pool, *w) : value_int(&pool, (int64_t)number));
	value_set(&pool, entry, "impairments", dict);
	value_append(&pool, list, entry);
	impairments_text(dict, &line);
	impairments_name_units(list, &pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	char *words[32], *copy;
	uint64_t number = 0;
	int64_t ms;

	for (int i = 0; i < 8; i++)
		number = number << 8 | take_byte(&in);
	copy = take_words(&in, words, 32);
	for (int what = 0; what < IMP_COUNT; what++) {
		const struct impairment_word *w = &impairment_words[what];

		MUST(impairment_find(w->name) == (enum impairment)what);
		try_value(w, number);
		try_value(w, number >> 32);
		for (char **text = words; *text; text++)
			try_text(w, *text);
	}
	for (char **text = words; *text; text++)
		if (num_parse_ms(*text, &ms))
			MUST(ms >= 0);
	try_together(number);
	try_kinds(words);
	try_dict(words, number);
	free(copy);
	return 0;
}
