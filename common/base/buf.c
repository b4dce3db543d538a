/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A byte buffer that grows: see buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP 4096 /* an empty buffer larger than this gives its storage back */

char *buf_room(struct buf *b, size_t len)
{
	size_t cap = b->cap ? b->cap : 256;
	char *data;

	if (len <= b->cap - b->len && b->data && !b->failed)
		return b->data + b->len;
	if (b->failed || len > SIZE_MAX / 4 - b->len) {
		b->failed = true;
		return NULL;
	}
	while (cap < b->len + len)
		cap *= 2;
	if (cap != b->cap) {
		data = realloc(b->data, cap);
		if (!data) {
			b->failed = true;
			return NULL;
		}
		b->data = data;
		b->cap = cap;
	}
	return b->data + b->len;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	char *room = buf_room(b, len);

	if (!room || !len)
		return;
	memcpy(room, data, len);
	b->len += len;
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	char *room = buf_room(b, 1);
	size_t free_room = b->cap - b->len;
	int len;

	if (!room)
		return;
	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(room, free_room, fmt, ap);
	va_end(ap);
	if (len >= 0 && (size_t)len >= free_room) {
		room = buf_room(b, (size_t)len + 1);
		len = room ? vsnprintf(room, (size_t)len + 1, fmt, again) : -1;
	}
	va_end(again);
	if (len < 0)
		b->failed = true;
	else
		b->len += (size_t)len;
}

void buf_consume(struct buf *b, size_t len)
{
	if (len > b->len)
		len = b->len;
	b->len -= len;
	if (b->len && len)
		memmove(b->data, b->data + len, b->len);
	else if (!b->len && b->cap > KEEP)
		buf_free(b);
}

const char *buf_cstr(struct buf *b)
{
	char *room = buf_room(b, 1);

	if (!room)
		return "";
	*room = '\0';
	return b->data;
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}
