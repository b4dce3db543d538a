/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Namespaces: see ns.h. */
#include "kernel/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/caps.h"

int ns_unshare(int flags, struct err *e)
{
	if (!unshare(flags))
		return 0;
	if (errno == ENOSPC)
		return err_set(e, ERR_OS, ENOSPC,
			       "new namespaces: the limit is reached (see /proc/sys/user)");
	return caps_explain(CAP_SYS_ADMIN, errno, "new namespaces", e);
}

static int write_sysctl(int folder, const char *path, const char *value)
{
	own(fd) int fd = openat(folder, path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	return write(fd, value, strlen(value)) < 0 ? -1 : 0;
}

int ns_own_net(struct err *e)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_os(e, errno, "/proc/thread-self/ns/net") : fd;
}

struct netlink *netlink_open_in(int ns_fd, struct err *e)
{
	own(fd) int back = ns_own_net(e);
	struct netlink *nl;

	if (back < 0)
		return NULL;
	if (setns(ns_fd, CLONE_NEWNET)) {
		err_os(e, errno, "entering the other network namespace");
		return NULL;
	}
	nl = netlink_open(e);
	if (setns(back, CLONE_NEWNET))
		abort(); /* nothing here could be right any more */
	return nl;
}

int ns_new_proc(void)
{
	own(fd) int fs = (int)syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC);

	if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -1;
	return (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MS_NOSUID | MS_NODEV | MS_NOEXEC);
}

/* The folder of a /proc, or of the one that is there, or, where that is read-only as in containers, of
 * one of our own. The settings in it are those of the network namespace of who opens them. */
static int open_net(int proc_fd, struct err *e)
{
	own(fd) int net = proc_fd < 0 ? open("/proc/sys/net", O_PATH | O_DIRECTORY | O_CLOEXEC)
				      : openat(proc_fd, "sys/net", O_PATH | O_DIRECTORY | O_CLOEXEC);
	own(fd) int proc = -1;
	struct statvfs fs;
	int anew;

	if (net < 0)
		return err_os(e, errno, "/proc/sys/net");
	if (proc_fd < 0 && !fstatvfs(net, &fs) && (fs.f_flag & ST_RDONLY))
		proc = ns_new_proc();
	anew = proc < 0 ? -1 : openat(proc, "sys/net", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return anew < 0 ? steal_fd(&net) : anew;
}

static int refused(int errnum, const char *sysctl, struct err *e)
{
	if (errnum != EROFS)
		return err_os(e, errnum, "%s", sysctl);
	return err_set(e, ERR_FEATURE, errnum, "%s: /proc/sys is read-only here, and only root can have another",
		       sysctl);
}

int ns_no_ipv6(struct err *e)
{
	own(fd) int net = open_net(-1, e);

	if (net < 0)
		return -1;
	if (!write_sysctl(net, "ipv6/conf/default/disable_ipv6", "1") || errno == ENOENT)
		return 0;
	return refused(errno, "net.ipv6.conf.default.disable_ipv6", e);
}

int ns_sysctls(int proc_fd, bool forwarding, bool no_dad, struct err *e)
{
	/* Finding a folder there takes longer the more namespaces there are, so each is looked up once.
	 * A kernel without IPv6 has no ipv6. */
	own(fd) int net = open_net(proc_fd, e), ipv6 = -1;
	int without;

	if (net < 0)
		return -1;
	ipv6 = openat(net, "ipv6/conf", O_PATH | O_DIRECTORY | O_CLOEXEC);
	without = errno;
	if (forwarding && write_sysctl(net, "ipv4/ip_forward", "1"))
		return refused(errno, "net.ipv4.ip_forward", e);
	if (ipv6 < 0)
		return without == ENOENT ? 0 : err_os(e, without, "net.ipv6.conf");
	if (forwarding && write_sysctl(ipv6, "all/forwarding", "1"))
		return refused(errno, "net.ipv6.conf.all.forwarding", e);
	if (no_dad && write_sysctl(ipv6, "default/accept_dad", "0"))
		return refused(errno, "net.ipv6.conf.default.accept_dad", e);
	return 0;
}

/* What is mounted in /sys and is not the network namespace's business stays visible. glibc 2.36
 * has wrappers for these calls, older ones do not. */
static void keep_mount(const char *path, int *tree)
{
	struct statx st;

	*tree = -1;
	if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, 0, &st) ||
	    !(st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return; /* nothing is mounted there: the new /sys has it, too */
	*tree = (int)syscall(SYS_open_tree, AT_FDCWD, path,
			     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

static void put_mount(const char *path, int tree)
{
	if (tree < 0)
		return;
	syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
	close(tree);
}

/* In a user namespace a new one must forbid what the one that is there forbids, and is not to be had
 * where that one does not show all. */
static int mount_sys(struct err *e)
{
	static const char how[] = "mounting /sys";
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	struct statvfs fs;
	struct statfs type;

	if (!mount("sysfs", "/sys", "sysfs", flags, NULL))
		return 0;
	if (errno == EPERM && !statvfs("/sys", &fs)) {
		flags |= fs.f_flag & (MS_RDONLY | MS_NOATIME | MS_NODIRATIME);
		if (!mount("sysfs", "/sys", "sysfs", flags, NULL))
			return 0;
	}
	if (errno != EPERM)
		return err_os(e, errno, "%s", how);
	if (statfs("/sys", &type) || type.f_type != SYSFS_MAGIC)
		return err_set(e, ERR_FEATURE, EPERM, "%s: without root it takes one that is there already, and none is",
			       how);
	return err_set(e, ERR_FEATURE, EPERM,
		       "%s: something is mounted over parts of it, and then the kernel allows a new one to root alone",
		       how);
}

int ns_private_mounts(struct err *e)
{
	int rc;
	static const char *const keep[] = { "/sys/fs/cgroup", "/sys/fs/bpf", "/sys/kernel/debug",
					    "/sys/kernel/tracing", "/sys/kernel/security" };
	int trees[sizeof(keep) / sizeof(*keep)];

	if (mount("", "/", NULL, MS_REC | MS_SLAVE, NULL))
		return err_os(e, errno, "making mounts private");
	for (size_t i = 0; i < sizeof(keep) / sizeof(*keep); i++)
		keep_mount(keep[i], &trees[i]);
	rc = mount_sys(e);
	for (size_t i = 0; i < sizeof(keep) / sizeof(*keep); i++)
		put_mount(keep[i], trees[i]);
	return rc;
}

int ns_mount_proc(struct err *e)
{
	static const char how[] = "mounting /proc";

	if (!mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return 0;
	if (errno != EPERM)
		return err_os(e, errno, "%s", how);
	return err_set(e, ERR_FEATURE, EPERM,
		       "%s: something is mounted over parts of the one that is there, and then the kernel allows a new "
		       "one to root alone", how);
}

int ns_hostname(const char *name, struct err *e)
{
	if (sethostname(name, strlen(name)))
		return err_os(e, errno, "host name %s", name);
	return 0;
}
