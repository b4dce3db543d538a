/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the server's sessions, on stubs of the kernel layer (stubs/) and the real loop. Bytes of the
 * input below 0x80 are what the client says; those above do something: send it, with descriptors,
 * shut down, start another connection, let a process end, let a call fail. What the server answers has
 * to be replies of the protocol, and their data readable to our own client; after each input no
 * descriptor, file, process or byte of memory may be left.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hosts.h"
#include "base/pidfd.h"
#include "fuzz.h"
#include "server/children.h"
#include "server/imports.h"
#include "server/session.h"
#include "stubs/stubs.h"
#include "wire/base64.h"
#include "wire/line.h"
#include "wire/passfd.h"
#include "wire/pickle.h"

#define CLIENTS 4
#define MESSAGE_MAX 4096
#define TURNS_MAX 20000 /* of the loop: it must not spin */
#define PASS_MAX 8

enum { OP_SEND, OP_PASS, OP_RAW, OP_SHUT, OP_CLOSE, OP_READ, OP_NEW, OP_SWITCH, OP_END_PROCESS, OP_STARTED,
       OP_NOT_STARTED, OP_FAIL, OP_TIME, OP_CHANGE, OP_END_NODE, OP_OBEY, OPS };

struct client {
	int fd; /* -1: gone */
	struct buf heard; /* the part of a line */
};

static struct {
	bool running;
	struct input in;
	struct server server;
	struct client clients[CLIENTS];
	size_t count, at;
	char message[MESSAGE_MAX];
	size_t len;
	int turns;
	int64_t later; /* ms, that the clock goes ahead */
	bool over;
} f;

static int lab_fd = -1, things[PASS_MAX];

/* ------------------------------------------------------------------ what the client hears */

/* "=BASE64": a pickle. */
static void check_data(const char *text, size_t len)
{
	own(value_pool) struct value_pool pool = {0};
	own(buf) struct buf bytes = {0};
	struct err e = ERR_INIT;

	MUST(!base64_decode(&bytes, text + 1, len - 1));
	MUST(pickle_read(&pool, bytes.data, bytes.len, &e));
}

static void check_line(const char *line, size_t len)
{
	static const int codes[] = { 200, 220, 221, 354, 450, 500, 550 };
	const char *text;
	size_t text_len, i = 0;
	bool last;
	int code;

	for (; len && *line == '1'; len--) /* what came with a descriptor */
		line++;
	MUST(wire_reply_line(line, len, &code, &last, &text, &text_len));
	while (i < sizeof(codes) / sizeof(*codes) && codes[i] != code)
		i++;
	MUST(i < sizeof(codes) / sizeof(*codes));
	if (last && code != 500 && text_len && *text == '=')
		check_data(text, text_len);
}

static void hear(struct client *c)
{
	char room[4096], *end;
	int fds[3];
	size_t n, taken = 0;
	ssize_t len;

	if (c->fd < 0)
		return;
	while ((len = passfd_recv(c->fd, room, sizeof(room), MSG_DONTWAIT, fds, 3, &n)) > 0) {
		for (size_t i = 0; i < n && i < 3; i++)
			close(fds[i]);
		buf_add(&c->heard, room, (size_t)len);
	}
	while (c->heard.len > taken &&
	       (end = memchr(c->heard.data + taken, '\n', c->heard.len - taken))) {
		check_line(c->heard.data + taken, (size_t)(end - c->heard.data) - taken);
		taken = (size_t)(end - c->heard.data) + 1;
	}
	buf_consume(&c->heard, taken);
}

/* ------------------------------------------------------------------ what it does */

static void connect_client(bool owner)
{
	int ends[2], room = 4096;

	if (f.count == CLIENTS)
		return;
	MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends));
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)); /* soon full */
	f.at = f.count++;
	f.clients[f.at] = (struct client){ .fd = ends[1] };
	session_start(&f.server, ends[0], owner);
}

static void disconnect(struct client *c)
{
	hear(c);
	drop_fd(&c->fd);
	buf_free(&c->heard);
}

/* With n descriptors, each named by a byte. */
static void say(struct client *c, size_t n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * PASS_MAX)];
	} control = {0};
	struct iovec iov = { f.message, f.len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[PASS_MAX];

	for (size_t i = 0; i < n; i++) {
		uint8_t which = take_byte(&f.in) % (PASS_MAX + 1);

		fds[i] = which == PASS_MAX ? c->fd : things[which];
	}
	if (n) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		control.align = (struct cmsghdr){ CMSG_LEN(sizeof(int) * n), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * n);
	}
	if (c->fd >= 0 && f.len)
		sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	f.len = 0;
}

static void reap(void)
{
	children_reap(&f.server); /* as on SIGCHLD: server.c */
	if (f.server.ending && children_end_step(&f.server, false))
		loop_stop(f.server.loop);
}

