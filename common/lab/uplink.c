/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A node's way out: see uplink.h. The server deletes the interface when our connection to it ends. */
#include "lab/uplink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fds.h"
#include "base/program.h"
#include "kernel/run.h"
#include "kernel/tun.h"
#include "kernel/userns.h"
#include "lab/apart.h"
#include "lab/calls.h"
#include "lab/uplink_nat.h"

#define NAME_SERVER "10.0.2.3" /* what slirp4netns and pasta answer there goes to this machine's */
#define SERVERS_MAX 3
#define PATIENCE_S 20 /* until a program is ready */

enum way { SLIRP, PASTA, NAT, WAYS };
static const struct {
	const char *name, *program, *package;
} ways[WAYS] = { { "slirp4netns", "slirp4netns", "slirp4netns" },
		 { "pasta", "pasta", "passt" },
		 { "nat", "nft", "nftables" } };

/* The process that stays. */
struct guard {
	struct client *c;
	enum way way;
	bool masquerade;
	int tell;	  /* to the command, which waits for a struct err: ERR_NONE with what it lacks */
	pid_t program;	  /* 0: none */
	int output;	  /* what it prints, and its end; -1: none */
	int64_t limit;	  /* when it must be ready: now_ms() */
	int ready;	  /* a byte comes when it is; -1: it does not tell */
	int alive;	  /* it ends when this is closed, whoever closes it; -1: none */
	char said[256];	  /* its last line */
	const char *lack; /* what the command is to tell of an uplink that is made, or NULL */
	struct nat nat;
};

/* ------------------------------------------------------------------ which way */

static bool is_root(void)
{
	struct err ignored;

	return !nat_possible(&ignored);
}

/* pasta gives up root, and then cannot enter a node of root's. */
static bool is_possible(enum way way)
{
	return way == NAT ? is_root() : program_found(ways[way].program) && (way != PASTA || geteuid());
}

static bool is_default(const struct value *route)
{
	return !strcmp(value_text(route, "dst", ""), "default") &&
	       !strcmp(value_text(route, "family", "inet"), "inet");
}

/* Some would fail, another wait for ever, another win over the one that is there. */
static int check_routes(struct client *c, struct err *e)
{
	own(value_pool) struct value_pool pool = {0};
	const struct value *list = call_routes(c, &pool, e);

	if (!list)
		return -1;
	for (size_t i = 0; i < value_len(list); i++) {
		const struct value *r = value_at(list, i);
		const char *via = value_text(r, "gateway", ""), *dev = value_text(r, "dev", "");

		if (is_default(r))
			return err_set(e, ERR_KERNEL, EEXIST,
				       UPLINK_NAME ": the node has a default route already%s%s%s%s", *via ? " via " : "",
				       via, *dev ? " dev " : "", dev);
	}
	return 0;
}

static int choose(const struct uplink *u, enum way *way, struct err *e)
{
	if (u->masquerade && (!u->way || strcmp(u->way, "nat")))
		return err_set(e, ERR_USAGE, 0, "--masquerade is for nat");
	for (*way = 0; *way < WAYS; ++*way)
		if (u->way ? !strcmp(u->way, ways[*way].name) : is_possible(*way))
			break;
	if (*way == WAYS && u->way)
		return err_set(e, ERR_USAGE, 0, "%.40s: not a way out: " UPLINK_WAYS, u->way);
	if (*way == WAYS)
		return err_set(e, ERR_FEATURE, 0,
			       "no way out: install slirp4netns or passt (packages of these names)%s",
			       geteuid() ? "" : ", or let this machine forward, for nat");
	if (*way == NAT)
		return nat_possible(e);
	if (!program_found(ways[*way].program))
		return err_set(e, ERR_FEATURE, 0, "%s: no such program (package %s)", ways[*way].program,
			       ways[*way].package);
	if (tun_possible(e))
		return -1;
	if (*way == PASTA && !geteuid())
		return err_set(e, ERR_FEATURE, 0, "pasta gives up root; slirp4netns works for root, too");
	return 0;
}

/* ------------------------------------------------------------------ its program */

