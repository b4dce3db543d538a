/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Base64 as wire.md section 2 has it. */
#ifndef WIRE_BASE64_H
#define WIRE_BASE64_H

#include "base/buf.h"

/* Appends the encoding of len bytes, padded, without line breaks. */
void base64_encode(struct buf *out, const void *data, size_t len);

/* Appends the decoding, as Python's binascii.a2b_base64 does it: characters outside the alphabet
 * are skipped, wrong padding is an error. -1: wrong padding, or no memory (out->failed); what
 * was appended to out until then is taken away again. */
__attribute__((warn_unused_result)) int base64_decode(struct buf *out, const char *text, size_t len);

#endif
