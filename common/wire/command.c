/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands and their templates: see command.h. */
#include "wire/command.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "wire/line.h"

/* The row of these two words. *known: some row begins with word; *more: it wants a second. */
static const struct command *lookup(const struct command *table, unsigned int modes,
				    const char *word, const char *sub, bool *known, bool *more)
{
	*known = *more = false;
	for (const struct command *c = table; c->word; c++) {
		if (!(c->modes & modes) || strcasecmp(c->word, word))
			continue;
		*known = true;
		*more = c->sub != NULL;
		if (!c->sub || (sub && !strcasecmp(c->sub, sub)))
			return c;
	}
	return NULL;
}

static int add_arg(struct args *args, const char *word, struct err *e)
{
	if (args->n == args->cap) {
		size_t cap = args->cap ? args->cap * 2 : 8;
		struct arg *v = reallocarray(args->v, cap, sizeof(*v));

		if (!v)
			return err_nomem(e);
		args->v = v;
		args->cap = cap;
	}
	args->v[args->n++] = (struct arg){ .s = word, .len = (uint32_t)strlen(word) };
	return 0;
}

/* The type of argument i, 0 if there is none. */
static char type_of(const struct command *c, size_t i)
{
	size_t m = strlen(c->mandatory), o = strlen(c->optional);

	if (i < m)
		return c->mandatory[i];
	i -= m;
	if (o && c->optional[o - 1] == '*' && i >= o - 1)
		return o > 1 ? c->optional[o - 2] : c->mandatory[m - 1];
	return i < o ? c->optional[i] : '\0';
}

/* Decodes one argument; b ones go behind each other into args->bytes, whose storage may move
 * until the last is there: s holds the offset until then. */
static int convert(struct args *args, struct arg *a, char type, struct err *e)
{
	int64_t n;
	size_t start;

	if (type == 'i') {
		if (!num_parse(a->s, INT32_MIN, INT32_MAX, &n))
			return err_set(e, ERR_USAGE, 0, "Invalid argument %.40s: not an integer.",
				       a->s);
		a->i = (int32_t)n;
	} else if (type == 'b' && *a->s == '=') {
		start = args->bytes.len;
		if (wire_get_b(&args->bytes, a->s))
			return err_set(e, ERR_USAGE, 0, "Invalid argument: not base64.");
		a->len = (uint32_t)(args->bytes.len - start);
		a->s = NULL;
		buf_addc(&args->bytes, '\0');
		if (args->bytes.failed)
			return err_nomem(e);
	}
	return 0;
}

static int convert_all(const struct command *c, struct args *args, struct err *e)
{
	size_t offset = 0;

	for (size_t i = 0; i < args->n; i++)
		if (convert(args, &args->v[i], type_of(c, i), e))
			return -1;
	for (size_t i = 0; i < args->n; i++) {
		if (args->v[i].s)
			continue;
		args->v[i].s = args->bytes.data + offset;
		offset += args->v[i].len + 1;
	}
	return 0;
}

static int read_args(const struct command *c, char *line, struct args *args, struct err *e)
{
	char *word;

	while ((word = wire_word(&line))) {
		if (!type_of(c, args->n))
			return err_set(e, ERR_USAGE, 0, "Too many arguments for %s%s%s.", c->word,
				       c->sub ? " " : "", c->sub ? c->sub : "");
		if (add_arg(args, word, e))
			return -1;
	}
	if (args->n < strlen(c->mandatory))
		return err_set(e, ERR_USAGE, 0, "Missing arguments for %s%s%s.", c->word,
			       c->sub ? " " : "", c->sub ? c->sub : "");
	return convert_all(c, args, e);
}

const struct command *command_parse(const struct command *table, unsigned int modes, char *line,
				    struct args *args, struct err *e)
{
	char *word = wire_word(&line), *sub = NULL;
	const struct command *c;
	bool known, more;

	e->kind = ERR_NONE;
	args->n = 0;
	buf_consume(&args->bytes, args->bytes.len);
	args->bytes.failed = false;
	if (!word)
		return NULL;
	c = lookup(table, modes, word, NULL, &known, &more);
	if (!c && known && more) {
		sub = wire_word(&line);
		if (sub)
			c = lookup(table, modes, word, sub, &known, &more);
	}
	if (!known)
		err_set(e, ERR_USAGE, 0, "Unknown command %.40s.", word);
	else if (!c && !sub)
		err_set(e, ERR_USAGE, 0, "Incomplete command.");
	else if (!c)
		err_set(e, ERR_USAGE, 0, "Unknown sub-command for %.40s: %.40s.", word, sub);
	else if (!read_args(c, line, args, e))
		return c;
	return NULL;
}

void args_free(struct args *args)
{
	free(args->v);
	buf_free(&args->bytes);
	*args = (struct args){0};
}
