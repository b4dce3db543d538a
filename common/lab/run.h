/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lab for as long as a command runs. Two processes see to it: this one, which the caller waits for,
 * and the warden, its child and the command's parent. Whichever of them is killed, the other ends
 * everything.
 */
#ifndef LAB_RUN_H
#define LAB_RUN_H

#include <stdbool.h>

#include "base/err.h"

struct lab_run {
	char **argv;		/* the command; $NEMU_LAB will name the lab */
	const char *keep_logs;	/* a folder for what processes of the nodes have printed, or NULL */
	int logs;		/* the same, open */
	bool strict;		/* tells of all that the command leaves */
	void (*left)(const char *what); /* of each of these: "node h1" */
	int *ended_by; /* base/signals.h: noted, and still to be settled */
	void (*failed)(const char *what); /* of logs that could not be kept, and of what does not end */
};

/* Runs it; when this returns, nothing of the lab is left. *status: the command's, as from waitpid(2).
 * ERR_OS with the step "exec": it could not be started. */
__attribute__((warn_unused_result)) int lab_run(const struct lab_run *r, int *status, struct err *e);

#endif