static void do_op(uint8_t op)
{
	struct client *c = &f.clients[f.at];
	uint8_t b;

	switch (op % OPS) {
	case OP_SEND:
		say(c, 0);
		break;
	case OP_PASS:
		b = take_byte(&f.in);
		say(c, c->fd < 0 ? 0 : b % PASS_MAX);
		break;
	case OP_SHUT:
		b = take_byte(&f.in);
		if (c->fd >= 0)
			shutdown(c->fd, b & 1 ? SHUT_RD : SHUT_WR);
		break;
	case OP_CLOSE:
		say(c, 0);
		disconnect(c);
		break;
	case OP_READ:
		hear(c);
		break;
	case OP_NEW:
		connect_client(false);
		break;
	case OP_SWITCH:
		f.at = take_byte(&f.in) % f.count;
		break;
	case OP_END_PROCESS:
		b = take_byte(&f.in);
		if (stubs_process_ends(b, b << 8))
			reap();
		break;
	case OP_STARTED:
		stubs_started(take_byte(&f.in));
		break;
	case OP_NOT_STARTED:
		b = take_byte(&f.in);
		if (stubs_not_started(b, SPAWN_EXEC, ENOENT))
			reap();
		break;
	case OP_FAIL:
		b = take_byte(&f.in);
		stubs_fail(b % 8u + 1, take_byte(&f.in));
		break;
	case OP_TIME:
		f.later += 1000;
		break;
	case OP_CHANGE:
		stubs_change();
		break;
	case OP_END_NODE:
		server_end(&f.server);
		break;
	case OP_OBEY:
		stubs_obey = !stubs_obey;
	}
}

/* One thing happens, after which the server has its turn. */
static void step(void)
{
	while (f.in.at < f.in.end) {
		uint8_t b = take_byte(&f.in);

		if (b >= 0x80 && b % OPS != OP_RAW) {
			do_op(b);
			return;
		}
		if (f.len < MESSAGE_MAX)
			f.message[f.len++] = (char)(b < 0x80 ? b : take_byte(&f.in));
	}
	say(&f.clients[f.at], 0);
	if (f.over)
		return;
	for (size_t i = 0; i < f.count; i++)
		disconnect(&f.clients[i]);
	server_end(&f.server);
	f.over = true;
}

/* ------------------------------------------------------------------ the loop's turns */

int __wrap_epoll_wait(int epfd, struct epoll_event *ev, int max, int ms);
int __real_epoll_wait(int epfd, struct epoll_event *ev, int max, int ms);
int __wrap_clock_gettime(clockid_t id, struct timespec *t);
int __real_clock_gettime(clockid_t id, struct timespec *t);

int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
	int rc = __real_clock_gettime(id, t);

	t->tv_sec += f.running && id == CLOCK_MONOTONIC ? f.later / 1000 : 0;
	return rc;
}

int __wrap_epoll_wait(int epfd, struct epoll_event *ev, int max, int ms)
{
	int n = __real_epoll_wait(epfd, ev, max, 0);

	MUST(f.turns++ < TURNS_MAX);
	if (n)
		return n;
	/* Nobody reads what the fuzzer leaves in the buffers of those that it has forgotten. */
	for (size_t i = 0; f.over && i < f.count; i++)
		hear(&f.clients[i]);
	if (f.over && stubs_started(0))
		return 0;
	if (f.over && ms > 0)
		f.later += 1000;
	step();
	return 0;
}

static void begin(uint8_t how)
{
	struct err e = ERR_INIT;

	f.server = (struct server){ .lab_fd = -1, .listen_fd = -1, .mntns = -1, .signal_fd = -1,
				    .monitor_fd = -1, .imports_fd = -1, .x11 = { .sock = -1 },
				    .names = { .monitor_fd = -1, .timer_fd = -1, .next = HOSTS_NONE } };
	f.server.loop = loop_new(&e);
	MUST(f.server.loop && !children_init(&f.server, &e));
	if (how & 1) {
		f.server.lab = "lab";
		f.server.name = "n";
		f.server.lab_fd = lab_fd;
		f.server.bridge = 3;
	}
	stubs_begin();
	connect_client(!(how & 1));
}

/* As serve() in server.c, which then leaves the rest to the end of its process. */
static void end(void)
{
	imports_return(&f.server);
	session_close_all(&f.server);
	children_free(&f.server);
	netlink_close(f.server.nl);
	free(f.server.shaped);
	x11_free(&f.server);
	loop_free(f.server.loop);
	drop_fd(&f.server.monitor_fd);
	for (size_t i = 0; i < f.count; i++)
		disconnect(&f.clients[i]);
	stubs_end();
	if (f.server.lab_fd >= 0)
		unlinkat(lab_fd, HOSTS_FILE, 0);
}

static void setup(void)
{
	int ends[2], fs;

	/* Nothing here touches the network; should it ever, let it be nobody's. */
	if (unshare(CLONE_NEWNET))
		errno = 0;
	/* Where a lab's folder is wanted it is one that has no place. */
	fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (fs >= 0 && !fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		lab_fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	drop_fd(&fs);
	MUST(!pipe2(ends, O_CLOEXEC));
	things[0] = ends[0];
	things[1] = ends[1];
	things[2] = open("/dev/null", O_RDWR | O_CLOEXEC);
	MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	things[3] = ends[0];
	things[4] = open_pidfd(getpid());
	things[5] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	things[6] = memfd_create("thing", MFD_CLOEXEC);
	things[7] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	uint64_t before;

	if (!ready)
		setup();
	ready = true;
	before = open_fds();
	memset(&f, 0, sizeof(f));
	f.in = (struct input){ data, data + size };
	f.running = true;
	begin(take_byte(&f.in));
	loop_run(f.server.loop);
	end();
	f.running = false;
	MUST(open_fds() == before);
	return 0;
}
