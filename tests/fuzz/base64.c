/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes base64_decode; what was decoded has to survive a round trip. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "wire/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own(buf) struct buf first = {0}, text = {0}, second = {0};

	if (base64_decode(&first, (const char *)data, size))
		return 0;
	base64_encode(&text, first.data, first.len);
	if (base64_decode(&second, buf_cstr(&text), text.len) || first.len != second.len)
		abort();
	if (first.len && memcmp(first.data, second.data, first.len))
		abort();
	return 0;
}
