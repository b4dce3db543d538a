/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The restricted reader of pickles: see pickle.h. A stack machine which builds plain data, and
 * to which a class is a row of a table: it must not know what the data means, or run anything.
 *
 * Only what is on the stack can be changed, and it is owned by its one place there: a container
 * comes out of the memo as a copy. So once attached to another a container is out of reach: no
 * cycle can be made, and the height kept beside each entry of the stack stays true.
 */
#include "wire/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"

#define MAX_LEVELS 64
#define MAX_STACK ((size_t)1 << 22)
#define MAX_MEMO (1 << 20)
#define MAX_COPIES ((size_t)1 << 20)

enum kind {
	VALUE,
	DATA_CLASS,
	EXCEPTION,
	/* Protocols 0 and 1 make an object by _reconstructor(class, object, None). */
	RECONSTRUCTOR,
	BASE,	    /* that object */
	RECON_ARGS, /* that tuple */
};

struct slot {
	struct value *v;   /* VALUE */
	const char *class; /* the other kinds */
	uint32_t memo;	   /* 1 + index of its last PUT; 0: none */
	uint8_t height;	   /* levels of v: 0 for a scalar */
	uint8_t kind;
};

struct memo {
	struct slot slot;
	bool used, copied;
};

struct reader {
	const unsigned char *at, *end;
	struct value_pool *pool;
	struct err *e;
	struct slot *stack;
	struct memo *memo;
	size_t *marks; /* each the height of the stack when it was set */
	size_t count, room, nmarks, marks_room, memo_room;
	size_t copies; /* nodes that may still be copied */
	struct buf text;
};

static const char *const data_classes[] = { "interface", "ipv4address", "ipv6address", "route",
					    NULL };
static const char *const reconstructors[] = { "_reconstructor", NULL };
static const char *const bases[] = { "object", NULL };
static const char *const exceptions[] = {
	"ArithmeticError", "AssertionError", "AttributeError", "BaseException", "BufferError",
	"BytesWarning", "DeprecationWarning", "EOFError", "EnvironmentError", "Exception",
	"FloatingPointError", "FutureWarning", "GeneratorExit", "IOError", "ImportError",
	"ImportWarning", "IndentationError", "IndexError", "KeyError", "KeyboardInterrupt",
	"LookupError", "MemoryError", "NameError", "NotImplementedError", "OSError",
	"OverflowError", "PendingDeprecationWarning", "ReferenceError", "RuntimeError",
	"RuntimeWarning", "StandardError", "StopIteration", "SyntaxError", "SyntaxWarning",
	"SystemError", "SystemExit", "TabError", "TypeError", "UnboundLocalError",
	"UnicodeDecodeError", "UnicodeEncodeError", "UnicodeError", "UnicodeTranslateError",
	"UnicodeWarning", "UserWarning", "ValueError", "Warning", "ZeroDivisionError", NULL
};

static const struct {
	const char *module;
	enum kind kind;
	const char *const *names;
} modules[] = {
	{ "nemu.iproute", DATA_CLASS, data_classes },
	{ "exceptions", EXCEPTION, exceptions },
	{ "builtins", EXCEPTION, exceptions },
	{ "builtins", BASE, bases },
	{ "__builtin__", BASE, bases },
	{ "copy_reg", RECONSTRUCTOR, reconstructors },
	{ "copyreg", RECONSTRUCTOR, reconstructors },
};

static int bad(struct reader *r, const char *why)
{
	return err_set(r->e, ERR_PEER, 0, "pickle: %s", why);
}

/* Makes room for want entries and zeroes the new ones. NULL: no memory, old is as it was. */
static void *grown(void *old, size_t *room, size_t want, size_t size)
{
	size_t to = *room ? *room : 32;
	char *p;

	while (to < want)
		to *= 2;
	p = reallocarray(old, to, size);
	if (!p)
		return NULL;
	memset(p + *room * size, 0, (to - *room) * size);
	*room = to;
	return p;
}

/* Input */

