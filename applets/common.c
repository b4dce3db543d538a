/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What several applets read from their command lines: see applets.h. */
#include <sys/socket.h>

#include "applets.h"
#include "base/net.h"
#include "base/num.h"
#include "lab/rundir.h"

int each_node(const struct call *c, node_fn *fn, void *arg, struct err *e)
{
	own(fd) int lab_fd = rundir_open_lab(c->lab, false, e);
	own(names) char **names = NULL;

	if (lab_fd < 0)
		return e->kind == ERR_ABSENT ? 0 : -1;
	names = rundir_names(lab_fd, e);
	if (!names)
		return -1;
	for (char **n = names; *n; n++) {
		own(client) struct client client = CLIENT_INIT;

		if (client_open(&client, c->lab, *n, e)) {
			if (e->kind == ERR_ABSENT || e->kind == ERR_PEER)
				continue; /* dead, or gone meanwhile */
			return -1;
		}
		if (fn(*n, &client, arg, e))
			return err_prefix(e, "%s", *n);
	}
	return 0;
}

int program_of_call(struct program *p, const struct call *call, struct err *e)
{
	const struct given *env = call_all(call, "-e");

	for (size_t i = 0; i < env->n; i++) {
		if (env->v[i][0] != '=' && strchr(env->v[i], '='))
			continue;
		err_set(e, ERR_USAGE, 0, "-e %.80s: not NAME=VALUE", env->v[i]);
		err_printable(e->text);
		return -1;
	}
	*p = (struct program){
		.argv = call_all(call, "CMD")->v,
		.user = call_get(call, "-u"),
		.dir = call_get(call, "-d"),
		.env = env->v,
		.env_count = env->n,
		.fds = { -1, -1, -1, -1 },
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
