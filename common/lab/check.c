/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this machine can do: see check.h. */
#include "lab/check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/program.h"
#include "kernel/caps.h"
#include "kernel/kind.h"
#include "kernel/link.h"
#include "kernel/ns.h"
#include "kernel/tc.h"
#include "kernel/tun.h"
#include "kernel/userns.h"

/* Of one way of trying; arg is the row's. In a network namespace of its own, where the interface
 * "below" is; or, with nl NULL, where nodes are made. */
typedef int try_fn(struct netlink *nl, const char *arg, struct err *e);

/* As a node's server does it. */
static int try_node(struct netlink *nl, const char *arg, struct err *e)
{
	(void)nl;
	return ns_unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS, e) || ns_private_mounts(e) ||
			       ns_hostname(arg, e) || ns_sysctls(-1, true, true, e)
		       ? -1
		       : 0;
}

/* arg: "KIND", "KIND WORD VALUE", or "KIND below ..." for one that stands on another. */
static int try_kind(struct netlink *nl, const char *arg, struct err *e)
{
	char text[64], *rest = text, *kind, *word, *value;
	struct link_change how = { .set = LINK_DATA };
	struct iface below = {0};

	snprintf(text, sizeof(text), "%s", arg);
	kind = strsep(&rest, " ");
	while ((word = strsep(&rest, " "))) {
		if (!strcmp(word, "below")) {
			if (link_by_name(nl, word, &below, e))
				return -1;
			continue;
		}
		value = strsep(&rest, " ");
		if (kind_parse(&how.data, kind, word, value, e))
			return -1;
	}
	return link_add(nl, "check", kind, below.index, &how, e);
}

static int try_veth(struct netlink *nl, const char *arg, struct err *e)
{
	struct veth_end own = { .name = "check" }, peer = { .name = arg };

	return link_add_veth(nl, &own, 0, &peer, getpid(), e);
}

static int try_impairment(struct netlink *nl, const char *arg, struct err *e)
{
	struct impairments none = {0}, wanted = {0};
	struct iface below;

	impairments_set(&wanted, impairment_find(arg), 1000000, false);
	return link_by_name(nl, "below", &below, e) ||
	       impairments_apply(nl, &below, &none, &wanted, e) ? -1 : 0;
}

static int try_tun(struct netlink *nl, const char *arg, struct err *e)
{
	struct link_change how = {0};

	(void)arg;
	return tun_add(nl, "check", true, -1, &how, e);
}

static int try_ids(struct netlink *nl, const char *arg, struct err *e)
{
	(void)nl;
	(void)arg;
	if (!userns_is_narrow())
		return 0;
	return err_set(e, ERR_FEATURE, 0, "this user has only its own id%s%s", *userns_refusal() ? ": " : "",
		       userns_refusal());
}

static int try_program(struct netlink *nl, const char *arg, struct err *e)
{
	(void)nl;
	if (program_found(arg))
		return 0;
	return err_set(e, ERR_ABSENT, ENOENT, "%s: no such program", arg);
}

static uid_t caller; /* who is root in a user namespace */

/* One of those that need nothing of the machine. */
static int try_uplink(struct netlink *nl, const char *arg, struct err *e)
{
	(void)nl;
	(void)arg;
	if (tun_possible(e))
		return -1;
	return program_found("slirp4netns") || (caller && program_found("pasta"))
		       ? 0
		       : err_set(e, ERR_ABSENT, ENOENT, "slirp4netns: no such program");
}

static int try_cgroup(struct netlink *nl, const char *arg, struct err *e)
{
	struct statfs fs;

	(void)nl;
	if (statfs(arg, &fs))
		return err_os(e, errno, "%s", arg);
	return fs.f_type == CGROUP2_SUPER_MAGIC
		       ? 0
		       : err_set(e, ERR_FEATURE, 0, "%s is none of version 2", arg);
}

enum place {
	NETWORK, /* a network namespace of its own */
	LAB,	 /* where nodes are made */
	ANYWHERE /* without the right to make nodes, too */
};

static const struct check {
	enum place place;
	const char *name, *what, *how;
	try_fn *try;
	const char *arg;
} checks[] = {
	{ LAB, "namespaces", "nodes", "root; in a container, more rights", try_node, "check" },
	{ LAB, "user-namespaces", "labs without root", "", NULL, NULL },
	{ LAB, "id-ranges", "-u USER without root", "package uidmap; /etc/subuid, /etc/subgid", try_ids, NULL },
	{ NETWORK, "veth", "links", "kernel module veth", try_veth, "check2" },
	{ NETWORK, "bridge", "switches", "kernel module bridge", try_kind, "bridge" },
	{ NETWORK, "rate", "link add ... rate", "kernel module sch_tbf", try_impairment, "rate" },
	{ NETWORK, "netem", "delay, loss and the like", "kernel module sch_netem", try_impairment, "delay" },
	{ NETWORK, "tun", "if add ... type tap, tun", "kernel module tun; /dev/net/tun", try_tun, NULL },
	{ NETWORK, "dummy", "if add ... type dummy", "kernel module dummy", try_kind, "dummy" },
	{ NETWORK, "ifb", "if add ... type ifb", "kernel module ifb", try_kind, "ifb" },
	{ NETWORK, "vlan", "if add ... type vlan", "kernel module 8021q", try_kind, "vlan below id 5" },
	{ NETWORK, "vlan-filtering", "bridges that know vlans", "a kernel with BRIDGE_VLAN_FILTERING", try_kind,
	  "bridge vlan-filtering 1" },
	{ NETWORK, "vxlan", "if add ... type vxlan", "kernel module vxlan", try_kind, "vxlan id 5 dstport 4789" },
	{ NETWORK, "macvlan", "if add ... type macvlan", "kernel module macvlan", try_kind, "macvlan below mode bridge" },
	{ NETWORK, "vrf", "if add ... type vrf", "kernel module vrf", try_kind, "vrf table 10" },
	{ NETWORK, "wireguard", "if add ... type wireguard", "kernel module wireguard", try_kind, "wireguard" },
	{ ANYWHERE, "xauth", "x11", "package xauth", try_program, "xauth" },
	{ LAB, "uplink", "if NODE uplink", "package slirp4netns, or passt; /dev/net/tun", try_uplink, NULL },
	{ ANYWHERE, "graphviz", "lab graph -f svg", "package graphviz", try_program, "dot" },
	{ ANYWHERE, "cgroup2", "limits for programs, by other tools", "a system with cgroup v2", try_cgroup,
	  "/sys/fs/cgroup" },
};

