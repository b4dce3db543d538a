/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs that are asked something: their output is the answer. */
#ifndef KERNEL_RUN_H
#define KERNEL_RUN_H

#include <stddef.h>

/* Runs argv (argv[0] from the PATH) with nothing on its standard input, waits for its end, and
 * keeps the first size - 1 bytes of its standard output, NUL-terminated. Its exit code, 127 if there
 * is no such program; -1: errno, or it was killed. */
__attribute__((warn_unused_result)) int run_output(char *const *argv, char *out, size_t size);

/* The same, but what is kept is its standard error. */
__attribute__((warn_unused_result)) int run_errors(char *const *argv, char *out, size_t size);

#endif
