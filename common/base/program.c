/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs by their names: see program.h. */
#include "base/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static bool is_in_path(const char *name, int mode)
{
	const char *path = getenv("PATH");
	own(mem) char *copy = strdup(path && *path ? path : "/usr/bin:/bin");
	char *rest = copy, *dir, file[4096];

	while (copy && (dir = strsep(&rest, ":"))) {
		snprintf(file, sizeof(file), "%s/%s", *dir ? dir : ".", name);
		if (!access(file, mode))
			return true;
	}
	return false;
}

bool program_found(const char *name)
{
	return is_in_path(name, X_OK);
}

void program_exec(char *const *argv)
{
	execvp(argv[0], argv);
	if (errno == EACCES && !strchr(argv[0], '/'))
		errno = is_in_path(argv[0], F_OK) ? EACCES : ENOENT;
}
