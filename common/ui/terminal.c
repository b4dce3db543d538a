/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program on a terminal of its own: see terminal.h. */
#include "ui/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"

struct terminal {
	int master;
	bool raw;	  /* the caller's terminal is raw now */
	bool has_terminal; /* standard input is a terminal */
	bool input_over;
	struct termios before;
	char pending[4096]; /* input that the program has not taken yet */
	size_t len;
};

static void copy_size(int master)
{
	struct winsize ws;

	for (int fd = 0; fd < 3; fd++)
		if (!ioctl(fd, TIOCGWINSZ, &ws) && ws.ws_col) {
			ioctl(master, TIOCSWINSZ, &ws);
			return;
		}
}

struct terminal *terminal_open(int *slave, struct err *e)
{
	struct terminal *t = calloc(1, sizeof(*t));
	const char *name;

	*slave = -1;
	if (!t) {
		err_nomem(e);
		return NULL;
	}
	t->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (t->master >= 0 && !grantpt(t->master) && !unlockpt(t->master)) {
		name = ptsname(t->master);
		*slave = name ? open(name, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
	}
	if (*slave < 0) {
		err_os(e, errno, "a terminal for the program");
		drop_fd(&t->master);
		free(t);
		return NULL;
	}
	copy_size(t->master);
	t->has_terminal = !tcgetattr(0, &t->before);
	if (t->has_terminal)
		tcsetattr(*slave, TCSANOW, &t->before);
	fcntl(t->master, F_SETFL, O_RDWR | O_NONBLOCK);
	return t;
}

void terminal_begin(struct terminal *t)
{
	struct termios raw = t->before;

	if (!t->has_terminal)
		return;
	cfmakeraw(&raw);
	t->raw = !tcsetattr(0, TCSADRAIN, &raw);
}

void terminal_pause(struct terminal *t)
{
	if (t->raw)
		tcsetattr(0, TCSADRAIN, &t->before);
	t->raw = false;
}

void terminal_resume(struct terminal *t)
{
	terminal_begin(t);
	copy_size(t->master);
}

void terminal_close(struct terminal *t)
{
	if (!t)
		return;
	terminal_pause(t);
	close(t->master);
	free(t);
}

void terminal_resize(struct terminal *t)
{
	copy_size(t->master);
}

/* Standard output may be a pipe or a terminal that others have made non-blocking. */
static bool write_all(const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(1, data, len);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd p = { .fd = 1, .events = POLLOUT };

			poll(&p, 1, -1);
		} else if (n < 0 && errno != EINTR) {
			return false;
		}
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* false: nothing there, or the program's side is closed. */
static bool pass_output(struct terminal *t)
{
	char block[16384];
	ssize_t n = read(t->master, block, sizeof(block));

	return n > 0 && write_all(block, (size_t)n);
}

static void take_input(struct terminal *t)
{
	ssize_t n = read(0, t->pending, sizeof(t->pending));

	if (n > 0) {
		t->len = (size_t)n;
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		/* The end of a file or pipe: what a terminal's user would type for it. */
		t->pending[0] = 4;
		t->len = 1;
		t->input_over = true;
	}
}

static void pass_input(struct terminal *t)
{
	ssize_t n = write(t->master, t->pending, t->len);

	if (n <= 0)
		return;
	t->len -= (size_t)n;
	memmove(t->pending, t->pending + n, t->len);
}

int terminal_relay(struct terminal *t, int conn, int signals)
{
	for (;;) {
		bool want_input = !t->len && !t->input_over;
		struct pollfd p[4] = {
			{ .fd = conn, .events = POLLIN },
			{ .fd = signals, .events = POLLIN },
			{ .fd = t->master, .events = (short)(POLLIN | (t->len ? POLLOUT : 0)) },
			{ .fd = want_input ? 0 : -1, .events = POLLIN },
		};

		if (poll(p, 4, -1) < 0)
			continue;
		if (p[2].revents & POLLIN)
			pass_output(t);
		if (p[2].revents & POLLOUT)
			pass_input(t);
		if (p[3].revents)
			take_input(t);
		if (p[1].revents)
			return 2;
		if (p[0].revents)
			return 1;
		/* All have closed it, and the program runs on without a terminal. */
		if ((p[2].revents & (POLLHUP | POLLIN)) == POLLHUP) {
			struct pollfd rest[2] = { p[0], p[1] };

			while (poll(rest, 2, -1) < 0)
				;
			return rest[1].revents ? 2 : 1;
		}
	}
}

void terminal_drain(struct terminal *t)
{
	struct pollfd p = { .fd = t->master, .events = POLLIN };

	/* poll(2) makes the kernel hand over what the program's side has queued. Others may still
	 * have the terminal open; what they write later is not waited for. */
	while (poll(&p, 1, 0) > 0 && p.revents & POLLIN)
		if (!pass_output(t))
			return;
}
