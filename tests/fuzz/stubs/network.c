/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel layer as the fuzzed server sees it: a few interfaces in memory, and failures where the
 * input wants them. No request is sent. Processes: processes.c.
 */
#include "stubs.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../fuzz.h"
#include "kernel/addr.h"
#include "kernel/diag.h"
#include "kernel/link.h"
#include "kernel/monitor.h"
#include "kernel/neigh.h"
#include "kernel/ns.h"
#include "kernel/route.h"
#include "kernel/tc.h"
#include "kernel/tun.h"

#define IFACES 8

struct netlink {
	char alive;
};

static struct {
	struct iface ifaces[IFACES];
	size_t count;
	struct impairments shaped[IFACES];
	unsigned int fail_in;
	uint8_t fail_how;
	int monitor; /* its other end */
} w;

/* ------------------------------------------------------------------ failures */

void stubs_fail(unsigned int n, uint8_t what)
{
	w.fail_in = n;
	w.fail_how = what;
}

int stubs_fails(struct err *e)
{
	static const int errnums[] = { EEXIST, ENODEV, EBUSY, EPERM, ENOENT, EOPNOTSUPP, EINVAL, ENOBUFS };
	static const enum err_kind kinds[] = { ERR_KERNEL, ERR_FEATURE, ERR_OS, ERR_ABSENT, ERR_VALUE,
					       ERR_INTERNAL, ERR_REFUSED };

	if (!w.fail_in || --w.fail_in)
		return 0;
	err_set(e, kinds[w.fail_how % 7], errnums[w.fail_how / 8 % 8], "a\nfailure of\x7fthe stub's");
	return -1;
}

static int absent(struct err *e, int index)
{
	err_set(e, ERR_ABSENT, ENODEV, "no interface %d", index);
	e->key = index;
	return -1;
}

/* ------------------------------------------------------------------ links */

static struct iface *find(int index)
{
	for (size_t i = 0; i < w.count; i++)
		if (w.ifaces[i].index == index)
			return &w.ifaces[i];
	return NULL;
}

static struct iface *find_name(const char *name)
{
	for (size_t i = 0; i < w.count; i++)
		if (!strcmp(w.ifaces[i].name, name))
			return &w.ifaces[i];
	return NULL;
}

static int put(const char *name, const char *kind, int index, struct err *e)
{
	struct iface i = { .index = index, .mtu = 1500, .arptype = 1, .txqlen = 1000 };
	int top = 0;

	for (size_t k = 0; k < w.count; k++)
		top = w.ifaces[k].index > top ? w.ifaces[k].index : top;
	i.index = index > 0 ? index : top % INT32_MAX + 1;
	if (w.count == IFACES || find_name(name) || find(i.index))
		return err_set(e, ERR_KERNEL, EEXIST, "%s: exists", name);
	MUST(strlen(name) < sizeof(i.name) && strlen(kind) < sizeof(i.kind));
	memcpy(i.name, name, strlen(name) + 1);
	memcpy(i.kind, kind, strlen(kind) + 1);
	i.lladdr = lladdr_of("", "", name);
	i.has_netnsid = !strcmp(kind, "veth");
	i.link = i.has_netnsid ? 2 : 0;
	w.ifaces[w.count++] = i;
	return 0;
}

static int apply(struct iface *i, const struct link_change *c)
{
	MUST(!(c->set & LINK_NAME) || ifname_valid(c->name));
	MUST(c->data.n <= KIND_VALUES_MAX);
	if (c->set & LINK_NAME)
		memcpy(i->name, c->name, sizeof(i->name));
	i->mtu = c->set & LINK_MTU ? c->mtu : i->mtu;
	i->lladdr = c->set & LINK_LLADDR ? c->lladdr : i->lladdr;
	i->broadcast = c->set & LINK_BROADCAST ? c->broadcast : i->broadcast;
	i->master = c->set & LINK_MASTER ? c->master : i->master;
	i->flags = c->set & LINK_UP ? (c->up ? IFF_UP : 0) : i->flags;
	i->data = c->set & LINK_DATA ? c->data : i->data;
	return 0;
}

static int drop(int index, struct err *e)
{
	struct iface *i = find(index);

	if (!i)
		return absent(e, index);
	*i = w.ifaces[--w.count];
	return 0;
}

struct netlink *netlink_open(struct err *e)
{
	return stubs_fails(e) ? NULL : calloc(1, sizeof(struct netlink));
}

struct netlink *netlink_open_in(int ns_fd, struct err *e)
{
	MUST(fcntl(ns_fd, F_GETFD) >= 0);
	return netlink_open(e);
}

void netlink_close(struct netlink *nl)
{
	free(nl);
}

int netlink_mend(struct netlink *nl, struct err *e)
{
	MUST(nl);
	return stubs_fails(e);
}

int link_each(struct netlink *nl, link_fn *fn, void *arg, struct err *e)
{
	nl->alive = 1;
	for (size_t i = 0; i < w.count; i++)
		fn(&w.ifaces[i], arg);
	return stubs_fails(e);
}

