/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Python pickles: a writer of protocol 2 (wire.md section 5) and a restricted reader of
 * protocols 0 to 2. The reader builds plain data only; nothing is ever executed.
 */
#ifndef WIRE_PICKLE_H
#define WIRE_PICKLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"

/* Writer: appends opcodes to a buffer. A document is pickle_start, one value, pickle_stop.
 * Containers are bracketed; a dict and an object's state hold key, value, key, value ... */
void pickle_start(struct buf *b);
void pickle_stop(struct buf *b);
void pickle_none(struct buf *b);
void pickle_bool(struct buf *b, int yes);
void pickle_int(struct buf *b, int64_t num);
void pickle_bytes(struct buf *b, const void *data, size_t len);
void pickle_str(struct buf *b, const char *s); /* NULL writes None */
void pickle_list(struct buf *b);
void pickle_list_end(struct buf *b);
void pickle_dict(struct buf *b);
void pickle_dict_end(struct buf *b);
/* A key and its value. */
void pickle_set_str(struct buf *b, const char *key, const char *value); /* NULL: None */
void pickle_set_int(struct buf *b, const char *key, int64_t value);
void pickle_set_bool(struct buf *b, const char *key, bool value);
/* An object made without arguments, then its state: GLOBAL, EMPTY_TUPLE, NEWOBJ, a dict, BUILD. */
void pickle_object(struct buf *b, const char *module, const char *name);
void pickle_object_end(struct buf *b);
/* An exception: pickle_exception, the argument values, pickle_exception_state, the state's keys
 * and values, pickle_object_end. GLOBAL exceptions NAME, tuple, REDUCE, a dict, BUILD. */
void pickle_exception(struct buf *b, const char *name);
void pickle_exception_state(struct buf *b);
/* A whole tree (V_OBJECT excepted, which writes None). */
void pickle_value(struct buf *b, const struct value *v);

/*
 * Reads one document. The result belongs to pool. Accepted: dict, list, tuple, str, unicode
 * (as UTF-8), int, long that fits 64 bits, bool, None, and objects of the classes in wire.md
 * section 5 (nemu.iproute.{interface,ipv4address,ipv6address,route}; of module exceptions, and
 * builtins for Python 3: any exception class of Python 2.7's standard hierarchy). An object that
 * carries a subclass's constructor arguments keeps them in args, its state in state.
 * Anything else is ERR_PEER with a text that names the reason: another GLOBAL (named), an
 * unknown opcode, stack underflow, more than 64 levels, a size past the end, bytes behind STOP.
 */
__attribute__((warn_unused_result)) const struct value *
pickle_read(struct value_pool *pool, const void *data, size_t len, struct err *e);

#endif
