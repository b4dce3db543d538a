/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plain data: see value.h. Nothing is freed before the pool is, so it hands out memory from
 * chunks, and freeing needs no walk over the tree.
 */
#include "base/value.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT ((size_t)256 << 20)
#define ALIGN 8

#ifndef __has_feature
#define __has_feature(x) 0
#endif

/* The address sanitizer sees overruns only between allocations of malloc. */
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define CHUNK ((size_t)0)
#else
#define CHUNK ((size_t)16 << 10)
#endif
#define FIRST_CHUNK (CHUNK / 8) /* enough for most */

struct value_chunk {
	struct value_chunk *next;
	size_t used, size;
	_Alignas(ALIGN) char data[];
};

static struct value_chunk *chunk_add(struct value_pool *p, size_t len)
{
	size_t least = p->chunks ? CHUNK : FIRST_CHUNK, size = len > least ? len : least;
	struct value_chunk *c = malloc(sizeof(*c) + size);

	if (!c)
		return NULL;
	c->next = p->chunks;
	c->used = 0;
	c->size = size;
	p->chunks = c;
	return c;
}

static void *pool_take(struct value_pool *p, size_t len)
{
	struct value_chunk *c = p->chunks;
	void *taken;

	if (len > LIMIT)
		return NULL;
	len = (len + ALIGN - 1) / ALIGN * ALIGN;
	if (len > LIMIT - p->used)
		return NULL;
	if (!c || len > c->size - c->used)
		c = chunk_add(p, len);
	if (!c)
		return NULL;
	taken = c->data + c->used;
	c->used += len;
	p->used += len;
	return taken;
}

void value_pool_free(struct value_pool *p)
{
	struct value_chunk *next;

	for (struct value_chunk *c = p->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	*p = (struct value_pool){0};
}

struct value *value_new(struct value_pool *p, enum value_type type)
{
	struct value *v = pool_take(p, sizeof(*v));

	if (!v)
		return NULL;
	memset(v, 0, sizeof(*v));
	v->type = type;
	if (type == V_STR)
		v->str = "";
	if (type == V_OBJECT) {
		v->args = value_new(p, V_TUPLE);
		return v->args ? v : NULL;
	}
	return v;
}

struct value *value_str(struct value_pool *p, const char *s, size_t len)
{
	struct value *v = value_new(p, V_STR);
	char *copy = len < LIMIT ? pool_take(p, len + 1) : NULL;

	if (!v || !copy)
		return NULL;
	if (len)
		memcpy(copy, s, len);
	copy[len] = '\0';
	v->str = copy;
	v->len = len;
	return v;
}

struct value *value_cstr(struct value_pool *p, const char *s)
{
	return s ? value_str(p, s, strlen(s)) : value_new(p, V_NONE);
}

struct value *value_int(struct value_pool *p, int64_t num)
{
	struct value *v = value_new(p, V_INT);

	if (v)
		v->num = num;
	return v;
}

struct value *value_bool(struct value_pool *p, bool b)
{
	struct value *v = value_new(p, V_BOOL);

	if (v)
		v->num = b;
	return v;
}

static bool has_items(const struct value *v)
{
	return v && (v->type == V_LIST || v->type == V_TUPLE || v->type == V_DICT);
}

/* A dict is taken as well: the reader of pickles appends keys and values in turn, because
 * looking for an equal key each time would cost a hostile peer nothing and us the square. */
bool value_append(struct value_pool *p, struct value *list, struct value *item)
{
	struct value **items;
	size_t room;

	if (!has_items(list) || !item)
		return false;
	if (list->count == list->room) {
		room = list->room ? list->room * 2 : 4;
		items = pool_take(p, room * sizeof(*items));
		if (!items)
			return false;
		if (list->count)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
		list->room = room;
	}
	list->items[list->count++] = item;
	return true;
}

static bool same_key(const struct value *a, const struct value *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == V_INT)
		return a->num == b->num;
	return a->type == V_STR && a->len == b->len && !memcmp(a->str, b->str, a->len);
}

/* The last match counts, as in Python, where a later pair replaces an earlier one. */
static struct value **find(const struct value *dict, const struct value *key)
{
	for (size_t i = dict->count; i >= 2; i -= 2)
		if (same_key(dict->items[i - 2], key))
			return &dict->items[i - 1];
	return NULL;
}

bool value_put(struct value_pool *p, struct value *dict, struct value *key, struct value *item)
{
	struct value **old;

	if (!dict || dict->type != V_DICT || !key || !item)
		return false;
	old = find(dict, key);
	if (old) {
		*old = item;
		return true;
	}
	if (!value_append(p, dict, key))
		return false;
	if (!value_append(p, dict, item)) {
		dict->count--;
		return false;
	}
	return true;
}

bool value_set(struct value_pool *p, struct value *dict, const char *key, struct value *item)
{
	return value_put(p, dict, value_cstr(p, key), item);
}

void value_drop(struct value *dict, const char *key)
{
	for (size_t i = 0; dict->type == V_DICT && i + 1 < dict->count; i += 2) {
		if (dict->items[i]->type != V_STR || strcmp(dict->items[i]->str, key))
			continue;
		memmove(&dict->items[i], &dict->items[i + 2],
			(dict->count - i - 2) * sizeof(struct value *));
		dict->count -= 2;
		return;
	}
}

const struct value *value_get(const struct value *dict, const char *key)
{
	struct value wanted = { .type = V_STR };
	struct value **found;

	if (!dict || dict->type != V_DICT || !key)
		return NULL;
	wanted.str = key;
	wanted.len = strlen(key);
	found = find(dict, &wanted);
	return found ? *found : NULL;
}

const struct value *value_at(const struct value *list, size_t i)
{
	if (i >= value_len(list))
		return NULL;
	return list->items[list->type == V_DICT ? i * 2 + 1 : i];
}

const char *value_key(const struct value *dict, size_t i)
{
	const struct value *key;

	if (!dict || dict->type != V_DICT || i >= value_len(dict))
		return "";
	key = dict->items[i * 2];
	return key->type == V_STR ? key->str : "";
}

const char *value_text(const struct value *dict, const char *key, const char *dflt)
{
	const struct value *v = value_get(dict, key);

	return v && v->type == V_STR ? v->str : dflt;
}

bool value_has(const struct value *dict, const char *key, const char *text)
{
	const struct value *list = value_get(dict, key);

	for (size_t i = 0; i < value_len(list); i++)
		if (value_at(list, i)->type == V_STR && !strcmp(value_at(list, i)->str, text))
			return true;
	return false;
}

bool value_is_plain(const struct value *v)
{
	for (size_t i = 0; i < value_len(v); i++)
		if ((v->type == V_DICT && v->items[i * 2]->type != V_STR) || !value_is_plain(value_at(v, i)))
			return false;
	return v && v->type != V_OBJECT;
}

int64_t value_num(const struct value *dict, const char *key, int64_t dflt)
{
	const struct value *v = value_get(dict, key);

	return v && (v->type == V_INT || v->type == V_BOOL) ? v->num : dflt;
}

size_t value_len(const struct value *list)
{
	if (!has_items(list))
		return 0;
	return list->type == V_DICT ? list->count / 2 : list->count;
}
