/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program on a terminal of its own: see terminal.h. */
#include "ui/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/signals.h"

#define BEHIND_MS 200 /* nobody tells who comes to the foreground and was not stopped */
#define HURRY_MS 500 /* how long a reader who takes nothing is waited for, once a signal has come */

struct terminal {
	int master;
	bool raw;	  /* the caller's terminal is raw now */
	bool has_terminal; /* standard input is a terminal */
	bool input_over;
	bool behind; /* in the background of the caller's terminal: another's to read and to change */
	struct termios before;
	void (*on_pipe)(int); /* what SIGPIPE did before */
	char pending[4096]; /* input that the program has not taken yet */
	size_t len;
	char last; /* of the input */
	char output[PIPE_BUF]; /* that standard output has not taken yet: as much as a pipe that is ready has room for */
	size_t output_at, output_len;
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

/* As behind "&" at a prompt, or under timeout(1) in a script: who changes the terminal there is stopped by the kernel,
 * and is again by each signal that was to end him. */
static bool in_background(void)
{
	pid_t group = tcgetpgrp(0);

	return group >= 0 && group != getpgrp();
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
	if (t->has_terminal && !in_background()) /* else they are those of a shell that edits a line */
		tcsetattr(*slave, TCSANOW, &t->before);
	fcntl(t->master, F_SETFL, O_RDWR | O_NONBLOCK);
	t->on_pipe = signal(SIGPIPE, SIG_IGN); /* the caller's terminal would stay raw */
	t->last = '\n';
	return t;
}

void terminal_begin(struct terminal *t)
{
	struct termios raw;
	bool was_behind = t->behind;

	if (!t->has_terminal)
		return;
	t->behind = in_background();
	if (t->behind)
		return;
	if (was_behind) {
		tcgetattr(0, &t->before);
		copy_size(t->master);
	}
	raw = t->before;
	cfmakeraw(&raw);
	t->raw = !tcsetattr(0, TCSADRAIN, &raw);
}

void terminal_pause(struct terminal *t)
{
	if (t->raw && !in_background())
		tcsetattr(0, TCSADRAIN, &t->before);
	t->raw = false;
}

void terminal_resume(struct terminal *t)
{
	t->raw = false;
	terminal_begin(t);
	copy_size(t->master);
}

void terminal_close(struct terminal *t)
{
	if (!t)
		return;
	terminal_pause(t);
	signal(SIGPIPE, t->on_pipe);
	close(t->master);
	free(t);
}

void terminal_resize(struct terminal *t)
{
	copy_size(t->master);
}

/* 1; 0: nothing there, or the program's side is closed. */
static int take_output(struct terminal *t)
{
	ssize_t n = read(t->master, t->output, sizeof(t->output));

	t->output_at = 0;
	t->output_len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* As far as it is taken: others may have made a pipe or a terminal non-blocking. -1: errno, nobody takes it. */
static int pass_output(struct terminal *t)
{
	ssize_t n = write(1, t->output + t->output_at, t->output_len);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	t->output_at += (size_t)n;
	t->output_len -= (size_t)n;
	return 0;
}

/* What a terminal's user would type at the end of the input: behind the beginning of a line once more, as the first
 * only hands that over. */
static void end_input(struct terminal *t)
{
	struct termios now;
	bool known = !tcgetattr(t->master, &now), lines = known && now.c_lflag & ICANON;
	int key = known && now.c_cc[VEOF] != _POSIX_VDISABLE ? now.c_cc[VEOF] : 4;

	t->len = t->last != '\n' && lines ? 2 : 1;
	memset(t->pending, key, t->len);
	t->input_over = true;
}

static void take_input(struct terminal *t)
{
	ssize_t n = read(0, t->pending, sizeof(t->pending));

	if (n > 0) {
		t->len = (size_t)n;
		t->last = t->pending[n - 1];
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		end_input(t);
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
		bool want_input = !t->len && !t->input_over && !t->behind;
		/* Who does not read what is shown holds up the program, but no signal. */
		struct pollfd p[5] = {
			{ .fd = conn, .events = POLLIN },
			{ .fd = signals, .events = POLLIN },
			{ .fd = t->output_len ? -1 : t->master,
			  .events = (short)(POLLIN | (t->len ? POLLOUT : 0)) },
			{ .fd = want_input ? 0 : -1, .events = POLLIN },
			{ .fd = t->output_len ? 1 : -1, .events = POLLOUT },
		};

		if (poll(p, 5, t->behind ? BEHIND_MS : -1) < 0)
			continue;
		if (t->behind)
			terminal_begin(t);
		if (p[2].revents & POLLIN && take_output(t))
			p[4].revents = poll(&(struct pollfd){ .fd = 1, .events = POLLOUT }, 1, 0) > 0;
		if (p[4].revents && pass_output(t))
			return -1;
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

/* Of what has come: another size, or a stop that was slept through, hurries nobody. */
static bool is_to_end(int signals)
{
	bool from_user;

	return signals_is_end(signals_read(signals, &from_user));
}

/* What has been taken. 1: nobody takes it, and that is not waited for. */
static int pass_rest(struct terminal *t, int *signals)
{
	while (t->output_len) {
		struct pollfd p[2] = {
			{ .fd = 1, .events = POLLOUT }, { .fd = *signals, .events = POLLIN },
		};

		if (!poll(p, 2, *signals < 0 ? HURRY_MS : -1))
			return 1;
		if (p[1].revents && is_to_end(*signals))
			*signals = -1;
		if (p[0].revents && pass_output(t))
			return -1;
	}
	return 0;
}

int terminal_drain(struct terminal *t, int signals)
{
	struct pollfd p = { .fd = t->master, .events = POLLIN };
	int rc;

	/* poll(2) makes the kernel hand over what the program's side has queued. Others may still
	 * have the terminal open; what they write later is not waited for. */
	do
		rc = pass_rest(t, &signals);
	while (!rc && poll(&p, 1, 0) > 0 && p.revents & POLLIN && take_output(t));
	return rc < 0 ? -1 : 0;
}
