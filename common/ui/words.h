/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The grammar of the command line (design.md section 3): tables of applets, verbs and words, and
 * the one parser that reads a command line by them. Usage texts and "nemu --spec" print the same
 * tables.
 */
#ifndef UI_WORDS_H
#define UI_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

/* A word of a verb's grammar. */
struct word {
	const char *word;  /* "dev", "-u", "--all"; NULL: an operand known by its place */
	const char *value; /* the name of the operand or of the word's value; NULL: no value */
	unsigned int flags;
};

enum {
	WORD_NEED = 1, /* must be given */
	WORD_MANY = 2, /* may be given several times; as an operand: takes all that are left */
	WORD_TAIL = 4, /* this operand and all behind it, whatever they look like: CMD ARG... */
	WORD_HEAD = 8, /* no word: a name for those with WORD_FOLD behind it, which a usage shows in */
	WORD_FOLD = 16, /* their place; help tells once what they are */
};

#define WORDS_MAX 24

/* An array of words, ended by an empty one; of at most WORDS_MAX. */
#define WORDS(...) ((const struct word[]){ __VA_ARGS__ { 0 } })
#define NO_WORDS WORDS()

struct call;

struct verb {
	const char *word; /* NULL: the applet has no verbs */
	const char *help;
	const struct word *words; /* WORDS(...) */
	int (*run)(struct call *c, struct err *e); /* the exit code, or -1 with e filled */
};

struct applet {
	const char *name, *help;
	bool node;	/* the first operand is the node that it talks to */
	/* See ui/exit.h; EXIT_OF_COMMAND: of a process where CMD is given or needed, else general. */
	enum { EXIT_GENERAL, EXIT_OF_PROCESS, EXIT_OF_SPAWN, EXIT_OF_COMMAND } exits;
	const struct verb *verbs; /* ends with a row without run; the first is the default */
};

/* What a command line said. */
struct given {
	char **v;
	size_t n;
};

struct call {
	const struct applet *applet;
	const struct verb *verb;
	const char *lab; /* -L, else $NEMU_LAB, else "default" */
	const char *node;
	bool json, quiet, verbose, help;
	/* In a batch, else NULL: "FILE:LINE"; asked when the words have been read: shall it be done? And when it
	 * has failed: shall that be told? */
	const char *where;
	bool (*go_on)(const struct call *c, bool failed);
	int ended_by; /* by this signal the user wanted it to end, which has been passed on; or 0 */
	struct given given[WORDS_MAX]; /* as verb->words; v points into one block */
	char **block;
};

/* Reads argv (what follows the applet's name, NULL-terminated) into c, which keeps pointers
 * into it. Options of all applets that were given before the name are in c already. With
 * --help c->help is set and the rest may be missing. ERR_USAGE otherwise. */
__attribute__((warn_unused_result)) int words_parse(struct call *c, const struct applet *a,
						    char **argv, struct err *e);
void words_free(struct call *c);

/* Takes one option of all applets (-L LAB, -j, -q, -v, -h, --help) at argv[0]. Returns how many
 * words it took, 0 if it is none of them, -1: ERR_USAGE. */
int words_global(struct call *c, char **argv, struct err *e);

/* The last value given for a word or operand (by its word, or an operand's value name); for a
 * word without value the word itself. NULL: not given. */
const char *call_get(const struct call *c, const char *name);
/* All of them. */
const struct given *call_all(const struct call *c, const char *name);

/* "  nemu addr NODE add ADDRESS/PREFIX [broadcast ADDRESS] dev IF", folded at 79 columns. */
void words_print_usage(const struct applet *a, const struct verb *v, FILE *out);
void words_print_help(const struct applet *a, FILE *out);
/* One line for each verb and word: applet, verb, word, value, flags; tab-separated. */
void words_print_spec(const struct applet *a, FILE *out);

#endif
