/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spawn: start a program in a node, in the background. */
#include <fcntl.h>

#include "applets.h"
#include "lab/name.h"

static int spawn_run(struct call *call, struct err *e)
{
	own(client) struct client c = CLIENT_INIT;
	struct program p = program_of_call(call);
	pid_t pid;

	p.tag = call_get(call, "--name");
	/* A tag must not be taken for a PID. */
	if (p.tag && (name_check("process", p.tag, e) || p.tag[strspn(p.tag, "0123456789")] == 0))
		return err_set(e, ERR_USAGE, 0, "--name %.80s: a tag is a name, and no number",
			       p.tag);
	p.log = !call_get(call, "-i");
	for (int i = 0; i < 3 && !p.log; i++)
		p.fds[i] = fcntl(i, F_GETFD) < 0 ? -1 : i;
	if (connect_node(&c, call, e))
		return -1;
	if (call_run(&c, &p, &pid, e))
		return of_node(call, -1, e);
	printf("%d\n", (int)pid);
	return 0;
}

const struct verb applet_spawn_verbs[] = {
	{ NULL,
	  "prints its PID; what it prints goes to a log ('nemu logs'), with -i to where ours goes",
	  { { "-u", "USER", 0 },
	    { "-d", "DIR", 0 },
	    { "-e", "NAME=VALUE", WORD_MANY },
	    { "--name", "TAG", 0 },
	    { "-i", NULL, 0 },
	    { NULL, "CMD", WORD_NEED | WORD_TAIL } },
	  spawn_run },
	{ 0 },
};
