/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of common/ui/words.c, with applets of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "ui/words.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define MAX_ARGS 32

static int unused(struct call *c, struct err *e)
{
	(void)c;
	(void)e;
	return 0;
}

/* Talks to a node, has verbs. */
static const struct verb addr_verbs[] = {
	{ "list", "all of them", WORDS({ "dev", "IF", 0 }, { "-x", NULL, 0 },), unused },
	{ "add",
	  NULL,
	  WORDS({ NULL, "ADDRESS", WORD_NEED }, { "dev", "IF", WORD_NEED }, { "broadcast", "B", 0 },
		{ "up", NULL, 0 }, { NULL, "LABEL", 0 },),
	  unused },
	{ 0 },
};
static const struct applet addr = { .name = "addr", .help = "addresses", .node = true,
				    .verbs = addr_verbs };

/* Talks to a node, has no verbs, takes a command. */
static const struct verb run_verbs[] = {
	{ NULL,
	  "runs it",
	  WORDS({ "-u", "USER", 0 }, { "-e", "K=V", WORD_MANY }, { "-i", NULL, 0 },
		{ "--name", "TAG", 0 }, { NULL, "CMD", WORD_NEED | WORD_TAIL },),
	  unused },
	{ 0 },
};
static const struct applet run = { .name = "run", .help = "programs", .node = true,
				   .verbs = run_verbs };

/* Talks to no node. */
static const struct verb node_verbs[] = {
	{ "list", NULL, NO_WORDS, unused },
	{ "add",
	  NULL,
	  WORDS({ NULL, "NAME", WORD_NEED | WORD_MANY }, { "--isolate", "WHAT", 0 },
		{ "--host", NULL, 0 },),
	  unused },
	{ 0 },
};
static const struct applet node = { .name = "node", .help = "nodes", .verbs = node_verbs };

/* The words of a line, parted by blanks; "''" is an empty one. */
static char **split(char *line)
{
	char **argv = calloc(MAX_ARGS + 1, sizeof(*argv)), *word;
	size_t n = 0;

	while ((word = strsep(&line, " "))) {
		if (!*word)
			continue;
		assert_true(n < MAX_ARGS);
		argv[n++] = !strcmp(word, "''") ? word + 2 : word;
	}
	return argv;
}

static void show(struct buf *out, const struct call *c)
{
	buf_addf(out, "%s%s%s%s", c->json ? "J" : "", c->quiet ? "Q" : "", c->verbose ? "V" : "",
		 c->help ? "H" : "");
	if (c->lab)
		buf_addf(out, "(%s)", c->lab);
	if (c->node)
		buf_addf(out, "@%s", c->node);
	if (c->verb->word)
		buf_addf(out, " %s", c->verb->word);
	for (const struct word *w = c->verb->words; w->word || w->value; w++) {
		const char *name = w->word ? w->word : w->value;
		const struct given *g = call_all(c, name);

		if (!g->n) {
			assert_null(call_get(c, name));
			continue;
		}
		buf_addf(out, " %s=", name);
		for (size_t i = 0; i < g->n; i++)
			buf_addf(out, "%s%s", i ? "|" : "", g->v[i]);
		assert_string_equal(call_get(c, name), g->v[g->n - 1]);
	}
	assert_null(call_get(c, "no such word"));
	assert_int_equal(call_all(c, "no such word")->n, 0);
}

static void check(const struct applet *a, const char *line, const char *want)
{
	own(mem) char *copy = strdup(line);
	own(mem) char **argv = split(copy);
	own(buf) struct buf got = {0};
	struct call c = {0};
	struct err e = ERR_INIT;

	if (!words_parse(&c, a, argv, &e)) {
		assert_ptr_equal(c.applet, a);
		show(&got, &c);
	} else {
		assert_int_equal(e.kind, ERR_USAGE);
		buf_addf(&got, "usage: %s", e.text);
	}
	words_free(&c);
	if (!strncmp(want, "usage: ", 7) ? strncmp(buf_cstr(&got), "usage: ", 7) ||
						   !strstr(got.data + 7, want + 7)
					 : strcmp(buf_cstr(&got), want))
		fail_msg("%s %s: <%s>, not <%s>", a->name, line, got.data, want);
}

