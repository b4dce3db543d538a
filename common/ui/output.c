/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes to standard output: see output.h. */
#include "ui/output.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

const char table_end[] = "";

/* Length of the valid UTF-8 sequence at s, 0: there is none. */
static size_t utf8(const unsigned char *s, size_t len)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	if (!n || n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void json_string(const char *text, size_t len, FILE *out)
{
	const unsigned char *s = (const unsigned char *)text;

	fputc('"', out);
	while (len) {
		size_t n = utf8(s, len);

		if (!n)
			fputs("\\ufffd", out);
		else if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if (*s < 0x20)
			fprintf(out, "\\u%04x", *s);
		else
			fwrite(s, 1, n, out);
		n = n ? n : 1;
		s += n;
		len -= n;
	}
	fputc('"', out);
}

static void json(const struct value *v, FILE *out);

static void json_items(const struct value *v, FILE *out)
{
	bool dict = v->type == V_DICT;

	fputc(dict ? '{' : '[', out);
	for (size_t i = 0; i < v->count; i++) {
		const struct value *item = v->items[i];

		if (i)
			fputc(dict && i % 2 ? ':' : ',', out);
		if (dict && i % 2 == 0 && item->type == V_INT)
			fprintf(out, "\"%lld\"", (long long)item->num); /* keys are strings */
		else if (dict && i % 2 == 0 && item->type != V_STR)
			fputs("\"\"", out);
		else
			json(item, out);
	}
	fputc(dict ? '}' : ']', out);
}

static void json(const struct value *v, FILE *out)
{
	switch (v->type) {
	case V_NONE:
		fputs("null", out);
		break;
	case V_BOOL:
		fputs(v->num ? "true" : "false", out);
		break;
	case V_INT:
		fprintf(out, "%lld", (long long)v->num);
		break;
	case V_STR:
		json_string(v->str, v->len, out);
		break;
	case V_LIST:
	case V_TUPLE:
	case V_DICT:
		json_items(v, out);
		break;
	case V_OBJECT:
		if (v->state)
			json(v->state, out);
		else
			fputs("null", out);
	}
}

void output_json(const struct value *v, FILE *out)
{
	json(v, out);
	fputc('\n', out);
}

void output_name(const char *name, FILE *out)
{
	own(mem) char *text = isatty(fileno(out)) ? strdup(name) : NULL;

	if (text)
		err_printable(text);
	fprintf(out, "%s\n", text ? text : name);
}

static void add_cell(struct table *t, const char *text)
{
	if (t->count == t->cap) {
		char **cells = reallocarray(t->cells, t->cap * 2 + 64, sizeof(*cells));

		if (!cells) {
			t->failed = true;
			return;
		}
		t->cells = cells;
		t->cap = t->cap * 2 + 64;
	}
	t->cells[t->count] = strdup(text && *text ? text : "-");
	if (!t->cells[t->count]) {
		t->failed = true;
		return;
	}
	err_printable(t->cells[t->count++]);
}

void table_row(struct table *t, ...)
{
	size_t start = t->count;
	const char *text;
	va_list ap;

	va_start(ap, t);
	while (!t->failed && (text = va_arg(ap, const char *)) != TABLE_END)
		add_cell(t, text);
	va_end(ap);
	if (!t->columns)
		t->columns = t->count - start;
}

int output_width(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80; /* it begins a character */
	return n;
}

static void print_row(const struct table *t, size_t row, const int *widths, FILE *out)
{
	for (size_t i = 0; i < t->columns; i++) {
		const char *cell = t->cells[row * t->columns + i];
		int pad = i + 1 < t->columns ? widths[i] - output_width(cell) + 2 : 0;

		fprintf(out, "%s%*s", cell, pad, "");
	}
	fputc('\n', out);
}

bool table_print(struct table *t, FILE *out)
{
	size_t rows = t->columns ? t->count / t->columns : 0;
	int widths[32] = {0};
	bool ok = !t->failed;

	for (size_t i = 0; i < rows * t->columns; i++) {
		int w = output_width(t->cells[i]);

		if (w > widths[i % t->columns])
			widths[i % t->columns] = w;
	}
	for (size_t r = 0; r < rows && rows > 1; r++)
		print_row(t, r, widths, out);
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){0};
	return ok;
}

void output_word(const char *word, FILE *out)
{
	if (*word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789_-+=./:,@%")]) {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", out);
		else
			fputc(*word, out);
	fputc('\'', out);
}
