/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conditions of a lab that can be waited for: see watch.h. */
#include "lab/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/net.h"
#include "base/num.h"
#include "lab/calls.h"
#include "lab/client.h"
#include "lab/log.h"
#include "lab/sockets.h"

#define LOOK_MS 3 /* between two looks where no event tells */
#define FOLDER_MS 100 /* between two looks at a file: of what is above its folder no event tells */
#define RETRY_MS 10 /* between two runs of a program */
#define FIRST_RUN_MS 100 /* the first look at a program: as long as a short one takes */
#define PING_MS 1000 /* so long without an answer is no answer */

struct watch {
	struct watch_spec spec;
	struct client ask;    /* for questions */
	struct client events; /* holds one command that is answered when something happens */
	bool armed;
	int changes; /* NODE EVNT's number */
	int fd;	     /* inotify, or a program's output; -1: none */
	int look_ms; /* look again after so long; -1: events tell */
	pid_t pid;   /* of WATCH_LOG, WATCH_EXIT */
	struct log_search *log;
	int folder; /* WATCH_FILE: inotify's number of it; -1: it is not there */
	int last;	 /* WATCH_CMD, WATCH_PING: what the program has told: 1, 0, WATCH_UNKNOWN */
	int64_t since; /* WATCH_PING: ms of its start, or of its last answer */
};

/* ------------------------------------------------------------------ the network's changes */

/* Asks to be told of the next change. Done before looking, so that none is missed. */
static int arm_changes(struct watch *w, struct err *e)
{
	if (w->armed || w->look_ms >= 0)
		return 0;
	if (w->changes < 0) {
		client_say(&w->events, "NODE EVNT");
		if (client_number(&w->events, &w->changes, e)) {
			if (e->kind != ERR_REFUSED)
				return -1;
			w->look_ms = LOOK_MS; /* a server that tells nothing */
			return 0;
		}
	}
	client_say(&w->events, "NODE EVNT %d", w->changes);
	w->armed = true;
	return client_flush(&w->events, e);
}

/* The held command was answered. */
static int take_change(struct watch *w, struct err *e)
{
	if (!w->armed || client_poll(&w->events, -1, 0) != 1)
		return 0;
	w->armed = false;
	return client_number(&w->events, &w->changes, e);
}

static const struct value *find(const struct value *list, const char *key, const char *text)
{
	for (size_t i = 0; i < value_len(list); i++)
		if (!strcmp(value_text(value_at(list, i), key, ""), text))
			return value_at(list, i);
	return NULL;
}

static int check_link(struct watch *w, struct value_pool *pool, struct err *e)
{
	const struct value *list = call_links(&w->ask, pool, e), *d;
	const char *state;
	bool up;

	if (!list)
		return -1;
	d = find(list, "ifname", w->spec.a);
	if (!d)
		return 0;
	/* The state follows the carrier, and routes and addresses follow the state. */
	state = value_text(d, "operstate", "UNKNOWN");
	up = value_has(d, "flags", "UP") &&
	     (value_has(d, "flags", "LOWER_UP") || !value_get(d, "operstate"));
	if (w->spec.kind == WATCH_UP)
		return up && (!strcmp(state, "UP") || !strcmp(state, "UNKNOWN"));
	return !up && strcmp(state, "UP");
}

static bool same_address(const char *x, const char *y)
{
	struct inaddr a, b;

	return inaddr_parse(x, &a) && inaddr_parse(y, &b) && inaddr_equal(&a, &b);
}

static int check_addr(struct watch *w, struct value_pool *pool, struct err *e)
{
	const struct value *list = call_addresses(&w->ask, pool, e), *all;

	if (!list)
		return -1;
	all = value_get(find(list, "ifname", w->spec.a), "addr_info");
	for (size_t i = 0; i < value_len(all); i++) {
		const struct value *a = value_at(all, i);

		if (!value_num(a, "tentative", 0) &&
		    (!w->spec.b || same_address(value_text(a, "local", ""), w->spec.b)))
			return 1;
	}
	return 0;
}

