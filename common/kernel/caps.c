/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities, through libcap-ng: see caps.h. */
#include "kernel/caps.h"

#include <cap-ng.h>
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The process's own. libcap-ng would read /proc/PID/status twice for what nobody asks for here: a tenth of the
 * time of a "node add". */
struct sets {
	struct __user_cap_header_struct head;
	struct __user_cap_data_struct half[2]; /* capabilities 0 to 31, 32 to 63 */
};

static int get_sets(struct sets *s)
{
	*s = (struct sets){ .head.version = _LINUX_CAPABILITY_VERSION_3 };
	return (int)syscall(SYS_capget, &s->head, s->half);
}

bool caps_have(unsigned int cap)
{
	struct sets s;

	return !get_sets(&s) && s.half[cap / 32].effective >> cap % 32 & 1;
}

static void name_of(unsigned int cap, char name[40])
{
	const char *known = capng_capability_to_name(cap);

	snprintf(name, 40, "%s", known ? known : "?");
	for (char *p = name; *p; p++)
		*p = (char)toupper((unsigned char)*p);
}

int caps_explain(unsigned int cap, int errnum, const char *what, struct err *e)
{
	char name[40];

	if (errnum != EPERM || caps_have(cap))
		return err_os(e, errnum, "%s", what);
	name_of(cap, name);
	return err_set(e, ERR_OS, errnum, "%s: needs CAP_%s, which you do not have", what, name);
}

bool caps_explain_become(int errnum, const char *user, struct err *e)
{
	static const unsigned int needed[] = { CAP_SETGID, CAP_SETUID, CAP_SETPCAP };
	char name[40];

	for (size_t i = 0; errnum == EPERM && i < sizeof(needed) / sizeof(*needed); i++) {
		if (caps_have(needed[i]))
			continue;
		name_of(needed[i], name);
		err_set(e, ERR_OS, errnum, "user %s: needs CAP_%s, which the node's server has not got", user, name);
		return true;
	}
	return false;
}

bool caps_explain_kept(caps_set keep, int errnum, const char *user, struct err *e)
{
	char name[40];

	capng_get_caps_process();
	for (unsigned int cap = 0; errnum == EPERM && cap < 64; cap++) {
		if (!(keep >> cap & 1) || (capng_have_capability(CAPNG_PERMITTED, cap) &&
					   prctl(PR_CAPBSET_READ, cap) == 1))
			continue;
		name_of(cap, name);
		err_set(e, ERR_OS, errnum, "user %s: CAP_%s cannot be kept: the node's server has not got it", user,
			name);
		return true;
	}
	return false;
}

bool caps_parse(const char *list, caps_set *set, const char **bad)
{
	for (*bad = list; **bad; *bad += strcspn(*bad, ",") + (strchr(*bad, ',') != NULL)) {
		char name[40];
		int cap;

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(*bad, ","), *bad);
		for (char *p = name; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		cap = capng_name_to_capability(strncmp(name, "cap_", 4) ? name : name + 4);
		if (cap < 0 || cap > 63)
			return false;
		*set |= CAPS_BIT(cap);
	}
	return *list;
}

int caps_give_up(struct err *e)
{
	capng_get_caps_process();
	capng_clear(CAPNG_SELECT_CAPS);
	return capng_apply(CAPNG_SELECT_CAPS) ? err_os(e, errno, "capabilities") : 0;
}

int caps_lower(caps_set keep, struct err *e)
{
	struct sets s;

	if (get_sets(&s))
		return err_os(e, errno, "capabilities");
	s.half[0].effective &= (uint32_t)keep;
	s.half[1].effective &= (uint32_t)(keep >> 32);
	return syscall(SYS_capset, &s.head, s.half) ? err_os(e, errno, "capabilities") : 0;
}

/* What is left is what files may give: a program with a capability of its own, as ping has, is not
 * even executed without. */
static int drop_bounding(caps_set keep)
{
	for (int cap = 0; cap < 64; cap++)
		if (!(keep >> cap & 1) && prctl(PR_CAPBSET_READ, cap) == 1 &&
		    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			return -1;
	return 0;
}

static int keep_ambient(caps_set keep)
{
	for (int cap = 0; cap < 64; cap++)
		if (keep >> cap & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0))
			return -1;
	return 0;
}

int caps_become(uid_t uid, gid_t gid, const gid_t *groups, size_t n, caps_set keep)
{
	/* A user namespace with one user has one set of groups as well. */
	if (setgroups(n, groups) && (errno != EPERM || uid != geteuid() || gid != getegid()))
		return -1;
	if (uid == 0 && geteuid() == 0 && !keep)
		return setgid(gid) ? -1 : 0;
	capng_get_caps_process();
	capng_clear(CAPNG_SELECT_ALL);
	for (unsigned int cap = 0; cap < 64; cap++)
		if (keep >> cap & 1)
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE,
				     cap);
	if (drop_bounding(keep))
		return -1;
	/* Not by capng_change_id, which never leaves CAP_SETPCAP. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) ||
	    setresgid(gid, gid, gid) || setresuid(uid, uid, uid) || capng_apply(CAPNG_SELECT_CAPS))
		return -1;
	return keep_ambient(keep) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -1 : 0;
}