/* Of a refusal: a word that its text must hold. */
static const struct row {
	const struct applet *applet;
	const char *line, *want;
} rows[] = {
	/* the node and the verb */
	{ &addr, "", "usage: NODE" },
	{ &addr, "r1", "@r1 list" },
	{ &addr, "r1 list", "@r1 list" },
	{ &addr, "list", "@list list" }, /* a node may have any name */
	{ &addr, "list list", "@list list" },
	{ &addr, "r1 lis", "usage: lis" },
	{ &addr, "r1 LIST", "usage: LIST" },
	{ &addr, "r1 lists", "usage: lists" },
	{ &addr, "r1 ''", "usage: " },
	{ &addr, "r1 frob", "usage: add" }, /* names the verbs that there are */
	{ &addr, "r1 list list", "usage: list" },
	{ &node, "", " list" },
	{ &node, "list", " list" },
	{ &node, "add", "usage: NAME" },
	{ &node, "add a", " add NAME=a" },
	{ &node, "a", "usage: a" },
	{ &run, "", "usage: NODE" },
	{ &run, "n", "usage: CMD" },
	/* words with values, without, and operands, in any order */
	{ &addr, "r1 list dev eth0", "@r1 list dev=eth0" },
	{ &addr, "r1 -x", "@r1 list -x=-x" },
	{ &addr, "r1 list dev", "usage: IF" },
	{ &addr, "r1 list dev a dev b", "usage: dev" },
	{ &addr, "r1 list -x -x", "usage: -x" },
	{ &addr, "r1 list eth0", "usage: eth0" },
	{ &addr, "r1 add 10.0.0.1/8 dev e", "@r1 add ADDRESS=10.0.0.1/8 dev=e" },
	{ &addr, "r1 add dev e 10.0.0.1/8", "@r1 add ADDRESS=10.0.0.1/8 dev=e" },
	{ &addr, "r1 add up dev e a broadcast b l", "@r1 add ADDRESS=a dev=e broadcast=b up=up LABEL=l" },
	{ &addr, "r1 add dev dev up up", "usage: given twice" },
	{ &addr, "r1 add a dev up up", "@r1 add ADDRESS=a dev=up up=up" },
	{ &addr, "r1 add a", "usage: dev" },
	{ &addr, "r1 add dev e", "usage: ADDRESS" },
	{ &addr, "r1 add dev", "usage: IF" },
	{ &addr, "r1 add a dev e l m", "usage: m" },
	{ &addr, "r1 add a dev e DEV x y", "usage: x" },
	{ &addr, "r1 add '' dev ''", "@r1 add ADDRESS= dev=" },
	{ &addr, "r1 add - dev -", "@r1 add ADDRESS=- dev=-" },
	{ &addr, "r1 add a dev -j", "@r1 add ADDRESS=a dev=-j" }, /* what follows is its value */
	{ &node, "add a b c", " add NAME=a|b|c" },
	{ &node, "add a --host b", " add NAME=a|b --host=--host" },
	{ &node, "add --isolate pid a", " add NAME=a --isolate=pid" },
	{ &node, "add a --isolate=pid", " add NAME=a --isolate=pid" },
	{ &node, "add a --isolate=", " add NAME=a --isolate=" },
	{ &node, "add a --isolate", "usage: WHAT" },
	{ &node, "add a --isolate=x --isolate y", "usage: --isolate" },
	{ &node, "add a --host=1", "usage: --host" },
	{ &node, "add a --iso pid", "usage: --iso" },
	{ &node, "add a -z", "usage: -z" },
	{ &node, "add a --", " add NAME=a" },
	{ &node, "add -- -j --host -- --help", " add NAME=-j|--host|--|--help" },
	/* a command takes all that is left */
	{ &run, "n ls", "@n CMD=ls" },
	{ &run, "n ls -l --help -j -u x", "@n CMD=ls|-l|--help|-j|-u|x" },
	{ &run, "n -u root ls", "@n -u=root CMD=ls" },
	{ &run, "-u root n ls", "@n -u=root CMD=ls" },
	{ &run, "n -e A=1 -i -e B=2 --name=t ls -e C=3", "@n -e=A=1|B=2 -i=-i --name=t CMD=ls|-e|C=3" },
	{ &run, "n -- -l x", "@n CMD=-l|x" },
	{ &run, "n ls -- x", "@n CMD=ls|--|x" },
	{ &run, "n -u", "usage: USER" },
	{ &run, "n -u a", "usage: CMD" },
	{ &run, "n -uroot ls", "@n -u=root CMD=ls" },
	{ &run, "n -u a -u b ls", "usage: -u" },
	{ &run, "n -k ls", "usage: -k" },
	/* options of all applets, anywhere */
	{ &addr, "-j r1", "J@r1 list" },
	{ &addr, "r1 -j", "J@r1 list" },
	{ &addr, "r1 -q list", "Q@r1 list" },
	{ &addr, "r1 list -v dev e", "V@r1 list dev=e" },
	{ &addr, "--json --quiet --verbose r1", "JQV@r1 list" },
	{ &addr, "-L lab r1", "(lab)@r1 list" },
	{ &addr, "r1 list -L lab", "(lab)@r1 list" },
	{ &addr, "r1 --lab lab", "(lab)@r1 list" },
	{ &addr, "r1 --lab=lab list", "(lab)@r1 list" },
	{ &addr, "r1 --lab= list", "()@r1 list" },
	{ &addr, "-L a r1 -L b", "(b)@r1 list" },
	{ &addr, "r1 list -L", "usage: -L" },
	{ &addr, "-L", "usage: -L" },
	{ &addr, "r1 list --labs x", "usage: --labs" },
	{ &addr, "r1 -jq", "JQ@r1 list" },
	{ &node, "-j add a -L x", "J(x) add NAME=a" },
	/* help: nothing else need be there */
	{ &addr, "--help", "H list" },
	{ &addr, "-h", "H list" },
	{ &addr, "r1 --help", "H@r1 list" },
	{ &addr, "r1 add --help", "H@r1 add" },
	{ &addr, "r1 add a --help", "H@r1 add ADDRESS=a" },
	{ &node, "add --help frob", "H add" },
	{ &run, "--help", "H" },
	{ &run, "n --help", "H@n" },
};

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check(rows[i].applet, rows[i].line, rows[i].want);
}

