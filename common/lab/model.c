/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that the servers of a lab tell of it: see model.h. */
#include "lab/model.h"

#include <stdint.h>

#include "base/cleanup.h"
#include "lab/calls.h"
#include "lab/links.h"
#include "lab/rundir.h"

/* A server that does not tell of itself is not one that could be made again. */
static struct value *ask_node(struct client *c, const char *name, struct value_pool *p, struct err *e)
{
	struct value *d = value_new(p, V_DICT);
	const struct value *info = call_node(c, p, e);
	const struct value *processes = info ? call_processes(c, NULL, p, e) : NULL;
	const struct value *qdiscs = processes ? call_qdiscs(c, p, e) : NULL;
	struct value *interfaces = qdiscs ? call_addresses(c, p, e) : NULL;
	struct value *routes = interfaces ? call_routes(c, p, e) : NULL;

	if (!routes) {
		err_prefix(e, "%s", name);
		return NULL;
	}
	for (size_t i = 0; d && i < value_len(info); i++)
		value_set(p, d, value_key(info, i), (struct value *)(uintptr_t)value_at(info, i));
	/* Not what it calls itself: links and later questions go by this name. */
	if (!d || !value_set(p, d, "name", value_cstr(p, name)) ||
	    !value_set(p, d, "interfaces", interfaces) || !value_set(p, d, "routes", routes) ||
	    !value_set(p, d, "processes", (struct value *)(uintptr_t)processes) ||
	    !value_set(p, d, "qdiscs", (struct value *)(uintptr_t)qdiscs)) {
		err_nomem(e);
		return NULL;
	}
	return d;
}

static int ask_nodes(const char *lab, struct value *nodes, struct value_pool *p, struct err *e)
{
	own(fd) int lab_fd = rundir_open_lab(lab, false, e);
	own(names) char **names = lab_fd < 0 ? NULL : rundir_names(lab_fd, e);

	if (!names)
		return -1;
	for (char **n = names; *n; n++) {
		own(client) struct client c = CLIENT_INIT;
		struct value *d;

		if (client_open_in(&c, lab, lab_fd, *n, e)) {
			if (e->kind == ERR_ABSENT || e->kind == ERR_PEER)
				continue;
			return -1;
		}
		d = ask_node(&c, *n, p, e);
		if (!d && e->kind == ERR_PEER)
			continue; /* it has ended meanwhile */
		if (!d || !value_append(p, nodes, d))
			return -1;
	}
	return 0;
}

struct value *lab_model(const char *lab, struct value_pool *p, struct err *e)
{
	struct value *model = value_new(p, V_DICT), *nodes = value_new(p, V_LIST), *links;

	if (!model || !nodes) {
		err_nomem(e);
		return NULL;
	}
	if (ask_nodes(lab, nodes, p, e))
		return NULL;
	links = links_of_lab(lab, p, e);
	if (!links)
		return NULL;
	value_set(p, model, "lab", value_cstr(p, lab));
	value_set(p, model, "nodes", nodes);
	if (!value_set(p, model, "links", links)) {
		err_nomem(e);
		return NULL;
	}
	return model;
}
