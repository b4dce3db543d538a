/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lab: whole labs: run a command in one of its own, list, remove, save, draw. */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <time.h>

#include "base/procfile.h"
#include "base/signals.h"
#include "lab/end.h"
#include "lab/links.h"
#include "lab/model.h"
#include "lab/rundir.h"
#include "lab/run.h"
#include "ui/exit.h"
#include "ui/impair.h"

const struct value *lab_iface(const struct value *node, const char *name)
{
	const struct value *all = value_get(node, "interfaces");

	for (size_t i = 0; i < value_len(all); i++)
		if (!strcmp(value_text(value_at(all, i), "ifname", ""), name))
			return value_at(all, i);
	return NULL;
}

void lab_output_json(const struct value *model, struct value_pool *pool)
{
	const struct value *links = value_get(model, "links"), *nodes = value_get(model, "nodes");

	for (size_t i = 0; i < value_len(links); i++)
		impairments_name_units(value_get(value_at(links, i), "ends"), pool);
	for (size_t i = 0; i < value_len(nodes); i++)
		impairments_name_units(value_get(value_at(nodes, i), "qdiscs"), pool);
	output_json(model, stdout);
}

void lab_addresses(const struct value *iface, struct buf *text)
{
	const struct value *all = value_get(iface, "addr_info");

	for (size_t i = 0; i < value_len(all); i++) {
		const struct value *a = value_at(all, i);

		if (!strcmp(value_text(a, "scope", ""), "global"))
			buf_addf(text, "%s%s/%d", text->len ? " " : "", value_text(a, "local", ""),
				 (int)value_num(a, "prefixlen", 0));
	}
}

/* ------------------------------------------------------------------ run */

static size_t left_count;

static void tell_left(const char *what)
{
	left_count++;
	fprintf(stderr, "nemu lab: left: %s\n", what);
}

static bool failed;

static void tell_failed(const char *what)
{
	failed = true;
	fprintf(stderr, "nemu lab: %s\n", what);
}

