/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nemu --complete: see complete.h. The grammar is the table of words; the rest is asked of the lab. */
#include "complete.h"

#include <dirent.h>
#include <pwd.h>

#include "base/cleanup.h"
#include "lab/rundir.h"

struct place {
	const struct applet *a;
	const struct verb *verb;
	struct call *c;
	const char *typed; /* of the word that is to be completed */
	size_t last;	   /* its number */
	bool chosen;	   /* the verb was given */
	bool raw;	   /* behind "--": no options, no words */
	bool given[WORDS_MAX];
	/* Of a condition of until: the first two of its words so far, how many they are, where the third stands. */
	const char *said[2];
	size_t said_count, third;
};

static void offer(const struct place *p, const char *word)
{
	if (word && !strncmp(word, p->typed, strlen(p->typed)))
		puts(word);
}

/* "a|b|c" or "a b c". */
static void offer_all(const struct place *p, const char *words)
{
	own(mem) char *copy = strdup(words);
	char *rest = copy, *word;

	while (rest && (word = strsep(&rest, "| ")))
		offer(p, word);
}

/* ------------------------------------------------------------------ the live lab */

static char **node_names(const struct place *p)
{
	struct err ignored;
	own(fd) int fd = rundir_open_lab(p->c->lab, false, &ignored);

	return fd < 0 ? NULL : rundir_names(fd, &ignored);
}

static void offer_nodes(const struct place *p, const char *suffix)
{
	own(names) char **names = node_names(p);
	char text[128];

	for (char **n = names; n && *n; n++) {
		snprintf(text, sizeof(text), "%s%s", *n, suffix);
		offer(p, text);
	}
}

static void offer_labs(const struct place *p)
{
	struct err ignored;
	own(names) char **names = rundir_labs(&ignored);

	for (char **n = names; n && *n; n++)
		offer(p, *n);
}

/* With prefix, which ends in a colon, as ends of links. */
static void offer_interfaces(const struct place *p, const char *node, const char *prefix)
{
	own(client) struct client c = CLIENT_INIT;
	own(value_pool) struct value_pool pool = {0};
	const struct value *all;
	struct err ignored = ERR_INIT;
	char text[256];

	if (!node || client_open(&c, p->c->lab, node, &ignored))
		return;
	all = call_links(&c, &pool, &ignored);
	for (size_t i = 0; i < value_len(all); i++) {
		snprintf(text, sizeof(text), "%s%s", prefix, value_text(value_at(all, i), "ifname", ""));
		offer(p, text);
	}
}

/* Nodes first; behind the colon, their interfaces. */
static void offer_ends(const struct place *p)
{
	const char *colon = strchr(p->typed, ':');
	own(mem) char *node = colon ? strndup(p->typed, (size_t)(colon - p->typed)) : NULL;
	own(mem) char *prefix = colon ? strndup(p->typed, (size_t)(colon - p->typed) + 1) : NULL;

	if (node && prefix)
		offer_interfaces(p, node, prefix);
	else
		offer_nodes(p, ":");
}

static void offer_processes(const struct place *p)
{
	own(client) struct client c = CLIENT_INIT;
	own(value_pool) struct value_pool pool = {0};
	const struct value *all;
	struct err ignored = ERR_INIT;
	char text[24];

	if (!p->c->node || client_open(&c, p->c->lab, p->c->node, &ignored))
		return;
	all = call_processes(&c, NULL, &pool, &ignored);
	for (size_t i = 0; i < value_len(all); i++) {
		snprintf(text, sizeof(text), "%lld", (long long)value_num(value_at(all, i), "pid", 0));
		offer(p, text);
		offer(p, value_text(value_at(all, i), "tag", NULL));
	}
}

static void offer_users(const struct place *p)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw;

	while (f && (pw = fgetpwent(f)))
		offer(p, pw->pw_name);
	if (f)
		fclose(f);
}

static void offer_own_interfaces(const struct place *p)
{
	own(dir) DIR *dir = opendir("/sys/class/net");
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (*d->d_name != '.')
			offer(p, d->d_name);
}

/* ------------------------------------------------------------------ values */

static bool is(const struct place *p, const char *applet, const char *verb)
{
	return !strcmp(p->a->name, applet) && p->verb->word && !strcmp(p->verb->word, verb);
}

/* NAME is what the applet makes, or what it is about. */
static void offer_named(const struct place *p, const struct word *w)
{
	if (w->word && !strcmp(w->word, "distribution"))
		offer_all(p, "normal pareto paretonormal uniform");
	else if (is(p, "if", "tapfd"))
		offer_interfaces(p, p->c->node, "");
	else if ((!strcmp(p->a->name, "node") || !strcmp(p->a->name, "switch")) && !is(p, "node", "add") &&
		 !is(p, "switch", "add"))
		offer_nodes(p, "");
}

