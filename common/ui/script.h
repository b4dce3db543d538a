/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands from a file, a line each: words are split and quoted, and comments are made, as sh(1)
 * does (POSIX, Shell Command Language, 2.2 and 2.3). Nothing is expanded; what sh would treat in
 * another way than as a word's text is an error, so that a line means the same to both.
 */
#ifndef UI_SCRIPT_H
#define UI_SCRIPT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct script {
	int fd;			   /* the caller's to open and to close */
	void (*before_read)(void); /* called when no whole command is there, as a read can take long */
	struct buf in, text, words;
	size_t taken;
	unsigned long next; /* the line that comes */
	bool end;
};

#define SCRIPT_INIT(descriptor, before) { .fd = (descriptor), .before_read = (before), .next = 1 }

/* The next command: its words, ended by NULL, are the script's until the next call; *line is where
 * it begins. 1; 0: there is none; -1: ERR_USAGE (of this command, the next one can be read) or
 * ERR_OS (nothing more can be read). */
__attribute__((warn_unused_result)) int script_next(struct script *s, char ***argv,
						    unsigned long *line, struct err *e);
void script_free(struct script *s);

#endif
