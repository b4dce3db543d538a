/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check: what this machine can do. */
#include <errno.h>

#include "applets.h"
#include "lab/check.h"
#include "ui/guess.h"

static const struct check_row *find(const struct check_row *rows, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

static int unknown(const struct check_row *rows, size_t n, const char *name, struct err *e)
{
	struct guess g = GUESS_OF(name);

	for (size_t i = 0; i < n; i++)
		guess_try(&g, rows[i].name);
	err_set(e, ERR_USAGE, 0, "%.60s: nothing that is checked" GUESS_FMT, name, GUESS_ARGS(g));
	err_printable(e->text);
	return -1;
}

static int print_json(const struct check_row *rows, const bool *chosen, size_t n, struct err *e)
{
	own(value_pool) struct value_pool pool = {0};
	struct value *list = value_new(&pool, V_LIST);

	for (size_t i = 0; list && i < n; i++) {
		struct value *d = value_new(&pool, V_DICT);

		if (!chosen[i])
			continue;
		if (!d || !value_set(&pool, d, "name", value_cstr(&pool, rows[i].name)) ||
		    !value_set(&pool, d, "works", value_bool(&pool, rows[i].works)) ||
		    !value_set(&pool, d, "for", value_cstr(&pool, rows[i].what)) ||
		    !value_set(&pool, d, "reason", value_cstr(&pool, rows[i].works ? NULL : rows[i].reason)) ||
		    !value_set(&pool, d, "remedy", value_cstr(&pool, rows[i].works ? NULL : rows[i].how)) ||
		    !value_append(&pool, list, d))
			return err_nomem(e);
	}
	output_json(list, stdout);
	return 0;
}

static void print_rows(const struct check_row *rows, const bool *chosen, size_t n)
{
	struct table t = {0};

	table_row(&t, "NAME", "WORKS", "FOR", "HOW TO GET IT", TABLE_END);
	for (size_t i = 0; i < n; i++)
		if (chosen[i])
			table_row(&t, rows[i].name, rows[i].works ? "yes" : "no", rows[i].what,
				  rows[i].works ? "" : rows[i].how, TABLE_END);
	table_print(&t, stdout);
}

/* The reason may name the remedy already. */
static int tell(const struct check_row *r, struct err *e)
{
	bool named = strstr(r->reason, "module") || strstr(r->reason, " (") || strstr(r->reason, r->how);

	return err_set(e, ERR_FEATURE, EOPNOTSUPP, "%s: %s%s%s%s", r->name, r->reason, named ? "" : " (",
		       named ? "" : r->how, named ? "" : ")");
}

static int check_run(struct call *c, struct err *e)
{
	const struct given *names = call_all(c, "NAME");
	own(mem) bool *chosen = NULL;
	size_t n = 0;
	own(mem) struct check_row *rows = check_machine(&n, e);
	int rc = 0;

	chosen = rows ? calloc(n, sizeof(*chosen)) : NULL;
	if (!chosen)
		return rows ? err_nomem(e) : -1;
	for (size_t i = 0; i < n; i++)
		chosen[i] = !names->n;
	for (size_t i = 0; i < names->n; i++) {
		const struct check_row *r = find(rows, n, names->v[i]);

		if (!r)
			return unknown(rows, n, names->v[i], e);
		chosen[r - rows] = true;
		if (!r->works && !rc)
			rc = tell(r, e);
	}
	if (c->json && print_json(rows, chosen, n, e))
		return -1;
	if (!c->json && c->quiet)
		for (size_t i = 0; i < n; i++)
			if (chosen[i] && rows[i].works)
				puts(rows[i].name);
	if (!c->json && !c->quiet && !names->n)
		print_rows(rows, chosen, n);
	return rc;
}

const struct verb applet_check_verbs[] = {
	{ NULL,
	  "each by trying it, in namespaces that are thrown away; with names, 4 if one of them does not "
	  "work. -q: those that do",
	  WORDS({ NULL, "NAME", WORD_MANY },),
	  check_run },
	{ 0 },
};
