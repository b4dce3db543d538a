/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of labs and nodes: see name.h. */
#include "lab/name.h"

#include <string.h>

bool name_valid(const char *name)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	size_t len = strlen(name);

	if (!len || len > NAME_LEN_MAX || !strchr(first, name[0]))
		return false;
	while (*name && (strchr(first, *name) || strchr("._-", *name)))
		name++;
	return !*name;
}

/* Not by strverscmp, which is not the same in each libc. */
int name_compare(const char *a, const char *b)
{
	const char *x = a, *y = b;

	while (*x && *y) {
		size_t n = strspn(x, "0123456789"), m = strspn(y, "0123456789");
		const char *p = x + strspn(x, "0"), *q = y + strspn(y, "0");
		int order;

		if (!n || !m) {
			if (*x != *y)
				return (unsigned char)*x - (unsigned char)*y;
			x++;
			y++;
			continue;
		}
		x += n;
		y += m;
		if (x - p != y - q) /* without zeros in front, the longer one is larger */
			return x - p < y - q ? -1 : 1;
		order = memcmp(p, q, (size_t)(x - p));
		if (order)
			return order;
	}
	return *x || *y ? (unsigned char)*x - (unsigned char)*y : strcmp(a, b);
}

int name_check(const char *what, const char *name, struct err *e)
{
	if (name_valid(name))
		return 0;
	if (!*name)
		return err_set(e, ERR_USAGE, 0, "a %s's name must not be empty", what);
	err_set(e, ERR_USAGE, 0,
		"%.80s: not a name for a %s (1 to 63 letters, digits, '.', '_' or '-'; a letter or "
		"digit first)",
		name, what);
	err_printable(e->text);
	return -1;
}