/* Descriptors 3 and 4 are those for alive and ready. */
#define REST 5

static int start(struct guard *g, char *const *argv, int input, struct err *e)
{
	own(fd) int said_in = -1, alive_in = -1, ready_in = -1;
	int said[2], alive[2], ready[2], fds[5], null = 0;
	pid_t guard = getpid();

	if (pipe2(said, O_CLOEXEC | O_NONBLOCK))
		return err_os(e, errno, "pipe");
	g->output = said[0];
	said_in = said[1];
	if (pipe2(alive, O_CLOEXEC))
		return err_os(e, errno, "pipe");
	g->alive = alive[1];
	alive_in = alive[0];
	if (pipe2(ready, O_CLOEXEC))
		return err_os(e, errno, "pipe");
	g->ready = ready[0];
	ready_in = ready[1];
	g->program = fork();
	if (g->program < 0)
		return err_os(e, errno, "fork");
	if (g->program)
		return 0;
	/* Out of the way of each other, and of where they go. */
	fds[0] = fcntl(input ? alive_in : null, F_DUPFD_CLOEXEC, REST);
	fds[1] = fds[2] = fcntl(said_in, F_DUPFD_CLOEXEC, REST);
	fds[3] = fcntl(alive_in, F_DUPFD_CLOEXEC, REST);
	fds[4] = fcntl(ready_in, F_DUPFD_CLOEXEC, REST);
	for (int i = 0; i < 5; i++)
		if (fds[i] < 0 || dup2(fds[i], i) < 0)
			_exit(127);
	close_fds_from(5);
	signal(SIGPIPE, SIG_DFL); /* pasta takes it for an error if it is not */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == guard)
		program_exec(argv);
	_exit(127);
}

/* Keeps the last line that it has printed. false: it has ended. */
static bool read_output(struct guard *g)
{
	char text[512], *line;
	ssize_t n = read(g->output, text, sizeof(text) - 1);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	while (n && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	if (*line && !strstr(line, "syslog")) {
		snprintf(g->said, sizeof(g->said), "%.*s", (int)sizeof(g->said) - 1, line);
		err_printable(g->said);
	}
	return true;
}

static int ended(struct guard *g, struct err *e)
{
	return err_set(e, ERR_FEATURE, 0, "%s: %s", ways[g->way].program,
		       *g->said ? g->said : "it has ended");
}

#define ARGS(...) ((char *[]){ __VA_ARGS__, NULL })

static int start_slirp(struct guard *g, struct err *e)
{
	char user[80], net[64];

	snprintf(user, sizeof(user), "--userns-path=/proc/%d/ns/user", (int)g->c->pid);
	snprintf(net, sizeof(net), "/proc/%d/ns/net", (int)g->c->pid);
	return start(g,
		     ARGS("slirp4netns", "--configure", "--mtu=" UPLINK_TAP_MTU, "--disable-host-loopback",
			  "-e3", "-r4", "--netns-type=path", net, UPLINK_NAME,
			  userns_is_other(g->c->pid) ? user : NULL),
		     0, e);
}

/* Nothing of this machine's loopback and no port of it is mapped. */
static int start_pasta(struct guard *g, struct err *e)
{
	char user[64], net[64];
	bool joins = userns_is_other(g->c->pid);

	snprintf(user, sizeof(user), "/proc/%d/ns/user", (int)g->c->pid);
	snprintf(net, sizeof(net), "/proc/%d/ns/net", (int)g->c->pid);
	return start(g,
		     ARGS("pasta", "-f", "-q", "--config-net", "-I", UPLINK_NAME, "-4", "-a", UPLINK_ADDRESS,
			  "-n", "24", "-g", UPLINK_GATEWAY, "--no-map-gw", "--dns-forward", NAME_SERVER,
			  "-t", "none", "-u", "none", "-T", "none", "-U", "none", "--netns", net,
			  joins ? "--userns" : "--netns-only", joins ? user : NULL),
		     0, e);
}

/* Waits until fd (-1: none) is readable: 1; for at most ms (-1: that is no limit): 0. -1: there is no use in
 * it, as with a command that was interrupted. */
static int await(struct guard *g, int fd, int ms, struct err *e)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
				{ .fd = g->output, .events = POLLIN },
				{ .fd = g->tell },
				{ .fd = g->c->fd } };

	for (;;) {
		int64_t left = g->limit - now_ms();

		if (left <= 0)
			return err_set(e, ERR_TIMEOUT, 0, "%s: not ready after %d s%s%s", ways[g->way].program,
				       PATIENCE_S, *g->said ? ": " : "", g->said);
		if (poll(fds, 4, ms < 0 || left < ms ? (int)left : ms) < 0 && errno != EINTR)
			return err_os(e, errno, "poll");
		if (fds[2].revents)
			return err_set(e, ERR_PEER, 0, "nobody waits for it any more");
		if (fds[0].revents)
			return 1;
		if (fds[1].revents && !read_output(g))
			return ended(g, e);
		if (fds[3].revents)
			return err_set(e, ERR_PEER, 0, "the node has ended");
		if (ms >= 0)
			return 0;
	}
}

