/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was probably meant by a mistyped word: see guess.h. */
#include "ui/guess.h"

#include <string.h>

#define LENGTH 24 /* of words that are looked at */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The optimal string alignment distance. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
	size_t d[LENGTH + 1][LENGTH + 1];

	for (size_t i = 0; i <= n; i++)
		for (size_t k = 0; k <= m; k++) {
			size_t changed;

			if (!i || !k) {
				d[i][k] = i + k;
				continue;
			}
			changed = d[i - 1][k - 1] + (a[i - 1] != b[k - 1]);
			d[i][k] = least(changed, least(d[i - 1][k], d[i][k - 1]) + 1);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				d[i][k] = least(d[i][k], d[i - 2][k - 2] + 1);
		}
	return d[n][m];
}

void guess_try(struct guess *g, const char *word)
{
	size_t n = strlen(g->typed), m = strlen(word), limit = n < 4 ? 1 : 2, is;

	if (n > LENGTH || m > LENGTH || n < 2)
		return;
	is = distance(g->typed, n, word, m);
	if (is <= limit && is < m && (!g->best || is < g->distance)) {
		g->best = word;
		g->distance = is;
	}
}