static const unsigned char *take(struct reader *r, size_t len)
{
	const unsigned char *p = r->at;

	if ((size_t)(r->end - p) < len) {
		bad(r, "a size runs past the end");
		return NULL;
	}
	r->at += len;
	return p;
}

static int take_le(struct reader *r, unsigned int width, uint32_t *num)
{
	const unsigned char *p = take(r, width);

	*num = 0;
	for (unsigned int i = 0; p && i < width; i++)
		*num |= (uint32_t)p[i] << 8 * i;
	return p ? 0 : -1;
}

static const char *take_line(struct reader *r, size_t *len)
{
	size_t left = (size_t)(r->end - r->at);
	const unsigned char *start = r->at, *end = left ? memchr(start, '\n', left) : NULL;

	if (!end) {
		bad(r, "a line runs past the end");
		return NULL;
	}
	*len = (size_t)(end - start);
	r->at = end + 1;
	return (const char *)start;
}

static int parse_int(struct reader *r, const char *line, size_t len, int64_t *num)
{
	char text[32];

	if (len < sizeof(text) && !memchr(line, '\0', len)) {
		memcpy(text, line, len);
		text[len] = '\0';
		if (num_parse(text, INT64_MIN, INT64_MAX, num))
			return 0;
	}
	return bad(r, "not an integer of 64 bits");
}

/* Stack */

static size_t bottom(const struct reader *r)
{
	return r->nmarks ? r->marks[r->nmarks - 1] : 0;
}

static int need(struct reader *r, size_t n)
{
	return r->count - bottom(r) < n ? bad(r, "stack underflow") : 0;
}

static int push(struct reader *r, const struct slot *s)
{
	struct slot *stack = r->stack;

	if (r->count == MAX_STACK)
		return bad(r, "stack overflow");
	if (r->count == r->room)
		stack = grown(stack, &r->room, r->count + 1, sizeof(*stack));
	if (!stack)
		return err_nomem(r->e);
	r->stack = stack;
	stack[r->count++] = *s;
	return 0;
}

static int push_scalar(struct reader *r, struct value *v)
{
	struct slot s = { .v = v, .kind = VALUE };

	return v ? push(r, &s) : err_nomem(r->e);
}

static int pop_mark(struct reader *r, size_t *mark)
{
	if (!r->nmarks)
		return bad(r, "no mark");
	*mark = r->marks[--r->nmarks];
	return 0;
}

/* Trees */

static struct value *copy_tree(struct reader *r, struct value *v, unsigned int *height);

static bool copy_items(struct reader *r, struct value *c, const struct value *v,
		       unsigned int *height)
{
	unsigned int h;

	for (size_t i = 0; i < v->count; i++) {
		struct value *item = copy_tree(r, v->items[i], &h);

		if (!item)
			return false;
		if (!value_append(r->pool, c, item)) {
			err_nomem(r->e);
			return false;
		}
		if (h >= *height)
			*height = h + 1;
	}
	return true;
}

static bool copy_object(struct reader *r, struct value *c, const struct value *v,
			unsigned int *height)
{
	unsigned int args, state = 0;

	c->class = v->class;
	c->args = copy_tree(r, v->args, &args);
	c->state = v->state && c->args ? copy_tree(r, v->state, &state) : NULL;
	*height = 1 + (args > state ? args : state);
	return c->args && !c->state == !v->state;
}

/* NULL: with the error set. What cannot change is shared. */
static struct value *copy_tree(struct reader *r, struct value *v, unsigned int *height)
{
	struct value *c;
	size_t cost;
	bool done;

	*height = v->type < V_LIST ? 0 : 1;
	if (v->type < V_LIST)
		return v;
	cost = 1 + (v->type == V_OBJECT ? 0 : v->count);
	if (cost > r->copies) {
		bad(r, "too much is used more than once");
		return NULL;
	}
	r->copies -= cost;
	c = value_new(r->pool, v->type);
	if (!c) {
		err_nomem(r->e);
		return NULL;
	}
	done = v->type == V_OBJECT ? copy_object(r, c, v, height) : copy_items(r, c, v, height);
	return done ? c : NULL;
}

