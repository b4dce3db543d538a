/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dispatch: by the name nemu was called as, or by its first word. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "applets.h"
#include "complete.h"
#include "lab/progress.h"
#include "ui/exit.h"
#include "ui/guess.h"
#include "ui/progress.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

#define APPLET(symbol, name, node, exits, help) \
	{ name, help, node, exits, applet_##symbol##_verbs },
static const struct applet applets[] = {
#include "list.h"
	{ 0 },
};
#undef APPLET

const struct applet *applet_find(const char *name)
{
	for (const struct applet *a = applets; a->name; a++)
		if (!strcmp(a->name, name))
			return a;
	return NULL;
}

void guess_applet(const char *typed, struct err *e)
{
	struct guess g = GUESS_OF(typed);
	size_t len = strlen(e->text);

	for (const struct applet *a = applets; a->name; a++)
		guess_try(&g, a->name);
	snprintf(e->text + len, sizeof(e->text) - len, GUESS_FMT, GUESS_ARGS(g));
}

/* Does it run a command, or would it if the command line were right? */
static bool runs_command(const struct call *c)
{
	const struct word *w = c->verb ? c->verb->words : NO_WORDS;

	for (; w->word || w->value; w++)
		if (w->flags & WORD_NEED && w->flags & WORD_TAIL)
			return true;
	return c->verb && call_get(c, "CMD");
}

static int exit_code(const struct applet *a, bool command, const struct err *e)
{
	if (a->exits == EXIT_OF_COMMAND)
		return command ? exit_of_process(e) : exit_general(e);
	return a->exits == EXIT_OF_PROCESS ? exit_of_process(e)
	       : a->exits == EXIT_OF_SPAWN ? exit_of_spawn(e)
					   : exit_general(e);
}

static int failed(const struct applet *a, const char *where, bool command, struct err *e)
{
	fflush(stdout);
	err_printable(e->text); /* it may quote what was typed, or what a server said */
	if (where)
		fprintf(stderr, "nemu batch: %s: %s: %s\n", where, a->name, e->text);
	else
		fprintf(stderr, "nemu %s: %s\n", a->name, e->text);
	if (e->kind == ERR_USAGE)
		fprintf(stderr, "Try 'nemu %s --help'.\n", a->name);
	return exit_code(a, command, e);
}

int applet_failed(const struct applet *a, const char *where, struct err *e)
{
	return failed(a, where, false, e);
}

/* What was printed must have arrived, or the exit code says so; an error has been told already. */
static int finish(int code)
{
	if (fflush(stdout) || ferror(stdout)) {
		if (errno != EPIPE && !code)
			fprintf(stderr, "nemu: standard output: %s\n", strerror(errno));
		return code ? code : 2;
	}
	return code;
}

/* The command as a line that can be run again. */
static void trace(const struct call *c, const struct call *before, char **argv)
{
	fprintf(stderr, "nemu -L %s%s%s %s", c->lab, before->json ? " -j" : "",
		before->quiet ? " -q" : "", c->applet->name);
	for (; *argv; argv++) {
		fputc(' ', stderr);
		output_word(*argv, stderr);
	}
	fputc('\n', stderr);
}

int applet_run(const struct applet *a, struct call *c, char **argv)
{
	struct err e = ERR_INIT;
	const char *env = getenv("NEMU_TRACE");
	const struct call before = *c; /* the options that stood before the applet's name */
	int code = words_parse(c, a, argv, &e);

	if (!code && c->help) {
		words_print_help(a, stdout);
	} else if (!code && (!c->go_on || c->go_on(c, false))) {
		if (c->verbose || (env && *env))
			trace(c, &before, argv);
		code = c->verb->run(c, &e);
		if (code > 0 && c->where)
			fprintf(stderr, "nemu batch: %s: %s: exit code %d\n", c->where, a->name, code);
	}
	/* What comes behind the line that ended a batch was sent too early; it did not happen. */
	if (code < 0 && (!c->go_on || c->go_on(c, true)))
		code = failed(a, c->where, runs_command(c), &e);
	words_free(c);
	return finish(code);
}

static int print_help(FILE *out)
{
	const size_t count = sizeof(applets) / sizeof(*applets) - 1, rows = (count + 1) / 2;

	fputs("nemu: networks on one machine, made of network namespaces\n\n"
	      "  nemu node add h1 h2                     two nodes\n"
	      "  nemu link add h1:eth0 h2:eth0           a link between them\n"
	      "  nemu addr h1 add 10.0.0.1/24 dev eth0   an address\n"
	      "  nemu exec h1 ping -c 1 10.0.0.2         a program in a node\n"
	      "\n"
	      "Applets ('nemu APPLET --help' tells more, 'nemu help APPLET' all):\n",
	      out);
	for (size_t i = 0; i < rows; i++) {
		fprintf(out, "  %-6s ", applets[i].name);
		if (i + rows < count)
			fprintf(out, "%-29s  %-6s %s\n", applets[i].help, applets[i + rows].name,
				applets[i + rows].help);
		else
			fprintf(out, "%s\n", applets[i].help);
	}
	fputs("Options: -L LAB  -j (JSON)  -q (names only)  -v  --help  --version  --list\n"
	      "         --spec  --install DIR [--bare] (links to the applets)\n",
	      out);
	return 0;
}

/* The manual page of an applet: beside the binary in the tree that it was built in, or where "make
 * install" puts it. Returns only if there is none, or nothing that shows it. */
static void show_page(const char *applet)
{
	static const char *const places[] = { "%s/man/nemu-%s.1", "%s/../share/man/man1/nemu-%s.1",
					      "%s/../share/man/man1/nemu-%s.1.gz" };
	char self[4096], page[4096 + 128];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(page, sizeof(page), places[i], self, applet);
		if (access(page, R_OK))
			continue;
		fflush(stdout);
		execlp("man", "man", "-l", page, (char *)NULL);
		execlp("mandoc", "mandoc", page, (char *)NULL);
		return;
	}
}

