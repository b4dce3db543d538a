/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process of its own, which goes on when the command that made it has ended. */
#ifndef LAB_APART_H
#define LAB_APART_H

#include <stddef.h>

/* In a child: leaves everything of the caller's (its session, its folder, its descriptors) and takes
 * the name. Of n fds (at most 8; some may be -1) each stays open, under a new number that is put in its
 * place; 0 to 2 are /dev/null. Where that fails the process ends with 1. */
void apart_become(const char *name, int *fds, size_t n);

#endif
