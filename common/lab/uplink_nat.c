/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network address translation: see uplink_nat.h. */
#include "lab/uplink_nat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/program.h"
#include "kernel/addr.h"
#include "kernel/caps.h"
#include "kernel/link.h"
#include "kernel/ns.h"
#include "kernel/route.h"
#include "kernel/run.h"
#include "lab/uplink.h"

/* 198.18.0.0/15 is for tests of networks (RFC 2544); the first address is this machine's at each end. */
#define NET 0xc6120000u
#define NET_SIZE 0x20000u
#define TRIES 64
#define AGAIN 100 /* times, after so many ms each */
#define AGAIN_MS 20
#define INSIDE "wan" /* the namespace's end */

static struct inaddr ipv4(uint32_t address)
{
	struct inaddr a = { .family = AF_INET };
	uint32_t n = htonl(address);

	memcpy(a.bytes, &n, sizeof(n));
	return a;
}

static int set_up(struct netlink *nl, int index, struct err *e)
{
	struct link_change up = { .set = LINK_UP, .up = true };

	return link_change(nl, index, &up, e);
}

static int add_address(struct netlink *nl, int index, struct inaddr local, unsigned char len, struct err *e)
{
	struct address a = { .index = index, .local = local, .prefix_len = len };

	return addr_add(nl, &a, e);
}

/* To one address, or by default. */
static int add_route(struct netlink *nl, int index, const struct inaddr *dst, const struct inaddr *via,
		     struct err *e)
{
	struct route r = { .family = AF_INET, .type = RTN_UNICAST, .index = index };

	if (dst) {
		r.dst = *dst;
		r.prefix_len = 32;
	}
	if (via)
		r.gateway = *via;
	return route_add(nl, &r, e);
}

/* This machine's end: no two uplinks have the same address, as each has a route of its own. */
static int make_outside(struct nat *n, struct netlink *nl, pid_t pid, struct err *e)
{
	uint32_t first = (uint32_t)pid % (NET_SIZE - TRIES - 2) + 2;
	struct iface i;

	if (link_by_name(nl, n->host_if, &i, e) || add_address(nl, i.index, ipv4(NET + 1), 32, e) ||
	    set_up(nl, i.index, e))
		return -1;
	for (uint32_t k = 0; k < TRIES; k++) {
		n->address = ipv4(NET + first + k);
		if (!add_route(nl, i.index, &n->address, NULL, e))
			return 0;
		if (e->errnum != EEXIST)
			break;
	}
	return -1;
}

/* In the namespace. */
static int translate(struct err *e)
{
	char command[] = "table ip nemu { chain nat { type nat hook postrouting priority srcnat; "
			 "oifname \"" INSIDE "\" masquerade; }; }";
	char add[] = "add", nft[] = "nft", out[256];
	char *argv[] = { nft, add, command, NULL };

	if (run_output(argv, out, sizeof(out)))
		return err_set(e, ERR_FEATURE, 0, "nft has refused a table for NAT (module nft_masq)");
	return 0;
}

static int make_pairs(struct netlink *nl, const struct nat *n, pid_t pid, const char *name, struct err *e)
{
	struct veth_end lan = { .name = "lan" }, wan = { .name = INSIDE };
	struct veth_end node = { .name = name }, host = { .name = n->host_if };
	struct iface i;
	struct inaddr gateway;

	inaddr_parse(UPLINK_GATEWAY, &gateway);
	if (link_add_veth(nl, &lan, 0, &node, (int)pid, e) || link_by_name(nl, "lan", &i, e) ||
	    add_address(nl, i.index, gateway, UPLINK_PREFIX, e))
		return -1;
	/* The parent waits in this machine's namespace until all is done. There, the end of the uplink that this node had
	 * a moment ago may be on its way out yet. */
	for (int k = 0; link_add_veth(nl, &wan, 0, &host, (int)getppid(), e); k++) {
		if (e->errnum != EEXIST || k == AGAIN)
			return -1;
		poll(NULL, 0, AGAIN_MS);
		*e = (struct err)ERR_INIT;
	}
	return 0;
}

static int make_inside(struct netlink *nl, const struct nat *n, struct err *e)
{
	struct inaddr host = ipv4(NET + 1);
	struct iface i;

	return link_by_name(nl, INSIDE, &i, e) || add_address(nl, i.index, n->address, 32, e) ||
			       add_route(nl, i.index, &host, NULL, e) || add_route(nl, i.index, NULL, &host, e)
		       ? -1
		       : 0;
}

int nat_make(struct nat *n, pid_t pid, const char *name, struct err *e)
{
	own(netlink) struct netlink *out = netlink_open(e), *in = NULL;
	own(fd) int host = ns_own_net(e);

	snprintf(n->host_if, sizeof(n->host_if), "nemu-%d", (int)pid);
	n->ns = -1;
	if (!out || host < 0 || ns_unshare(CLONE_NEWNET, e) || ns_sysctls(-1, true, false, e) || translate(e))
		return -1;
	n->ns = ns_own_net(e);
	in = netlink_open(e);
	if (n->ns < 0 || !in || make_pairs(in, n, pid, name, e) || make_outside(n, out, pid, e) ||
	    make_inside(in, n, e))
		return -1;
	return setns(host, CLONE_NEWNET) ? err_os(e, errno, "network namespace") : 0;
}

void nat_masquerade(const struct nat *n, char *buf, size_t size)
{
	char address[INADDR_TEXT];

	snprintf(buf, size,
		 "add table ip %s { flags owner; chain nat { type nat hook postrouting priority srcnat; "
		 "ip saddr %s masquerade; }; }\n",
		 n->host_if, inaddr_text(&n->address, address));
}

int nat_possible(struct err *e)
{
	own(fd) int fd = open("/proc/sys/net/ipv4/ip_forward", O_RDONLY | O_CLOEXEC);
	char c = '0';

	if (!caps_have(CAP_NET_ADMIN) || !caps_have(CAP_SYS_ADMIN))
		return err_set(e, ERR_OS, EPERM, "nat: needs root; slirp4netns and pasta do not");
	if (!program_found("nft"))
		return err_set(e, ERR_FEATURE, 0, "nat: no such program: nft (package nftables)");
	if (fd < 0 || read(fd, &c, 1) != 1 || c != '1')
		return err_set(e, ERR_FEATURE, 0,
			       "nat: this machine does not forward (sysctl net.ipv4.ip_forward=1); "
			       "slirp4netns needs nothing of it");
	return 0;
}
