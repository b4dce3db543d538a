/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who listens on a port of a node: see sockets.h. */
#include "lab/sockets.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/offspring.h"

#define DEPTH 64 /* of a family of processes */

static bool parse(const char *word, const char **protocol, int64_t *port)
{
	*protocol = !strncmp(word, "tcp/", 4) ? "tcp" : !strncmp(word, "udp/", 4) ? "udp" : NULL;
	return *protocol && num_parse(word + 4, 1, 65535, port);
}

int sockets_check_word(const char *word, struct err *e)
{
	const char *protocol;
	int64_t port;

	if (parse(word, &protocol, &port))
		return 0;
	err_set(e, ERR_USAGE, 0, "%.60s: not tcp/PORT or udp/PORT", word);
	err_printable(e->text);
	return -1;
}

static bool has_inode(const struct value *inodes, const char *link)
{
	unsigned long inode;

	if (sscanf(link, "socket:[%lu]", &inode) != 1)
		return false;
	for (size_t i = 0; i < value_len(inodes); i++)
		if (value_at(inodes, i)->type == V_INT &&
		    (unsigned long)value_at(inodes, i)->num == inode)
			return true;
	return false;
}

static bool process_has(pid_t pid, const struct value *inodes)
{
	char path[64], link[64];
	struct dirent *d;
	own(dir) DIR *dir = NULL;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	/* Another user's, in an ordinary user's lab: whose socket it is cannot be seen. */
	if (!dir && errno == EACCES)
		return value_len(inodes) > 0;
	while (dir && (d = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), d->d_name, link, sizeof(link) - 1);

		link[n < 0 ? 0 : n] = '\0';
		if (has_inode(inodes, link))
			return true;
	}
	return false;
}

struct branch {
	const struct value *inodes;
	int depth; /* so many generations are looked at */
};

/* The process, or one that descends from it and still has its parents. */
static bool family_has(pid_t pid, void *arg)
{
	struct branch *b = arg, deeper = { b->inodes, b->depth - 1 };

	return process_has(pid, b->inodes) || (b->depth && offspring_find(pid, family_has, &deeper));
}

int sockets_listen(struct client *c, const char *word, pid_t owner, struct err *e)
{
	own(value_pool) struct value_pool pool = {0};
	const struct value *inodes;
	struct branch family;
	const char *protocol;
	int64_t port;

	if (!parse(word, &protocol, &port))
		return sockets_check_word(word, e);
	client_say(c, "SOCK LIST %s %d", protocol, (int)port);
	inodes = client_data(c, &pool, e);
	if (!inodes && e->kind == ERR_REFUSED)
		return err_set(e, ERR_FEATURE, 0, "this node's server cannot list sockets");
	if (!inodes)
		return -1;
	family = (struct branch){ inodes, DEPTH };
	return owner ? family_has(owner, &family) : value_len(inodes) > 0;
}