/* What was given before the applet's name is there already, and may be given again. */
static void test_before_the_applet(void **state)
{
	char *argv[] = { (char *)(uintptr_t)"r1", NULL };
	struct call c = { .json = true, .lab = "early" };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(words_parse(&c, &addr, argv, &e), 0);
	assert_true(c.json);
	assert_string_equal(c.lab, "early");
	assert_string_equal(c.node, "r1");
	words_free(&c);
	words_free(&c);
}

static void test_global(void **state)
{
	static const struct {
		const char *first, *second;
		int taken;
	} globals[] = {
		{ "-L", "x", 2 },	 { "--lab", "x", 2 },	 { "--lab=x", "y", 1 }, { "-j", "y", 1 },
		{ "--json", NULL, 1 },	 { "-q", NULL, 1 },	 { "--quiet", NULL, 1 }, { "-v", NULL, 1 },
		{ "--verbose", NULL, 1 }, { "-h", NULL, 1 },	 { "--help", NULL, 1 },	 { "-L", NULL, -1 },
		{ "--lab", NULL, -1 },	 { "list", "x", 0 },	 { "-x", NULL, 0 },	 { "--", NULL, 0 },
		{ "", NULL, 0 },	 { "-", NULL, 0 },	 { "-Lx", NULL, 1 },	 { "--jso", NULL, 0 },
		{ "-jq", NULL, 1 },	 { "-qvjh", "y", 1 },	 { "-jx", NULL, 0 },	 { "-jL", "x", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(globals); i++) {
		char *argv[] = { (char *)(uintptr_t)globals[i].first,
				 (char *)(uintptr_t)globals[i].second, NULL };
		struct err e = ERR_INIT;
		struct call c = {0};

		if (words_global(&c, argv, &e) != globals[i].taken)
			fail_msg("%s: not %d words", globals[i].first, globals[i].taken);
		assert_int_equal(e.kind, globals[i].taken < 0 ? ERR_USAGE : ERR_NONE);
		if (globals[i].taken > 0 && strstr(globals[i].first, "-L"))
			assert_string_equal(c.lab, "x");
	}
}

/* Text of a user's may hold anything; what is said of it is one printable line. */
static void test_refusals_are_printable(void **state)
{
	static const char *const lines[] = { "r1 \x1b[31mred", "r1 list \x1b[31mred", "r1 add -\x1b\n",
					     "r1 list dev a \n\n", "r1 -\x07" };

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		own(mem) char *copy = strdup(lines[i]);
		own(mem) char **argv = split(copy);
		struct err e = ERR_INIT;
		struct call c = {0};

		assert_int_equal(words_parse(&c, &addr, argv, &e), -1);
		assert_int_equal(e.kind, ERR_USAGE);
		for (const char *p = e.text; *p; p++)
			if ((unsigned char)*p < ' ' || *p == 0x7f)
				fail_msg("line %zu: control character %d", i, *p);
		words_free(&c);
	}
}

