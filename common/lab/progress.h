/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far long work has come: told to whom the program has named, if anybody. */
#ifndef LAB_PROGRESS_H
#define LAB_PROGRESS_H

#include <stddef.h>

/* what: "nodes made"; done == total: it has ended, well or not. */
typedef void progress_fn(const char *what, size_t done, size_t total);

void progress_to(progress_fn *fn);
void progress_tell(const char *what, size_t done, size_t total);

#endif
