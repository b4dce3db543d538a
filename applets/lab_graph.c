/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lab graph: the lab drawn, as text, and for Graphviz and Mermaid. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/net.h"
#include "base/program.h"
#include "lab.h"
#include "lab/model.h"
#include "ui/impair.h"

#define COLUMNS 80

/* The lab as a graph: nodes by number, links by the numbers of their nodes. */
struct edge {
	size_t node[2];
	struct buf at[2];    /* "eth0 10.0.0.1/24" */
	struct buf does[2];  /* impairments of what that end sends */
	bool down, drawn;
};

struct graph {
	const char *lab;
	const struct value *nodes; /* a list of dicts */
	struct edge *edges;
	size_t count;
	bool *seen; /* nodes that have been drawn */
};

static void graph_free(struct graph *g)
{
	for (size_t i = 0; i < g->count; i++)
		for (int k = 0; k < 2; k++) {
			buf_free(&g->edges[i].at[k]);
			buf_free(&g->edges[i].does[k]);
		}
	free(g->edges);
	free(g->seen);
}

static const char *name_of(const struct graph *g, size_t node)
{
	return value_text(value_at(g->nodes, node), "name", "");
}

static bool is_switch(const struct graph *g, size_t node)
{
	return value_text(value_at(g->nodes, node), "bridge", NULL);
}

static size_t number_of(const struct graph *g, const char *name)
{
	size_t i = 0;

	while (i < value_len(g->nodes) && strcmp(name_of(g, i), name))
		i++;
	return i;
}

static void describe_end(struct edge *edge, int k, const struct value *node, const struct value *end)
{
	own(buf) struct buf addresses = {0};
	char name[IFNAMSIZ];

	snprintf(name, sizeof(name), "%s", value_text(end, "ifname", ""));
	lab_addresses(lab_iface(node, name), &addresses);
	err_printable(name);
	buf_addf(&edge->at[k], "%s%s%s", name, addresses.len ? " " : "", buf_cstr(&addresses));
	impairments_text(value_get(end, "impairments"), &edge->does[k]);
}

static bool graph_make(struct graph *g, const struct value *model)
{
	const struct value *links = value_get(model, "links");

	g->nodes = value_get(model, "nodes");
	g->edges = calloc(value_len(links) + 1, sizeof(*g->edges));
	g->seen = calloc(value_len(g->nodes) + 1, sizeof(*g->seen));
	for (size_t i = 0; g->edges && g->seen && i < value_len(links); i++) {
		const struct value *ends = value_get(value_at(links, i), "ends");
		struct edge *edge = &g->edges[g->count];

		if (value_len(ends) != 2)
			continue;
		for (size_t k = 0; k < 2; k++)
			edge->node[k] = number_of(g, value_text(value_at(ends, k), "node", ""));
		if (edge->node[0] >= value_len(g->nodes) || edge->node[1] >= value_len(g->nodes))
			continue; /* a node that came or went meanwhile */
		for (size_t k = 0; k < 2; k++)
			describe_end(edge, (int)k, value_at(g->nodes, edge->node[k]), value_at(ends, k));
		edge->down = strcmp(value_text(value_at(links, i), "state", ""), "up");
		g->count++;
	}
	return g->edges && g->seen;
}

/* "delay 20ms" for both directions; "> delay 20ms < loss 1%" if they differ. */
static void impairments_of(struct edge *edge, int from, struct buf *text)
{
	struct buf *a = &edge->does[from], *b = &edge->does[1 - from];

	if (edge->down)
		buf_adds(text, "down");
	if (edge->down && (a->len || b->len))
		buf_adds(text, ", ");
	if (!strcmp(buf_cstr(a), buf_cstr(b))) {
		buf_adds(text, buf_cstr(a));
		return;
	}
	buf_addf(text, "%s%s%s%s%s", a->len ? "> " : "", buf_cstr(a), a->len && b->len ? " " : "",
		 b->len ? "< " : "", buf_cstr(b));
}

/* ------------------------------------------------------------------ text */

static size_t undrawn(const struct graph *g, size_t node)
{
	size_t n = 0;

	for (size_t i = 0; i < g->count; i++)
		n += !g->edges[i].drawn &&
		     (g->edges[i].node[0] == node || g->edges[i].node[1] == node);
	return n;
}

static void draw_node(const struct graph *g, size_t node, const char *bars)
{
	printf("%s%s%s%s\n", bars, is_switch(g, node) ? "(" : "[", name_of(g, node),
	       is_switch(g, node) ? ")" : "]");
}

