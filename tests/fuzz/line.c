/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes what the wire is made of: words, arguments, replies, commands by the server's own table, and
 * descriptors that come in messages of any size. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fuzz.h"
#include "server/session.h"
#include "wire/line.h"
#include "wire/passfd.h"

static void try_words(const char *text, size_t len)
{
	own(mem) char *copy = strdup(text);
	char *line = copy, *word;

	while ((word = wire_word(&line))) {
		own(buf) struct buf b = {0};

		MUST(*word && !strpbrk(word, WIRE_SPACE));
		MUST(line <= copy + len && word + strlen(word) <= line);
		if (wire_get_b(&b, word))
			MUST(*word == '=');
	}
}

/* Any bytes, as an argument of type b. */
static void try_b(const void *data, size_t len)
{
	own(buf) struct buf text = {0}, back = {0};
	char *line, *word;

	wire_put_b(&text, data, len);
	line = (char *)(uintptr_t)buf_cstr(&text);
	word = wire_word(&line);
	MUST(word && !wire_get_b(&back, word) && back.len == len);
	MUST(!len || !memcmp(back.data, data, len));
}

/* Any text, as a reply: what a client reads ends with its last line, and not before. */
static void try_reply(const char *text)
{
	own(buf) struct buf b = {0};
	const char *part;
	size_t part_len;
	int code;
	bool last = false;

	wire_put_reply(&b, 550, text);
	for (char *at = b.data, *end; at < b.data + b.len; at = end + 1) {
		end = memchr(at, '\n', (size_t)(b.data + b.len - at));
		MUST(end && !last);
		MUST(wire_reply_line(at, (size_t)(end - at), &code, &last, &part, &part_len));
		MUST(code == 550 && part + part_len <= end);
	}
	MUST(last);
}

static void try_reply_line(const char *data, size_t len)
{
	own(mem) char *exact = malloc(len + 1);
	const char *text;
	size_t text_len;
	int code;
	bool last;

	memcpy(exact, data, len);
	exact = realloc(exact, len ? len : 1); /* so that a look behind the end is seen */
	if (wire_reply_line(exact, len, &code, &last, &text, &text_len))
		MUST(code >= 0 && code <= 999 && text_len <= len);
}

/* All lines, with one struct args. */
static void try_commands(char *lines, unsigned int modes)
{
	struct args args = {0};
	char *line;

	while ((line = strsep(&lines, "\n"))) {
		struct err e = ERR_INIT;
		const struct command *c = command_parse(server_commands, modes, line, &args, &e);

		MUST(c || e.kind == ERR_NONE || e.kind == ERR_USAGE);
		for (size_t i = 0; c && i < args.n; i++)
			MUST(args.v[i].s && !args.v[i].s[args.v[i].len]);
		MUST(!c || (c->modes & modes && args.n >= strlen(c->mandatory)));
	}
	args_free(&args);
}

/* Bytes of the input: how much of it, with how many descriptors, and how it is read. */
static void try_descriptors(struct input *in)
{
	int ends[2], got[3], pass[3] = { 0, 1, 2 };
	char room[64];
	uint64_t before = open_fds();

	MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends));
	for (int turn = 0; turn < 8 && in->at < in->end; turn++) {
		uint8_t how = take_byte(in);
		size_t len = 1 + how % 16, n = how >> 4 & 3, max = how >> 6, count = 0, sent = n;
		ssize_t bytes;

		len = len < (size_t)(in->end - in->at) ? len : (size_t)(in->end - in->at);
		if (len && (n ? passfd_send(ends[1], in->at, len, pass, n, MSG_DONTWAIT)
			      : send(ends[1], in->at, len, 0) < 0))
			break;
		sent = len ? sent : 0;
		do {
			size_t more;

			bytes = passfd_recv(ends[0], room, 1 + how % 5, MSG_DONTWAIT, got, max, &more);
			MUST(bytes > 0 || errno == EAGAIN);
			count += bytes > 0 ? more : 0;
			for (size_t i = 0; bytes > 0 && i < more && i < max; i++)
				MUST(fcntl(got[i], F_GETFD) == FD_CLOEXEC && !close(got[i]));
			in->at += bytes > 0 ? bytes : 0;
		} while (bytes > 0);
		MUST(count == sent);
	}
	close(ends[0]);
	close(ends[1]);
	MUST(open_fds() == before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	own(mem) char *text = malloc(size + 1);

	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	try_words(text, strlen(text));
	try_b(data, size);
	try_reply(text);
	try_reply_line(text, size);
	try_commands(text, size % 3 + 1);
	try_descriptors(&in);
	return 0;
}
