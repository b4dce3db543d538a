/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tun and tap interfaces: see tun.h. */
#include "kernel/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "kernel/kind.h"

#define DEVICE "/dev/net/tun"

static int open_device(struct err *e)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return err_set(e, ERR_FEATURE, EOPNOTSUPP,
			       DEVICE ": %s (module tun; in a container, the device)",
			       strerror(errno));
	if (errno == EACCES || errno == EPERM)
		return err_set(e, ERR_FEATURE, EOPNOTSUPP, DEVICE ": %s (%s)", strerror(errno),
			       errno == EACCES ? "whose mode should be 0666: chmod, or a udev rule"
					       : "in a container, the device must be allowed");
	return err_os(e, errno, DEVICE);
}

int tun_possible(struct err *e)
{
	own(fd) int fd = open_device(e);

	return fd < 0 ? -1 : 0;
}

int tun_add(struct netlink *nl, const char *name, bool tap, int64_t owner,
	    const struct link_change *how, struct err *e)
{
	/* IFF_TUN_EXCL: never one that is there already. */
	struct ifreq r = { .ifr_flags = (short)((tap ? IFF_TAP : IFF_TUN) | IFF_NO_PI |
						IFF_TUN_EXCL) };
	own(fd) int fd = open_device(e);
	struct iface i;

	if (fd < 0)
		return -1;
	memcpy(r.ifr_name, name, strlen(name) + 1);
	if (ioctl(fd, TUNSETIFF, &r))
		return err_set(e, ERR_KERNEL, errno == EBUSY ? EEXIST : errno, "%s: %s", name,
			       strerror(errno == EBUSY ? EEXIST : errno));
	/* Until it is persistent, closing the descriptor is what takes it away again. */
	if (owner >= 0 && ioctl(fd, TUNSETOWNER, (unsigned long)owner))
		return err_os(e, errno, "%s: user %lld", name, (long long)owner);
	if (link_by_name(nl, r.ifr_name, &i, e) || link_change(nl, i.index, how, e))
		return -1;
	return ioctl(fd, TUNSETPERSIST, 1) ? err_os(e, errno, "%s", name) : 0;
}

/* Whoever attaches must say which of these it has. */
static short flags_of(const struct iface *i)
{
	static const struct {
		const char *json;
		int flag;
	} truths[] = { { "vnet_hdr", IFF_VNET_HDR }, { "multi_queue", IFF_MULTI_QUEUE } };
	int flags = IFF_NO_PI;

	for (size_t k = 0; k < i->data.n; k++) {
		const struct kind_value *v = &i->data.v[k];

		if (!strcmp(v->word->json, "type"))
			flags |= (int)v->num;
		if (!strcmp(v->word->json, "pi") && v->num)
			flags &= ~IFF_NO_PI;
		for (size_t t = 0; t < 2; t++)
			if (!strcmp(v->word->json, truths[t].json) && v->num)
				flags |= truths[t].flag;
	}
	return (short)flags;
}

int tun_attach(const struct iface *i, struct err *e)
{
	struct ifreq r = { .ifr_flags = flags_of(i) };
	own(fd) int fd = -1;

	if (strcmp(i->kind, "tun"))
		return err_set(e, ERR_VALUE, 0, "%s: neither a tap nor a tun", i->name);
	fd = open_device(e);
	if (fd < 0)
		return -1;
	memcpy(r.ifr_name, i->name, sizeof(r.ifr_name));
	if (ioctl(fd, TUNSETIFF, &r))
		return err_set(e, ERR_KERNEL, errno, "%s: %s", i->name,
			       errno == EBUSY ? "in use by another program" : strerror(errno));
	return steal_fd(&fd);
}