static void offer_values(const struct place *p, const struct word *w)
{
	static const struct {
		const char *value, *words;
	} fixed[] = {
		{ "TYPE", "bridge tap tun dummy ifb vlan vxlan macvlan macvtap vrf wireguard" },
		{ "MODE", "private vepa bridge passthru source" },
		{ "SIGNAL", "HUP INT QUIT KILL USR1 USR2 TERM CONT STOP" },
		{ "HOW", "listen=tcp/ listen=udp/ line= fd notify" },
		{ "tcp|udp/PORT", "tcp/ udp/" },
		{ "NAME,...", "net_raw net_admin net_bind_service sys_admin" },
	};
	const char *v = w->value;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		if (!strcmp(v, fixed[i].value))
			offer_all(p, fixed[i].words);
	if (!strcmp(v, "NODE"))
		offer_nodes(p, "");
	else if (!strcmp(v, "IF") && is(p, "if", "import"))
		offer_own_interfaces(p);
	else if (!strcmp(v, "IF") || !strcmp(v, "BRIDGE"))
		offer_interfaces(p, p->c->node, "");
	else if (!strcmp(v, "NODE:IF"))
		offer_ends(p);
	else if (!strcmp(v, "NODE2|host|PID"))
		offer_nodes(p, ""), offer(p, "host");
	else if (!strcmp(v, "PID|TAG"))
		offer_processes(p);
	else if (!strcmp(v, "NAME"))
		offer_named(p, w);
	else if (!strcmp(v, "LAB"))
		offer_labs(p);
	else if (!strcmp(v, "USER"))
		offer_users(p);
	else if (!strcmp(v, "DIR"))
		puts("!dirs");
	else if (!strcmp(v, "FILE|-") || !strcmp(v, "PATH"))
		puts("!files");
	else if (strspn(v, "abcdefghijklmnopqrstuvwxyz0123456789|") == strlen(v) || !strcmp(v, "PREFIX|default"))
		offer_all(p, *v == 'P' ? "default" : v);
}

/* ------------------------------------------------------------------ conditions */

static void note_condition(struct place *p, const char *word, size_t at)
{
	if (!strcmp(word, "and") || !strcmp(word, "not")) {
		p->said_count = 0;
		return;
	}
	if (p->said_count == 2 && !strcmp(word, "--"))
		return;
	if (p->said_count < 2)
		p->said[p->said_count] = word;
	else if (p->said_count == 2)
		p->third = at;
	p->said_count++;
}

static const char *operands_of(const char *condition)
{
	const char *word, *operands;

	for (size_t i = 0; (word = until_condition(i, &operands)); i++)
		if (!strcmp(word, condition))
			return operands;
	return "";
}

/* What may follow the words that were said. */
static void offer_operand(const struct place *p)
{
	own(mem) char *copy = strdup(operands_of(p->said[0]));
	char *rest = copy, *token = copy;

	for (size_t i = 0; i < p->said_count; i++)
		token = strsep(&rest, " ");
	if (token && *token && *token != '[') {
		p->c->node = p->said[1];
		offer_values(p, &(struct word){ .value = token });
	} else {
		offer(p, "and");
	}
}

static void offer_kinds(const struct place *p)
{
	const char *word, *operands;

	for (size_t i = 0; (word = until_condition(i, &operands)); i++)
		offer(p, word);
	offer(p, "not");
}

static void offer_condition(const struct place *p)
{
	bool command = p->said_count > 1 && !strcmp(p->said[0], "cmd");

	if (command)
		printf("!command %zu\n", p->said_count > 2 ? p->third : p->last);
	if (command && p->said_count > 2)
		offer(p, "and");
	else if (!p->said_count)
		offer_kinds(p);
	else if (!command)
		offer_operand(p);
}

/* ------------------------------------------------------------------ the line */

static const struct word *find_word(const struct place *p, const char *text, size_t *i)
{
	for (*i = 0; p->verb->words[*i].word || p->verb->words[*i].value; ++*i)
		if (p->verb->words[*i].word && !strcmp(p->verb->words[*i].word, text))
			return &p->verb->words[*i];
	return NULL;
}

static const struct word *next_operand(const struct place *p, size_t *i)
{
	for (*i = 0; p->verb->words[*i].word || p->verb->words[*i].value; ++*i) {
		const struct word *w = &p->verb->words[*i];

		if (!w->word && !(w->flags & WORD_HEAD) &&
		    (!p->given[*i] || w->flags & (WORD_MANY | WORD_TAIL)))
			return w;
	}
	return NULL;
}

