/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Base64: see base64.h. */
#include "wire/base64.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define PAD 64
#define NOT (-1)

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	if (c == '/')
		return 63;
	return c == '=' ? PAD : NOT;
}

void base64_encode(struct buf *out, const void *data, size_t len)
{
	const unsigned char *in = data;
	char *to = buf_room(out, len / 3 * 4 + 4);

	if (!to)
		return;
	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t bits = (uint32_t)in[i] << 16;

		if (left > 1)
			bits |= (uint32_t)in[i + 1] << 8;
		if (left > 2)
			bits |= in[i + 2];
		to[0] = alphabet[bits >> 18];
		to[1] = alphabet[bits >> 12 & 63];
		to[2] = left > 1 ? alphabet[bits >> 6 & 63] : '=';
		to[3] = left > 2 ? alphabet[bits & 63] : '=';
		to += 4;
		out->len += 4;
	}
}

/* A pad ends the text after three digits of a group, and after two if another pad is what
 * comes next; anywhere else Python takes it for noise. */
static bool pad_ends(unsigned int digits, const char *rest, const char *end)
{
	if (digits != 2)
		return digits == 3;
	while (rest < end && digit(*rest) == NOT)
		rest++;
	return rest < end && *rest == '=';
}

int base64_decode(struct buf *out, const char *text, size_t len)
{
	const char *end = text + len;
	char *to = buf_room(out, len / 4 * 3 + 3);
	unsigned int bits = 0, digits = 0;
	size_t n = 0;

	if (!to)
		return -1;
	for (; text < end; text++) {
		int d = digit(*text);

		if (d == NOT)
			continue;
		if (d == PAD && pad_ends(digits, text + 1, end)) {
			digits = 0;
			break;
		}
		if (d == PAD)
			continue;
		bits = (bits << 6 | (unsigned int)d) & 0xffff;
		if (digits)
			to[n++] = (char)(unsigned char)(bits >> (6 - 2 * digits));
		digits = (digits + 1) % 4;
	}
	if (digits)
		return -1;
	out->len += n;
	return 0;
}