static int push_copy(struct reader *r, const struct slot *original)
{
	struct slot s = *original;
	unsigned int height = 0;

	s.memo = 0;
	if (s.kind == VALUE) {
		s.v = copy_tree(r, s.v, &height);
		if (!s.v)
			return -1;
	}
	s.height = (uint8_t)height;
	return push(r, &s);
}

/* Before child is put into parent. */
static int check_child(struct reader *r, struct slot *parent, const struct slot *child)
{
	if (child->kind != VALUE)
		return err_set(r->e, ERR_PEER, 0, "pickle: class %s is used as data", child->class);
	if (child->height >= MAX_LEVELS)
		return bad(r, "more than 64 levels");
	if (parent->height <= child->height)
		parent->height = (uint8_t)(child->height + 1);
	return 0;
}

/* A copy made while its original was not complete stands for a reference to itself. */
static int check_change(struct reader *r, const struct slot *s)
{
	const struct memo *m = s->memo ? &r->memo[s->memo - 1] : NULL;

	if (m && m->copied && m->slot.v == s->v)
		return bad(r, "a value that contains itself");
	return 0;
}

/* Takes the entries from the one at from off the stack and puts them into parent. */
static int fill(struct reader *r, struct slot *parent, size_t from)
{
	if (parent->v->type == V_DICT && (r->count - from) % 2)
		return bad(r, "a key without a value");
	for (size_t i = from; i < r->count; i++) {
		struct slot *s = &r->stack[i];

		if (check_child(r, parent, s))
			return -1;
		if (!value_append(r->pool, parent->v, s->v))
			return err_nomem(r->e);
	}
	r->count = from;
	return 0;
}

static int make(struct reader *r, enum value_type type, size_t from)
{
	struct slot s = { .v = value_new(r->pool, type), .height = 1, .kind = VALUE };

	if (!s.v)
		return err_nomem(r->e);
	return fill(r, &s, from) ? -1 : push(r, &s);
}

static int make_tuple(struct reader *r, size_t from)
{
	struct slot args = { .kind = RECON_ARGS };
	const struct slot *s;

	if (r->count - from != 3)
		return make(r, V_TUPLE, from);
	s = &r->stack[from];
	if (s[0].kind != DATA_CLASS || s[1].kind != BASE ||
	    s[2].kind != VALUE || s[2].v->type != V_NONE)
		return make(r, V_TUPLE, from);
	args.class = s[0].class;
	r->count = from;
	return push(r, &args);
}

/* Text: escapes of protocol 0 */

static bool hex_digits(const char *p, const char *end, int n, uint32_t *num)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	*num = 0;
	if (end - p < n)
		return false;
	for (int i = 0; i < n; i++) {
		const char *d = p[i] ? strchr(digits, p[i]) : NULL;

		if (!d)
			return false;
		*num = *num << 4 | (uint32_t)(d - digits > 15 ? d - digits - 6 : d - digits);
	}
	return true;
}

/* As Python's string_escape; p is behind the backslash. Returns what follows, NULL: broken. */
static const char *unescape(struct buf *out, const char *p, const char *end)
{
	static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
	const char *plain = p < end ? memchr(from, *p, sizeof(from) - 1) : NULL;
	uint32_t num = 0;

	if (p == end)
		return NULL;
	if (plain) {
		buf_addc(out, to[plain - from]);
		return p + 1;
	}
	if (*p == 'x') {
		if (!hex_digits(p + 1, end, 2, &num))
			return NULL;
		buf_addc(out, (char)(unsigned char)num);
		return p + 3;
	}
	if (*p < '0' || *p > '7') {
		buf_addc(out, '\\');
		return p;
	}
	for (int i = 0; i < 3 && p < end && *p >= '0' && *p <= '7'; i++)
		num = num << 3 | (uint32_t)(*p++ - '0');
	buf_addc(out, (char)(unsigned char)num);
	return p;
}

/* Lone surrogates included: there are strings of Python that hold them. */
static void put_utf8(struct buf *out, uint32_t c)
{
	static const unsigned char lead[] = { 0, 0xc0, 0xe0, 0xf0 };
	int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

	buf_addc(out, (char)(unsigned char)(lead[more] | c >> 6 * more));
	while (more--)
		buf_addc(out, (char)(unsigned char)(0x80 | (c >> 6 * more & 0x3f)));
}

