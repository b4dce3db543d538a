/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes pickle_read; plain data that was read has to survive a round trip through the writer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "wire/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct value *a, const struct value *b)
{
	bool equal = a->type == b->type;

	if (!equal || a->type == V_NONE)
		return equal;
	if (a->type == V_BOOL || a->type == V_INT)
		return a->num == b->num;
	if (a->type == V_STR)
		return a->len == b->len && !memcmp(a->str, b->str, a->len) && !a->str[a->len];
	equal = a->count == b->count;
	for (size_t i = 0; equal && i < a->count; i++)
		equal = same(a->items[i], b->items[i]);
	return equal;
}

static bool has_object(const struct value *v)
{
	bool found = v->type == V_OBJECT;

	for (size_t i = 0; v->type >= V_LIST && v->type <= V_DICT && i < v->count && !found; i++)
		found = has_object(v->items[i]);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own(value_pool) struct value_pool pool = {0};
	own(buf) struct buf b = {0};
	struct err e = ERR_INIT;
	const struct value *first = pickle_read(&pool, data, size, &e), *second;

	if (!first || has_object(first))
		return 0;
	pickle_start(&b);
	pickle_value(&b, first);
	pickle_stop(&b);
	second = pickle_read(&pool, b.data, b.len, &e);
	if (b.failed || !second || !same(first, second))
		abort();
	return 0;
}
