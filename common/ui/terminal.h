/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program on a terminal of its own (a pty), shown on the caller's: the caller's terminal is raw
 * meanwhile, and as before afterwards.
 */
#ifndef UI_TERMINAL_H
#define UI_TERMINAL_H

#include <stdbool.h>

#include "base/err.h"

struct terminal;

/* Makes the pty, as large as the caller's terminal and with its settings; *slave is the
 * program's end, the caller's to close. NULL: error. */
struct terminal *terminal_open(int *slave, struct err *e);

/* Makes the caller's terminal raw, if standard input is one; terminal_close undoes it. SIGPIPE is ignored from
 * terminal_open to terminal_close. */
void terminal_begin(struct terminal *t);
void terminal_close(struct terminal *t);

/* Passes bytes both ways until conn is readable (returns 1) or signals is (2). Output that
 * nobody takes holds up input, but neither of these. -1: errno, standard output takes no more. */
int terminal_relay(struct terminal *t, int conn, int signals);

/* After the program's end: passes on what it has written until now. Once one by which a user ends a program is read
 * from signals, or if that is -1 as one has come, what nobody takes is given up. 0, or -1 as above. */
int terminal_drain(struct terminal *t, int signals);

/* The caller's terminal has another size. */
void terminal_resize(struct terminal *t);

/* The caller is stopped and continued by its shell: the terminal as it was, then raw again. */
void terminal_pause(struct terminal *t);
void terminal_resume(struct terminal *t);

#endif
