/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines and words of the protocol (wire.md sections 1 and 2). Pure: bytes in, bytes out. */
#ifndef WIRE_LINE_H
#define WIRE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* What counts as white space between words (that of Python's str.split). */
#define WIRE_SPACE " \t\n\v\f\r"

/* The longest command line, its newline not counted. */
#define WIRE_LINE_MAX (4u << 20)

/* The next word of a NUL-terminated line: NUL-terminates it in place, advances *line. NULL at
 * the end. */
char *wire_word(char **line);

/* Appends " TEXT" as an argument of type b, in base64 where wire.md section 2 wants that. */
void wire_put_b(struct buf *out, const void *data, size_t len);

/* Decodes an argument of type b. -1: bad base64 (or out->failed). Appends to out. */
__attribute__((warn_unused_result)) int wire_get_b(struct buf *out, const char *word);

/* A line of a reply, without its newline (trailing white space is allowed): "DDD text" or
 * "DDD-text". false: it is neither. *text points into line. */
bool wire_reply_line(const char *line, size_t len, int *code, bool *last, const char **text,
		     size_t *text_len);

/* Appends a reply: one line per line of text, all but the last as "DDD-". Carriage returns and
 * empty text become what a client can read. */
void wire_put_reply(struct buf *out, int code, const char *text);

#endif
