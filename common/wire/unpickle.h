/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The restricted reader of pickles, what its parts share: a stack machine which builds plain
 * data. unpickle.c has the opcodes, unpickle_input.c what comes in, unpickle_stack.c the stack,
 * the memo and the trees, unpickle_object.c the classes. For nobody else: see pickle.h.
 */
#ifndef WIRE_UNPICKLE_H
#define WIRE_UNPICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"

enum kind {
	VALUE,
	DATA_CLASS,
	EXCEPTION,
	/* Protocols 0 and 1 make an object by _reconstructor(class, object, None). */
	RECONSTRUCTOR,
	BASE,	    /* that object */
	RECON_ARGS, /* that tuple */
};

struct slot {
	struct value *v;   /* VALUE */
	const char *class; /* the other kinds */
	uint32_t memo;	   /* 1 + index of its last PUT; 0: none */
	uint8_t height;	   /* levels of v: 0 for a scalar */
	uint8_t kind;
};

struct memo {
	struct slot slot;
	bool used, copied;
};

struct reader {
	const unsigned char *at, *end;
	struct value_pool *pool;
	struct err *e;
	struct slot *stack;
	struct memo *memo;
	size_t *marks; /* each the height of the stack when it was set */
	size_t count, room, nmarks, marks_room, memo_room;
	size_t copies; /* nodes that may still be copied */
	struct buf text;
};

/* What returns an int gives -1 with the error set, what returns a pointer NULL. */

/* Sets ERR_PEER. Returns -1. */
int reader_bad(struct reader *r, const char *why);

/* The next len bytes; a number of width bytes, little-endian; a line, its end not counted; the
 * number that such a line holds as text. */
const unsigned char *reader_take(struct reader *r, size_t len);
int reader_take_le(struct reader *r, unsigned int width, uint32_t *num);
const char *reader_take_line(struct reader *r, size_t *len);
int reader_parse_int(struct reader *r, const char *line, size_t len, int64_t *num);

/* Are there n entries above the last mark? */
int reader_need(struct reader *r, size_t n);
int reader_push(struct reader *r, const struct slot *s);
int reader_push_scalar(struct reader *r, struct value *v); /* v NULL: there was no memory */
int reader_pop(struct reader *r); /* or the last mark, if nothing is above it */
int reader_mark(struct reader *r);
int reader_pop_mark(struct reader *r, size_t *mark);
int reader_dup(struct reader *r);

/* The entry on top into the memo; a copy of what is there onto the stack. */
int reader_put(struct reader *r, size_t i);
int reader_get(struct reader *r, size_t i);

/* The entries from the one at from on become a container; a tuple may turn out to be the
 * arguments of _reconstructor. Or they go into the one before them, which must be of that type. */
int reader_make(struct reader *r, enum value_type type, size_t from);
int reader_make_tuple(struct reader *r, size_t from);
int reader_extend(struct reader *r, unsigned int type, size_t from);

/* Before child is put into parent; before s is changed. */
int reader_check_child(struct reader *r, struct slot *parent, const struct slot *child);
int reader_check_change(struct reader *r, const struct slot *s);

/* Opcodes: GLOBAL; REDUCE and NEWOBJ; BUILD. */
int reader_op_global(struct reader *r, unsigned int arg);
int reader_op_call(struct reader *r, unsigned int arg);
int reader_op_build(struct reader *r, unsigned int arg);

#endif
