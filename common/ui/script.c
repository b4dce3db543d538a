/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands from a file: see script.h. */
#include "ui/script.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_MAX (1u << 20) /* bytes; of one command */

/* What one reading of a command has come to. */
struct lexer {
	struct script *s;
	const char *at, *end; /* what is there */
	bool in_word;
	size_t count; /* words */
	const char *wrong;
};

/* 1: a command was read to its end; 0: more bytes are needed; lex->wrong: it is none. */
enum { MORE, WHOLE };

static void begin_word(struct lexer *x)
{
	size_t at = x->s->text.len;

	if (x->in_word)
		return;
	x->in_word = true;
	x->count++;
	buf_add(&x->s->words, &at, sizeof(at));
}

static void end_word(struct lexer *x)
{
	if (x->in_word)
		buf_addc(&x->s->text, '\0');
	x->in_word = false;
}

static void complain(struct lexer *x, const char *wrong)
{
	x->wrong = x->wrong ? x->wrong : wrong;
}

static void put(struct lexer *x, char c)
{
	begin_word(x);
	if (!c)
		complain(x, "a NUL byte");
	buf_addc(&x->s->text, c);
}

/* Between single quotes all bytes stand for themselves. */
static int single_quoted(struct lexer *x)
{
	begin_word(x);
	for (x->at++; x->at < x->end; x->at++) {
		if (*x->at == '\'') {
			x->at++;
			return WHOLE;
		}
		put(x, *x->at);
	}
	return MORE;
}

/* A backslash: what is behind it stands for itself; with a newline it is nothing. */
static int escaped(struct lexer *x, const char *only)
{
	if (x->at + 1 == x->end)
		return MORE;
	if (x->at[1] != '\n') {
		if (only && !strchr(only, x->at[1]))
			put(x, '\\');
		put(x, x->at[1]);
	}
	x->at += 2;
	return WHOLE;
}

static int double_quoted(struct lexer *x)
{
	begin_word(x);
	x->at++;
	while (x->at < x->end)
		switch (*x->at) {
		case '"':
			x->at++;
			return WHOLE;
		case '\\':
			if (escaped(x, "$`\"\\") == MORE)
				return MORE;
			break;
		case '$':
		case '`':
			complain(x, *x->at == '$' ? "$: nothing is expanded here; quote it"
						  : "`: nothing is expanded here; quote it");
			/* fall through */
		default:
			put(x, *x->at++);
		}
	return MORE;
}

/* Where a comment begins, or a byte that sh would not take as text. */
static int other(struct lexer *x)
{
	static const char special[] = "$`|&;<>()";
	static const char *const wrong[] = {
		"$: nothing is expanded here; quote it", "`: nothing is expanded here; quote it",
		"|: quote it", "&: quote it", ";: a command a line; or quote it", "<: quote it",
		">: quote it", "(: quote it", "): quote it",
	};
	const char *found = *x->at ? strchr(special, *x->at) : NULL;

	if (*x->at == '#' && !x->in_word) {
		const char *newline = memchr(x->at, '\n', (size_t)(x->end - x->at));

		if (!newline)
			return MORE;
		x->at = newline;
		return WHOLE;
	}
	if (found)
		complain(x, wrong[found - special]);
	if (*x->at == '\r')
		complain(x, "a carriage return: lines end in a newline alone; or quote it");
	put(x, *x->at++);
	return WHOLE;
}

static int lex(struct lexer *x)
{
	int rc = WHOLE;

	while (x->at < x->end && rc == WHOLE)
		switch (*x->at) {
		case '\n':
			x->at++;
			end_word(x);
			return WHOLE;
		case ' ':
		case '\t':
			end_word(x);
			x->at++;
			break;
		case '\'':
			rc = single_quoted(x);
			break;
		case '"':
			rc = double_quoted(x);
			break;
		case '\\':
			rc = escaped(x, NULL);
			break;
		default:
			rc = other(x);
		}
	return MORE;
}

/* More of the file; the last line needs no newline. */
static int read_more(struct script *s, struct err *e)
{
	char *room;
	ssize_t n;

	buf_consume(&s->in, s->taken);
	s->taken = 0;
	room = buf_room(&s->in, 65536);
	if (!room)
		return err_nomem(e);
	if (s->before_read)
		s->before_read();
	do
		n = read(s->fd, room, 65536);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_os(e, errno, "cannot be read");
	s->in.len += (size_t)n;
	s->end = n == 0;
	if (s->end && s->in.len)
		buf_addc(&s->in, '\n');
	return 0;
}

/* The offsets of words become pointers. */
static int make_argv(struct script *s, size_t count, char ***argv, struct err *e)
{
	char *none = NULL, **v;

	if (s->text.failed || s->words.failed || s->in.failed)
		return err_nomem(e);
	buf_add(&s->words, &none, sizeof(none));
	if (s->words.failed)
		return err_nomem(e);
	v = (char **)(void *)s->words.data; /* of malloc, and as large */
	for (size_t i = 0; i < count; i++) {
		size_t at;

		memcpy(&at, &v[i], sizeof(at));
		v[i] = s->text.data + at;
	}
	*argv = v;
	return 1;
}

/* The lines that a command took. */
static void pass(struct script *s, const char *end)
{
	const char *from = s->in.data + s->taken;

	for (const char *c = from; c < end; c++)
		s->next += *c == '\n';
	s->taken += (size_t)(end - from);
}

int script_next(struct script *s, char ***argv, unsigned long *line, struct err *e)
{
	_Static_assert(sizeof(size_t) == sizeof(char *), "words holds the one, then the other");
	for (;;) {
		struct lexer x = { .s = s };

		buf_consume(&s->text, s->text.len);
		buf_consume(&s->words, s->words.len);
		x.at = s->in.len ? s->in.data + s->taken : "";
		x.end = s->in.len ? s->in.data + s->in.len : x.at;
		*line = s->next;
		if (x.at < x.end && lex(&x) == WHOLE) {
			pass(s, x.at);
			if (x.wrong)
				return err_set(e, ERR_USAGE, 0, "%s", x.wrong);
			if (x.count)
				return make_argv(s, x.count, argv, e);
			continue;
		}
		if (s->end && s->taken < s->in.len) {
			/* A quote that no other ends takes all that is left. */
			pass(s, x.end);
			return err_set(e, ERR_USAGE, 0, "a quote is not closed, or the file ends with \\");
		}
		if (s->end)
			return 0;
		if (s->in.len - s->taken > COMMAND_MAX) {
			s->end = true;
			buf_consume(&s->in, s->in.len);
			s->taken = 0;
			return err_set(e, ERR_OS, 0, "a command of more than 1 MiB");
		}
		if (read_more(s, e)) {
			s->end = true;
			return -1;
		}
	}
}

void script_free(struct script *s)
{
	buf_free(&s->in);
	buf_free(&s->text);
	buf_free(&s->words);
}
