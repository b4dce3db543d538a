/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lab save: the live lab as a script of our own commands. What does not depend on the order in
 * which things were made comes sorted by name, so that the script of the lab that it makes is the
 * same. What our words cannot say is a comment. Interfaces are in lab_save_if.c.
 */
#include "lab_save.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>

#include "lab/model.h"
#include "lab/uplink.h"

/* "nemu WORD WORD...": words are quoted where sh needs it. Ends with NULL. */
void save_put(const char *first, ...)
{
	va_list ap;

	va_start(ap, first);
	fputs(first, stdout);
	for (const char *w = va_arg(ap, const char *); w; w = va_arg(ap, const char *)) {
		fputc(' ', stdout);
		output_word(w, stdout);
	}
	va_end(ap);
}

/* What is told came from programs and from the kernel: a comment stays one line. */
void save_comment(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_printable(text);
	printf("# %s\n", text);
}

void save_number(const char *word, const struct value *data, const char *key)
{
	if (value_get(data, key))
		printf(" %s %" PRId64, word, value_num(data, key, 0));
}

void save_text(const char *word, const struct value *data, const char *key)
{
	if (*str(data, key))
		PUT("", word, str(data, key));
}

/* ------------------------------------------------------------------ nodes */

static void save_nodes(const struct value *nodes)
{
	static const struct {
		bool is_switch, host, isolate, dad;
	} kinds[] = { { .is_switch = true, .host = true }, {0}, { .host = true }, { .isolate = true },
		      { .dad = true }, { .host = true, .isolate = true }, { .host = true, .dad = true },
		      { .isolate = true, .dad = true }, { .host = true, .isolate = true, .dad = true } };

	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
		bool any = false;

		for (size_t i = 0; i < value_len(nodes); i++) {
			const struct value *d = value_at(nodes, i);

			if ((*str(d, "bridge") != '\0') != kinds[k].is_switch ||
			    !value_num(d, "forwarding", 0) != kinds[k].host ||
			    (*str(d, "isolate") != '\0') != kinds[k].isolate ||
			    (value_num(d, "dad", 0) != 0) != kinds[k].dad)
				continue;
			if (!any)
				printf("nemu %s add%s%s%s", kinds[k].is_switch ? "switch" : "node",
				       kinds[k].host && !kinds[k].is_switch ? " --host" : "",
				       kinds[k].isolate ? " --isolate pid" : "",
				       kinds[k].dad ? " --dad" : "");
			any = true;
			PUT("", str(d, "name"));
		}
		if (any)
			putchar('\n');
	}
}

/* ------------------------------------------------------------------ routes */

static bool of_kernel(const struct value *r)
{
	return is(r, "protocol", "kernel") || is(r, "protocol", "ra") || is(r, "protocol", "redirect");
}

/* Next hops of one route are told as routes of their own. */
static bool same_route(const struct value *a, const struct value *b)
{
	return a && !of_kernel(a) && is(a, "dst", str(b, "dst")) && is(a, "family", str(b, "family")) &&
	       value_num(a, "metric", 0) == value_num(b, "metric", 0);
}

/* Why it cannot be said in our words; NULL: it can. */
static const char *beyond_words(const struct items *interfaces, const char *node, const struct value *all,
				size_t i)
{
	const struct value *r = value_at(all, i);

	if (*str(r, "dev") && !save_makes(interfaces, node, str(r, "dev")))
		return ": its interface is not saved";
	if (same_route(value_at(all, i + 1), r) || (i && same_route(value_at(all, i - 1), r)))
		return ": one of several next hops";
	if (*str(r, "protocol") && !is(r, "protocol", "static"))
		return ": set by a daemon";
	if (strchr(str(r, "gateway"), ':') && is(r, "family", "inet"))
		return ": IPv4 by way of IPv6";
	if (*str(r, "prefsrc"))
		return ": it has a source address";
	if (value_has(r, "flags", "onlink"))
		return ": onlink";
	return value_num(r, "metric", 0) > INT32_MAX ? ": a metric beyond 2147483647" : NULL;
}

static void save_route(const struct items *interfaces, const char *node, const struct value *all, size_t i)
{
	const struct value *r = value_at(all, i);
	bool v6 = is(r, "family", "inet6"), dev = true;
	const char *dst = v6 && is(r, "dst", "default") ? "::/0" : str(r, "dst");
	static const char *const without[] = { "unreachable", "prohibit", "blackhole", "throw" };
	const char *why = beyond_words(interfaces, node, all, i);

	if (why) {
		save_comment("not saved: %s: route %s%s%s%s%s%s", node, dst, *str(r, "gateway") ? " via " : "",
			     str(r, "gateway"), *str(r, "dev") ? " dev " : "", str(r, "dev"), why);
		return;
	}
	for (size_t k = 0; k < sizeof(without) / sizeof(*without); k++)
		dev &= !is(r, "type", without[k]);
	PUT("nemu route", node, "add");
	if (*str(r, "type"))
		PUT("", str(r, "type"));
	PUT("", dst);
	save_text("via", r, "gateway");
	if (dev)
		save_text("dev", r, "dev");
	if (value_num(r, "metric", 0) != (v6 ? 1024 : 0))
		save_number("metric", r, "metric");
	putchar('\n');
}

/* "if uplink" makes it. */
static bool is_uplinks(const struct value *node, const struct value *r)
{
	return *str(r, "dev") && is(r, "dev", str(node, "uplink")) && is(r, "dst", "default") &&
	       is(r, "gateway", UPLINK_GATEWAY);
}

/* Those on a link first: others may go through them. */
static void save_routes(const struct items *interfaces, const struct value *node)
{
	const struct value *all = value_get(node, "routes");

	for (int via = 0; via < 2; via++)
		for (size_t i = 0; i < value_len(all); i++) {
			const struct value *r = value_at(all, i);

			if (!of_kernel(r) && !is_uplinks(node, r) && (*str(r, "gateway") != '\0') == via)
				save_route(interfaces, str(node, "name"), all, i);
		}
}

/* ------------------------------------------------------------------ the rest */

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void save_processes(const struct value *node)
{
	const struct value *all = value_get(node, "processes");
	const char **v = calloc(value_len(all) + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; v && i < value_len(all); i++)
		if (is(value_at(all, i), "state", "running"))
			v[n++] = str(value_at(all, i), "command");
	if (v)
		qsort(v, n, sizeof(*v), compare_text);
	for (size_t i = 0; i < n; i++)
		save_comment("running in %s: %s", str(node, "name"), v[i]);
	free(v);
}

int lab_save(struct call *c, struct err *e)
{
	own(value_pool) struct value_pool pool = {0};
	const char *lab = call_get(c, "LAB") ? call_get(c, "LAB") : c->lab;
	const struct value *model = lab_model(lab, &pool, e), *nodes;
	struct items interfaces = {0};
	int rc;

	if (!model)
		return -1;
	if (c->json) {
		lab_output_json(model, &pool);
		return 0;
	}
	nodes = value_get(model, "nodes");
	puts("#!/bin/sh");
	printf("# Makes the lab that was saved as %s; NEMU_LAB names another.\n", lab);
	printf("NEMU_LAB=${NEMU_LAB:-%s}\nexport NEMU_LAB\nset -e\n", lab);
	save_nodes(nodes);
	rc = save_interfaces(model, &interfaces, e);
	for (size_t i = 0; i < value_len(nodes) && !rc; i++)
		save_routes(&interfaces, value_at(nodes, i));
	free(interfaces.v);
	if (rc)
		return -1;
	for (size_t i = 0; i < value_len(nodes); i++)
		save_processes(value_at(nodes, i));
	return 0;
}
