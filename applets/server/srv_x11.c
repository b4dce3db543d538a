/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * X11: the display of the node's programs (wire.md section 6). SET and SOCK are the reference's.
 * KEEP and STOP are extensions: while a client that gave KEEP is there, and no longer, the
 * display is; STOP, or another SET, ends that.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/program.h"
#include "session.h"
#include "x11.h"

#define PORT 6000 /* of display 0 */
#define FIRST 10
#define LAST 99
#define KEY_MAX 1024
#define FAMILY_LOCAL 256 /* in Xauthority files: the host's name is the address */

static void forget(struct x11 *x)
{
	drop_fd(&x->sock);
	free(x->proto);
	*x = (struct x11){ .sock = -1 };
}

/* The client that holds the display is told, and then has nothing to wait for any more. */
static void end_forwarding(struct server *s, const char *why)
{
	struct session *holder = s->x11.holder;

	forget(&s->x11);
	if (!holder)
		return;
	session_reply(holder, 200, why);
	session_resume(holder);
}

void x11_session_gone(struct server *s, const struct session *gone)
{
	/* Its socket, if that is still here, is nobody's: no one would ever listen on it. */
	if (s->x11.holder == gone || (s->x11.setter == gone && s->x11.sock >= 0))
		forget(&s->x11);
	if (s->x11.setter == gone)
		s->x11.setter = NULL;
}

void x11_free(struct server *s)
{
	forget(&s->x11);
}

/* Bound, and not yet listening: that is done by who gets it. */
static int bind_display(int *display)
{
	for (*display = FIRST; *display <= LAST; ++*display) {
		struct sockaddr_in a = { .sin_family = AF_INET,
					 .sin_port = htons((uint16_t)(PORT + *display)),
					 .sin_addr = { htonl(INADDR_LOOPBACK) } };
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || !bind(fd, (struct sockaddr *)&a, sizeof(a)))
			return fd;
		close(fd);
	}
	return -1;
}

/* Into the same memory as proto, behind it, so that there is one thing to free. */
static int read_cookie(struct x11 *x, const struct arg *proto, const struct arg *hex, struct err *e)
{
	size_t len = hex->len / 2;

	if (proto->len > 255 || hex->len % 2 || len > KEY_MAX ||
	    strspn(hex->s, "0123456789abcdefABCDEF") != hex->len)
		return err_set(e, ERR_VALUE, 0, "not a key in hexadecimal");
	x->proto = malloc(proto->len + 1 + len);
	if (!x->proto)
		return err_nomem(e);
	memcpy(x->proto, proto->s, proto->len + 1);
	x->key = (unsigned char *)x->proto + proto->len + 1;
	x->key_len = len;
	for (size_t i = 0; i < len; i++)
		x->key[i] = (unsigned char)(hex_digit(hex->s[2 * i]) << 4 | hex_digit(hex->s[2 * i + 1]));
	return 0;
}

int srv_x11_set(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct x11 x = { .sock = -1, .setter = s };

	(void)cmd;
	if (!program_found("xauth")) {
		session_reply(s, 500, "Impossible: this machine has no xauth.");
		return NOW;
	}
	if (read_cookie(&x, &s->args.v[0], &s->args.v[1], e))
		return FAILED;
	x.sock = bind_display(&x.display);
	if (x.sock < 0) {
		forget(&x);
		session_replyf(s, 500, "No port from %d to %d is free.", PORT + FIRST, PORT + LAST);
		return NOW;
	}
	end_forwarding(s->server, "Replaced.");
	s->server->x11 = x;
	session_replyf(s, 200, "Port %d; X11 SOCK sends its socket.", PORT + x.display);
	return NOW;
}

int srv_x11_sock(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	int fd = s->server->x11.sock;

	(void)cmd;
	if (fd < 0) {
		err_set(e, ERR_REFUSED, 0, "No socket to send: X11 SET comes first.");
		return FAILED;
	}
	if (session_before_fd(s, e))
		return FAILED;
	if (session_send_fd(s, fd, "Socket sent."))
		drop_fd(&s->server->x11.sock);
	return NOW;
}

int srv_x11_keep(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct x11 *x = &s->server->x11;

	(void)cmd;
	if (!x->display || x->setter != s) {
		err_set(e, ERR_VALUE, 0, "the display of this node is another client's");
		return FAILED;
	}
	x->holder = s;
	s->wait.what = PARK_X11;
	return LATER;
}

int srv_x11_stop(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	if (!s->server->x11.display) {
		err_set(e, ERR_ABSENT, ESRCH, "no display is forwarded");
		return FAILED;
	}
	end_forwarding(s->server, "Stopped.");
	session_reply(s, 200, "Done.");
	return NOW;
}

/* ------------------------------------------------------------------ Xauthority */

static void put_counted(struct buf *b, const void *data, size_t len)
{
	buf_addc(b, (char)(len >> 8));
	buf_addc(b, (char)len);
	buf_add(b, data, len);
}

/* One entry of the file, as Xau(3) has it. */
static void put_entry(struct buf *b, const struct x11 *x)
{
	char host[256] = "", number[16];

	gethostname(host, sizeof(host) - 1);
	snprintf(number, sizeof(number), "%d", x->display);
	buf_addc(b, (char)(FAMILY_LOCAL >> 8));
	buf_addc(b, (char)(FAMILY_LOCAL & 0xff));
	put_counted(b, host, strlen(host));
	put_counted(b, number, strlen(number));
	put_counted(b, x->proto, strlen(x->proto));
	put_counted(b, x->key, x->key_len);
}

/* The name tells whose it is: should this process be killed, its keeper removes them. */
static int write_file(char **path, const struct x11 *x, struct err *e)
{
	own(buf) struct buf b = {0};
	own(fd) int fd = -1;
	mode_t old;

	put_entry(&b, x);
	if (b.failed || asprintf(path, X11_FILES "%d.XXXXXX", (int)getpid()) < 0) {
		*path = NULL;
		return err_nomem(e);
	}
	old = umask(077); /* it may be any */
	fd = mkostemp(*path, O_CLOEXEC);
	umask(old);
	if (fd >= 0 && write(fd, b.data, b.len) == (ssize_t)b.len)
		return 0;
	err_os(e, errno ? errno : EIO, "%s", *path);
	if (fd >= 0)
		unlink(*path);
	free(*path);
	*path = NULL;
	return -1;
}

int x11_prepare(struct server *s, char **file, char *display, size_t size, struct err *e)
{
	*file = NULL;
	if (!s->x11.display)
		return 0;
	snprintf(display, size, "127.0.0.1:%d", s->x11.display);
	return write_file(file, &s->x11, e);
}
