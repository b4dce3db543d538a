/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The restricted reader of pickles: see pickle.h. The opcodes and the machine that runs them; it
 * builds plain data only, and must not know what the data means, or run anything.
 */
#include "wire/pickle.h"

#include <stdlib.h>

#include "wire/unpickle.h"
#include "wire/unpickle_text.h"

#define MAX_MEMO (1 << 20)
#define MAX_COPIES ((size_t)1 << 20)

/* Text of protocol 0 */

static int push_text(struct reader *r)
{
	if (r->text.failed)
		return err_nomem(r->e);
	return reader_push_scalar(r, value_str(r->pool, r->text.data, r->text.len));
}

static int op_string(struct reader *r, unsigned int arg)
{
	size_t len;
	const char *p = reader_take_line(r, &len);

	(void)arg;
	if (!p)
		return -1;
	if (len < 2 || (*p != '\'' && *p != '"') || p[len - 1] != *p)
		return reader_bad(r, "a string without quotes");
	r->text.len = 0;
	if (!unescape_str(&r->text, p + 1, p + len - 1))
		return reader_bad(r, "a broken escape");
	return push_text(r);
}

static int op_unicode(struct reader *r, unsigned int arg)
{
	size_t len;
	const char *p = reader_take_line(r, &len);

	(void)arg;
	if (!p)
		return -1;
	r->text.len = 0;
	if (!unescape_unicode(&r->text, p, p + len))
		return reader_bad(r, "a broken escape");
	return push_text(r);
}

/* Scalars */

static int op_proto(struct reader *r, unsigned int arg)
{
	uint32_t version;

	(void)arg;
	if (reader_take_le(r, 1, &version))
		return -1;
	return version > 2 ? reader_bad(r, "a protocol later than 2") : 0;
}

static int op_none(struct reader *r, unsigned int arg)
{
	(void)arg;
	return reader_push_scalar(r, value_new(r->pool, V_NONE));
}

static int op_bool(struct reader *r, unsigned int arg)
{
	return reader_push_scalar(r, value_bool(r->pool, arg));
}

static int op_int_text(struct reader *r, unsigned int arg)
{
	size_t len;
	const char *p = reader_take_line(r, &len);
	int64_t num;

	if (!p)
		return -1;
	if (arg == 'I' && len == 2 && p[0] == '0' && (p[1] == '0' || p[1] == '1'))
		return op_bool(r, p[1] == '1');
	if (arg == 'L' && len && p[len - 1] == 'L')
		len--;
	if (reader_parse_int(r, p, len, &num))
		return -1;
	return reader_push_scalar(r, value_int(r->pool, num));
}

static int op_int(struct reader *r, unsigned int width)
{
	uint32_t num;

	if (reader_take_le(r, width, &num))
		return -1;
	return reader_push_scalar(r, value_int(r->pool, width == 4 ? (int32_t)num : (int64_t)num));
}

static int op_long(struct reader *r, unsigned int width)
{
	const unsigned char *p;
	uint64_t num = 0;
	uint32_t len;

	if (reader_take_le(r, width, &len))
		return -1;
	p = reader_take(r, len);
	if (!p)
		return -1;
	if (len > 8)
		return reader_bad(r, "not an integer of 64 bits");
	if (len && p[len - 1] & 0x80)
		num = UINT64_MAX;
	while (len)
		num = num << 8 | p[--len];
	return reader_push_scalar(r, value_int(r->pool, (int64_t)num));
}

/* Unicode too: its UTF-8 is taken as it is, since a str may be any bytes anyway. */
static int op_bytes(struct reader *r, unsigned int width)
{
	const unsigned char *p;
	uint32_t len;

	if (reader_take_le(r, width, &len))
		return -1;
	p = reader_take(r, len);
	return p ? reader_push_scalar(r, value_str(r->pool, (const char *)p, len)) : -1;
}

/* Containers */

static int op_empty(struct reader *r, unsigned int type)
{
	return reader_make(r, (enum value_type)type, r->count);
}

static int op_collect(struct reader *r, unsigned int type)
{
	size_t from = 0;

	if (reader_pop_mark(r, &from))
		return -1;
	if (type == V_TUPLE)
		return reader_make_tuple(r, from);
	return reader_make(r, (enum value_type)type, from);
}

static int op_tuple(struct reader *r, unsigned int n)
{
	return reader_need(r, n) ? -1 : reader_make_tuple(r, r->count - n);
}

static int op_add(struct reader *r, unsigned int type)
{
	size_t n = type == V_DICT ? 2 : 1;

	return reader_need(r, n) ? -1 : reader_extend(r, type, r->count - n);
}

static int op_add_all(struct reader *r, unsigned int type)
{
	size_t from = 0;

	return reader_pop_mark(r, &from) ? -1 : reader_extend(r, type, from);
}