/* As Python's raw-unicode-escape: Latin-1 and \u, \U unless their backslash has another before
 * it that is not itself the second of a pair. */
static bool unescape_unicode(struct buf *out, const char *p, const char *end)
{
	uint32_t c;

	while (p < end) {
		bool pair = *p == '\\' && p + 1 < end && p[1] == '\\';
		int digits = *p != '\\' || p + 1 == end ? 0 : p[1] == 'u' ? 4 : p[1] == 'U' ? 8 : 0;

		if (digits) {
			if (!hex_digits(p + 2, end, digits, &c) || c > 0x10ffff)
				return false;
			put_utf8(out, c);
			p += 2 + digits;
			continue;
		}
		if (pair)
			put_utf8(out, (unsigned char)*p++);
		put_utf8(out, (unsigned char)*p++);
	}
	return true;
}

static int push_text(struct reader *r)
{
	if (r->text.failed)
		return err_nomem(r->e);
	return push_scalar(r, value_str(r->pool, r->text.data, r->text.len));
}

static int op_string(struct reader *r, unsigned int arg)
{
	size_t len;
	const char *p = take_line(r, &len), *end;

	(void)arg;
	if (!p)
		return -1;
	if (len < 2 || (*p != '\'' && *p != '"') || p[len - 1] != *p)
		return bad(r, "a string without quotes");
	end = p + len - 1;
	r->text.len = 0;
	for (p++; p && p < end;) {
		if (*p != '\\')
			buf_addc(&r->text, *p++);
		else
			p = unescape(&r->text, p + 1, end);
	}
	return p ? push_text(r) : bad(r, "a broken escape");
}

static int op_unicode(struct reader *r, unsigned int arg)
{
	size_t len;
	const char *p = take_line(r, &len);

	(void)arg;
	if (!p)
		return -1;
	r->text.len = 0;
	if (!unescape_unicode(&r->text, p, p + len))
		return bad(r, "a broken escape");
	return push_text(r);
}

/* Scalars */

static int op_proto(struct reader *r, unsigned int arg)
{
	uint32_t version;

	(void)arg;
	if (take_le(r, 1, &version))
		return -1;
	return version > 2 ? bad(r, "a protocol later than 2") : 0;
}

static int op_none(struct reader *r, unsigned int arg)
{
	(void)arg;
	return push_scalar(r, value_new(r->pool, V_NONE));
}

static int op_bool(struct reader *r, unsigned int arg)
{
	return push_scalar(r, value_bool(r->pool, arg));
}

static int op_int_text(struct reader *r, unsigned int arg)
{
	size_t len;
	const char *p = take_line(r, &len);
	int64_t num;

	if (!p)
		return -1;
	if (arg == 'I' && len == 2 && p[0] == '0' && (p[1] == '0' || p[1] == '1'))
		return op_bool(r, p[1] == '1');
	if (arg == 'L' && len && p[len - 1] == 'L')
		len--;
	return parse_int(r, p, len, &num) ? -1 : push_scalar(r, value_int(r->pool, num));
}

static int op_int(struct reader *r, unsigned int width)
{
	uint32_t num;

	if (take_le(r, width, &num))
		return -1;
	return push_scalar(r, value_int(r->pool, width == 4 ? (int32_t)num : (int64_t)num));
}

static int op_long(struct reader *r, unsigned int width)
{
	const unsigned char *p;
	uint64_t num = 0;
	uint32_t len;

	if (take_le(r, width, &len))
		return -1;
	p = take(r, len);
	if (!p)
		return -1;
	if (len > 8)
		return bad(r, "not an integer of 64 bits");
	if (len && p[len - 1] & 0x80)
		num = UINT64_MAX;
	while (len)
		num = num << 8 | p[--len];
	return push_scalar(r, value_int(r->pool, (int64_t)num));
}