static int print_list(void)
{
	for (const struct applet *a = applets; a->name; a++)
		printf("%s\t%s\n", a->name, a->help);
	return 0;
}

static int print_spec(void)
{
	for (const struct applet *a = applets; a->name; a++)
		words_print_spec(a, stdout);
	return 0;
}

/* Links to this binary: nemu-if ..., or if ... */
static int install(const char *dir, bool bare)
{
	char self[4096], path[4096 + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0) {
		fprintf(stderr, "nemu: /proc/self/exe: %s\n", strerror(errno));
		return 2;
	}
	self[n] = '\0';
	for (const struct applet *a = applets; a->name; a++) {
		char old[4096];
		ssize_t len;

		snprintf(path, sizeof(path), "%s/%s%s", dir, bare ? "" : "nemu-", a->name);
		len = readlink(path, old, sizeof(old));
		if (len == n && !memcmp(old, self, (size_t)n))
			continue;
		if (symlink(self, path)) {
			fprintf(stderr, "nemu: %s: %s\n", path, strerror(errno));
			return 2;
		}
	}
	return 0;
}

static int usage(const char *fmt, const char *what)
{
	fprintf(stderr, fmt, what);
	fputs("Try 'nemu --help'.\n", stderr);
	return 1;
}

static int unexpected(const char *word)
{
	char text[80];

	snprintf(text, sizeof(text), "%s", word);
	err_printable(text);
	return usage("nemu: %s: not expected here\n", text);
}

/* DIR and perhaps --bare, in any order. */
static int own_install(char **argv)
{
	const char *dir = NULL;
	bool bare = false;

	for (; *argv; argv++) {
		if (!strcmp(*argv, "--bare"))
			bare = true;
		else if (dir || **argv == '-')
			return unexpected(*argv);
		else
			dir = *argv;
	}
	return dir ? install(dir, bare) : usage("nemu: %s: DIR is missing\n", "--install");
}

static int own_options(struct call *c, char **argv)
{
	const char *w = argv[0];

	if (argv[1] && (!strcmp(w, "--version") || !strcmp(w, "--list") || !strcmp(w, "--spec")))
		return unexpected(argv[1]);
	if (!strcmp(w, "--version"))
		return printf("nemu %s\n", VERSION), 0;
	if (!strcmp(w, "--list"))
		return print_list();
	if (!strcmp(w, "--spec"))
		return print_spec();
	if (!strcmp(w, "--complete")) { /* of whom: "nemu", or "nemu-APPLET" */
		const char *name = argv[1] ? argv[1] : "";

		return complete(applets, strncmp(name, "nemu-", 5) ? NULL : applet_find(name + 5), c,
				argv + (argv[1] ? 2 : 1));
	}
	if (strcmp(w, "--install")) {
		char text[80];

		snprintf(text, sizeof(text), "%s", w);
		err_printable(text);
		return usage("nemu: %s: no such option\n", text);
	}
	return own_install(argv + 1);
}

/* "nemu [-L LAB] [-j] ... APPLET ..." */
static int run_by_first_word(struct call *c, char **argv)
{
	struct err e = ERR_INIT;
	const struct applet *a;
	int n;

	if (!*argv)
		return print_help(stderr), 1;
	while (*argv && (n = words_global(c, argv, &e)) != 0) {
		if (n < 0) {
			err_printable(e.text);
			return usage("nemu: %s\n", e.text);
		}
		argv += n;
	}
	if (c->help && (!*argv || **argv == '-'))
		return finish(print_help(stdout));
	if (!*argv)
		return usage("nemu: %s\n", "APPLET is missing");
	if (**argv == '-')
		return finish(own_options(c, argv));
	if (!strcmp(*argv, "help")) {
		a = argv[1] ? applet_find(argv[1]) : NULL;
		if (!argv[1])
			return finish(print_help(stdout));
		if (argv[2])
			return unexpected(argv[2]);
		if (a) {
			show_page(a->name);
			return words_print_help(a, stdout), finish(0);
		}
		argv++;
	}
	a = applet_find(*argv);
	if (!a) {
		err_set(&e, ERR_USAGE, 0, "%.60s: no such applet", *argv);
		err_printable(e.text);
		guess_applet(*argv, &e);
		return usage("nemu: %s\n", e.text);
	}
	return applet_run(a, c, argv + 1);
}

/* Descriptors 0 to 2 are open from here on, so that no other can be taken for one of them. */
static void open_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const char *env = getenv("NEMU_LAB");
	struct call c = { .lab = env && *env ? env : "default" };
	const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const struct applet *a;

	if (argc < 1)
		return 1;
	signal(SIGCHLD, SIG_DFL); /* nobody hears of a child's end where the caller ignored it */
	open_stdio();
	if (isatty(2))
		progress_to(progress_print);
	name = name ? name + 1 : argv[0];
	a = applet_find(strncmp(name, "nemu-", 5) ? name : name + 5);
	return a ? applet_run(a, &c, argv + 1) : run_by_first_word(&c, argv + 1);
}
