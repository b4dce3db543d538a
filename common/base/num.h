/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers and times as text. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

/* A decimal integer with an optional sign and nothing around it, within min and max. */
bool num_parse(const char *s, int64_t min, int64_t max, int64_t *out);

/* A time as tc has it: 250ms 2s 1m 1h, 0.5s; a bare number is seconds. To milliseconds. */
bool num_parse_ms(const char *s, int64_t *ms);

/* The value of a hexadecimal digit; -1: it is none. */
int hex_digit(char c);

#endif