static int lab_run_command(struct call *c, struct err *e)
{
	struct lab_run r = {
		.argv = call_all(c, "CMD")->v,
		.keep_logs = call_get(c, "--keep-logs"),
		.strict = call_get(c, "--strict") != NULL,
		.left = tell_left,
		.failed = tell_failed,
		.ended_by = &c->ended_by,
	};
	own(fd) int logs = -1;
	int status = 0, code;

	left_count = 0;
	failed = false;
	if (r.keep_logs && ((mkdir(r.keep_logs, 0777) && errno != EEXIST) ||
			    (logs = open(r.keep_logs, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0))
		return err_set(e, ERR_OS, 0, "%s: %s", r.keep_logs, strerror(errno));
	r.logs = logs;
	if (lab_run(&r, &status, e))
		return -1;
	code = exit_from_status(status);
	signals_settle(&c->ended_by, code);
	return code ? code : failed ? 125 : left_count ? 1 : 0;
}

/* ------------------------------------------------------------------ list, del */

/* What the memory of a process costs: its share of what it has in common with others. */
static int64_t memory_of(pid_t pid)
{
	char text[2048];
	const char *pss;

	procfile_read(pid, "smaps_rollup", text, sizeof(text));
	pss = strstr(text, "\nPss:");
	return pss ? strtoll(pss + 5, NULL, 10) * 1024 : 0;
}

struct sum {
	struct value_pool *pool;
	int64_t nodes, processes, memory, started;
};

static int add_node(struct client *client, void *arg, struct err *e)
{
	struct sum *s = arg;
	const struct value *v = call_node(client, s->pool, e);
	int64_t started = value_num(v, "started", 0);

	if (!v)
		return e->kind == ERR_PEER || e->kind == ERR_FEATURE ? 0 : -1;
	s->nodes++;
	s->processes += value_num(v, "processes", 0);
	s->memory += memory_of((pid_t)value_num(v, "pid", 0)) +
		     memory_of((pid_t)value_num(v, "keeper", 0));
	if (!s->started || started < s->started)
		s->started = started;
	return 0;
}

static struct value *describe_lab(const char *name, int fd, struct value_pool *p, struct err *e)
{
	struct sum s = { .pool = p };
	const struct value *links;
	struct value *d = value_new(p, V_DICT);
	struct stat st = {0};
	char owner[16];

	if (!d) {
		err_nomem(e);
		return NULL;
	}
	if (fstat(fd, &st)) {
		err_os(e, errno, "lab %s", name);
		return NULL;
	}
	links = links_and_nodes(name, add_node, &s, p, e);
	if (!links)
		return NULL;
	snprintf(owner, sizeof(owner), "%u", st.st_uid);
	value_set(p, d, "name", value_cstr(p, name));
	value_set(p, d, "nodes", value_int(p, s.nodes));
	value_set(p, d, "links", value_int(p, (int64_t)value_len(links)));
	value_set(p, d, "processes", value_int(p, s.processes));
	value_set(p, d, "owner", value_cstr(p, st.st_uid ? owner : "root"));
	value_set(p, d, "age", value_int(p, s.started ? time(NULL) - s.started : 0));
	value_set(p, d, "memory", value_int(p, s.memory));
	return d;
}

static void print_labs(const struct value *list)
{
	static const char *const numbers[] = { "nodes", "links", "processes" };
	struct table t = {0};

	table_row(&t, "NAME", "NODES", "LINKS", "PROCESSES", "OWNER", "AGE", "MEMORY", TABLE_END);
	for (size_t i = 0; i < value_len(list); i++) {
		const struct value *d = value_at(list, i);
		char n[3][24], age[32], memory[32];
		int64_t s = value_num(d, "age", 0);

		for (size_t k = 0; k < 3; k++)
			snprintf(n[k], sizeof(n[k]), "%lld", (long long)value_num(d, numbers[k], 0));
		snprintf(age, sizeof(age), "%lld:%02lld:%02lld", (long long)s / 3600,
			 (long long)s / 60 % 60, (long long)s % 60);
		snprintf(memory, sizeof(memory), "%lldk", (long long)value_num(d, "memory", 0) / 1024);
		table_row(&t, value_text(d, "name", ""), n[0], n[1], n[2], value_text(d, "owner", ""),
			  age, memory, TABLE_END);
	}
	table_print(&t, stdout);
}

/* It is gone meanwhile, or it is something else that stands in the run directory. */
static bool is_no_lab(const struct err *e)
{
	return e->kind == ERR_ABSENT || e->errnum == ENOTDIR || e->errnum == EPERM || e->errnum == EACCES;
}

static int lab_list(struct call *c, struct err *e)
{
	own(names) char **names = rundir_labs(e);
	own(value_pool) struct value_pool pool = {0};
	struct value *list = value_new(&pool, V_LIST);

	if (!names)
		return -1;
	for (char **n = names; *n; n++) {
		own(fd) int fd = rundir_open_lab(*n, false, e);
		struct value *d;

		if (fd < 0 && is_no_lab(e))
			continue;
		if (fd < 0)
			return -1;
		if (c->quiet && !c->json) {
			puts(*n);
			continue;
		}
		d = describe_lab(*n, fd, &pool, e);
		if (!d || !value_append(&pool, list, d))
			return d ? err_nomem(e) : -1;
	}
	if (c->json)
		output_json(list, stdout);
	else if (!c->quiet)
		print_labs(list);
	return 0;
}

static int lab_del(struct call *c, struct err *e)
{
	const struct given *labs = call_all(c, "LAB");

	for (size_t i = 0; i < labs->n; i++) {
		own(fd) int fd = rundir_open_lab(labs->v[i], false, e);

		if (fd < 0 && e->kind == ERR_ABSENT)
			return err_set(e, ERR_ABSENT, ENOENT, "%s: no such lab", labs->v[i]);
		if (fd < 0)
			return -1;
	}
	for (size_t i = 0; i < labs->n; i++)
		if (end_all_nodes(labs->v[i], e))
			return err_prefix(e, "%s", labs->v[i]);
	return 0;
}

const struct verb applet_lab_verbs[] = {
	{ "list", "all labs of the run directory", NO_WORDS, lab_list },
	{ "run",
	  "a lab of its own ($NEMU_LAB) for CMD, gone with all that CMD leaves when it ends; the exit code "
	  "is CMD's. --strict: names what CMD leaves, then 1 in place of 0. --keep-logs: what processes of "
	  "nodes printed goes to DIR/NODE/PID",
	  WORDS({ "--keep-logs", "DIR", 0 },
	    { "--strict", NULL, 0 },
	    { NULL, "CMD", WORD_NEED | WORD_TAIL },),
	  lab_run_command },
	{ "del", "with all nodes", WORDS({ NULL, "LAB", WORD_NEED | WORD_MANY },), lab_del },
	{ "save", "the lab as a script that makes it again", WORDS({ NULL, "LAB", 0 },), lab_save },
	{ "graph",
	  "text (the default), dot, mermaid, or svg, which needs Graphviz",
	  WORDS({ NULL, "LAB", 0 }, { "-f", "text|dot|mermaid|svg", 0 },),
	  lab_graph },
	{ 0 },
};
