/* filter: which events a list keeps by what their JSON says, and what it leaves out of them.
 *
 * What Google leaves open is decided so:
 * - `q`: its words, split at spaces, must all be found, each anywhere in any of the fields that
 * Google searches, also inside a word; "two words" in double quotes are one. Case is ignored in all
 * scripts. Titles that Google only displays (out of office, ...) are known in English and in the
 * other language that its reference names.
 * - Extended properties: Google's reference says that all constraints must match, its guide that
 * one suffices. Constraints on different names must all match; of several on one name, which can
 * have but one value, one suffices. Private and shared ones must both match. Case matters. */
#ifndef CORE_SERVE_EVENTS_FILTER_H
#define CORE_SERVE_EVENTS_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/span.h"
#include "core/serve/events/fold.h"

#define FILTER_WORDS_MAX      32
#define FILTER_WORD_CHARS     512 /* of all words together */
#define FILTER_PROPERTIES_MAX 32

enum filter_side { FILTER_PRIVATE, FILTER_SHARED };

/* `= { 0 }` keeps everything. Holds pointers into itself once there are words: not to be copied. */
struct filter {
    const char *const *types; /* NULL-terminated; bit i of type_bits: the i-th is kept */
    uint64_t type_bits;       /* 0: all */
    unsigned n_properties;
    struct filter_property {
        enum filter_side side;
        struct span name, value;
    } properties[FILTER_PROPERTIES_MAX];
    unsigned n_words;
    size_t n_chars;
    struct fold_needle words[FILTER_WORDS_MAX];
    uint32_t chars[FILTER_WORD_CHARS];
    uint16_t back[FILTER_WORD_CHARS];
    struct buf scratch;
};

void filter_release(struct filter *f); /* also empties it; keeps no memory */

/* Free text (valid UTF-8). RC_INVALID: too long, or too many words. */
enum rc filter_add_words(struct filter *f, struct span q, struct err *e);
/* A constraint "name=value", borrowed. RC_INVALID: it is none, or there are too many. */
enum rc filter_add_property(struct filter *f, enum filter_side side, struct span constraint,
                            struct err *e);

/* Does it keep this event? `raw`: checked JSON. */
bool filter_match(struct filter *f, struct span raw);

/* maxAttendees: when the event has more, appends it on one line with the caller's own attendee
 * alone (none: without attendees) and attendeesOmitted, and returns true. Else appends nothing. */
bool filter_attendees(struct span raw, int64_t most, struct buf *out);

#endif