static bool take_verb(struct place *p, const char *word)
{
	for (const struct verb *v = p->a->verbs; v->run && !p->chosen; v++)
		if (v->word && !strcmp(v->word, word)) {
			p->verb = v;
			p->chosen = true;
			return true;
		}
	p->chosen = true; /* of the default verb */
	return false;
}

static void offer_words(const struct place *p)
{
	for (size_t i = 0; p->verb->words[i].word || p->verb->words[i].value; i++)
		if (p->verb->words[i].word && (!p->given[i] || p->verb->words[i].flags & WORD_MANY))
			offer(p, p->verb->words[i].word);
}

/* What is for the shell comes first, where it looks for it. */
static void offer_next(const struct place *p)
{
	const struct word *operand;
	bool option = *p->typed == '-' && !p->raw, needed;
	size_t i;

	if (p->a->node && !p->c->node) {
		offer_nodes(p, "");
		return;
	}
	if (!p->chosen && p->verb->word && !option) { /* without a verb nothing but options is taken */
		for (const struct verb *v = p->a->verbs; v->run; v++)
			offer(p, v->word);
		return;
	}
	operand = next_operand(p, &i);
	needed = operand && operand->flags & WORD_NEED && !p->given[i] && p->chosen;
	if (operand && operand->flags & WORD_TAIL && !option)
		printf("!command %zu\n", p->last);
	else if (operand && !strcmp(operand->value, "CONDITION"))
		offer_condition(p);
	else if (operand && !(operand->flags & WORD_TAIL))
		offer_values(p, operand);
	if (!p->raw && (option || !needed))
		offer_words(p);
	if (option)
		offer_all(p, "-L -j -q -v --help");
}

/* An operand; 0: what is behind it is a command's. */
static int pass_operand(struct place *p, const char *word, size_t at)
{
	size_t i;
	const struct word *w = next_operand(p, &i);

	if (w)
		p->given[i] = true;
	if (w && !strcmp(w->value, "CONDITION"))
		note_condition(p, word, at);
	return w && w->flags & WORD_TAIL ? 0 : 1;
}

/* One word that stands before the cursor, or two; how many. 0: what is behind it is a command's. */
static int pass(struct place *p, char **words, size_t at)
{
	const struct word *w;
	struct err ignored;
	char *word = words[at];
	size_t i;
	int n = p->raw ? 0 : words_global(p->c, words + at, &ignored);

	if (n > 0)
		return n;
	if (!p->raw && !strcmp(word, "--")) {
		p->raw = p->chosen = true;
		return 1;
	}
	if (p->a->node && !p->c->node && (*word != '-' || p->raw)) {
		p->c->node = word;
		return 1;
	}
	if (*word != '-' && !p->chosen && take_verb(p, word))
		return 1;
	w = p->raw ? NULL : find_word(p, word, &i);
	if (!w)
		return pass_operand(p, word, at);
	p->given[i] = true;
	return w->value ? 2 : 1;
}

/* Up to the word that is to be completed, the last. */
static void complete_words(struct place *p, char **words, size_t i)
{
	size_t k;
	int n;

	p->verb = p->a->verbs;
	for (; i < p->last; i += (size_t)n) {
		n = pass(p, words, i);
		if (!n) {
			printf("!command %zu\n", i);
			return;
		}
		if (i + (size_t)n <= p->last)
			continue;
		if (find_word(p, words[i], &k))
			offer_values(p, &p->verb->words[k]);
		else
			offer_labs(p);
		return;
	}
	offer_next(p);
}

int complete(const struct applet *applets, const struct applet *a, struct call *c, char **words)
{
	struct place p = { .a = a, .c = c };
	size_t i = 0;
	struct err ignored;
	int n;

	while (words[p.last] && words[p.last + 1])
		p.last++;
	p.typed = words[p.last] ? words[p.last] : "";
	while (!a && i < p.last && (n = words_global(c, words + i, &ignored)) > 0)
		i += (size_t)n;
	if (!a && i < p.last && !strcmp(words[i], "help"))
		i++;
	else if (!a && i < p.last)
		for (p.a = applets; p.a->name && strcmp(p.a->name, words[i]);)
			p.a++;
	if (i > p.last) {
		offer_labs(&p);
	} else if (!p.a) {
		for (const struct applet *b = applets; b->name; b++)
			offer(&p, b->name);
		offer_all(&p, *p.typed == '-' ? "-L -j -q -v --help --version --list" : "help");
	} else if (p.a->name) {
		complete_words(&p, words, i + !a);
	}
	return 0;
}
