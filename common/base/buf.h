/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A byte buffer that grows. A failed allocation is remembered (failed) and later additions do
 * nothing, so a caller builds everything and checks once. Start with struct buf b = {0}.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data; /* not NUL-terminated unless buf_cstr was called */
	size_t len, cap;
	bool failed;
};

void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
__attribute__((format(printf, 2, 3))) void buf_addf(struct buf *b, const char *fmt, ...);

/* Makes room for len more bytes and returns where they go, NULL without memory; the caller adds
 * what it wrote to b->len. */
char *buf_room(struct buf *b, size_t len);

/* Takes the first len bytes away; frees large storage that has become empty. */
void buf_consume(struct buf *b, size_t len);

/* The contents with a NUL behind them (not counted in len); "" without memory. */
const char *buf_cstr(struct buf *b);

void buf_free(struct buf *b);

static inline void own_buf(struct buf *b)
{
	buf_free(b);
}

#endif
