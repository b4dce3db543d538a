/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line on the terminal while work takes long: see progress.h. */
#include "ui/progress.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"

void progress_print(const char *what, size_t done, size_t total)
{
	static int64_t next;
	static bool begun, shown;
	int64_t now = now_ms();

	if (!begun) {
		begun = true;
		next = now + 500;
	}
	if (done < total && now >= next) {
		fprintf(stderr, "\r%s: %zu of %zu", what, done, total);
		shown = true;
		next = now + 200;
	}
	if (done < total)
		return;
	if (shown)
		fputs("\r\033[K", stderr);
	begun = shown = false;
}