int link_get(struct netlink *nl, int index, struct iface *i, struct err *e)
{
	nl->alive = 1;
	if (stubs_fails(e))
		return -1;
	if (!find(index))
		return absent(e, index);
	*i = *find(index);
	return 0;
}

int link_by_name(struct netlink *nl, const char *name, struct iface *i, struct err *e)
{
	struct iface *there = find_name(name);

	return there ? link_get(nl, there->index, i, e) : absent(e, 0);
}

int link_get_far(struct netlink *nl, int netnsid, int index, struct iface *i, struct err *e)
{
	return netnsid < 0 ? absent(e, index) : link_get(nl, index, i, e);
}

int link_change(struct netlink *nl, int index, const struct link_change *c, struct err *e)
{
	nl->alive = 1;
	return stubs_fails(e) ? -1 : find(index) ? apply(find(index), c) : absent(e, index);
}

int link_change_back(struct netlink *nl, const struct link_change *c, const struct iface *before,
		     struct err *e)
{
	MUST(nl && c->set && before->name[0] && e->kind);
	if (find(before->index))
		*find(before->index) = *before;
	return -1;
}

int link_del(struct netlink *nl, int index, struct err *e)
{
	nl->alive = 1;
	return stubs_fails(e) ? -1 : drop(index, e);
}

void link_del_all(struct netlink *nl, const int *indexes, size_t n)
{
	(void)nl;
	(void)indexes;
	(void)n;
}

int link_move(struct netlink *nl, int index, int pid, struct err *e)
{
	return pid <= 0 ? err_set(e, ERR_KERNEL, ESRCH, "no process") : link_del(nl, index, e);
}

/* From elsewhere to here, or back: here it is either way. */
int link_move_to(struct netlink *nl, int index, int ns_fd, const char *name, struct err *e)
{
	(void)name;
	nl->alive = 1;
	MUST(fcntl(ns_fd, F_GETFD) >= 0);
	return stubs_fails(e) ? -1 : find(index) ? 0 : absent(e, index);
}

int link_add(struct netlink *nl, const char *name, const char *kind, int link,
	     const struct link_change *how, struct err *e)
{
	nl->alive = 1;
	if (stubs_fails(e) || put(name, kind, 0, e))
		return -1;
	find_name(name)->link = link;
	return apply(find_name(name), how);
}

int link_add_veth(struct netlink *nl, const struct veth_end *own, int master, const struct veth_end *peer,
		  int peer_pid, struct err *e)
{
	nl->alive = 1;
	MUST(ifname_valid(own->name) && ifname_valid(peer->name));
	if (stubs_fails(e) || put(own->name, "veth", own->index, e))
		return -1;
	find_name(own->name)->master = master;
	return peer_pid > 0 ? 0 : put(peer->name, "veth", peer->index, e);
}

int link_loopback_up(struct err *e)
{
	return stubs_fails(e);
}

int link_netnsid(struct netlink *nl, int pid, int *id, struct err *e)
{
	nl->alive = 1;
	*id = pid % 16 - 1;
	return stubs_fails(e);
}

int tun_add(struct netlink *nl, const char *name, bool tap, int64_t owner, const struct link_change *how,
	    struct err *e)
{
	(void)tap;
	(void)owner;
	return link_add(nl, name, "tun", 0, how, e);
}

