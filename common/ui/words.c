/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The grammar of the command line: see words.h. */
#include "ui/words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ui/guess.h"

int words_global(struct call *c, char **argv, struct err *e)
{
	const char *w = argv[0];

	if (!strcmp(w, "-L") || !strncmp(w, "--lab=", 6) || !strcmp(w, "--lab")) {
		bool joined = w[1] == '-' && w[5] == '=';

		if (!joined && !argv[1])
			return err_set(e, ERR_USAGE, 0, "%s: the lab's name is missing", w);
		c->lab = joined ? w + 6 : argv[1];
		return joined ? 1 : 2;
	}
	if (!strncmp(w, "-L", 2)) {
		c->lab = w + 2;
		return 1;
	}
	if (w[0] == '-' && w[1] && w[2] && !w[1 + strspn(w + 1, "jqvh")]) { /* several in one */
		c->json |= strchr(w, 'j') != NULL;
		c->quiet |= strchr(w, 'q') != NULL;
		c->verbose |= strchr(w, 'v') != NULL;
		c->help |= strchr(w, 'h') != NULL;
		return 1;
	}
	if (!strcmp(w, "-j") || !strcmp(w, "--json"))
		c->json = true;
	else if (!strcmp(w, "-q") || !strcmp(w, "--quiet"))
		c->quiet = true;
	else if (!strcmp(w, "-v") || !strcmp(w, "--verbose"))
		c->verbose = true;
	else if (!strcmp(w, "-h") || !strcmp(w, "--help"))
		c->help = true;
	else
		return 0;
	return 1;
}

static const struct verb *find_verb(const struct applet *a, const char *word)
{
	for (const struct verb *v = a->verbs; v->run; v++)
		if (v->word && word && !strcmp(v->word, word))
			return v;
	return NULL;
}

static int no_verb(const struct applet *a, const char *word, struct err *e)
{
	struct guess g = GUESS_OF(word);
	char list[200] = "";
	size_t len = 0;

	for (const struct verb *v = a->verbs; v->run; v++)
		guess_try(&g, v->word);
	for (const struct verb *v = a->verbs; v->run && len < sizeof(list) - 30; v++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
					v == a->verbs ? "" : ", ", v->word);
	err_set(e, ERR_USAGE, 0, "%.60s: no such verb" GUESS_FMT " (there are: %s)", word, GUESS_ARGS(g),
		list);
	err_printable(e->text);
	return -1;
}

/* The row of words for what stands on the command line, -1: an operand. *value: what follows
 * "=" in "--word=value", or "-w" in "-wvalue". */
static int find_word(const struct verb *v, const char *arg, char **value)
{
	*value = NULL;
	for (int i = 0; v->words[i].word || v->words[i].value; i++) {
		const char *word = v->words[i].word;
		size_t len = word ? strlen(word) : 0;

		if (!word)
			continue;
		if (!strcmp(word, arg))
			return i;
		if (!strncmp(word, "--", 2) && v->words[i].value && !strncmp(word, arg, len) &&
		    arg[len] == '=') {
			*value = (char *)(uintptr_t)arg + len + 1;
			return i;
		}
		if (len == 2 && *word == '-' && v->words[i].value && !strncmp(word, arg, 2)) {
			*value = (char *)(uintptr_t)arg + 2;
			return i;
		}
	}
	return -1;
}

/* The first operand that still takes something, -1: none. */
static int find_operand(const struct call *c)
{
	for (int i = 0; c->verb->words[i].word || c->verb->words[i].value; i++) {
		const struct word *w = &c->verb->words[i];

		if (w->flags & WORD_HEAD)
			continue;
		if (!w->word && (!c->given[i].n || w->flags & (WORD_MANY | WORD_TAIL)))
			return i;
	}
	return -1;
}

static void give(struct call *c, int i, char *value)
{
	c->given[i].v[c->given[i].n++] = value;
}

static int take_word(struct call *c, int i, char **argv, char *value, struct err *e)
{
	const struct word *w = &c->verb->words[i];

	if (c->given[i].n && !(w->flags & WORD_MANY))
		return err_set(e, ERR_USAGE, 0, "%s: given twice", w->word);
	if (!w->value || value) {
		give(c, i, value ? value : argv[0]);
		return 1;
	}
	if (!argv[1])
		return err_set(e, ERR_USAGE, 0, "%s: %s is missing", w->word, w->value);
	give(c, i, argv[1]);
	return 2;
}

