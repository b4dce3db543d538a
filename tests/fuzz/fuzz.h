/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets share: taking an input apart, and saying what went wrong. */
#ifndef FUZZ_H
#define FUZZ_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libFuzzer keeps the input of whatever ends in abort(). */
#define MUST(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #what); \
			abort(); \
		} \
	} while (0)

/* A bit for each descriptor that is open, of the first 64. */
static inline uint64_t open_fds(void)
{
	uint64_t all = 0;

	for (int fd = 0; fd < 64; fd++)
		all |= (uint64_t)(fcntl(fd, F_GETFD) >= 0) << fd;
	return all;
}

struct input {
	const uint8_t *at, *end;
};

/* The next byte, 0 behind the last. */
static inline uint8_t take_byte(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

/* Words, each up to a newline or a NUL; at most max - 1 and a NULL behind them, in one block that the
 * caller frees. */
static inline char *take_words(struct input *in, char **words, size_t max)
{
	size_t len = (size_t)(in->end - in->at), n = 0;
	char *copy = malloc(len + 1), *rest = copy;

	MUST(copy);
	if (len)
		memcpy(copy, in->at, len);
	copy[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (copy[i] == '\n')
			copy[i] = '\0';
	while (rest < copy + len && n < max - 1) {
		words[n++] = rest;
		rest += strlen(rest) + 1;
	}
	words[n] = NULL;
	in->at = in->end;
	return copy;
}

#endif
