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
#include <unistd.h>

bool caps_have(unsigned int cap)
{
	capng_get_caps_process();
	return capng_have_capability(CAPNG_EFFECTIVE, cap);
}

int caps_explain(unsigned int cap, int errnum, const char *what, struct err *e)
{
	char name[40] = "";

	if (errnum != EPERM || caps_have(cap))
		return err_os(e, errnum, "%s", what);
	snprintf(name, sizeof(name), "%s", capng_capability_to_name(cap));
	for (char *p = name; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return err_set(e, ERR_OS, errnum, "%s: needs CAP_%s, which you do not have", what, name);
}

int caps_become(uid_t uid, gid_t gid, const gid_t *groups, size_t n)
{
	int rc;

	if (setgroups(n, groups))
		return -1;
	if (uid == 0 && geteuid() == 0)
		return setgid(gid) ? -1 : 0;
	capng_get_caps_process();
	capng_clear(CAPNG_SELECT_ALL);
	rc = capng_change_id((int)uid, (int)gid, CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT);
	if (rc) {
		if (!errno)
			errno = EPERM;
		return -1;
	}
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
