/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes batch files: in whatever pieces the file comes, the same commands are read; and quoted, they
 * read as the same again. Each command is then taken apart as batch does it. */
#include <sys/socket.h>

#include "applets.h"
#include "fuzz.h"
#include "ui/script.h"

#define PIECE_MAX 4096 /* of the input in one read */

/* Messages keep their bounds: what is one here is one read(2) there. */
static int file_of(const uint8_t *data, size_t size, size_t piece)
{
	int ends[2], room = 1 << 22;

	MUST(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	setsockopt(ends[1], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	for (size_t n; size; data += n, size -= n) {
		n = size < piece ? size : piece;
		MUST(send(ends[1], data, n, MSG_DONTWAIT) == (ssize_t)n);
	}
	close(ends[1]);
	return ends[0];
}

static void quote(struct buf *b, const char *word)
{
	buf_addc(b, '\'');
	for (; *word; word++)
		if (*word == '\'')
			buf_adds(b, "'\\''");
		else
			buf_addc(b, *word);
	buf_adds(b, "' ");
}

/* What was read, as text: the words of each command, quoted, or the error; without line numbers in
 * only, which has the good ones alone. */
static void read_all(int fd, struct buf *all, struct buf *only)
{
	struct script s = SCRIPT_INIT(fd, NULL);
	unsigned long line, last = 0;
	char **argv;
	int got;

	do {
		struct err e = ERR_INIT;

		got = script_next(&s, &argv, &line, &e);
		MUST(line >= last);
		last = line;
		for (; got > 0 && *argv; argv++) {
			quote(all, *argv);
			quote(only, *argv);
		}
		if (got > 0)
			buf_addc(only, '\n');
		if (got)
			buf_addf(all, "\n%lu %d %s\n", line, got, e.text);
		MUST(got >= 0 || e.kind == ERR_USAGE);
	} while (got);
	script_free(&s);
	close(fd);
}

static bool equal(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

static void split(int fd)
{
	struct script s = SCRIPT_INIT(fd, NULL);
	unsigned long line;
	char **argv;
	int got;

	do {
		struct err e = ERR_INIT;
		struct call c = {0};
		const struct applet *a;
		int n;

		got = script_next(&s, &argv, &line, &e);
		if (got <= 0)
			continue;
		argv += !strcmp(*argv, "nemu");
		while (*argv && (n = words_global(&c, argv, &e)) > 0)
			argv += n;
		a = *argv ? applet_find(*argv) : NULL;
		if (a && words_parse(&c, a, argv + 1, &e))
			MUST(e.kind == ERR_USAGE);
		words_free(&c);
	} while (got);
	script_free(&s);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own(buf) struct buf whole = {0}, pieces = {0}, good = {0}, same = {0}, again = {0};
	size_t piece = size ? 1 + data[0] % 64 : 1;

	if (size > PIECE_MAX)
		return 0;
	read_all(file_of(data, size, PIECE_MAX), &whole, &good);
	read_all(file_of(data, size, size / piece > 100 ? size / 100 + 1 : piece), &pieces, &same);
	MUST(equal(&whole, &pieces) && equal(&good, &same));
	buf_consume(&same, same.len);
	buf_consume(&whole, whole.len);
	read_all(file_of((const uint8_t *)good.data, good.len, 1 << 15), &whole, &again);
	MUST(equal(&good, &again));
	split(file_of(data, size, PIECE_MAX));
	return 0;
}
