/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The restricted reader of pickles: what it takes off its input. Nothing is read past the end. */
#include "wire/unpickle.h"

#include <string.h>

#include "base/num.h"

int reader_bad(struct reader *r, const char *why)
{
	return err_set(r->e, ERR_PEER, 0, "pickle: %s", why);
}

const unsigned char *reader_take(struct reader *r, size_t len)
{
	const unsigned char *p = r->at;

	if ((size_t)(r->end - p) < len) {
		reader_bad(r, "a size runs past the end");
		return NULL;
	}
	r->at += len;
	return p;
}

int reader_take_le(struct reader *r, unsigned int width, uint32_t *num)
{
	const unsigned char *p = reader_take(r, width);

	*num = 0;
	for (unsigned int i = 0; p && i < width; i++)
		*num |= (uint32_t)p[i] << 8 * i;
	return p ? 0 : -1;
}

const char *reader_take_line(struct reader *r, size_t *len)
{
	size_t left = (size_t)(r->end - r->at);
	const unsigned char *start = r->at, *end = left ? memchr(start, '\n', left) : NULL;

	if (!end) {
		reader_bad(r, "a line runs past the end");
		return NULL;
	}
	*len = (size_t)(end - start);
	r->at = end + 1;
	return (const char *)start;
}

int reader_parse_int(struct reader *r, const char *line, size_t len, int64_t *num)
{
	char text[32];

	if (len < sizeof(text) && !memchr(line, '\0', len)) {
		memcpy(text, line, len);
		text[len] = '\0';
		if (num_parse(text, INT64_MIN, INT64_MAX, num))
			return 0;
	}
	return reader_bad(r, "not an integer of 64 bits");
}