/* Until it is there. */
static int await_route(struct guard *g, struct err *e)
{
	int changes = -1;

	for (;;) {
		own(value_pool) struct value_pool pool = {0};
		const struct value *list;

		client_put(g->c, "NODE EVNT");
		if (changes >= 0)
			client_put(g->c, " %d", changes);
		client_end(g->c);
		if (client_flush(g->c, e))
			return -1;
		while (client_poll(g->c, -1, 0) != 1)
			if (await(g, g->c->fd, -1, e) < 0)
				return -1;
		if (client_number(g->c, &changes, e))
			return -1;
		list = call_routes(g->c, &pool, e);
		if (!list)
			return -1;
		for (size_t i = 0; i < value_len(list); i++)
			if (is_default(value_at(list, i)) &&
			    !strcmp(value_text(value_at(list, i), "dev", ""), UPLINK_NAME))
				return 0;
	}
}

static int await_ready(struct guard *g, struct err *e)
{
	char c;

	if (await(g, g->ready, -1, e) < 0)
		return -1;
	if (read(g->ready, &c, 1) == 1)
		return 0;
	return await(g, -1, -1, e); /* it is ending */
}

/* ------------------------------------------------------------------ nat */

static int masquerade(struct guard *g, struct err *e)
{
	char command[300], table[] = "table", list[] = "list", nft[] = "nft", out[64];
	char *argv[] = { nft, list, table, g->nat.host_if, NULL };
	ssize_t len;

	if (start(g, ARGS("nft", "-i"), 1, e))
		return -1;
	nat_masquerade(&g->nat, command, sizeof(command));
	len = (ssize_t)strlen(command);
	if (write(g->alive, command, (size_t)len) != len)
		return ended(g, e);
	while (run_output(argv, out, sizeof(out))) {
		if (await(g, -1, 2, e) < 0)
			return -1;
		if (strstr(g->said, "rror"))
			return ended(g, e);
	}
	return 0;
}

static int make_nat(struct guard *g, struct err *e)
{
	int index;

	if (nat_make(&g->nat, g->c->pid, UPLINK_NAME, e) || (g->masquerade && masquerade(g, e)) ||
	    call_ifindex(g->c, UPLINK_NAME, &index, e))
		return -1;
	client_say(g->c, "IF SET %d up 1", index);
	client_say(g->c, "ADDR ADD %d %s %d", index, UPLINK_ADDRESS, UPLINK_PREFIX);
	client_put(g->c, "ROUT ADD unicast");
	client_put_b(g->c, ""); /* the default */
	client_say(g->c, " 0 %s %d 0", UPLINK_GATEWAY, index);
	return client_done(g->c, e) || client_done(g->c, e) || client_done(g->c, e) ? -1 : 0;
}

/* This machine's name servers, unless they are on its loopback. */
static size_t put_servers(struct client *c, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[512], word[64];
	size_t n = 0;

	while (f && n < SERVERS_MAX && fgets(line, sizeof(line), f)) {
		struct inaddr a;

		if (sscanf(line, "nameserver %63s", word) != 1 || !inaddr_parse(word, &a) ||
		    a.family != AF_INET || a.bytes[0] == 127)
			continue;
		client_put_b(c, word);
		n++;
	}
	if (f)
		fclose(f);
	return n;
}

