/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far long work has come: see progress.h. */
#include "lab/progress.h"

static progress_fn *told;

void progress_to(progress_fn *fn)
{
	told = fn;
}

void progress_tell(const char *what, size_t done, size_t total)
{
	if (told)
		told(what, done, total);
}
