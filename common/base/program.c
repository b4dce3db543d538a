/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs by their names: see program.h. */
#include "base/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

/* In the PATH, or where the name says. */
static bool find(const char *name, int mode, char *file, size_t size)
{
	const char *path = getenv("PATH");
	own(mem) char *copy = strdup(path && *path ? path : "/usr/bin:/bin");
	char *rest = copy, *dir;

	if (strchr(name, '/')) {
		snprintf(file, size, "%s", name);
		return !access(file, mode);
	}
	while (copy && (dir = strsep(&rest, ":"))) {
		snprintf(file, size, "%s/%s", *dir ? dir : ".", name);
		if (!access(file, mode))
			return true;
	}
	return false;
}

bool program_found(const char *name)
{
	char file[4096];

	return find(name, X_OK, file, sizeof(file));
}

/* A script without "#!" is the shell's, says POSIX; not every execvp knows. */
static void exec_script(char *file, char *const *argv)
{
	size_t n = 0;
	own(mem) char **args = NULL;

	while (argv[n])
		n++;
	args = calloc(n + 2, sizeof(*args));
	if (!args)
		return;
	args[0] = "sh";
	args[1] = file;
	for (size_t i = 1; i < n; i++)
		args[i + 1] = argv[i];
	execv("/bin/sh", args);
}

void program_exec(char *const *argv)
{
	char file[4096];

	execvp(argv[0], argv);
	if (errno == ENOEXEC && find(argv[0], X_OK, file, sizeof(file)))
		exec_script(file, argv);
	else if (errno == EACCES && !find(argv[0], F_OK, file, sizeof(file)))
		errno = strchr(argv[0], '/') ? EACCES : ENOENT;
}
