/* SPDX-License-Identifier: GPL-2.0-or-later */
/* until: wait until something is so in a lab. */

#include "applets.h"
#include "base/clock.h"
#include "base/net.h"
#include "base/num.h"
#include "complete.h"
#include "lab/watch.h"

#define DEFAULT_MS 10000
#define CONDITIONS_MAX 64

/* A word of the language of conditions: what it is called, and what follows it. */
static const struct {
	const char *word, *operands;
	enum watch_kind kind;
	int min, max; /* words behind it; an endpoint counts as one */
	bool endpoint; /* NODE:IF, not NODE */
} kinds[] = {
	{ "up", "NODE:IF", WATCH_UP, 1, 1, true },
	{ "down", "NODE:IF", WATCH_DOWN, 1, 1, true },
	{ "addr", "NODE:IF [ADDRESS]", WATCH_ADDR, 1, 2, true },
	{ "route", "NODE PREFIX", WATCH_ROUTE, 2, 2, false },
	{ "neigh", "NODE ADDRESS", WATCH_NEIGH, 2, 2, false },
	{ "listen", "NODE tcp|udp/PORT", WATCH_LISTEN, 2, 2, false },
	{ "ping", "NODE ADDRESS", WATCH_PING, 2, 2, false },
	{ "file", "NODE PATH", WATCH_FILE, 2, 2, false },
	{ "log", "NODE PID|TAG REGEX", WATCH_LOG, 3, 3, false },
	{ "exit", "NODE PID|TAG", WATCH_EXIT, 2, 2, false },
	{ "cmd", "NODE [--] CMD [ARG...]", WATCH_CMD, 2, 100000, false },
};

struct condition {
	struct watch *watch;
	char **words; /* as they were typed */
	size_t count;
	char *node; /* of an endpoint */
	char **argv; /* of cmd */
	bool negated, met;
};

static void free_condition(struct condition *c)
{
	watch_free(c->watch);
	free(c->node);
	free(c->argv);
}

static int find_kind(const char *word)
{
	for (int i = 0; i < (int)(sizeof(kinds) / sizeof(*kinds)); i++)
		if (!strcmp(kinds[i].word, word))
			return i;
	return -1;
}

const char *until_condition(size_t i, const char **operands)
{
	if (i == sizeof(kinds) / sizeof(*kinds))
		return NULL;
	*operands = kinds[i].operands;
	return kinds[i].word;
}

static int bad_condition(int kind, const char *word, struct err *e)
{
	if (kind >= 0)
		return err_set(e, ERR_USAGE, 0, "%s: expected %s %s", word, word,
			       kinds[kind].operands);
	err_set(e, ERR_USAGE, 0, "%.60s: no such condition (see 'nemu until --help')", word);
	err_printable(e->text);
	return -1;
}

/* The command of cmd, as a vector of its own: other words follow it. The first "--" of all is not among
 * them: the parser of words has taken it. */
static int copy_argv(struct condition *c, char **words, size_t n, struct err *e)
{
	if (n && !strcmp(*words, "--")) {
		words++;
		n--;
	}
	if (!n)
		return bad_condition(find_kind("cmd"), "cmd", e);
	c->argv = calloc(n + 1, sizeof(*c->argv));
	if (!c->argv)
		return err_nomem(e);
	memcpy(c->argv, words, n * sizeof(*words));
	return 0;
}

/* The n words behind the kind's. */
static int read_operands(struct condition *c, int kind, struct watch_spec *spec, char **w, size_t n,
			 struct err *e)
{
	char host[INADDR_TEXT];
	int prefix, family;

	if (kinds[kind].endpoint) {
		if (endpoint_parse(w[0], &c->node, &spec->a, e))
			return -1;
		spec->node = c->node;
		spec->b = n > 1 ? w[1] : NULL;
		return 0;
	}
	spec->node = w[0];
	spec->a = w[1];
	spec->b = n > 2 ? w[2] : NULL;
	if (spec->kind == WATCH_ROUTE && strcmp(spec->a, "default"))
		return prefix_parse(spec->a, false, host, &prefix, &family, e);
	return spec->kind == WATCH_CMD ? copy_argv(c, w + 1, n - 1, e) : 0;
}

