/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Users by name or number: see users.h. */
#include "kernel/users.h"

#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "kernel/run.h"

/* The first line of getent's answer. Its exit code: 0 found, 2 not found, 127 no getent. */
static int getent(const char *database, const char *key, char *line, size_t size)
{
	char *const argv[] = { "getent", (char *)(uintptr_t)database, (char *)(uintptr_t)key, NULL };
	int code;

	/* An option; "--" is one more key for some getents. */
	if (*key == '-')
		return 2;
	code = run_output(argv, line, size);
	line[strcspn(line, "\n")] = '\0';
	return code;
}

static bool is_number(const char *s)
{
	return *s && !s[strspn(s, "0123456789")];
}

/* getent takes all that strtoul(3) does for a number, and cuts it off: "+4294967296" would be root. */
static bool is_disguised_number(const char *s)
{
	const char *digits = s + strspn(s, " \t\n\v\f\r");

	digits += *digits == '+' || *digits == '-';
	return digits > s && is_number(digits);
}

/* What is larger than an id would be another one, root's even, if it were cut off. */
static bool parse_id(const char *s, uid_t *id)
{
	int64_t n;

	if (!is_number(s) || !num_parse(s, 0, UINT32_MAX - 1, &n))
		return false;
	*id = (uid_t)n;
	return true;
}

static bool set_user(struct user *u, const char *name, uid_t uid, gid_t gid, const char *home,
		     const char *shell)
{
	u->uid = uid;
	u->gid = gid;
	u->name = strdup(name);
	u->home = strdup(home);
	u->shell = strdup(*shell ? shell : "/bin/sh");
	return u->name && u->home && u->shell;
}

/* name:password:uid:gid:comment:home:shell */
static int parse_passwd(char *line, struct user *u)
{
	char *field[7];
	uid_t uid, gid;

	for (int i = 0; i < 7; i++) {
		field[i] = strsep(&line, ":");
		if (!field[i])
			return 1;
	}
	if (!parse_id(field[2], &uid) || !parse_id(field[3], &gid))
		return 1;
	return set_user(u, field[0], uid, gid, field[5], field[6]) ? 0 : -1;
}

static int read_passwd(const char *name, struct user *u)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw;
	uid_t uid;
	bool number = parse_id(name, &uid);
	int rc = 1;

	while (f && rc == 1 && (pw = fgetpwent(f)))
		if (number ? pw->pw_uid == uid : !strcmp(pw->pw_name, name))
			rc = set_user(u, pw->pw_name, pw->pw_uid, pw->pw_gid, pw->pw_dir,
				      pw->pw_shell)
				     ? 0
				     : -1;
	if (f)
		fclose(f);
	return rc;
}

static void add_group(struct user *u, gid_t gid)
{
	for (size_t i = 0; i < u->group_count; i++)
		if (u->groups[i] == gid)
			return;
	if (u->group_count < USER_GROUPS_MAX)
		u->groups[u->group_count++] = gid;
}

static void read_groups(struct user *u)
{
	FILE *f = fopen("/etc/group", "re");
	struct group *gr;

	while (f && (gr = fgetgrent(f)))
		for (char **m = gr->gr_mem; *m; m++)
			if (!strcmp(*m, u->name))
				add_group(u, gr->gr_gid);
	if (f)
		fclose(f);
}

int user_find(const char *name, struct user *u)
{
	char line[16384], *at = line, *word;
	uid_t uid = 0, group;
	bool number = is_number(name);
	int rc;

	u->group_count = 0;
	if (is_disguised_number(name) || (number && !parse_id(name, &uid)))
		return 1;
	rc = getent("passwd", name, line, sizeof(line));
	rc = rc == 0 ? parse_passwd(line, u) : rc == 2 ? 1 : read_passwd(name, u);
	if (rc || (number && u->uid != uid))
		return rc ? rc : 1;
	add_group(u, u->gid);
	if (getent("initgroups", u->name, line, sizeof(line)))
		read_groups(u);
	else if ((word = strsep(&at, " ")))
		while ((word = strsep(&at, " ")))
			if (parse_id(word, &group))
				add_group(u, group);
	return 0;
}

void user_free(struct user *u)
{
	free(u->name);
	free(u->home);
	free(u->shell);
}