/* Unicode too: its UTF-8 is taken as it is, since a str may be any bytes anyway. */
static int op_bytes(struct reader *r, unsigned int width)
{
	const unsigned char *p;
	uint32_t len;

	if (take_le(r, width, &len))
		return -1;
	p = take(r, len);
	return p ? push_scalar(r, value_str(r->pool, (const char *)p, len)) : -1;
}

/* Containers */

static int op_empty(struct reader *r, unsigned int type)
{
	return make(r, (enum value_type)type, r->count);
}

static int op_collect(struct reader *r, unsigned int type)
{
	size_t from = 0;

	if (pop_mark(r, &from))
		return -1;
	return type == V_TUPLE ? make_tuple(r, from) : make(r, (enum value_type)type, from);
}

static int op_tuple(struct reader *r, unsigned int n)
{
	return need(r, n) ? -1 : make_tuple(r, r->count - n);
}

static int extend(struct reader *r, unsigned int type, size_t from)
{
	struct slot *parent;

	if (from <= bottom(r))
		return bad(r, "stack underflow");
	parent = &r->stack[from - 1];
	if (parent->kind != VALUE || parent->v->type != type)
		return bad(r, "an item for what cannot hold it");
	return check_change(r, parent) ? -1 : fill(r, parent, from);
}

static int op_add(struct reader *r, unsigned int type)
{
	size_t n = type == V_DICT ? 2 : 1;

	return need(r, n) ? -1 : extend(r, type, r->count - n);
}

static int op_add_all(struct reader *r, unsigned int type)
{
	size_t from = 0;

	return pop_mark(r, &from) ? -1 : extend(r, type, from);
}

/* Stack and memo */

static int op_mark(struct reader *r, unsigned int arg)
{
	size_t *marks = r->marks;

	(void)arg;
	if (r->nmarks == MAX_STACK)
		return bad(r, "stack overflow");
	if (r->nmarks == r->marks_room)
		marks = grown(marks, &r->marks_room, r->nmarks + 1, sizeof(*marks));
	if (!marks)
		return err_nomem(r->e);
	r->marks = marks;
	marks[r->nmarks++] = r->count;
	return 0;
}

static int op_pop(struct reader *r, unsigned int arg)
{
	(void)arg;
	if (r->nmarks && bottom(r) == r->count) {
		r->nmarks--;
		return 0;
	}
	if (need(r, 1))
		return -1;
	r->count--;
	return 0;
}

static int op_pop_mark(struct reader *r, unsigned int arg)
{
	(void)arg;
	return pop_mark(r, &r->count);
}

static int op_dup(struct reader *r, unsigned int arg)
{
	(void)arg;
	return need(r, 1) ? -1 : push_copy(r, &r->stack[r->count - 1]);
}

/* width 0: as text */
static int take_index(struct reader *r, unsigned int width, size_t *index)
{
	int64_t num = 0;
	uint32_t le = 0;
	const char *p;
	size_t len;

	if (width && take_le(r, width, &le))
		return -1;
	if (!width) {
		p = take_line(r, &len);
		if (!p || parse_int(r, p, len, &num))
			return -1;
	}
	num += le;
	if (num < 0 || num >= MAX_MEMO)
		return bad(r, "a memo index out of range");
	*index = (size_t)num;
	return 0;
}

static int op_put(struct reader *r, unsigned int width)
{
	struct memo *memo = r->memo;
	size_t i;

	if (take_index(r, width, &i) || need(r, 1))
		return -1;
	if (i >= r->memo_room)
		memo = grown(memo, &r->memo_room, i + 1, sizeof(*memo));
	if (!memo)
		return err_nomem(r->e);
	r->memo = memo;
	r->stack[r->count - 1].memo = (uint32_t)i + 1;
	memo[i] = (struct memo){ .slot = r->stack[r->count - 1], .used = true };
	return 0;
}

static int op_get(struct reader *r, unsigned int width)
{
	size_t i;

	if (take_index(r, width, &i))
		return -1;
	if (i >= r->memo_room || !r->memo[i].used)
		return bad(r, "nothing at that memo index");
	r->memo[i].copied = true;
	return push_copy(r, &r->memo[i].slot);
}

