/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What several applets read from their command lines: see applets.h. */
#include <sys/socket.h>

#include "applets.h"
#include "base/net.h"
#include "base/num.h"
#include "lab/rundir.h"

#define AHEAD 200 /* nodes that are asked before the first is listened to */

/* Connects to some, and asks them. A dead one, or one that has gone meanwhile, is left out. */
static int open_some(const struct call *c, int lab_fd, struct client *clients, size_t n, char **names,
		     const char *command, struct err *e)
{
	const char *const commands[] = { command, NULL };

	for (size_t i = 0; i < n && names[i]; i++) {
		if (!client_open_in(&clients[i], c->lab, lab_fd, names[i], e)) {
			client_ahead(&clients[i], commands);
			continue;
		}
		client_close(&clients[i]);
		if (e->kind != ERR_ABSENT && e->kind != ERR_PEER)
			return -1;
	}
	return 0;
}

int each_node(const struct call *c, const char *command, node_fn *fn, void *arg, struct err *e)
{
	own(fd) int lab_fd = rundir_open_lab(c->lab, false, e);
	own(names) char **names = NULL;
	struct client clients[AHEAD];
	size_t allowed = client_many(AHEAD), ahead = allowed < 1 ? 1 : allowed;
	int rc = 0;

	if (lab_fd < 0)
		return e->kind == ERR_ABSENT ? 0 : -1;
	names = rundir_names(lab_fd, e);
	if (!names)
		return -1;
	for (size_t i = 0; i < AHEAD; i++)
		clients[i] = (struct client)CLIENT_INIT;
	for (char **n = names; *n && !rc; ) {
		rc = open_some(c, lab_fd, clients, ahead, n, command, e);
		for (size_t i = 0; i < ahead && *n; i++, n++) {
			if (!rc && clients[i].fd >= 0 && fn(*n, &clients[i], arg, e))
				rc = err_prefix(e, "%s", *n);
			client_close(&clients[i]);
		}
	}
	return rc;
}

int check_names_or_all(const struct call *c, struct err *e)
{
	bool all = call_get(c, "--all"), names = call_all(c, "NAME")->n;

	if (all && names)
		return err_set(e, ERR_USAGE, 0, "--all and names exclude each other");
	if (!all && !names)
		return err_set(e, ERR_USAGE, 0, "NAME... or --all is missing");
	return 0;
}

/* The server knows the names; this makes one word of the line of them. */
#define CAP_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_,"

int program_of_call(struct program *p, const struct call *call, struct err *e)
{
	const struct given *env = call_all(call, "-e");
	const char *caps = call_get(call, "--cap");

	for (size_t i = 0; i < env->n; i++) {
		if (env->v[i][0] != '=' && strchr(env->v[i], '='))
			continue;
		err_set(e, ERR_USAGE, 0, "-e %.80s: not NAME=VALUE", env->v[i]);
		err_printable(e->text);
		return -1;
	}
	if (caps && (!call_get(call, "-u") || !*caps || caps[strspn(caps, CAP_LETTERS)])) {
		err_set(e, ERR_USAGE, 0, "--cap %.60s: %s", caps,
			call_get(call, "-u") ? "not names of capabilities" : "only with -u");
		err_printable(e->text);
		return -1;
	}
	*p = (struct program){
		.argv = call_all(call, "CMD")->v,
		.caps = caps,
		.user = call_get(call, "-u"),
		.dir = call_get(call, "-d"),
		.env = env->v,
		.env_count = env->n,
		.fds = { 0, 1, 2, -1 },
	};
	return 0;
}

int endpoint_parse(const char *text, char **node, const char **iface, struct err *e)
{
	const char *colon = strchr(text, ':');

	*node = NULL;
	if (!colon || colon == text || !ifname_valid(colon + 1)) {
		err_set(e, ERR_USAGE, 0, "%.100s: not an endpoint (NODE:INTERFACE)", text);
		err_printable(e->text);
		return -1;
	}
	*node = strndup(text, (size_t)(colon - text));
	*iface = colon + 1;
	return *node ? 0 : err_nomem(e);
}

int prefix_parse(const char *text, bool need_prefix, char *host, int *prefix, int *family,
		 struct err *e)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	struct inaddr a;
	int64_t n;

	snprintf(host, INADDR_TEXT, "%.*s", len < INADDR_TEXT ? (int)len : 0, text);
	if (!inaddr_parse(host, &a)) {
		err_set(e, ERR_USAGE, 0, "%.80s: not an address", text);
		err_printable(e->text);
		return -1;
	}
	if (!slash && need_prefix)
		return err_set(e, ERR_USAGE, 0, "%s: the prefix length is missing (%s/%d?)", text,
			       text, a.family == AF_INET ? 24 : 64);
	n = (int64_t)inaddr_len(a.family) * 8;
	if (slash && !num_parse(slash + 1, 0, n, &n)) {
		err_set(e, ERR_USAGE, 0, "%.80s: the prefix length must be 0 to %lld", text,
			(long long)n);
		err_printable(e->text);
		return -1;
	}
	*prefix = (int)n;
	*family = a.family;
	return 0;
}