/* Words in as many lines as they need, each behind the same. */
static void put_folded(const char *before, const char *words)
{
	int column = COLUMNS;

	while (*words) {
		size_t len = strcspn(words, " ");

		if (column + 1 + (int)len > COLUMNS) {
			printf("%s%s", column < COLUMNS ? "\n" : "", before);
			column = output_width(before);
		}
		printf(" %.*s", (int)len, words);
		column += 1 + (int)len;
		words += len + (words[len] == ' ');
	}
	putchar('\n');
}

/* A link; and the node at its far end, but where the drawing goes on below it. What a line has no
 * room for goes to the next. */
static void draw_edge(const struct graph *g, struct edge *edge, int from, const char *bars,
		      bool last, bool goes_on)
{
	own(buf) struct buf line = {0}, does = {0}, rest = {0};
	size_t far = edge->node[1 - from];

	impairments_of(edge, from, &does);
	buf_addf(&line, "%s%s %s ── %s", bars, goes_on && last ? "│ " : last ? "└─" : "├─",
		 buf_cstr(&edge->at[from]), buf_cstr(&edge->at[1 - from]));
	if (!goes_on || !last)
		buf_addf(&line, is_switch(g, far) ? " (%s)" : " [%s]", name_of(g, far));
	if (g->seen[far])
		buf_adds(&line, " ^");
	if (does.len && output_width(buf_cstr(&line)) + 2 + output_width(buf_cstr(&does)) <= COLUMNS)
		buf_addf(&line, "  %s", buf_cstr(&does));
	else if (does.len)
		buf_addf(&rest, "%s%s    ", bars, last && !goes_on ? "  " : "│ ");
	puts(buf_cstr(&line));
	if (rest.len)
		put_folded(buf_cstr(&rest), buf_cstr(&does));
	edge->drawn = true;
}

static struct edge *next_edge(const struct graph *g, size_t node, bool with_more)
{
	for (size_t i = 0; i < g->count; i++) {
		struct edge *edge = &g->edges[i];
		int from = edge->node[0] == node ? 0 : 1;

		if (edge->drawn || edge->node[from] != node)
			continue;
		if (with_more == (!g->seen[edge->node[1 - from]] &&
				  undrawn(g, edge->node[1 - from]) > 1))
			return edge;
	}
	return NULL;
}

/*
 * What hangs on a node that was drawn, depth first: what has nothing behind it, then what has. The last of these
 * goes on in the column of the node, so that a chain goes straight down, however long; those before
 * it branch off.
 */
static void draw_from(struct graph *g, size_t node, const char *bars)
{
	for (;;) {
		struct edge *edge = next_edge(g, node, false);
		own(buf) struct buf deeper = {0};
		bool goes_on, last = undrawn(g, node) == 1;
		size_t far;
		int from;

		g->seen[node] = true;
		edge = edge ? edge : next_edge(g, node, true);
		if (!edge)
			return;
		from = edge->node[0] == node ? 0 : 1;
		far = edge->node[1 - from];
		goes_on = !g->seen[far] && undrawn(g, far) > 1;
		draw_edge(g, edge, from, bars, last, goes_on);
		if (goes_on && last) {
			node = far;
			draw_node(g, node, bars);
		} else if (goes_on) {
			buf_addf(&deeper, "%s│  ", bars);
			draw_from(g, far, buf_cstr(&deeper));
		}
		g->seen[far] = true;
	}
}

/* Where a drawing begins: at a switch with many links, else at an end of a chain. */
static size_t choose(const struct graph *g)
{
	size_t best = value_len(g->nodes), best_links = 0;

	for (size_t i = 0; i < value_len(g->nodes); i++) {
		size_t n = undrawn(g, i), rank = n > 2 ? n + 2 : n == 1 ? 2 : n == 2 ? 1 : 0;

		if (!g->seen[i] && (best == value_len(g->nodes) || rank > best_links)) {
			best = i;
			best_links = rank;
		}
	}
	return best;
}

static void draw_text(struct graph *g)
{
	size_t node;

	while ((node = choose(g)) < value_len(g->nodes)) {
		draw_node(g, node, "");
		draw_from(g, node, "");
		g->seen[node] = true;
	}
}

/* ------------------------------------------------------------------ dot, mermaid */

/* Within double quotes of dot; space: what is put for one. */
static void put_dot(const char *s, const char *space, FILE *out)
{
	for (; *s; s++)
		if (*s == ' ')
			fputs(space, out);
		else
			fprintf(out, "%s%c", strchr("\"\\", *s) ? "\\" : "", *s);
}

