/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines and words of the protocol: see line.h. */
#include "wire/line.h"

#include <ctype.h>
#include <string.h>

#include "wire/base64.h"

char *wire_word(char **line)
{
	char *word = *line + strspn(*line, WIRE_SPACE);
	char *end = word + strcspn(word, WIRE_SPACE);

	if (word == end)
		return NULL;
	*line = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

void wire_put_b(struct buf *out, const void *data, size_t len)
{
	const unsigned char *p = data;
	bool plain = len > 0;

	for (size_t i = 0; i < len && plain; i++)
		plain = p[i] > ' ' && p[i] <= 'z' && p[i] != '=';
	buf_addc(out, ' ');
	if (plain) {
		buf_add(out, data, len);
	} else {
		buf_addc(out, '=');
		base64_encode(out, data, len);
	}
}

int wire_get_b(struct buf *out, const char *word)
{
	if (*word == '=')
		return base64_decode(out, word + 1, strlen(word + 1));
	buf_adds(out, word);
	return out->failed ? -1 : 0;
}

bool wire_reply_line(const char *line, size_t len, int *code, bool *last, const char **text,
		     size_t *text_len)
{
	while (len && strchr(WIRE_SPACE, line[len - 1]) && line[len - 1])
		len--;
	*text = line + 4;
	*text_len = len > 4 ? len - 4 : 0;
	if (len < 3)
		return false;
	*code = 0;
	for (int i = 0; i < 3; i++) {
		if (!isdigit((unsigned char)line[i]))
			return false;
		*code = *code * 10 + line[i] - '0';
	}
	/* "200" alone is what is left of "200 " once trailing white space is gone. */
	*last = len == 3 || line[3] == ' ';
	return *last || line[3] == '-';
}

/* Without printf, which is most of the time of a reply of many lines. */
static void put_line(struct buf *out, int code, char separator, const char *text, size_t len)
{
	char *line = buf_room(out, len + 5);

	if (!line)
		return;
	line[0] = (char)('0' + code / 100);
	line[1] = (char)('0' + code / 10 % 10);
	line[2] = (char)('0' + code % 10);
	line[3] = separator;
	memcpy(line + 4, text, len);
	line[4 + len] = '\n';
	out->len += len + 5;
}

void wire_put_reply(struct buf *out, int code, const char *text)
{
	size_t len;

	for (; text[len = strcspn(text, "\r\n")]; text += len + 1)
		if (len)
			put_line(out, code, '-', text, len);
	/* Readers drop trailing white space, and the reference's then misses the space. */
	if (!text[strspn(text, WIRE_SPACE)])
		text = ".";
	put_line(out, code, ' ', text, strlen(text));
}