static int read_condition(struct condition *c, const struct call *call, struct err *e)
{
	char **w = c->words;
	size_t n = c->count;
	struct watch_spec spec = { .lab = call->lab };
	int kind;

	if (n && !strcmp(*w, "not")) {
		c->negated = true;
		w++;
		n--;
	}
	if (!n)
		return err_set(e, ERR_USAGE, 0, "a condition is missing");
	kind = find_kind(*w);
	if (kind < 0 || (int)n - 1 < kinds[kind].min || (int)n - 1 > kinds[kind].max)
		return bad_condition(kind, *w, e);
	spec.kind = kinds[kind].kind;
	if (read_operands(c, kind, &spec, w + 1, n - 1, e))
		return -1;
	spec.argv = c->argv;
	c->watch = watch_new(&spec, e);
	return c->watch ? 0 : -1;
}

/* Takes the words apart at "and". */
static int split(const struct given *words, struct condition *conditions, size_t *n, struct err *e)
{
	size_t start = 0;

	*n = 0;
	for (size_t i = 0; i <= words->n; i++) {
		if (i < words->n && strcmp(words->v[i], "and"))
			continue;
		if (*n == CONDITIONS_MAX)
			return err_set(e, ERR_USAGE, 0, "more than %d conditions", CONDITIONS_MAX);
		conditions[*n].words = words->v + start;
		conditions[(*n)++].count = i - start;
		start = i + 1;
	}
	return 0;
}

static int missing(const struct condition *c, size_t n, int64_t ms, struct err *e)
{
	own(buf) struct buf text = {0};

	for (size_t i = 0; i < n; i++) {
		if (c[i].met)
			continue;
		if (text.len)
			buf_adds(&text, " and ");
		for (size_t k = 0; k < c[i].count; k++)
			buf_addf(&text, "%s%s", k ? " " : "", c[i].words[k]);
	}
	err_set(e, ERR_TIMEOUT, 0, "after %lld.%03lld s still missing: %.400s",
		(long long)ms / 1000, (long long)ms % 1000, buf_cstr(&text));
	err_printable(e->text);
	return -1;
}

/* All of them, at the same moment. */
static int check_all(struct condition *c, size_t n, struct err *e)
{
	int all = 1;

	for (size_t i = 0; i < n; i++) {
		int rc = watch_check(c[i].watch, e);

		if (rc < 0)
			return -1;
		c[i].met = rc == !c[i].negated; /* what is not known yet is neither */
		all &= c[i].met;
	}
	return all;
}

static int wait_all(struct condition *c, size_t n, int64_t ms, struct err *e)
{
	struct watch *watches[CONDITIONS_MAX];
	int64_t deadline = now_ms() + ms;

	for (size_t i = 0; i < n; i++)
		watches[i] = c[i].watch;
	for (;;) {
		int rc = check_all(c, n, e);

		if (rc)
			return rc < 0 ? -1 : 0;
		if (!watch_wait(watches, n, deadline))
			return missing(c, n, ms, e);
	}
}

static int until_run(struct call *call, struct err *e)
{
	struct condition c[CONDITIONS_MAX] = {0};
	const char *limit = call_get(call, "-t");
	int64_t ms = DEFAULT_MS;
	size_t n;
	int rc;

	if (limit && !num_parse_ms(limit, &ms))
		return err_set(e, ERR_USAGE, 0, "-t %.40s: not a time (250ms, 2s, 1m)", limit);
	rc = split(call_all(call, "CONDITION"), c, &n, e);
	for (size_t i = 0; i < n && !rc; i++)
		rc = read_condition(&c[i], call, e);
	if (!rc)
		rc = wait_all(c, n, ms, e);
	for (size_t i = 0; i < n; i++)
		free_condition(&c[i]);
	return rc;
}

const struct verb applet_until_verbs[] = {
	{ NULL,
	  "CONDITION: [not] up|down NODE:IF, addr NODE:IF [ADDRESS], route NODE PREFIX, "
	  "neigh NODE ADDRESS, listen NODE tcp|udp/PORT, ping NODE ADDRESS, file NODE PATH, "
	  "log NODE PID|TAG REGEX, exit NODE PID|TAG, cmd NODE [--] CMD [ARG...]; "
	  "several joined by 'and'. -t: 124 when the time is up (default 10s)",
	  WORDS({ "-t", "TIME", 0 }, { NULL, "CONDITION", WORD_NEED | WORD_MANY },),
	  until_run },
	{ 0 },
};