/* ------------------------------------------------------------------ the process */

static int hold(struct guard *g, struct err *e)
{
	size_t n = 1;
	int index, code;
	char text[64];

	if (call_ifindex(g->c, UPLINK_NAME, &index, e))
		return -1;
	client_put(g->c, "LINK HOLD %d", index);
	if (g->way != NAT)
		client_put_b(g->c, NAME_SERVER);
	else if (!(n = put_servers(g->c, "/etc/resolv.conf")))
		n = put_servers(g->c, "/run/systemd/resolve/resolv.conf");
	client_end(g->c);
	if (client_reply(g->c, &code, text, sizeof(text), e))
		return -1;
	if (!n)
		g->lack = "no name server: this machine's resolv.conf has none that the node could reach";
	else if (*text == '0')
		g->lack = "no name server: this machine has no /etc/resolv.conf, so the node has none either";
	return 0;
}

static int make(struct guard *g, struct err *e)
{
	switch (g->way) {
	case SLIRP:
		return start_slirp(g, e) || await_ready(g, e) || hold(g, e) ? -1 : 0;
	case PASTA:
		return start_pasta(g, e) || await_route(g, e) || hold(g, e) ? -1 : 0;
	default:
		return make_nat(g, e) || hold(g, e) ? -1 : 0;
	}
}

/* Until the node, the interface or the program is gone. */
static void guard(struct guard *g)
{
	struct err ignored;

	client_say(g->c, "LINK WAIT");
	if (client_flush(g->c, &ignored))
		return;
	while (client_poll(g->c, g->output, -1) == 2 && read_output(g))
		;
}

__attribute__((noreturn)) static void become_guard(struct guard *g)
{
	int fds[] = { g->c->fd, g->tell };
	struct err e = ERR_INIT;
	int rc;

	apart_become("nemu-uplink", fds, 2);
	g->c->fd = fds[0];
	g->tell = fds[1];
	g->limit = now_ms() + PATIENCE_S * 1000;
	rc = make(g, &e);
	if (!rc) {
		e = (struct err)ERR_INIT;
		snprintf(e.text, sizeof(e.text), "%s", g->lack ? g->lack : "");
	}
	if (write(g->tell, &e, sizeof(e)) == (ssize_t)sizeof(e) && !rc) {
		drop_fd(&g->tell);
		guard(g);
	}
	if (g->program > 0) {
		kill(g->program, SIGKILL);
		waitpid(g->program, NULL, 0);
	}
	_exit(rc ? 1 : 0);
}

int uplink_start(struct client *c, struct uplink *u, struct err *e)
{
	struct guard g = { .c = c, .masquerade = u->masquerade, .output = -1, .ready = -1, .alive = -1,
			   .nat = { .ns = -1 } };
	own(fd) int hear = -1;
	int ends[2], index;
	ssize_t n;
	pid_t pid;

	if (client_check_pid(c, e) || choose(u, &g.way, e))
		return -1;
	if (!call_ifindex(c, UPLINK_NAME, &index, e))
		return err_set(e, ERR_KERNEL, EEXIST, UPLINK_NAME ": such an interface exists already");
	if (e->kind != ERR_ABSENT || check_routes(c, e))
		return -1;
	if (pipe2(ends, O_CLOEXEC))
		return err_os(e, errno, "pipe");
	hear = ends[0];
	g.tell = ends[1];
	c->spoiled = true; /* for this process */
	pid = fork();
	if (!pid)
		become_guard(&g);
	close(ends[1]);
	if (pid < 0)
		return err_os(e, errno, "fork");
	do
		n = read(hear, e, sizeof(*e));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(*e))
		return err_set(e, ERR_INTERNAL, 0, "the process of the uplink has ended");
	if (!e->kind)
		snprintf(u->note, sizeof(u->note), "%.*s", (int)sizeof(u->note) - 1, e->text);
	return e->kind ? -1 : 0;
}
