/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The caller's X display: see display.h. */
#include "lab/display.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/net.h"
#include "base/num.h"
#include "base/pidfd.h"
#include "kernel/run.h"

/* HOST:NUMBER[.SCREEN] taken apart; host has size bytes. */
static bool parse(const char *text, char *host, size_t size, int *number)
{
	const char *colon = strrchr(text, ':');
	const char *dot = colon ? strchr(colon, '.') : NULL;
	char digits[8];
	int64_t n;
	size_t len = colon ? (size_t)(colon - text) : 0;
	size_t count = colon ? (dot ? (size_t)(dot - colon) - 1 : strlen(colon + 1)) : 0;

	if (!colon || len >= size || count >= sizeof(digits) ||
	    (dot && (!dot[1] || dot[1 + strspn(dot + 1, "0123456789")])))
		return false;
	memcpy(digits, colon + 1, count);
	digits[count] = '\0';
	if (digits[strspn(digits, "0123456789")] || !num_parse(digits, 0, 65535 - 6000, &n))
		return false;
	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	*number = (int)n;
	/* It becomes a word of other programs' command lines. */
	return *host != '-' && !host[strcspn(host, " \t\n/")];
}

static bool try_connect(struct display *d)
{
	own(fd) int fd = socket(d->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (fd < 0 || connect(fd, (struct sockaddr *)&d->addr, d->addr_len))
		return false;
	if (d->addr.ss_family == AF_UNIX &&
	    !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && peer.pid > 0)
		d->pidfd = open_pidfd(peer.pid);
	return true;
}

/* By the file, else by the name that needs none. */
static bool connect_local(struct display *d, int number)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&d->addr;
	int len;

	un->sun_family = AF_UNIX;
	len = snprintf(un->sun_path, sizeof(un->sun_path), "/tmp/.X11-unix/X%d", number);
	d->addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len + 1);
	if (try_connect(d))
		return true;
	if (errno == EACCES)
		return false;
	memmove(un->sun_path + 1, un->sun_path, (size_t)len);
	un->sun_path[0] = '\0';
	return try_connect(d);
}

static bool connect_address(struct display *d, const struct inaddr *a, int number)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&d->addr;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&d->addr;

	memset(&d->addr, 0, sizeof(d->addr));
	d->addr.ss_family = (sa_family_t)a->family;
	if (a->family == AF_INET) {
		v4->sin_port = htons((uint16_t)(6000 + number));
		memcpy(&v4->sin_addr, a->bytes, 4);
		d->addr_len = sizeof(*v4);
	} else {
		v6->sin6_port = htons((uint16_t)(6000 + number));
		memcpy(&v6->sin6_addr, a->bytes, 16);
		d->addr_len = sizeof(*v6);
	}
	return try_connect(d);
}

/* The first of the host's addresses that answers. A static program cannot ask the name service
 * itself; where there is no getent, localhost is known all the same. */
static bool connect_host(struct display *d, const char *host, int number)
{
	char *const argv[] = { "getent", "ahosts", "--", (char *)(uintptr_t)host, NULL };
	char lines[4096], *rest = lines, *line;
	struct inaddr a;

	if (inaddr_parse(host, &a))
		return connect_address(d, &a, number);
	if (run_output(argv, lines, sizeof(lines)) == 127 && !strcmp(host, "localhost"))
		snprintf(lines, sizeof(lines), "127.0.0.1\n::1\n");
	errno = 0;
	while ((line = strsep(&rest, "\n"))) {
		line[strcspn(line, " \t")] = '\0';
		if (inaddr_parse(line, &a) && connect_address(d, &a, number))
			return true;
	}
	return false;
}

static bool read_key(struct display *d, const char *hex)
{
	size_t len = strspn(hex, "0123456789abcdefABCDEF");

	if (!len || len % 2 || len / 2 > sizeof(d->key))
		return false;
	for (size_t i = 0; i < len / 2; i++)
		d->key[i] = (unsigned char)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
	d->key_len = len / 2;
	return true;
}

/* "xauth list NAME": lines of a name, a protocol and a key. Its code, as from run_output. The file is only
 * read (it is replaced by rename), so -i: without, a lock that somebody left, or a folder in which none can be
 * made, costs 20 seconds and then the cookie. */
static int ask_xauth(struct display *d, const char *name)
{
	char *const argv[] = { "xauth", "-q", "-i", "list", (char *)(uintptr_t)name, NULL };
	char lines[8192], *rest = lines, *line, format[32];
	int code = run_output(argv, lines, sizeof(lines));

	snprintf(format, sizeof(format), "%%*s %%%zus %%512s", sizeof(d->proto) - 1);
	while (!d->key_len && (line = strsep(&rest, "\n"))) {
		char hex[513];

		if (sscanf(line, format, d->proto, hex) != 2 || !read_key(d, hex))
			d->proto[0] = '\0';
	}
	explicit_bzero(lines, sizeof(lines));
	return code;
}

/* No cookie is no error: a display without access control wants none. */
static int find_cookie(struct display *d, const char *text, bool local, int number, struct err *e)
{
	char name[32];
	int code;

	snprintf(name, sizeof(name), "unix:%d", number);
	code = ask_xauth(d, local ? name : text);
	if (code == 127)
		return err_set(e, ERR_FEATURE, 0, "xauth: no such program (package xauth)");
	if (local && !d->key_len && ask_xauth(d, text) < 0)
		return err_os(e, errno, "xauth");
	return 0;
}

int display_open(struct display *d, const char *text, struct err *e)
{
	char host[256];
	int number;
	bool unix_socket, local;

	*d = (struct display){ .pidfd = -1 };
	if (!text || !*text)
		return err_set(e, ERR_VALUE, 0, "DISPLAY is not set");
	if (!parse(text, host, sizeof(host), &number))
		return err_set(e, ERR_VALUE, 0, "DISPLAY: not a display: %.100s", text);
	unix_socket = !*host || !strcmp(host, "unix");
	/* To xauth, what ssh forwards to localhost is this host's own. */
	local = unix_socket || !strcmp(host, "localhost") || !strcmp(host, "127.0.0.1") ||
		!strcmp(host, "::1");
	if (find_cookie(d, text, local, number, e))
		return -1;
	if (unix_socket ? connect_local(d, number) : connect_host(d, host, number))
		return 0;
	if (!errno)
		return err_set(e, ERR_VALUE, 0, "display %.100s: no such host", text);
	return err_os(e, errno, "display %.100s", text);
}

int display_connect(const struct display *d)
{
	int fd = socket(d->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&d->addr, d->addr_len) &&
	    errno != EINPROGRESS)
		drop_fd(&fd);
	return fd;
}
