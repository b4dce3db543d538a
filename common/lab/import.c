/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is the caller's own: see import.h. */
#include "lab/import.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "kernel/caps.h"
#include "kernel/link.h"
#include "kernel/ns.h"
#include "kernel/userns.h"
#include "kernel/users.h"

/* The server moves it itself, so that nothing can come between that and its remembering. */
static int ask_server(struct client *c, const char *name, struct err *e)
{
	own(fd) int ns = ns_own_net(e);

	if (ns < 0)
		return -1;
	client_say(c, "LINK IMPT %s", name);
	if (client_send_fds(c, "LINK IMPT", &ns, 1, NULL, e))
		return -1;
	return client_done(c, e);
}

int import_interface(struct client *c, const char *name, struct err *e)
{
	own(netlink) struct netlink *nl = netlink_open(e);
	struct iface i;

	if (!nl || link_by_name(nl, name, &i, e))
		return -1;
	if (!caps_have(CAP_NET_ADMIN))
		return caps_explain(CAP_NET_ADMIN, EPERM, name, e);
	if (!ask_server(c, i.name, e))
		return 0;
	if (e->kind != ERR_REFUSED || client_check_pid(c, e))
		return -1;
	if (!link_move(nl, i.index, (int)c->pid, e))
		return 0;
	return e->errnum == EPERM ? caps_explain(CAP_NET_ADMIN, EPERM, name, e) : -1;
}

int import_user(const struct client *c, const char *name, uid_t *uid, struct err *e)
{
	struct user *u = calloc(1, sizeof(*u));
	int rc = u ? user_find(name, u) : -1;
	int64_t number;

	if (!rc)
		*uid = u->uid;
	if (u)
		user_free(u);
	free(u);
	if (rc > 0 && num_parse(name, 0, UINT32_MAX - 1, &number)) {
		*uid = (uid_t)number; /* without an account */
		rc = 0;
	}
	if (rc > 0)
		return err_set(e, ERR_USAGE, 0, "%.60s: no such user", name);
	if (rc)
		return err_os(e, errno, "user %.60s", name);
	if (*uid == geteuid() && userns_is_other(c->pid))
		*uid = 0;
	return 0;
}