/* Prefixes may be written in several ways; the kernel writes them in one, and all of a family as "default". */
static bool read_prefix(const char *text, bool six, struct inaddr *a, int64_t *len)
{
	const char *slash = strchr(text, '/');
	char host[INADDR_TEXT];
	int64_t most;

	if (!strcmp(text, "default"))
		text = six ? "::" : "0.0.0.0", slash = "/0";
	snprintf(host, sizeof(host), "%.*s", (int)strcspn(text, "/"), text);
	if (!inaddr_parse(host, a))
		return false;
	most = (int64_t)inaddr_len(a->family) * 8;
	*len = most;
	return !slash || num_parse(slash + 1, 0, most, len);
}

/* What was asked for as "default" is that of any family. */
static bool is_route_to(const struct value *route, const char *prefix)
{
	const char *dst = value_text(route, "dst", "");
	/* The reference's server does not tell the family. */
	const char *family = strchr(value_text(route, "gateway", ""), ':') ? "inet6" : "inet";
	bool six = !strcmp(value_text(route, "family", family), "inet6");
	struct inaddr a, b;
	int64_t a_len, b_len;

	return read_prefix(dst, six, &a, &a_len) && read_prefix(prefix, six, &b, &b_len) &&
	       inaddr_equal(&a, &b) && a_len == b_len;
}

static int check_route(struct watch *w, struct value_pool *pool, struct err *e)
{
	const struct value *list = call_routes(&w->ask, pool, e);

	if (!list)
		return -1;
	for (size_t i = 0; i < value_len(list); i++)
		if (is_route_to(value_at(list, i), w->spec.a))
			return 1;
	return 0;
}

static int check_neigh(struct watch *w, struct value_pool *pool, struct err *e)
{
	const struct value *list = client_ask(&w->ask, "NEIG LIST", pool, e);

	if (!list)
		return -1;
	for (size_t i = 0; i < value_len(list); i++)
		if (value_num(value_at(list, i), "valid", 0) &&
		    same_address(value_text(value_at(list, i), "dst", ""), w->spec.a))
			return 1;
	return 0;
}

/* ------------------------------------------------------------------ processes and files */

static int check_exit(struct watch *w, struct err *e)
{
	if (!w->armed) {
		client_say(&w->events, "PROC NEXT %d", (int)w->pid);
		w->armed = true;
	}
	if (client_flush(&w->events, e))
		return -1;
	if (client_poll(&w->events, -1, 0) != 1) {
		own(value_pool) struct value_pool pool = {0};
		char pid[16];
		const struct value *list;

		snprintf(pid, sizeof(pid), "%d", (int)w->pid);
		list = call_processes(&w->ask, pid, &pool, e);
		if (!list)
			return -1;
		return !strcmp(value_text(value_at(list, 0), "state", "ended"), "ended");
	}
	if (client_done(&w->events, e))
		return -1;
	w->armed = false;
	return 1;
}

/* As the node sees it: its mounts are its own, and links that are absolute begin at its root. */
static int open_folder(const struct watch *w, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	own(fd) int root = -1;
	char place[40];
	int fd;

	snprintf(place, sizeof(place), "/proc/%d/root", (int)w->ask.pid);
	root = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -1;
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd < 0 && errno != ENOENT && errno != ENOTDIR) { /* before Linux 5.6, or through one of /proc */
		path += strspn(path, "/");
		fd = openat(root, *path ? path : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	return fd;
}

/* Its folder may be another one by now, or not be there: each look is followed by events of the one that is. */
static int check_file(struct watch *w)
{
	const uint32_t events = IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF |
				IN_MOVE_SELF;
	char path[4200], place[40], *name;
	own(fd) int folder_fd = -1;
	int folder;
	struct stat st;

	snprintf(path, sizeof(path), "%s", w->spec.a);
	name = strrchr(path, '/') + 1;
	*name = '\0';
	folder_fd = open_folder(w, path);
	snprintf(place, sizeof(place), "/proc/self/fd/%d", folder_fd);
	folder = folder_fd < 0 ? -1 : inotify_add_watch(w->fd, place, events);
	if (w->folder >= 0 && w->folder != folder)
		inotify_rm_watch(w->fd, w->folder);
	w->folder = folder;
	w->look_ms = folder < 0 ? LOOK_MS : FOLDER_MS;
	name = strrchr(w->spec.a, '/') + 1;
	return folder_fd >= 0 && !fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
}

static int prepare_file(struct watch *w, struct err *e)
{
	if (*w->spec.a != '/')
		return err_set(e, ERR_USAGE, 0, "file %.80s: not an absolute path", w->spec.a);
	if (client_check_pid(&w->ask, e))
		return -1;
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK); /* without it time has to do */
	return 0;
}

