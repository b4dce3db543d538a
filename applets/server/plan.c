/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process that is being described: see plan.h. */
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void free_words(char **words)
{
	for (char **v = words; v && *v; v++)
		free(*v);
	free(words);
}

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
	free_words(p->env);
	for (int i = 0; i < SPAWN_FDS; i++)
		if (p->fds[i] >= 0)
			close(p->fds[i]);
	free(p);
}

/* Refuses what no system call could be given. */
static int check_text(const struct arg *a, struct err *e)
{
	if (strlen(a->s) == a->len)
		return 0;
	return err_set(e, ERR_VALUE, 0, "%.60s: NUL byte in an argument", a->s);
}

int plan_set(char **place, const struct arg *a, struct err *e)
{
	char *copy;

	if (check_text(a, e))
		return -1;
	copy = strdup(a->s);
	if (!copy)
		return err_nomem(e);
	free(*place);
	*place = copy;
	return 0;
}

/* A list of words in one block, as there may be two million. */
static char **pack_words(const struct arg *v, size_t n, struct err *e)
{
	size_t size = (n + 1) * sizeof(char *);
	char **list, *text;

	for (size_t i = 0; i < n; i++) {
		if (check_text(&v[i], e))
			return NULL;
		size += v[i].len + 1;
	}
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

int plan_replace_env(struct plan *p, const struct args *args, struct err *e)
{
	char **env = calloc(args->n / 2 + 1, sizeof(*env));
	size_t n = 0;

	if (!env)
		return err_nomem(e);
	for (size_t i = 0; i < args->n; i += 2) {
		if (check_text(&args->v[i], e) || check_text(&args->v[i + 1], e))
			break;
		if (asprintf(&env[n], "%s=%s", args->v[i].s, args->v[i + 1].s) < 0) {
			env[n] = NULL;
			err_nomem(e);
			break;
		}
		n++;
	}
	if (n == args->n / 2) {
		char **old = p->env;

		p->env = env;
		env = old;
	}
	free_words(env);
	return e->kind ? -1 : 0;
}

int plan_complete_env(struct plan *p, struct err *e)
{
	size_t n = 0;
	char **env;

	if (p->env)
		return 0;
	while (environ[n])
		n++;
	env = calloc(n + 1, sizeof(*env));
	if (!env)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		env[i] = strdup(environ[i]);
		if (!env[i]) {
			free_words(env);
			return err_nomem(e);
		}
	}
	p->env = env;
	return 0;
}

size_t plan_drop_variable(struct plan *p, const char *name)
{
	size_t len = strlen(name), n = 0;

	for (size_t i = 0; p->env[i]; i++) {
		char *variable = p->env[i];

		p->env[i] = NULL;
		if (!strncmp(variable, name, len) && variable[len] == '=')
			free(variable);
		else
			p->env[n++] = variable;
	}
	p->env[n] = NULL;
	return n;
}

int plan_set_variable(struct plan *p, const char *name, const char *value, struct err *e)
{
	size_t n = plan_drop_variable(p, name);
	char **env = reallocarray(p->env, n + 2, sizeof(*env));

	if (!env)
		return err_nomem(e);
	p->env = env;
	env[n + 1] = NULL;
	if (asprintf(&env[n], "%s=%s", name, value) >= 0)
		return 0;
	env[n] = NULL;
	return err_nomem(e);
}