static int unexpected(const struct call *c, const char *arg, const char *what, struct err *e)
{
	struct guess g = GUESS_OF(arg);

	for (int i = 0; c->verb->words[i].word || c->verb->words[i].value; i++)
		if (c->verb->words[i].word && strcmp(c->verb->words[i].word, arg)) /* not behind "--" */
			guess_try(&g, c->verb->words[i].word);
	err_set(e, ERR_USAGE, 0, "%.80s: %s" GUESS_FMT, arg, what, GUESS_ARGS(g));
	err_printable(e->text);
	return -1;
}

/* One or more of argv; returns how many. raw: behind "--". */
static int take(struct call *c, char **argv, bool raw, struct err *e)
{
	char *value;
	int i = raw ? -1 : find_word(c->verb, argv[0], &value), n;

	if (i >= 0)
		return take_word(c, i, argv, value, e);
	n = raw ? 0 : words_global(c, argv, e);
	if (n)
		return n;
	if (!raw && argv[0][0] == '-' && argv[0][1])
		return unexpected(c, argv[0], "no such option", e);
	if (c->applet->node && !c->node) {
		c->node = argv[0];
		return 1;
	}
	i = find_operand(c);
	if (i < 0)
		return unexpected(c, argv[0], "not expected here", e);
	if (!(c->verb->words[i].flags & WORD_TAIL)) {
		give(c, i, argv[0]);
		return 1;
	}
	for (n = 0; argv[n]; n++)
		give(c, i, argv[n]);
	return n;
}

static int check_needed(const struct call *c, struct err *e)
{
	for (int i = 0; c->verb->words[i].word || c->verb->words[i].value; i++) {
		const struct word *w = &c->verb->words[i];

		if (w->flags & WORD_NEED && !c->given[i].n)
			return err_set(e, ERR_USAGE, 0, "%s%s%s is missing", w->word ? w->word : "",
				       w->word && w->value ? " " : "", w->value ? w->value : "");
	}
	return 0;
}

/* Room for every word to be given as often as there are arguments. */
static int make_room(struct call *c, size_t argc, struct err *e)
{
	c->block = calloc(WORDS_MAX * (argc + 1), sizeof(*c->block));
	if (!c->block)
		return err_nomem(e);
	for (size_t i = 0; i < WORDS_MAX; i++)
		c->given[i].v = c->block + i * (argc + 1);
	return 0;
}

/* Options of all applets that stand before the node or the verb. */
static int skip_globals(struct call *c, char ***argv, struct err *e)
{
	int n;

	while (**argv && (n = words_global(c, *argv, e)) != 0) {
		if (n < 0)
			return -1;
		*argv += n;
	}
	return 0;
}

static int take_verb(struct call *c, char ***argv, struct err *e)
{
	c->verb = c->applet->verbs;
	if (!c->verb->word || !**argv)
		return 0;
	if (find_verb(c->applet, **argv)) {
		c->verb = find_verb(c->applet, *(*argv)++);
		return 0;
	}
	/* Words of the default verb may stand without it; anything else was meant as a verb. */
	if (***argv == '-')
		return 0;
	return no_verb(c->applet, **argv, e);
}

static int parse(struct call *c, const struct applet *a, char **argv, struct err *e)
{
	bool raw = false;
	size_t argc = 0;

	c->applet = a;
	c->verb = a->verbs;
	while (argv[argc])
		argc++;
	if (make_room(c, argc, e) || skip_globals(c, &argv, e))
		return -1;
	if (a->node && *argv && **argv != '-') {
		c->node = *argv++;
		if (skip_globals(c, &argv, e))
			return -1;
	}
	if (c->help)
		return 0;
	if (take_verb(c, &argv, e))
		return -1;
	while (*argv && !c->help) {
		int n;

		if (!raw && !strcmp(*argv, "--")) {
			raw = true;
			argv++;
			continue;
		}
		n = take(c, argv, raw, e);
		if (n < 0)
			return -1;
		argv += n;
	}
	if (c->help)
		return 0;
	if (a->node && !c->node)
		return err_set(e, ERR_USAGE, 0, "NODE is missing");
	return check_needed(c, e);
}

int words_parse(struct call *c, const struct applet *a, char **argv, struct err *e)
{
	if (!parse(c, a, argv, e))
		return 0;
	err_printable(e->text); /* it may quote what was typed */
	return -1;
}

void words_free(struct call *c)
{
	free(c->block);
	c->block = NULL;
}

