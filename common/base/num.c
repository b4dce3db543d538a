/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers as text: see num.h. */
#include "base/num.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool num_parse(const char *s, int64_t min, int64_t max, int64_t *out)
{
	const char *digits = s + (*s == '-' || *s == '+');
	long long n;
	char *end;

	if (!isdigit((unsigned char)*digits))
		return false;
	errno = 0;
	n = strtoll(s, &end, 10);
	if (errno || *end || n < min || n > max)
		return false;
	*out = n;
	return true;
}

bool num_parse_ms(const char *s, int64_t *ms)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = { { "us", 0.001 }, { "ms", 1 }, { "s", 1000 }, { "", 1000 },
		      { "m", 60000 },  { "h", 3600000 } };
	double n;
	char *end;

	if (!isdigit((unsigned char)*s) && *s != '.')
		return false;
	n = strtod(s, &end);
	if (end == s || strpbrk(s, "xXpP"))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(end, units[i].name) || n * units[i].ms > 1e12)
			continue;
		*ms = (int64_t)(n * units[i].ms + 0.999);
		return true;
	}
	return false;
}

int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}