/* Stack and memo */

static int op_mark(struct reader *r, unsigned int arg)
{
	(void)arg;
	return reader_mark(r);
}

static int op_pop(struct reader *r, unsigned int arg)
{
	(void)arg;
	return reader_pop(r);
}

static int op_pop_mark(struct reader *r, unsigned int arg)
{
	(void)arg;
	return reader_pop_mark(r, &r->count);
}

static int op_dup(struct reader *r, unsigned int arg)
{
	(void)arg;
	return reader_dup(r);
}

/* width 0: as text */
static int take_index(struct reader *r, unsigned int width, size_t *index)
{
	int64_t num = 0;
	uint32_t le = 0;
	const char *p;
	size_t len;

	if (width && reader_take_le(r, width, &le))
		return -1;
	if (!width) {
		p = reader_take_line(r, &len);
		if (!p || reader_parse_int(r, p, len, &num))
			return -1;
	}
	num += le;
	if (num < 0 || num >= MAX_MEMO)
		return reader_bad(r, "a memo index out of range");
	*index = (size_t)num;
	return 0;
}

static int op_put(struct reader *r, unsigned int width)
{
	size_t i = 0;

	return take_index(r, width, &i) ? -1 : reader_put(r, i);
}

static int op_get(struct reader *r, unsigned int width)
{
	size_t i = 0;

	return take_index(r, width, &i) ? -1 : reader_get(r, i);
}

/* A row without a function is an opcode that is not accepted; STOP is not among them. */
static const struct {
	int (*run)(struct reader *r, unsigned int arg);
	unsigned int arg;
} opcodes[256] = {
	['('] = { op_mark, 0 },		   ['0'] = { op_pop, 0 },
	['1'] = { op_pop_mark, 0 },	   ['2'] = { op_dup, 0 },
	['I'] = { op_int_text, 'I' },	   ['L'] = { op_int_text, 'L' },
	['K'] = { op_int, 1 },		   ['M'] = { op_int, 2 },
	['J'] = { op_int, 4 },		   [0x8a] = { op_long, 1 },
	[0x8b] = { op_long, 4 },	   ['N'] = { op_none, 0 },
	[0x88] = { op_bool, 1 },	   [0x89] = { op_bool, 0 },
	['S'] = { op_string, 0 },	   ['V'] = { op_unicode, 0 },
	['U'] = { op_bytes, 1 },	   ['T'] = { op_bytes, 4 },
	['X'] = { op_bytes, 4 },	   [']'] = { op_empty, V_LIST },
	['}'] = { op_empty, V_DICT },	   [')'] = { op_tuple, 0 },
	[0x85] = { op_tuple, 1 },	   [0x86] = { op_tuple, 2 },
	[0x87] = { op_tuple, 3 },	   ['t'] = { op_collect, V_TUPLE },
	['l'] = { op_collect, V_LIST },	   ['d'] = { op_collect, V_DICT },
	['a'] = { op_add, V_LIST },	   ['s'] = { op_add, V_DICT },
	['e'] = { op_add_all, V_LIST },	   ['u'] = { op_add_all, V_DICT },
	['g'] = { op_get, 0 },		   ['h'] = { op_get, 1 },
	['j'] = { op_get, 4 },		   ['p'] = { op_put, 0 },
	['q'] = { op_put, 1 },		   ['r'] = { op_put, 4 },
	['c'] = { reader_op_global, 0 },	   ['R'] = { reader_op_call, 0 },
	[0x81] = { reader_op_call, 0 },	   ['b'] = { reader_op_build, 0 },
	[0x80] = { op_proto, 0 },
};

static int run(struct reader *r)
{
	while (r->at < r->end) {
		unsigned char code = *r->at++;

		if (code == '.')
			return r->at < r->end ? reader_bad(r, "bytes behind the end") : 0;
		if (!opcodes[code].run)
			return err_set(r->e, ERR_PEER, 0, "pickle: opcode 0x%02x is not accepted",
				       code);
		if (opcodes[code].run(r, opcodes[code].arg))
			return -1;
	}
	return reader_bad(r, "it has no end");
}

const struct value *pickle_read(struct value_pool *pool, const void *data, size_t len,
				struct err *e)
{
	struct reader r = {
		.at = data,
		.end = len ? (const unsigned char *)data + len : data,
		.pool = pool,
		.e = e,
		.copies = MAX_COPIES,
	};
	const struct value *v = NULL;
	struct slot top;

	if (!run(&r)) {
		top = r.count ? *r.stack : (struct slot){0};
		if (r.count == 1 && !r.nmarks && top.kind == VALUE)
			v = top.v;
		else
			reader_bad(&r, "not one value at its end");
	}
	free(r.stack);
	free(r.memo);
	free(r.marks);
	buf_free(&r.text);
	return v;
}
