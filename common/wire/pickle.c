/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The writer of pickles: see pickle.h. Protocol 2 without a memo, of opcodes which cPickle 2.7
 * and every later pickle module load. It knows nothing of what the data means.
 */
#include "wire/pickle.h"

#include <string.h>

/* The reader's limit; a deeper tree could only have been built by a mistake of ours. */
#define MAX_LEVELS 64

/* As many items as cPickle puts between a mark and APPENDS or SETITEMS; even, for pairs. */
#define BATCH 1000

static void put_le(struct buf *b, uint64_t num, int width)
{
	for (int i = 0; i < width; i++)
		buf_addc(b, (char)(unsigned char)(num >> 8 * i));
}

void pickle_start(struct buf *b)
{
	buf_add(b, "\x80\x02", 2);
}

void pickle_stop(struct buf *b)
{
	buf_addc(b, '.');
}

void pickle_none(struct buf *b)
{
	buf_addc(b, 'N');
}

void pickle_bool(struct buf *b, int yes)
{
	buf_addc(b, yes ? '\x88' : '\x89');
}

static void put_long(struct buf *b, int64_t num)
{
	int width = 5;

	while (width < 8 && num >> (8 * width - 1) != 0 && num >> (8 * width - 1) != -1)
		width++;
	buf_addc(b, '\x8a');
	buf_addc(b, (char)width);
	put_le(b, (uint64_t)num, width);
}

void pickle_int(struct buf *b, int64_t num)
{
	if (num >= 0 && num <= 0xff) {
		buf_addc(b, 'K');
		put_le(b, (uint64_t)num, 1);
	} else if (num >= 0 && num <= 0xffff) {
		buf_addc(b, 'M');
		put_le(b, (uint64_t)num, 2);
	} else if (num >= INT32_MIN && num <= INT32_MAX) {
		buf_addc(b, 'J');
		put_le(b, (uint64_t)num, 4);
	} else {
		put_long(b, num);
	}
}

void pickle_bytes(struct buf *b, const void *data, size_t len)
{
	if (len > INT32_MAX) {
		b->failed = true;
		return;
	}
	buf_addc(b, len <= 0xff ? 'U' : 'T');
	put_le(b, len, len <= 0xff ? 1 : 4);
	buf_add(b, data, len);
}

void pickle_str(struct buf *b, const char *s)
{
	if (s)
		pickle_bytes(b, s, strlen(s));
	else
		pickle_none(b);
}

void pickle_list(struct buf *b)
{
	buf_adds(b, "](");
}

void pickle_list_end(struct buf *b)
{
	buf_addc(b, 'e');
}

void pickle_dict(struct buf *b)
{
	buf_adds(b, "}(");
}

void pickle_dict_end(struct buf *b)
{
	buf_addc(b, 'u');
}

void pickle_set_str(struct buf *b, const char *key, const char *value)
{
	pickle_str(b, key);
	pickle_str(b, value);
}

void pickle_set_int(struct buf *b, const char *key, int64_t value)
{
	pickle_str(b, key);
	pickle_int(b, value);
}

void pickle_set_bool(struct buf *b, const char *key, bool value)
{
	pickle_str(b, key);
	pickle_bool(b, value);
}

void pickle_object(struct buf *b, const char *module, const char *name)
{
	buf_addc(b, 'c');
	buf_adds(b, module);
	buf_addc(b, '\n');
	buf_adds(b, name);
	buf_adds(b, "\n)\x81");
	pickle_dict(b);
}

void pickle_object_end(struct buf *b)
{
	pickle_dict_end(b);
	buf_addc(b, 'b');
}

void pickle_exception(struct buf *b, const char *name)
{
	buf_addf(b, "cexceptions\n%s\n(", name);
}

void pickle_exception_state(struct buf *b)
{
	buf_adds(b, "tR");
	pickle_dict(b);
}

static void put_tree(struct buf *b, const struct value *v, int levels);

static void put_items(struct buf *b, const struct value *v, int levels)
{
	const char *add = v->type == V_LIST ? "e" : "u";

	if (levels == MAX_LEVELS) {
		b->failed = true;
		return;
	}
	buf_adds(b, v->type == V_TUPLE ? "(" : v->type == V_LIST ? "](" : "}(");
	for (size_t i = 0; i < v->count; i++) {
		if (i && i % BATCH == 0 && v->type != V_TUPLE)
			buf_addf(b, "%s(", add);
		put_tree(b, v->items[i], levels + 1);
	}
	buf_adds(b, v->type == V_TUPLE ? "t" : add);
}

static void put_tree(struct buf *b, const struct value *v, int levels)
{
	switch (v ? v->type : V_NONE) {
	case V_NONE:
	case V_OBJECT:
		pickle_none(b);
		break;
	case V_BOOL:
		pickle_bool(b, v->num != 0);
		break;
	case V_INT:
		pickle_int(b, v->num);
		break;
	case V_STR:
		pickle_bytes(b, v->str, v->len);
		break;
	case V_LIST:
	case V_TUPLE:
	case V_DICT:
		put_items(b, v, levels);
		break;
	}
}

void pickle_value(struct buf *b, const struct value *v)
{
	put_tree(b, v, 0);
}
