/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a program is looked for: see spawn_paths.h. */
#include "kernel/spawn_paths.h"

#include <stdlib.h>
#include <string.h>

static const char *search_path(char *const *env)
{
	for (char *const *p = env; *p; p++)
		if (!strncmp(*p, "PATH=", 5))
			return *p + 5;
	return "/bin:/usr/bin";
}

/* Pointers, then the text. */
char **spawn_paths(const char *name, char *const *env)
{
	const char *path = search_path(env);
	size_t n = 2, text = strlen(path) + strlen(name) + 2;
	char **list, *at;

	for (const char *p = path; *p; p++)
		if (*p == ':') {
			n++;
			text += strlen(name) + 2;
		}
	list = malloc(n * sizeof(*list) + text);
	if (!list)
		return NULL;
	at = (char *)(list + n);
	n = 0;
	if (strchr(name, '/') || !*name) { /* "" cannot be found, and the kernel says so */
		list[n++] = memcpy(at, name, strlen(name) + 1);
		list[n] = NULL;
		return list;
	}
	for (const char *end;; path = end + 1) {
		size_t len;

		end = strchrnul(path, ':');
		len = (size_t)(end - path);
		list[n++] = at;
		memcpy(at, path, len);
		at += len;
		if (len)
			*at++ = '/';
		memcpy(at, name, strlen(name) + 1);
		at += strlen(name) + 1;
		if (!*end)
			break;
	}
	list[n] = NULL;
	return list;
}