/* ------------------------------------------------------------------ programs */

static int start_program(struct watch *w, char **argv, int out, struct err *e)
{
	own(fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct program p = {
		.argv = argv,
		.dir = w->spec.kind == WATCH_PING ? "/" : NULL, /* any will do */
		.tied = true,
		.fds = { null, out < 0 ? null : out, out < 0 ? null : out, -1 },
	};
	pid_t pid;

	client_close(&w->events); /* with it the one before goes */
	w->armed = false;
	if (client_open(&w->events, w->spec.lab, w->spec.node, e) ||
	    call_run(&w->events, &p, &pid, e))
		return -1;
	client_say(&w->events, "PROC WAIT %d", (int)pid);
	w->armed = true;
	return client_flush(&w->events, e);
}

/* It is run again a while after each end; until the next one the last counts. */
static int check_cmd(struct watch *w, struct err *e)
{
	int status, patience = 0;

	if (!w->armed) {
		if (start_program(w, w->spec.argv, -1, e))
			return -1;
		w->look_ms = -1;
		patience = w->last == WATCH_UNKNOWN ? FIRST_RUN_MS : 0;
	}
	if (client_poll(&w->events, -1, patience) != 1)
		return w->last;
	if (client_number(&w->events, &status, e))
		return -1;
	w->armed = false;
	w->look_ms = RETRY_MS;
	w->last = status == 0;
	return w->last;
}

static int start_ping(struct watch *w, struct err *e)
{
	char *argv[] = { "ping", "-n", "-i", "0.01", (char *)(uintptr_t)w->spec.a, NULL };
	own(fd) int out = -1;
	int ends[2];

	drop_fd(&w->fd);
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return err_os(e, errno, "pipe");
	w->fd = ends[0];
	out = ends[1];
	fcntl(out, F_SETFL, O_WRONLY); /* it is the program's: as a program expects it */
	if (start_program(w, argv, out, e))
		return e->errnum == ENOENT ? err_set(e, ERR_FEATURE, 0, "ping is not installed") : -1;
	w->since = now_ms();
	return 0;
}

static int check_ping(struct watch *w, struct err *e)
{
	char block[4096];
	int64_t left;
	ssize_t n;

	if (w->fd < 0 && start_ping(w, e))
		return -1;
	while ((n = read(w->fd, block, sizeof(block) - 1)) > 0) {
		block[n] = '\0';
		if (strstr(block, "ttl=")) {
			w->since = now_ms();
			w->last = 1;
		}
	}
	left = w->since + PING_MS - now_ms();
	w->look_ms = left > 0 ? (int)left : -1;
	if (n == 0 || errno != EAGAIN) { /* it has given up: no route, no such host */
		drop_fd(&w->fd);
		w->look_ms = RETRY_MS;
		left = 0;
	}
	if (left <= 0)
		w->last = 0;
	return w->last;
}

/* ------------------------------------------------------------------ all kinds */

static bool by_changes(enum watch_kind kind)
{
	return kind <= WATCH_NEIGH;
}

static int prepare(struct watch *w, struct err *e)
{
	const struct watch_spec *s = &w->spec;
	struct inaddr a;

	switch (s->kind) {
	case WATCH_ADDR:
		if (s->b && !inaddr_parse(s->b, &a))
			return err_set(e, ERR_USAGE, 0, "%.60s: not an address", s->b);
		return 0;
	case WATCH_NEIGH:
		if (!inaddr_parse(s->a, &a))
			return err_set(e, ERR_USAGE, 0, "%.60s: not an address", s->a);
		return 0;
	case WATCH_LISTEN:
		w->look_ms = LOOK_MS;
		return sockets_check_word(s->a, e);
	case WATCH_FILE:
		return prepare_file(w, e);
	case WATCH_FD:
		w->fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
		return w->fd < 0 ? err_os(e, errno, "descriptor") : 0;
	case WATCH_EXIT:
		return call_find(&w->ask, s->a, &w->pid, e);
	case WATCH_LOG:
		if (call_find(&w->ask, s->a, &w->pid, e))
			return -1;
		w->log = log_search_new(s->lab, s->node, w->pid, s->b, &w->fd, e);
		return w->log ? 0 : -1;
	default:
		return 0;
	}
}

struct watch *watch_new(const struct watch_spec *spec, struct err *e)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w) {
		err_nomem(e);
		return NULL;
	}
	w->spec = *spec;
	w->ask = w->events = (struct client)CLIENT_INIT;
	w->fd = w->look_ms = w->changes = w->folder = -1;
	w->last = WATCH_UNKNOWN;
	if (spec->kind != WATCH_FD && /* no server knows of it */
	    (client_open(&w->ask, spec->lab, spec->node, e) ||
	     client_open(&w->events, spec->lab, spec->node, e))) {
		watch_free(w);
		return NULL;
	}
	if (prepare(w, e)) {
		err_prefix(e, "%s", spec->node);
		watch_free(w);
		return NULL;
	}
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	client_close(&w->ask);
	client_close(&w->events);
	drop_fd(&w->fd);
	log_search_free(w->log);
	free(w);
}

