/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process that is being described: see plan.h. */
#include "plan.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

void plan_free(struct plan *p)
{
	if (!p)
		return;
	free(p->executable);
	free(p->cwd);
	free(p->user);
	free(p->tag);
	if (p->xauth)
		unlink(p->xauth);
	free(p->xauth);
	free(p->argv);
	free(p->env);
	for (int i = 0; i < SPAWN_FDS; i++)
		if (p->fds[i] >= 0)
			close(p->fds[i]);
	free(p);
}

int plan_set(char **place, const struct arg *a, struct err *e)
{
	char *copy = strdup(a->s);

	if (!copy)
		return err_nomem(e);
	free(*place);
	*place = copy;
	return 0;
}

static char **pack_words(const struct arg *v, size_t n, struct err *e)
{
	size_t size = (n + 1) * sizeof(char *);
	char **list, *text;

	for (size_t i = 0; i < n; i++)
		size += v[i].len + 1;
	list = malloc(size);
	if (!list) {
		err_nomem(e);
		return NULL;
	}
	text = (char *)(list + n + 1);
	for (size_t i = 0; i < n; i++) {
		list[i] = memcpy(text, v[i].s, v[i].len + 1);
		text += v[i].len + 1;
	}
	list[n] = NULL;
	return list;
}

struct plan *plan_new(const struct arg *words, size_t n, struct err *e)
{
	bool named = n > 1; /* behind the program's argv[0] */
	struct plan *p = calloc(1, sizeof(*p));

	if (!p) {
		err_nomem(e);
		return NULL;
	}
	for (int i = 0; i < SPAWN_FDS; i++)
		p->fds[i] = -1;
	p->argv = pack_words(words + named, n - named, e);
	if (p->argv && !plan_set(&p->executable, &words[0], e))
		return p;
	plan_free(p);
	return NULL;
}

/* By name, then in the order given, in which the texts stand behind each other. */
static int by_name(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	size_t i = 0;

	while (x[i] == y[i] && x[i] != '=')
		i++;
	if (x[i] != y[i])
		return x[i] == '=' ? -1 : y[i] == '=' ? 1 : x[i] - y[i];
	return (x > y) - (x < y);
}

/* Of those of one name the last counts, as in the reference's dict, and no program shall find another one.
 * The others stay in their order. */
static int drop_repeated(char **env, size_t n, struct err *e)
{
	own(mem) char **sorted = calloc(n + 1, sizeof(*sorted));
	size_t kept = 0;

	if (!sorted)
		return err_nomem(e);
	memcpy(sorted, env, n * sizeof(*env));
	qsort(sorted, n, sizeof(*sorted), by_name);
	for (size_t i = 0; i + 1 < n; i++)
		if (!strncmp(sorted[i], sorted[i + 1], strcspn(sorted[i], "=") + 1))
			*sorted[i] = '\0'; /* which none of them is otherwise */
	for (size_t i = 0; i < n; i++)
		if (*env[i])
			env[kept++] = env[i];
	env[kept] = NULL;
	return 0;
}

int plan_replace_env(struct plan *p, const struct args *args, struct err *e)
{
	size_t n = args->n / 2, size = (n + 1) * sizeof(char *);
	char **env, *text;

	for (size_t i = 0; i < args->n; i++)
		size += args->v[i].len + 1;
	env = malloc(size);
	if (!env)
		return err_nomem(e);
	text = (char *)(env + n + 1);
	for (size_t i = 0; i < n; i++) {
		env[i] = text;
		text = stpcpy(text, args->v[2 * i].s);
		*text++ = '=';
		text = stpcpy(text, args->v[2 * i + 1].s) + 1;
	}
	if (drop_repeated(env, n, e)) {
		free(env);
		return -1;
	}
	free(p->env);
	p->env = env;
	return 0;
}

static bool is_called(const char *variable, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(variable, name, len) && variable[len] == '=';
}

int plan_set_variable(struct plan *p, const char *name, const char *value, struct err *e)
{
	char **old = p->env ? p->env : environ, **env, *text;
	size_t n = 0, size = strlen(name) + strlen(value ? value : "") + 2;

	for (; old[n]; n++)
		size += strlen(old[n]) + 1;
	env = malloc(size + (n + 2) * sizeof(*env));
	if (!env)
		return err_nomem(e);
	text = (char *)(env + n + 2);
	n = 0;
	for (char **v = old; *v; v++) {
		if (is_called(*v, name))
			continue;
		env[n++] = text;
		text = stpcpy(text, *v) + 1;
	}
	if (value) {
		env[n++] = text;
		stpcpy(stpcpy(stpcpy(text, name), "="), value);
	}
	env[n] = NULL;
	free(p->env);
	p->env = env;
	return 0;
}
