/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of the lab's folder that programs of a node find in /etc, mounted over the machine's. The kernel takes
 * such a mount away when the machine replaces its file by rename(2), as editors and network managers do;
 * and an editor may replace the lab's file. So it is looked at again, and mounted again.
 */
#ifndef SERVER_ETC_H
#define SERVER_ETC_H

#include <stdbool.h>
#include <stdint.h>

struct server;

enum { ETC_HOSTS, ETC_RESOLV, ETC_FILES };

struct etc_id {
	uint32_t major, minor;
	uint64_t inode;
};

struct etc {
	struct {
		struct etc_id mounted, below; /* the latter: the machine's at the beginning */
	} files[ETC_FILES];
	struct etc_id folder;
	int watch_fd; /* /etc */
	bool watched;
};

/* Where it stands in the lab's folder: valid until the next call. */
const char *etc_source(const struct server *s, int which);

/* In the node's new mount namespace, when both files are there. The lab's folder, which was opened in the
 * caller's, is opened again: from another one nothing can be mounted here. */
void etc_begin(struct server *s);

/* From the first program on: SIGIO comes when something is renamed in one of the folders, or made in /etc. */
void etc_watch(struct server *s);

/* Mounts again what is not there, in the mount namespace of the programs. true: the hosts file is another
 * one than before. What a program of the node has mounted there is left alone. */
bool etc_look(struct server *s);

/* Do programs see it? Not where the machine has no such file, as there is nothing to mount it over. */
bool etc_is_seen(const struct server *s, int which);

#endif
