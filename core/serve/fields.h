/* fields: partial answers: what of a JSON document the client's `fields` parameter selects.
 *
 *   selection := path { "," path }
 *   path      := name { "/" name } [ "(" selection ")" ]
 *   name      := "*" | any bytes but , / ( ) * " \ and control characters; spaces around it are
 * ignored
 *
 * "a/b" is "a(b)". "*" stands for every member. A selection goes through arrays as if each item
 * stood alone. What is named without going further is selected whole; an object on the way to
 * something selected keeps nothing else, and stays, empty, when it lacks what is selected; a
 * string, a number or null on the way is left out. Selections of the same name add up. (Google's
 * guide "performance", partial responses; what it leaves open is decided here.) */
#ifndef CORE_SERVE_FIELDS_H
#define CORE_SERVE_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/span.h"

#define FIELDS_NODES_MAX 256
#define FIELDS_DEPTH_MAX 16
#define FIELDS_NAME_MAX  128

/* `= { 0 }` selects everything. */
struct fields {
    unsigned n;
    struct fields_node {
        struct span name;
        uint16_t child, next; /* indexes; 0: none */
        bool whole;
    } node[FIELDS_NODES_MAX]; /* the first is the document */
};

/* Borrows `text` for as long as *ret is used; empty: everything is selected. `known` is a checked
 * JSON object whose members are the names that may stand at the top, or empty: any may. RC_INVALID:
 * "Invalid field selection x", for the client. */
enum rc fields_compile(struct fields *ret, struct span text, struct span known, struct err *e);

/* Appends what is selected of checked JSON, on one line without spaces. */
void fields_apply(const struct fields *f, struct span json, struct buf *out);

/* Shows each selected value until `visit` returns true, which is returned then. */
bool fields_visit(const struct fields *f, struct span json,
                  bool (*visit)(void *arg, struct span value), void *arg);

#endif