const struct given *call_all(const struct call *c, const char *name)
{
	static const struct given none;

	for (int i = 0; c->verb->words[i].word || c->verb->words[i].value; i++) {
		const struct word *w = &c->verb->words[i];

		if (!strcmp(w->word ? w->word : w->value, name))
			return &c->given[i];
	}
	return &none;
}

const char *call_get(const struct call *c, const char *name)
{
	const struct given *g = call_all(c, name);

	return g->n ? g->v[g->n - 1] : NULL;
}

/* Where a line of usage stands, so that it can be folded. */
struct line {
	FILE *out;
	int column, indent;
};

#define FOLD 79

static void print_word(struct line *l, const struct word *w)
{
	bool need = w->flags & WORD_NEED, many = w->flags & (WORD_MANY | WORD_HEAD);
	char text[120];
	int len = snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", need ? "" : "[",
			   w->word ? w->word : "", w->word && w->value ? " " : "",
			   w->value ? w->value : "", w->flags & WORD_TAIL ? " [ARG...]" : "",
			   need ? "" : "]", many ? "..." : "");

	if (l->column + 1 + len >= FOLD) {
		fprintf(l->out, "\n%*s", l->indent, "");
		l->column = l->indent;
	}
	fprintf(l->out, " %s", text);
	l->column += 1 + len;
}

void words_print_usage(const struct applet *a, const struct verb *v, FILE *out)
{
	bool by_default = v == a->verbs && v->word; /* only options may stand without it */
	struct line l = { .out = out, .indent = 7 };

	l.column = fprintf(out, "  nemu %s%s", a->name, a->node ? " NODE" : "");
	if (v->word)
		l.column += fprintf(out, by_default ? " [%s" : " %s", v->word);
	for (const struct word *w = v->words; w->word || w->value; w++)
		if (w->word && w->word[0] == '-')
			print_word(&l, w);
	for (const struct word *w = v->words; w->word || w->value; w++)
		if ((!w->word || w->word[0] != '-') && !(w->flags & WORD_FOLD))
			print_word(&l, w);
	fputs(by_default ? "]\n" : "\n", out);
}

/* Text in lines of at most FOLD columns. */
static void print_folded(const char *text, FILE *out)
{
	int column = 0;

	while (*text) {
		int len = (int)strcspn(text, " ");

		if (!column || column + 1 + len > FOLD) {
			fprintf(out, "%s%*s", column ? "\n" : "", 5, "");
			column = 5;
		}
		fprintf(out, " %.*s", len, text);
		column += 1 + len;
		text += len + (text[len] == ' ');
	}
	fputc('\n', out);
}

static const struct word *find_head(const struct verb *v)
{
	for (const struct word *w = v->words; w->word || w->value; w++)
		if (w->flags & WORD_HEAD)
			return w;
	return NULL;
}

/* "IMPAIRMENT: rate RATE, delay TIME": an applet has one such group. */
static void print_group(const struct word *head, FILE *out)
{
	struct line l = { .out = out, .indent = 3 };

	l.column = fprintf(out, "  %s:", head->value);
	for (const struct word *w = head + 1; w->word && w->flags & WORD_FOLD; w++) {
		struct word plain = { w->word, w->value, WORD_NEED };

		print_word(&l, &plain);
		if (w[1].word)
			l.column += fprintf(out, ",");
	}
	fputc('\n', out);
}

void words_print_help(const struct applet *a, FILE *out)
{
	const struct word *head = NULL;

	fprintf(out, "nemu %s: %s\n\n", a->name, a->help);
	for (const struct verb *v = a->verbs; v->run; v++) {
		words_print_usage(a, v, out);
		if (v->help)
			print_folded(v->help, out);
		head = head ? head : find_head(v);
	}
	if (head)
		print_group(head, out);
	fputs("\nOptions of all applets: -L LAB  -j (JSON)  -q (names only)  -v  --help\n", out);
}

void words_print_spec(const struct applet *a, FILE *out)
{
	for (const struct verb *v = a->verbs; v->run; v++) {
		fprintf(out, "%s\t%s\t\t\t%s\n", a->name, v->word ? v->word : "",
			a->node ? "node" : "");
		for (const struct word *w = v->words; w->word || w->value; w++)
			if (!(w->flags & WORD_HEAD))
				fprintf(out, "%s\t%s\t%s\t%s\t%s%s%s\n", a->name,
					v->word ? v->word : "", w->word ? w->word : "",
					w->value ? w->value : "", w->flags & WORD_NEED ? "need " : "",
					w->flags & WORD_MANY ? "many " : "",
					w->flags & WORD_TAIL ? "tail" : "");
	}
}
