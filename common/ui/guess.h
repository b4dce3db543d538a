/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was probably meant by a mistyped word. */
#ifndef UI_GUESS_H
#define UI_GUESS_H

#include <stddef.h>

struct guess {
	const char *typed;
	const char *best; /* the nearest word so far; NULL: none is near */
	size_t distance;
};

#define GUESS_OF(word) { .typed = (word) }

/* Looks at one more word. One is near if few letters were changed, added, left out, or swapped with
 * their neighbour: one in a short word, two in others. */
void guess_try(struct guess *g, const char *word);

/* For a message: "; did you mean WORD?", or nothing. */
#define GUESS_FMT "%s%s%s"
#define GUESS_ARGS(g) (g).best ? "; did you mean " : "", (g).best ? (g).best : "", (g).best ? "?" : ""

#endif
