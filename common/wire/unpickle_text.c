/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The restricted reader of pickles: the escapes of protocol 0, see unpickle_text.h. */
#include "wire/unpickle_text.h"

#include <stdint.h>
#include <string.h>

#include "base/num.h"

static bool hex_digits(const char *p, const char *end, int n, uint32_t *num)
{
	*num = 0;
	if (end - p < n)
		return false;
	for (int i = 0; i < n; i++) {
		int d = hex_digit(p[i]);

		if (d < 0)
			return false;
		*num = *num << 4 | (uint32_t)d;
	}
	return true;
}

/* p is behind the backslash. Returns what follows, NULL: broken. */
static const char *unescape_one(struct buf *out, const char *p, const char *end)
{
	static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
	const char *plain = p < end ? memchr(from, *p, sizeof(from) - 1) : NULL;
	uint32_t num = 0;

	if (p == end)
		return NULL;
	if (plain) {
		buf_addc(out, to[plain - from]);
		return p + 1;
	}
	if (*p == 'x') {
		if (!hex_digits(p + 1, end, 2, &num))
			return NULL;
		buf_addc(out, (char)(unsigned char)num);
		return p + 3;
	}
	if (*p < '0' || *p > '7') {
		buf_addc(out, '\\');
		return p;
	}
	for (int i = 0; i < 3 && p < end && *p >= '0' && *p <= '7'; i++)
		num = num << 3 | (uint32_t)(*p++ - '0');
	buf_addc(out, (char)(unsigned char)num);
	return p;
}

bool unescape_str(struct buf *out, const char *p, const char *end)
{
	while (p && p < end) {
		if (*p != '\\')
			buf_addc(out, *p++);
		else
			p = unescape_one(out, p + 1, end);
	}
	return p != NULL;
}

/* Lone surrogates included: there are strings of Python that hold them. */
static void put_utf8(struct buf *out, uint32_t c)
{
	static const unsigned char lead[] = { 0, 0xc0, 0xe0, 0xf0 };
	int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

	buf_addc(out, (char)(unsigned char)(lead[more] | c >> 6 * more));
	while (more--)
		buf_addc(out, (char)(unsigned char)(0x80 | (c >> 6 * more & 0x3f)));
}

/* \u and \U count unless their backslash has another before it that is not itself the second of
 * a pair. */
bool unescape_unicode(struct buf *out, const char *p, const char *end)
{
	uint32_t c;

	while (p < end) {
		bool pair = *p == '\\' && p + 1 < end && p[1] == '\\';
		int digits = *p != '\\' || p + 1 == end ? 0 : p[1] == 'u' ? 4 : p[1] == 'U' ? 8 : 0;

		if (digits) {
			if (!hex_digits(p + 2, end, digits, &c) || c > 0x10ffff)
				return false;
			put_utf8(out, c);
			p += 2 + digits;
			continue;
		}
		if (pair)
			put_utf8(out, (unsigned char)*p++);
		put_utf8(out, (unsigned char)*p++);
	}
	return true;
}