int tun_attach(const struct iface *i, struct err *e)
{
	return stubs_fails(e) ? -1 : strcmp(i->kind, "tun") ? err_set(e, ERR_VALUE, 0, "neither")
						      : open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* ------------------------------------------------------------------ what stands on links */

static struct address some_address(const char *text, int index)
{
	struct address a = { .index = index, .prefix_len = 24, .valid = UINT32_MAX, .label = "eth0" };

	MUST(inaddr_parse(text, &a.local));
	a.broadcast = inaddr_broadcast(&a.local, 24);
	return a;
}

int addr_each(struct netlink *nl, addr_fn *fn, void *arg, struct err *e)
{
	struct address a = some_address("10.0.0.1", 2), b = some_address("fd00::1", 2);

	nl->alive = 1;
	fn(&a, arg);
	fn(&b, arg);
	return stubs_fails(e);
}

int addr_add(struct netlink *nl, const struct address *a, struct err *e)
{
	nl->alive = 1;
	MUST(a->local.family && a->prefix_len <= 128);
	return stubs_fails(e);
}

int addr_del(struct netlink *nl, const struct address *a, struct err *e)
{
	return addr_add(nl, a, e);
}

int route_each(struct netlink *nl, route_fn *fn, void *arg, struct err *e)
{
	struct route r = { .family = AF_INET, .type = 1, .index = 2, .metric = UINT32_MAX };

	nl->alive = 1;
	MUST(inaddr_parse("10.0.0.2", &r.gateway));
	fn(&r, arg);
	r = (struct route){ .family = AF_INET6, .type = 7, .prefix_len = 64, .flags = 1 };
	MUST(inaddr_parse("fd00::", &r.dst));
	fn(&r, arg);
	return stubs_fails(e);
}

int route_add(struct netlink *nl, const struct route *r, struct err *e)
{
	nl->alive = 1;
	MUST(r->prefix_len <= 128 && r->index >= 0);
	return stubs_fails(e);
}

int route_del(struct netlink *nl, const struct route *r, struct err *e)
{
	return route_add(nl, r, e);
}

int neigh_each(struct netlink *nl, neigh_fn *fn, void *arg, struct err *e)
{
	struct neighbour n = { .index = 2, .state = 2 };

	nl->alive = 1;
	MUST(inaddr_parse("fe80::1", &n.dst));
	fn(&n, arg);
	return stubs_fails(e);
}

int diag_listening(int protocol, uint16_t port, diag_fn *fn, void *arg, struct err *e)
{
	MUST((protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) && port);
	fn(UINT32_MAX - port, arg);
	return stubs_fails(e);
}

int qdisc_each(struct netlink *nl, qdisc_fn *fn, void *arg, struct err *e)
{
	nl->alive = 1;
	for (size_t i = 0; i < w.count; i++) {
		struct qdisc q = { .index = w.ifaces[i].index, .kind = "netem", .handle = 1 << 16,
				   .parent = UINT32_MAX, .bytes = UINT64_MAX, .has = w.shaped[i] };

		fn(&q, arg);
	}
	return stubs_fails(e);
}

int impairments_read(struct netlink *nl, const struct iface *on, const struct impairments *known,
		     struct impairments *now, struct err *e)
{
	const struct iface *there = find(on->index);

	(void)known;
	nl->alive = 1;
	*now = there ? w.shaped[there - w.ifaces] : (struct impairments){0};
	return stubs_fails(e);
}

int impairments_apply(struct netlink *nl, const struct iface *on, const struct impairments *now,
		      const struct impairments *wanted, struct err *e)
{
	const struct iface *there = find(on->index);

	(void)now;
	nl->alive = 1;
	for (int i = 0; i < IMP_COUNT; i++)
		MUST(wanted->v[i] <= impairment_words[i].max);
	if (stubs_fails(e))
		return -1;
	if (there)
		w.shaped[there - w.ifaces] = *wanted;
	return 0;
}

/* ------------------------------------------------------------------ the network's changes */

static int monitor(struct err *e)
{
	int ends[2];

	if (stubs_fails(e))
		return -1;
	MUST(w.monitor < 0 && !socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends));
	w.monitor = ends[1];
	return ends[0];
}

int monitor_open(struct err *e)
{
	return monitor(e);
}

int monitor_deaf(struct err *e)
{
	return monitor(e);
}

int monitor_addresses(__attribute__((unused)) int fd, struct err *e)
{
	return stubs_fails(e) ? -1 : 0;
}

void monitor_drain(int fd)
{
	char c;

	while (recv(fd, &c, 1, MSG_DONTWAIT) > 0)
		;
}

bool monitor_global(int fd)
{
	monitor_drain(fd);
	return true;
}

/* It never tells; the server's other monitor has the socket that does. */
int monitor_links(struct err *e)
{
	return stubs_fails(e) ? -1 : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

bool monitor_gone(__attribute__((unused)) int fd, void (*fn)(int index, void *arg), void *arg)
{
	(void)fn;
	(void)arg;
	return true;
}

void stubs_change(void)
{
	if (w.monitor >= 0)
		send(w.monitor, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ------------------------------------------------------------------ namespaces */

int ns_own_net(struct err *e)
{
	return stubs_fails(e) ? -1 : open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* server.c's, which sets up a node: not called here. */
#define NOT_HERE(name, ...) int name(__VA_ARGS__) { abort(); }
NOT_HERE(ns_unshare, __attribute__((unused)) int flags, __attribute__((unused)) struct err *e)
NOT_HERE(ns_no_ipv6, __attribute__((unused)) struct err *e)
NOT_HERE(ns_sysctls, __attribute__((unused)) int p, __attribute__((unused)) bool f, __attribute__((unused)) bool d,
	 __attribute__((unused)) struct err *e)
NOT_HERE(ns_private_mounts, __attribute__((unused)) struct err *e)
NOT_HERE(ns_mount_proc, __attribute__((unused)) struct err *e)
NOT_HERE(ns_hostname, __attribute__((unused)) const char *n, __attribute__((unused)) struct err *e)

/* ------------------------------------------------------------------ */

void stubs_begin(void)
{
	struct err e;

	memset(&w, 0, sizeof(w));
	w.monitor = -1;
	MUST(!put("lo", "", 1, &e) && !put("eth0", "veth", 2, &e) && !put("br0", "bridge", 3, &e) &&
	     !put("tap0", "tun", 4, &e));
	stubs_begin_processes();
}

void stubs_end(void)
{
	if (w.monitor >= 0)
		close(w.monitor);
	stubs_end_processes();
}
