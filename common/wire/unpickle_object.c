/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The restricted reader of pickles: classes and objects. A class is a row of a table and nothing
 * more; the name of any other is refused.
 */
#include "wire/unpickle.h"

#include <string.h>

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

int reader_op_global(struct reader *r, unsigned int arg)
{
	const char *line[2] = { NULL, NULL };
	size_t len[2];

	(void)arg;
	for (int i = 0; i < 2; i++) {
		line[i] = reader_take_line(r, &len[i]);
		if (!line[i])
			return -1;
	}
	for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++) {
		if (!same(modules[i].module, line[0], len[0]))
			continue;
		for (const char *const *name = modules[i].names; *name; name++) {
			struct slot s = { .class = *name, .kind = (uint8_t)modules[i].kind };

			if (same(*name, line[1], len[1]))
				return reader_push(r, &s);
		}
	}
	return refuse_class(r, line, len);
}

/* The arguments of _reconstructor are kept as the class that they name. */
int reader_make_tuple(struct reader *r, size_t from)
{
	struct slot args = { .kind = RECON_ARGS };
	const struct slot *s;

	if (r->count - from != 3)
		return reader_make(r, V_TUPLE, from);
	s = &r->stack[from];
	if (s[0].kind != DATA_CLASS || s[1].kind != BASE ||
	    s[2].kind != VALUE || s[2].v->type != V_NONE)
		return reader_make(r, V_TUPLE, from);
	args.class = s[0].class;
	r->count = from;
	return reader_push(r, &args);
}

/* The callable and its arguments on the stack become the object. */
int reader_op_call(struct reader *r, unsigned int arg)
{
	struct slot obj = { .height = 2, .kind = VALUE };
	const struct slot *s;
	bool rebuilt;

	(void)arg;
	if (reader_need(r, 2))
		return -1;
	s = &r->stack[r->count - 2];
	rebuilt = s[0].kind == RECONSTRUCTOR && s[1].kind == RECON_ARGS;
	if (!rebuilt && ((s[0].kind != DATA_CLASS && s[0].kind != EXCEPTION) ||
			 s[1].kind != VALUE || s[1].v->type != V_TUPLE))
		return reader_bad(r, "a call of what is no class");
	obj.v = value_new(r->pool, V_OBJECT);
	if (!obj.v)
		return err_nomem(r->e);
	obj.v->class = rebuilt ? s[1].class : s[0].class;
	if (!rebuilt && reader_check_child(r, &obj, &s[1]))
		return -1;
	if (!rebuilt)
		obj.v->args = s[1].v;
	r->count -= 2;
	return reader_push(r, &obj);
}

int reader_op_build(struct reader *r, unsigned int arg)
{
	struct slot *s;

	(void)arg;
	if (reader_need(r, 2))
		return -1;
	s = &r->stack[r->count - 2];
	if (s[0].kind != VALUE || s[0].v->type != V_OBJECT || s[0].v->state)
		return reader_bad(r, "a state for what has none");
	if (s[1].kind == VALUE && s[1].v->type != V_DICT)
		return reader_bad(r, "a state that is no dict");
	if (reader_check_child(r, &s[0], &s[1]) || reader_check_change(r, &s[0]))
		return -1;
	s[0].v->state = s[1].v;
	r->count--;
	return 0;
}