static void drain_inotify(int fd)
{
	char block[4096];

	while (read(fd, block, sizeof(block)) > 0)
		;
}

static int check(struct watch *w, struct value_pool *pool, struct err *e)
{
	switch (w->spec.kind) {
	case WATCH_UP:
	case WATCH_DOWN:
		return check_link(w, pool, e);
	case WATCH_ADDR:
		return check_addr(w, pool, e);
	case WATCH_ROUTE:
		return check_route(w, pool, e);
	case WATCH_NEIGH:
		return check_neigh(w, pool, e);
	case WATCH_LISTEN:
		return sockets_listen(&w->ask, w->spec.a, w->spec.owner, e);
	case WATCH_PING:
		return check_ping(w, e);
	case WATCH_FILE:
		drain_inotify(w->fd);
		return check_file(w);
	case WATCH_LOG:
		drain_inotify(w->fd);
		return log_search_look(w->log, e);
	case WATCH_EXIT:
		return check_exit(w, e);
	case WATCH_CMD:
		return check_cmd(w, e);
	case WATCH_FD:
		return poll(&(struct pollfd){ .fd = w->fd, .events = POLLIN }, 1, 0) > 0;
	}
	return 0;
}

int watch_check(struct watch *w, struct err *e)
{
	own(value_pool) struct value_pool pool = {0};
	int rc;

	if (by_changes(w->spec.kind) && (take_change(w, e) || arm_changes(w, e)))
		return err_prefix(e, "%s", w->spec.node);
	rc = check(w, &pool, e);
	return rc < 0 ? err_prefix(e, "%s", w->spec.node) : rc;
}

bool watch_wait(struct watch *const *w, size_t n, int64_t deadline)
{
	int64_t wait = -1, left = deadline < 0 ? INT32_MAX : deadline - now_ms();
	struct pollfd *p = calloc(n * 2 + 1, sizeof(*p));

	if (left <= 0 || !p) {
		free(p);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		p[i * 2].fd = w[i]->armed ? w[i]->events.fd : -1;
		p[i * 2 + 1].fd = w[i]->fd;
		p[i * 2].events = p[i * 2 + 1].events = POLLIN;
		if (w[i]->look_ms >= 0 && (wait < 0 || w[i]->look_ms < wait))
			wait = w[i]->look_ms;
	}
	if (wait < 0 || wait > left)
		wait = left < INT32_MAX ? left : INT32_MAX; /* poll's; after which they are looked at again */
	poll(p, n * 2, (int)wait);
	free(p);
	return true;
}