/* Objects */

static int refuse_class(struct reader *r, const char *const name[2], const size_t len[2])
{
	char text[2][64];

	for (int i = 0; i < 2; i++) {
		size_t n = len[i] < sizeof(text[i]) ? len[i] : sizeof(text[i]) - 1;

		memcpy(text[i], name[i], n);
		text[i][n] = '\0';
		for (char *p = text[i]; (p = memchr(p, '\0', (size_t)(text[i] + n - p)));)
			*p = '?';
	}
	err_set(r->e, ERR_PEER, 0, "pickle: class %s.%s is not accepted", text[0], text[1]);
	err_printable(r->e->text);
	return -1;
}

static bool same(const char *s, const char *line, size_t len)
{
	return strlen(s) == len && !memcmp(s, line, len);
}

static int op_global(struct reader *r, unsigned int arg)
{
	const char *line[2] = { NULL, NULL };
	size_t len[2];

	(void)arg;
	for (int i = 0; i < 2; i++) {
		line[i] = take_line(r, &len[i]);
		if (!line[i])
			return -1;
	}
	for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++) {
		if (!same(modules[i].module, line[0], len[0]))
			continue;
		for (const char *const *name = modules[i].names; *name; name++) {
			struct slot s = { .class = *name, .kind = (uint8_t)modules[i].kind };

			if (same(*name, line[1], len[1]))
				return push(r, &s);
		}
	}
	return refuse_class(r, line, len);
}

/* The callable and its arguments on the stack become the object. */
static int op_call(struct reader *r, unsigned int arg)
{
	struct slot obj = { .height = 2, .kind = VALUE };
	const struct slot *s;
	bool rebuilt;

	(void)arg;
	if (need(r, 2))
		return -1;
	s = &r->stack[r->count - 2];
	rebuilt = s[0].kind == RECONSTRUCTOR && s[1].kind == RECON_ARGS;
	if (!rebuilt && ((s[0].kind != DATA_CLASS && s[0].kind != EXCEPTION) ||
			 s[1].kind != VALUE || s[1].v->type != V_TUPLE))
		return bad(r, "a call of what is no class");
	obj.v = value_new(r->pool, V_OBJECT);
	if (!obj.v)
		return err_nomem(r->e);
	obj.v->class = rebuilt ? s[1].class : s[0].class;
	if (!rebuilt && check_child(r, &obj, &s[1]))
		return -1;
	if (!rebuilt)
		obj.v->args = s[1].v;
	r->count -= 2;
	return push(r, &obj);
}

static int op_build(struct reader *r, unsigned int arg)
{
	struct slot *s;

	(void)arg;
	if (need(r, 2))
		return -1;
	s = &r->stack[r->count - 2];
	if (s[0].kind != VALUE || s[0].v->type != V_OBJECT || s[0].v->state)
		return bad(r, "a state for what has none");
	if (s[1].kind == VALUE && s[1].v->type != V_DICT)
		return bad(r, "a state that is no dict");
	if (check_child(r, &s[0], &s[1]) || check_change(r, &s[0]))
		return -1;
	s[0].v->state = s[1].v;
	r->count--;
	return 0;
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
	['c'] = { op_global, 0 },	   ['R'] = { op_call, 0 },
	[0x81] = { op_call, 0 },	   ['b'] = { op_build, 0 },
	[0x80] = { op_proto, 0 },
};

static int run(struct reader *r)
{
	while (r->at < r->end) {
		unsigned char code = *r->at++;

		if (code == '.')
			return r->at < r->end ? bad(r, "bytes behind the end") : 0;
		if (!opcodes[code].run)
			return err_set(r->e, ERR_PEER, 0, "pickle: opcode 0x%02x is not accepted",
				       code);
		if (opcodes[code].run(r, opcodes[code].arg))
			return -1;
	}
	return bad(r, "it has no end");
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
			bad(&r, "not one value at its end");
	}
	free(r.stack);
	free(r.memo);
	free(r.marks);
	buf_free(&r.text);
	return v;
}
