/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the grammar of the command line with the applets' own tables, and what reads the words that
 * stand for names, addresses and numbers. A line of the input is a word. */
#include <arpa/inet.h>

#include "applets.h"
#include "base/net.h"
#include "base/num.h"
#include "fuzz.h"
#include "lab/name.h"
#include "lab/sockets.h"
#include "ui/impair.h"

#define WORDS_OF_INPUT 64

static void try_addresses(const char *s)
{
	struct inaddr a, b;
	struct lladdr l, m;
	char text[INADDR_TEXT], lltext[LLADDR_TEXT];

	if (inaddr_parse(s, &a)) {
		MUST(inaddr_text(&a, text) && inaddr_parse(text, &b) && inaddr_equal(&a, &b));
		for (int len = 0; len <= 128; len++)
			inaddr_broadcast(&a, (unsigned char)len);
	}
	if (lladdr_parse(s, &l))
		MUST(lladdr_text(&l, lltext) && lladdr_parse(lltext, &m) && lladdr_equal(&l, &m));
	m = lladdr_of(s, s, s);
	MUST(m.len == 6 && (m.bytes[0] & 3) == 2);
}

static void try_numbers(const char *s)
{
	int64_t n = 0, again;
	char text[32];

	if (num_parse(s, INT64_MIN, INT64_MAX, &n)) {
		snprintf(text, sizeof(text), "%lld", (long long)n);
		MUST(num_parse(text, n, n, &again) && again == n);
	}
	if (num_parse_ms(s, &n))
		MUST(n >= 0 && n <= 1000000000001);
}

static void try_names(const char *s)
{
	struct err e = ERR_INIT;
	char host[INADDR_TEXT], *node = NULL;
	const char *iface;
	int prefix, family;
	struct inaddr a;

	if (name_valid(s))
		MUST(strlen(s) <= NAME_LEN_MAX && !strpbrk(s, "/ \n"));
	MUST(!name_check("node", s, &e) == name_valid(s));
	if (ifname_valid(s))
		MUST(strlen(s) < IFNAMSIZ);
	if (!endpoint_parse(s, &node, &iface, &e))
		MUST(*node && ifname_valid(iface));
	free(node);
	if (!prefix_parse(s, false, host, &prefix, &family, &e))
		MUST(inaddr_parse(host, &a) && a.family == family && prefix >= 0 &&
		     (size_t)prefix <= inaddr_len(family) * 8);
	if (sockets_check_word(s, &e))
		MUST(e.kind == ERR_USAGE);
	if (route_type_parse(s) >= 0)
		MUST(!strcmp(route_type_name(route_type_parse(s)), s));
}

/* What was given lies in argv, and all that must be given is there. */
static void check_call(const struct call *c)
{
	struct impairment_change change;
	struct err e = ERR_INIT;

	for (int i = 0; c->verb->words[i].word || c->verb->words[i].value; i++) {
		const struct word *w = &c->verb->words[i];
		const struct given *g = call_all(c, w->word ? w->word : w->value);

		MUST(!(w->flags & WORD_NEED) || c->given[i].n);
		MUST(c->given[i].n <= 1 || w->flags & (WORD_MANY | WORD_TAIL));
		for (size_t k = 0; k < g->n; k++)
			MUST(strlen(g->v[k]) < 1 << 20);
	}
	if (impairments_of_call(&change, c, &e))
		MUST(e.kind == ERR_USAGE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	char *words[WORDS_OF_INPUT], **argv = words, *copy;
	struct err e = ERR_INIT;
	struct call c = {0};
	const struct applet *a;
	int n;

	copy = take_words(&in, words, WORDS_OF_INPUT);
	for (char **w = words; *w; w++) {
		try_addresses(*w);
		try_numbers(*w);
		try_names(*w);
	}
	while (*argv && (n = words_global(&c, argv, &e)) > 0)
		argv += n;
	a = *argv ? applet_find(*argv) : NULL;
	if (*argv && !a)
		guess_applet(*argv, &e);
	if (a && words_parse(&c, a, argv + 1, &e))
		MUST(e.kind == ERR_USAGE && e.text[0] && !strpbrk(e.text, "\n\r\033"));
	else if (a && !c.help)
		check_call(&c);
	words_free(&c);
	free(copy);
	return 0;
}
