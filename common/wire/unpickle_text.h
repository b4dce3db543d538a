/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The escapes in the text opcodes of protocol 0. Each appends what the bytes from p to end stand
 * for; false: an escape is broken. Whether there was memory is in out->failed.
 */
#ifndef WIRE_UNPICKLE_TEXT_H
#define WIRE_UNPICKLE_TEXT_H

#include <stdbool.h>

#include "base/buf.h"

/* As Python's string_escape: what stands between the quotes of STRING. */
bool unescape_str(struct buf *out, const char *p, const char *end);
/* As Python's raw-unicode-escape: Latin-1 and \u, \U; out gets UTF-8. */
bool unescape_unicode(struct buf *out, const char *p, const char *end);

#endif
