/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes to standard output: JSON, and tables with aligned columns. */
#ifndef UI_OUTPUT_H
#define UI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/value.h"

/* One JSON document and a newline. Bytes that are no UTF-8 become U+FFFD. */
void output_json(const struct value *v, FILE *out);

/* A word as sh(1) reads it back: quoted where it must be. */
void output_word(const char *word, FILE *out);

/* A name on a line of its own, as it is for $(...); for a terminal control characters are made printable. */
void output_name(const char *name, FILE *out);

/* Columns on a terminal, near enough: no wide characters occur. */
int output_width(const char *text);

/* A table. Start with {0}; cells are copied. NULL or "" prints as "-". Control characters are
 * made printable. */
struct table {
	char **cells;
	size_t columns, count, cap;
	bool failed;
};

/* Adds the heads, or a row: as many as columns, which the first call sets; ends with TABLE_END. */
extern const char table_end[];
#define TABLE_END table_end
void table_row(struct table *t, ...);

/* Prints it; the heads only if there are rows. Frees it. false: it was not complete for want
 * of memory. */
bool table_print(struct table *t, FILE *out);

#endif
