/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The value structs as text: see net.h. */
#include "base/net.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "base/num.h"

bool inaddr_parse(const char *s, struct inaddr *a)
{
	*a = (struct inaddr){0};
	a->family = strchr(s, ':') ? AF_INET6 : AF_INET;
	return inet_pton(a->family, s, a->bytes) == 1;
}

const char *inaddr_text(const struct inaddr *a, char *buf)
{
	if (!a->family)
		return NULL;
	return inet_ntop(a->family, a->bytes, buf, INADDR_TEXT);
}

size_t inaddr_len(int family)
{
	return family == AF_INET6 ? 16 : 4;
}

bool inaddr_is_multicast(const struct inaddr *a)
{
	return a->family == AF_INET6 ? a->bytes[0] == 0xff : a->bytes[0] >> 4 == 0xe;
}

bool inaddr_equal(const struct inaddr *a, const struct inaddr *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, inaddr_len(a->family));
}

struct inaddr inaddr_broadcast(const struct inaddr *a, unsigned char prefix_len)
{
	struct inaddr b = *a;

	if (a->family != AF_INET || prefix_len > 30)
		return (struct inaddr){0};
	for (int bit = prefix_len; bit < 32; bit++)
		b.bytes[bit / 8] = (unsigned char)(b.bytes[bit / 8] | 0x80 >> bit % 8);
	return b;
}

/* Without colons: right-aligned in six bytes, as a number would be. */
static bool lladdr_parse_digits(const char *s, struct lladdr *a)
{
	size_t n = strlen(s);

	if (!n || n > 12)
		return false;
	a->len = 6;
	for (size_t i = 0; i < n; i++) {
		size_t place = 12 - n + i;
		int v = hex_digit(s[i]);

		if (v < 0)
			return false;
		a->bytes[place / 2] |= (unsigned char)(place % 2 ? v : v << 4);
	}
	return true;
}

bool lladdr_parse(const char *s, struct lladdr *a)
{
	*a = (struct lladdr){0};
	if (!strchr(s, ':'))
		return lladdr_parse_digits(s, a);
	for (;;) {
		int v = hex_digit(*s), w;

		if (v < 0 || a->len == sizeof(a->bytes))
			return false;
		w = hex_digit(*++s);
		if (w >= 0) {
			v = v * 16 + w;
			s++;
		}
		a->bytes[a->len++] = (unsigned char)v;
		if (!*s)
			return true;
		if (*s++ != ':')
			return false;
	}
}

const char *lladdr_text(const struct lladdr *a, char *buf)
{
	static const char digits[] = "0123456789abcdef";

	if (!a->len)
		return NULL;
	for (size_t i = 0; i < a->len; i++) {
		buf[i * 3] = digits[a->bytes[i] >> 4];
		buf[i * 3 + 1] = digits[a->bytes[i] & 15];
		buf[i * 3 + 2] = ':';
	}
	buf[a->len * 3 - 1] = '\0';
	return buf;
}

/* FNV-1a over the names, each with its NUL, then stirred so that each bit counts everywhere. */
struct lladdr lladdr_of(const char *lab, const char *node, const char *ifname)
{
	const char *const names[] = { lab, node, ifname };
	struct lladdr a = { .len = 6 };
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < 3; i++)
		for (const char *s = names[i];; s++) {
			h = (h ^ (unsigned char)*s) * 0x100000001b3;
			if (!*s)
				break;
		}
	h = (h ^ h >> 33) * 0xff51afd7ed558ccd;
	h ^= h >> 33;
	for (size_t i = 0; i < 6; i++)
		a.bytes[i] = (unsigned char)(h >> (8 * i));
	a.bytes[0] = (unsigned char)((a.bytes[0] & 0xfc) | 2);
	return a;
}

bool lladdr_equal(const struct lladdr *a, const struct lladdr *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

bool ifname_valid(const char *s)
{
	size_t n = strlen(s);

	if (!n || n >= IFNAMSIZ || !strcmp(s, ".") || !strcmp(s, ".."))
		return false;
	/* 0xa0 is a space to the kernel; a name with %d it would fill in, and refuse other %. */
	for (; *s; s++)
		if (*s == '/' || *s == '%' || *s == ':' || *s == '\xa0' || isspace((unsigned char)*s))
			return false;
	return true;
}

static const char *const route_types[] = {
	"unspec", "unicast",	 "local",    "broadcast", "anycast", "multicast",
	"blackhole", "unreachable", "prohibit", "throw",     "nat",
};

const char *route_type_name(int type)
{
	if (type < 1 || type >= (int)(sizeof(route_types) / sizeof(*route_types)))
		return NULL;
	return route_types[type];
}

int route_type_parse(const char *s)
{
	for (int i = 1; route_type_name(i); i++)
		if (!strcmp(route_types[i], s))
			return i;
	return -1;
}