static void put_mermaid(const char *s)
{
	for (; *s; s++)
		if (strchr("#\"|<>", *s))
			printf("#%d;", (unsigned char)*s);
		else
			putchar(*s);
}

static void draw_dot(struct graph *g, FILE *out)
{
	static const char *const labels[] = { "taillabel", "headlabel" };

	fputs("graph \"", out);
	put_dot(g->lab, " ", out);
	fputs("\" {\n\tnode [shape=box, fontname=\"sans-serif\"];\n"
	      "\tedge [fontname=\"sans-serif\", fontsize=9];\n", out);
	for (size_t i = 0; i < value_len(g->nodes); i++)
		fprintf(out, "\t\"%s\"%s;\n", name_of(g, i), is_switch(g, i) ? " [shape=ellipse]" : "");
	for (size_t i = 0; i < g->count; i++) {
		struct edge *edge = &g->edges[i];
		own(buf) struct buf does = {0};

		fprintf(out, "\t\"%s\" -- \"%s\" [", name_of(g, edge->node[0]),
			name_of(g, edge->node[1]));
		for (int k = 0; k < 2; k++) {
			fprintf(out, "%s=\"", labels[k]);
			put_dot(buf_cstr(&edge->at[k]), "\\n", out);
			fputs("\", ", out);
		}
		impairments_of(edge, 0, &does);
		fputs("label=\"", out);
		put_dot(buf_cstr(&does), " ", out);
		fprintf(out, "\"%s];\n", edge->down ? ", style=dashed" : "");
	}
	fputs("}\n", out);
}

static void draw_mermaid(struct graph *g)
{
	puts("graph LR");
	for (size_t i = 0; i < value_len(g->nodes); i++)
		printf("    n%zu%s\"%s\"%s\n", i, is_switch(g, i) ? "([" : "[", name_of(g, i),
		       is_switch(g, i) ? "])" : "]");
	for (size_t i = 0; i < g->count; i++) {
		struct edge *edge = &g->edges[i];
		own(buf) struct buf does = {0};

		impairments_of(edge, 0, &does);
		printf("    n%zu %s|\"", edge->node[0], edge->down ? "-.-" : "---");
		put_mermaid(buf_cstr(&edge->at[0]));
		fputs(" — ", stdout);
		put_mermaid(buf_cstr(&edge->at[1]));
		if (does.len)
			fputs("<br/>", stdout);
		put_mermaid(buf_cstr(&does));
		printf("\"| n%zu\n", edge->node[1]);
	}
}

/* Graphviz reads the graph from a file that has no name. */
static int draw_svg(struct graph *g, struct err *e)
{
	int fd = memfd_create("graph", MFD_CLOEXEC), status;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	pid_t pid;

	if (!f)
		return err_os(e, errno, "graph");
	draw_dot(g, f);
	fflush(f);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (lseek(fd, 0, SEEK_SET) || dup2(fd, 0) < 0)
			_exit(126);
		program_exec((char *[]){ "dot", "-Tsvg", NULL });
		_exit(errno == ENOENT ? 127 : 126);
	}
	fclose(f);
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_os(e, errno, "dot");
	if (pid < 0)
		return err_os(e, errno, "fork");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_set(e, ERR_FEATURE, 0, "dot: no such program (package graphviz)");
	return status ? err_set(e, ERR_OS, 0, "dot has failed") : 0;
}

int lab_graph(struct call *c, struct err *e)
{
	own(value_pool) struct value_pool pool = {0};
	const char *lab = call_get(c, "LAB") ? call_get(c, "LAB") : c->lab;
	const char *format = call_get(c, "-f") ? call_get(c, "-f") : "text";
	bool text = !strcmp(format, "text"), dot = !strcmp(format, "dot");
	bool mermaid = !strcmp(format, "mermaid"), svg = !strcmp(format, "svg");
	const struct value *model;
	struct graph g = { .lab = lab };
	int rc = 0;

	if (!text && !dot && !mermaid && !svg)
		return err_set(e, ERR_USAGE, 0, "-f %.40s: text, dot, mermaid or svg", format);
	model = lab_model(lab, &pool, e);
	if (!model)
		return -1;
	if (!graph_make(&g, model))
		rc = err_nomem(e);
	else if (c->json)
		lab_output_json(model, &pool);
	else if (text)
		draw_text(&g);
	else if (dot)
		draw_dot(&g, stdout);
	else if (mermaid)
		draw_mermaid(&g);
	else
		rc = draw_svg(&g, e);
	graph_free(&g);
	return rc;
}
