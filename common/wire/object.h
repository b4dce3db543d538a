/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The classes of wire.md section 5 as pickles, and exceptions both ways. */
#ifndef WIRE_OBJECT_H
#define WIRE_OBJECT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/net.h"
#include "base/value.h"

/* Each writes one value into a pickle that has been started. */
void object_iface(struct buf *b, const struct iface *i);
void object_address(struct buf *b, const struct address *a);
void object_route(struct buf *b, const struct route *r);

/* A whole document: the exception that e stands for. */
void object_exception(struct buf *b, const struct err *e);

/* Fills e from an exception that was read; another value is ERR_PEER. Returns -1. */
int object_to_err(const struct value *v, struct err *e);

/* The wire's number of a route type (RTN_*), -1: it has none. */
int object_route_type(int rtn);

#endif
