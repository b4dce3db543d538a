/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plain data as it comes out of a pickle (wire.md section 5): a tree of values. The tree and
 * all its bytes belong to the struct value_pool it was made in and live until value_pool_free.
 */
#ifndef BASE_VALUE_H
#define BASE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_type { V_NONE, V_BOOL, V_INT, V_STR, V_LIST, V_TUPLE, V_DICT, V_OBJECT };

struct value {
	enum value_type type;
	union {
		int64_t num; /* V_BOOL, V_INT */
		struct {     /* V_STR: bytes, with a NUL behind them; may hold NULs */
			const char *str;
			size_t len;
		};
		struct {		/* V_LIST, V_TUPLE: the items; V_DICT: key, value, key, ... */
			struct value **items;
			size_t count; /* of items: for a dict twice the number of pairs */
			size_t room;
		};
		struct { /* V_OBJECT */
			const char *class; /* one of the reader's own table: "interface", "OSError" ... */
			struct value *args;  /* V_TUPLE; never NULL */
			struct value *state; /* V_DICT, or NULL */
		};
	};
};

struct value_chunk;
struct value_pool {
	struct value_chunk *chunks;
	size_t used; /* bytes handed out */
};

/* All of these return NULL without memory (or past the pool's limit of 256 MiB). */
struct value *value_new(struct value_pool *p, enum value_type type);
struct value *value_str(struct value_pool *p, const char *s, size_t len);
struct value *value_cstr(struct value_pool *p, const char *s); /* NULL becomes V_NONE */
struct value *value_int(struct value_pool *p, int64_t num);
struct value *value_bool(struct value_pool *p, bool b);

/* Appends to a list or tuple. To a dict too, for the reader of pickles: a key, then its value; no
 * equal key is looked for. false: no memory (also when item is NULL). */
bool value_append(struct value_pool *p, struct value *list, struct value *item);
/* Adds a pair to a dict; an equal string or int key is replaced. false as above. */
bool value_put(struct value_pool *p, struct value *dict, struct value *key, struct value *item);
bool value_set(struct value_pool *p, struct value *dict, const char *key, struct value *item);

/* Look-ups: any argument may be NULL or of another type; then the answer is NULL or the default. */
const struct value *value_get(const struct value *dict, const char *key);
/* Takes a pair out, if it is there. */
void value_drop(struct value *dict, const char *key);
/* Items of a list or tuple, pairs of a dict; one of them, of a pair its value: never NULL below that. */
size_t value_len(const struct value *list);
const struct value *value_at(const struct value *list, size_t i);
/* The key of a pair of a dict; "" for one that is no text. */
const char *value_key(const struct value *dict, size_t i);
const char *value_text(const struct value *dict, const char *key, const char *dflt);
int64_t value_num(const struct value *dict, const char *key, int64_t dflt);
/* Is the text in the list that stands under key? */
bool value_has(const struct value *dict, const char *key, const char *text);
/* No objects are in it, and all keys of dicts are texts. */
bool value_is_plain(const struct value *v);

void value_pool_free(struct value_pool *p);

static inline void own_value_pool(struct value_pool *p)
{
	value_pool_free(p);
}

#endif
