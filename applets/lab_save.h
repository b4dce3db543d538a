/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of lab save have in common: lab_save.c writes of nodes, routes and processes,
 * lab_save_if.c of interfaces, links and addresses. */
#ifndef APPLETS_LAB_SAVE_H
#define APPLETS_LAB_SAVE_H

#include "lab.h"

/* A text of a dict, "" if it has none; whether it is this one. */
static inline const char *str(const struct value *d, const char *key)
{
	return value_text(d, key, "");
}

static inline bool is(const struct value *d, const char *key, const char *text)
{
	return !strcmp(str(d, key), text);
}

/* The first as it is, then words, quoted where sh needs it. */
void save_put(const char *first, ...) __attribute__((sentinel));
#define PUT(...) save_put(__VA_ARGS__, (char *)NULL)

/* "# ..." on one line, whatever it is that the kernel and programs have told. */
void save_comment(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* " WORD VALUE", if the dict has it. */
void save_number(const char *word, const struct value *d, const char *key);
void save_text(const char *word, const struct value *d, const char *key);

/* All lines for interfaces, links and addresses of a model (lab/model.h). */
__attribute__((warn_unused_result)) int save_interfaces(const struct value *model, struct err *e);

#endif
