/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lab save and lab graph, each in a file of its own. */
#ifndef APPLETS_LAB_H
#define APPLETS_LAB_H

#include "applets.h"

/* Verbs of the applet (ui/words.h). */
int lab_save(struct call *c, struct err *e);
int lab_graph(struct call *c, struct err *e);

/* The addresses of an interface dict that somebody gave it, "10.0.0.1/24 fd00::1/64". */
void lab_addresses(const struct value *iface, struct buf *text);

/* A model (lab/model.h) as JSON. */
void lab_output_json(const struct value *model, struct value_pool *pool);

/* An interface of a node by name. NULL: there is none. */
const struct value *lab_iface(const struct value *node, const char *name);

#endif