static char *printed(void (*print)(const struct applet *, FILE *), const struct applet *a)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	print(a, f);
	fclose(f);
	return text;
}

static void test_spec(void **state)
{
	own(mem) char *text = printed(words_print_spec, &run);
	static const char *const want[][5] = {
		{ "run", "", "", "", "node" },
		{ "run", "", "-u", "USER", "" },
		{ "run", "", "-e", "K=V", "many" },
		{ "run", "", "-i", "", "" },
		{ "run", "", "--name", "TAG", "" },
		{ "run", "", "", "CMD", "need tail" },
	};
	char *rest = text, *line;

	(void)state;
	for (size_t i = 0; i < COUNT(want); i++) {
		line = strsep(&rest, "\n");
		assert_non_null(line);
		for (size_t k = 0; k < 5; k++) {
			char *field = strsep(&line, "\t");
			size_t len;

			assert_non_null(field);
			len = strlen(field);
			if (len && field[len - 1] == ' ')
				field[len - 1] = '\0';
			assert_string_equal(field, want[i][k]);
		}
		assert_null(line);
	}
	assert_string_equal(rest, "");
}

/* Every verb and every word is told of, in lines that fit a terminal. */
static void test_help(void **state)
{
	static const struct applet *const applets[] = { &addr, &run, &node };

	(void)state;
	for (size_t i = 0; i < COUNT(applets); i++) {
		const struct applet *a = applets[i];
		own(mem) char *text = printed(words_print_help, a);

		assert_non_null(strstr(text, a->name));
		assert_non_null(strstr(text, a->help));
		for (const struct verb *v = a->verbs; v->run; v++) {
			if (v->word)
				assert_non_null(strstr(text, v->word));
			if (v->help)
				assert_non_null(strstr(text, v->help));
			for (const struct word *w = v->words; w->word || w->value; w++) {
				if (w->word)
					assert_non_null(strstr(text, w->word));
				if (w->value)
					assert_non_null(strstr(text, w->value));
			}
		}
		for (char *line = text; *line; line += strcspn(line, "\n") + 1)
			assert_true(strcspn(line, "\n") < 80);
	}
}

static void test_usage(void **state)
{
	static const struct {
		const struct applet *applet;
		const struct verb *verb;
		const char *text;
	} usages[] = {
		{ &addr, &addr_verbs[0], "nemu addr NODE [list [-x] [dev IF]]" },
		{ &addr, &addr_verbs[1], "nemu addr NODE add ADDRESS dev IF [broadcast B] [up] [LABEL]" },
		{ &run, &run_verbs[0],
		  "nemu run NODE [-u USER] [-e K=V]... [-i] [--name TAG] CMD [ARG...]" },
		{ &node, &node_verbs[1], "nemu node add [--isolate WHAT] [--host] NAME..." },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(usages); i++) {
		own(mem) char *text = NULL;
		size_t len = 0;
		FILE *f = open_memstream(&text, &len);

		assert_non_null(f);
		words_print_usage(usages[i].applet, usages[i].verb, f);
		fclose(f);
		assert_true(len > 1 && text[len - 1] == '\n');
		text[len - 1] = '\0';
		assert_string_equal(text + strspn(text, " "), usages[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_before_the_applet),
		cmocka_unit_test(test_global),
		cmocka_unit_test(test_refusals_are_printable),
		cmocka_unit_test(test_spec),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
