/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands and their templates (wire.md section 2): a table row says which words a command has
 * and what its arguments are, so that they are checked before any handler runs.
 */
#ifndef WIRE_COMMAND_H
#define WIRE_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* A row. The table ends with a row without word. */
struct command {
	const char *word, *sub;		/* upper case; sub NULL: a command of one word */
	const char *mandatory, *optional; /* letters s, i, b; a last '*' repeats */
	unsigned int modes;		/* bits; the caller's meaning */
	int (*run)(void *ctx, const struct command *cmd, struct err *e); /* the caller's meaning */
};

struct arg { /* small: a line can have two million */
	const char *s; /* the bytes, with a NUL behind them */
	uint32_t len;  /* a b argument may hold NULs */
	int32_t i;     /* of type i */
};

/* The arguments of one line. Start with {0}; reused from line to line. */
struct args {
	struct arg *v;
	size_t n, cap;
	struct buf bytes; /* decoded b arguments */
};

/*
 * Parses one NUL-terminated line (without its newline; changed in place) against the rows of
 * table that have any of modes. Returns the row, or NULL: for a blank line with e->kind
 * ERR_NONE, else ERR_USAGE with the text of the 500 reply.
 * The arguments point into line and into args, and live until either changes.
 */
const struct command *command_parse(const struct command *table, unsigned int modes, char *line,
				    struct args *args, struct err *e);

void args_free(struct args *args);

#endif
