/* SPDX-License-Identifier: GPL-2.0-or-later */
/* batch: commands from a file, in one process: connections to nodes are kept, and commands whose
 * reply tells nothing but success do not wait for it (lab/pool.h). */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "applets.h"
#include "lab/pool.h"
#include "ui/script.h"

static struct {
	const char *name; /* the file's */
	bool force;
	int code; /* of what failed first */
	int ended_by; /* a signal; or 0 */
	struct failure *later; /* those of commands whose replies were read later; not yet told */
	size_t later_count;
} batch;

struct failure {
	struct origin of;
	struct err e;
};

static void note(int code)
{
	batch.code = batch.code ? batch.code : code;
}

static bool is_over(void)
{
	return batch.ended_by || (batch.code && !batch.force);
}

static void tell(struct failure *f)
{
	char where[300];

	if (is_over())
		return;
	snprintf(where, sizeof(where), "%s:%lu", batch.name, f->of.line);
	note(applet_failed(f->of.what, where, &f->e));
}

static void failed_later(const struct origin *of, const char *node, struct err *e)
{
	struct failure f = { *of, *e };
	struct failure *more = reallocarray(batch.later, batch.later_count + 1, sizeof(*more));

	if (err_prefix(&f.e, "%s", node) && more) {
		batch.later = more;
		batch.later[batch.later_count++] = f;
	} else {
		tell(&f);
	}
}

static int by_line(const void *a, const void *b)
{
	const struct failure *f = a, *g = b;

	return (f->of.line > g->of.line) - (f->of.line < g->of.line);
}

/* Connections are read one after the other; what failed first is told first all the same. */
static void settle(void)
{
	pool_settle();
	if (batch.later_count)
		qsort(batch.later, batch.later_count, sizeof(*batch.later), by_line);
	for (size_t i = 0; i < batch.later_count; i++)
		tell(&batch.later[i]);
	batch.later_count = 0;
}

/* Those that use client_later and need nothing of what other nodes have been told. All others are done
 * when everything before them is. */
static bool may_overlap(const struct call *c)
{
	static const char *const words[][2] = {
		{ "addr", "add" }, { "addr", "del" }, { "route", "add" }, { "route", "del" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(c->applet->name, words[i][0]) && c->verb->word &&
		    !strcmp(c->verb->word, words[i][1]))
			return true;
	return false;
}

static bool go_on(const struct call *c, bool failed)
{
	if (failed || batch.later_count || !may_overlap(c))
		settle();
	return !is_over();
}

/* A line that has come to no applet. */
static int failed_at(const struct call *c, const char *where, struct err *e)
{
	settle();
	return is_over() ? 0 : applet_failed(c->applet, where, e);
}

/* [nemu] [-L LAB ...] APPLET WORD... */
static int run_line(const struct call *batch_call, char **argv, unsigned long line)
{
	struct call c = { .lab = batch_call->lab, .json = batch_call->json,
			  .quiet = batch_call->quiet, .verbose = batch_call->verbose };
	const struct applet *a;
	struct err e = ERR_INIT;
	char where[300];
	int n;

	snprintf(where, sizeof(where), "%s:%lu", batch.name, line);
	c.where = where;
	if (!strcmp(*argv, "nemu"))
		argv++;
	while (*argv && (n = words_global(&c, argv, &e)) != 0) {
		if (n < 0)
			return failed_at(batch_call, where, &e);
		argv += n;
	}
	a = *argv ? applet_find(*argv) : NULL;
	if (!a || a == batch_call->applet) {
		err_set(&e, ERR_USAGE, 0, *argv ? a ? "%.60s: not within a batch" : "%.60s: no such applet"
						: "APPLET is missing%s", *argv ? *argv : "");
		if (*argv && !a)
			guess_applet(*argv, &e);
		return failed_at(batch_call, where, &e);
	}
	pool_origin((struct origin){ line, a });
	c.go_on = go_on;
	n = applet_run(a, &c, argv + 1);
	batch.ended_by = c.ended_by;
	return n;
}

static int run_all(const struct call *c, struct script *s)
{
	unsigned long line;
	char **argv = NULL, where[300];
	int got;

	do {
		struct err e = ERR_INIT;

		got = script_next(s, &argv, &line, &e);
		if (is_over())
			break; /* of an earlier line, as the file was read on */
		if (got > 0) {
			note(run_line(c, argv, line));
		} else if (got < 0) {
			snprintf(where, sizeof(where), "%s:%lu", batch.name, line);
			note(failed_at(c, where, &e));
			got = e.kind == ERR_USAGE;
		}
	} while (got && !is_over());
	settle();
	pool_end();
	free(batch.later);
	return batch.ended_by ? 128 + batch.ended_by : batch.code;
}

/* Commands on standard input are not the input of the programs that they start. */
static int open_input(struct err *e)
{
	int fd, null;

	if (strcmp(batch.name, "-")) {
		fd = open(batch.name, O_RDONLY | O_CLOEXEC);
		return fd < 0 ? err_set(e, errno == ENOENT ? ERR_ABSENT : ERR_OS, errno, "%s: %s",
					batch.name, strerror(errno)) : fd;
	}
	batch.name = "stdin";
	fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || null < 0 || dup2(null, 0) < 0)
		return err_os(e, errno, "standard input");
	close(null);
	return fd;
}

static int batch_run(struct call *c, struct err *e)
{
	own(fd) int fd = -1;
	struct script s;
	int code;

	batch.name = call_get(c, "FILE|-");
	batch.force = call_get(c, "--force") != NULL;
	fd = open_input(e);
	if (fd < 0)
		return -1;
	s = (struct script)SCRIPT_INIT(fd, settle);
	pool_begin(failed_later);
	code = run_all(c, &s);
	script_free(&s);
	return code;
}

const struct verb applet_batch_verbs[] = {
	{ NULL,
	  "a command a line, quoted as in sh; ends at the first that fails, with its exit code; --force: "
	  "goes on, and that code is the last thing",
	  WORDS({ "--force", NULL, 0 }, { NULL, "FILE|-", WORD_NEED },),
	  batch_run },
	{ 0 },
};