#define COUNT (sizeof(checks) / sizeof(*checks))

/* ------------------------------------------------------------------ the child that tries */

struct answer {
	size_t row;
	bool works;
	char how[sizeof(((struct check_row *)0)->how)];
	char reason[sizeof(((struct check_row *)0)->reason)];
};

/* Without the name of the interface that it was tried with, of which nobody knows. */
static const char *reason_of(const struct err *e)
{
	bool named = !strncmp(e->text, "check: ", 7) || !strncmp(e->text, "below: ", 7);

	return e->text + (named ? 7 : 0);
}

static void answer(int tell, size_t row, int rc, const char *how, struct err *e)
{
	struct answer a = { .row = row, .works = rc == 0 };

	if (rc) {
		err_printable(e->text);
		snprintf(a.how, sizeof(a.how), "%s", how);
		snprintf(a.reason, sizeof(a.reason), "%s", reason_of(e));
	}
	if (write(tell, &a, sizeof(a)) != (ssize_t)sizeof(a))
		_exit(1);
}

/* User namespaces are tried in any case, and used where they are needed. */
static int enter(int tell, bool needed, struct err *e)
{
	own(fd) int fd = userns_make(e);

	if (fd < 0 && (e->errnum == EAGAIN || e->errnum == ENOMEM || e->errnum == EMFILE || e->errnum == ENFILE)) {
		answer(tell, COUNT, -1, "", e); /* that says nothing of the machine */
		_exit(0);
	}
	answer(tell, 1, fd < 0 ? -1 : 0, userns_remedy(e->errnum), e);
	return needed && (fd < 0 || userns_enter(fd, e)) ? -1 : 0;
}

/* So that none is in the way of the next, each may have a network namespace of its own. */
static int try_row(const struct check *c, struct err *e)
{
	own(netlink) struct netlink *nl = NULL;
	struct link_change how = {0};

	if (c->place != NETWORK)
		return c->try(NULL, c->arg, e);
	if (ns_unshare(CLONE_NEWNET, e))
		return -1;
	nl = netlink_open(e);
	if (!nl || (c->arg && link_add(nl, "below", "bridge", 0, &how, e) && strstr(c->arg, "below")))
		return -1;
	return c->try(nl, c->arg, e);
}

/* Of a row that was tried. */
static const char *remedy(const struct check *c, bool in_userns, const struct err *e)
{
	if (e->errnum == ENOSPC)
		return "higher limits in /proc/sys/user";
	return c->try == try_node && in_userns ? "root" : c->how;
}

__attribute__((noreturn)) static void try_all(int tell)
{
	struct err e = ERR_INIT, none = ERR_INIT;
	bool needed = userns_needed(), entered;

	caller = geteuid();
	entered = !enter(tell, needed, &none);
	for (const struct check *c = checks; c < checks + COUNT; c++) {
		int rc;

		if (!c->try)
			continue;
		if (entered || c->place == ANYWHERE) {
			rc = try_row(c, &e);
			answer(tell, (size_t)(c - checks), rc, remedy(c, needed, &e), &e);
		} else {
			answer(tell, (size_t)(c - checks), -1, userns_remedy(none.errnum), &none);
		}
	}
	_exit(0);
}

/* -1: it could not be tried. */
static int hear_all(int hear, struct check_row *rows, struct err *e)
{
	struct answer a = {0};

	for (size_t i = 0; i < COUNT; i++) {
		rows[i] = (struct check_row){ .name = checks[i].name, .what = checks[i].what };
		snprintf(rows[i].how, sizeof(rows[i].how), "%s", checks[i].how);
		snprintf(rows[i].reason, sizeof(rows[i].reason), "it was not tried");
	}
	while (read(hear, &a, sizeof(a)) == (ssize_t)sizeof(a) && a.row < COUNT) {
		rows[a.row].works = a.works;
		memcpy(rows[a.row].how, a.how, sizeof(a.how));
		memcpy(rows[a.row].reason, a.reason, sizeof(a.reason));
	}
	return a.row < COUNT ? 0 : err_set(e, ERR_OS, 0, "%s", a.reason);
}

struct check_row *check_machine(size_t *n, struct err *e)
{
	struct check_row *rows = calloc(COUNT, sizeof(*rows));
	own(fd) int hear = -1;
	int ends[2], rc;
	pid_t pid;

	if (!rows || pipe2(ends, O_CLOEXEC)) {
		err_os(e, errno, "pipe");
		free(rows);
		return NULL;
	}
	hear = ends[0];
	pid = fork();
	if (!pid)
		try_all(ends[1]);
	close(ends[1]);
	rc = pid < 0 ? err_os(e, errno, "fork") : hear_all(hear, rows, e);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	*n = COUNT;
	if (!rc)
		return rows;
	free(rows);
	return NULL;
}
