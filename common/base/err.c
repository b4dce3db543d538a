/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The error object: see err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct err *e, enum err_kind kind, int errnum, const char *fmt, va_list ap)
{
	e->kind = kind;
	e->errnum = errnum;
	e->key = 0;
	e->step = NULL;
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
}

int err_set(struct err *e, enum err_kind kind, int errnum, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, kind, errnum, fmt, ap);
	va_end(ap);
	return -1;
}

int err_os(struct err *e, int errnum, const char *fmt, ...)
{
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	fill(e, ERR_OS, errnum, fmt, ap);
	va_end(ap);
	len = strlen(e->text);
	snprintf(e->text + len, sizeof(e->text) - len, ": %s", strerror(errnum));
	return -1;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	char front[sizeof(e->text)];
	size_t len, old = strlen(e->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(front, sizeof(front) - 3, fmt, ap);
	va_end(ap);
	len = strlen(front);
	memcpy(front + len, ": ", 3);
	len += 2;
	if (old > sizeof(e->text) - 1 - len)
		old = sizeof(e->text) - 1 - len;
	memmove(e->text + len, e->text, old);
	memcpy(e->text, front, len);
	e->text[len + old] = '\0';
	return -1;
}

int err_nomem(struct err *e)
{
	return err_set(e, ERR_INTERNAL, ENOMEM, "out of memory");
}

void err_printable(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
}
