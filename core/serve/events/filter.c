/* filter: which events a list keeps by what their JSON says, and what it leaves out of them. */
#include "core/serve/events/filter.h"

#include <assert.h>
#include <pthread.h>

#include "core/base/json.h"
#include "core/base/must.h"
#include "core/serve/fields.h"

/* Google's reference, events.list, parameter q. */
static const char searched_fields[] =
    "summary,description,location,attendees(displayName,email),organizer(displayName,email),"
    "workingLocationProperties(officeLocation(buildingId,deskId,label),customLocation/label)";
static struct fields searched;
static pthread_once_t searched_once = PTHREAD_ONCE_INIT;

static void compile_searched(void)
{
    struct err e = {0};
    if (fields_compile(&searched, span_of(searched_fields), (struct span){0}, &e) != RC_OK)
        must_end("the fields that q searches: %s", e.text);
}

/* What Google shows as title of events without one of their own, as JSON strings. */
static const struct {
    const char *event_type;
    const char *location_type; /* of workingLocationProperties; NULL: not asked */
    const char *titles[2];
} shown_titles[] = {
    {"outOfOffice", NULL, {"\"Out of office\"", "\"Abwesend\""}},
    {"focusTime", NULL, {"\"Focus time\""}},
    {"workingLocation", "homeOffice", {"\"Home\""}},
    {"workingLocation", "officeLocation", {"\"Office\"", "\"Bureau\""}},
};

void filter_release(struct filter *f)
{
    buf_release(&f->scratch);
    f->types = NULL;
    f->type_bits = 0;
    f->n_properties = f->n_words = 0;
    f->n_chars = 0;
}

static bool is_blank(const char *p, const char *end, size_t *ret_n)
{
    static const char wide[] = "\xE3\x80\x80", no_break[] = "\xC2\xA0"; /* U+3000, U+00A0 */
    size_t left = (size_t)(end - p);
    *ret_n = 1;
    if (*p == ' ' || (*p >= '\t' && *p <= '\r'))
        return true;
    *ret_n = left >= 3 && memcmp(p, wide, 3) == 0       ? 3
             : left >= 2 && memcmp(p, no_break, 2) == 0 ? 2
                                                        : 0;
    return *ret_n > 0;
}

static bool add_word(struct filter *f, struct span word)
{
    size_t room = FILTER_WORD_CHARS - f->n_chars;
    if (f->n_words == FILTER_WORDS_MAX)
        return false;
    size_t n = fold_text(word, f->chars + f->n_chars, room);
    if (n > room)
        return false;
    f->words[f->n_words++] = fold_needle(f->chars + f->n_chars, f->back + f->n_chars, n);
    f->n_chars += n;
    return true;
}

enum rc filter_add_words(struct filter *f, struct span q, struct err *e)
{
    pthread_once(&searched_once, compile_searched);
    const char *p = q.p, *end = q.p + q.n;
    size_t blank;
    while (p < end) {
        if (is_blank(p, end, &blank)) {
            p += blank;
            continue;
        }
        const char *from = p, *close = NULL;
        if (*p == '"')
            close = memchr(p + 1, '"', (size_t)(end - p) - 1);
        if (close) {
            from++;
            p = close;
        } else {
            while (p < end && !is_blank(p, end, &blank))
                p++;
        }
        struct span word = {from, (size_t)(p - from)};
        p += close != NULL;
        if (word.n > 0 && !add_word(f, word))
            return err_set(e, RC_INVALID, "Invalid value for: q (at most %d words, %d characters)",
                           FILTER_WORDS_MAX, FILTER_WORD_CHARS);
    }
    return RC_OK;
}

enum rc filter_add_property(struct filter *f, enum filter_side side, struct span constraint,
                            struct err *e)
{
    const char *is = constraint.n > 0 ? memchr(constraint.p, '=', constraint.n) : NULL;
    if (!is || is == constraint.p)
        return err_set(e, RC_INVALID, "Invalid value for: %s (expected name=value)",
                       side == FILTER_SHARED ? "sharedExtendedProperty"
                                             : "privateExtendedProperty");
    if (f->n_properties == FILTER_PROPERTIES_MAX)
        return err_set(e, RC_INVALID, "at most %d extended properties", FILTER_PROPERTIES_MAX);
    size_t n = (size_t)(is - constraint.p);
    f->properties[f->n_properties++] =
        (struct filter_property){side, {constraint.p, n}, {is + 1, constraint.n - n - 1}};
    return RC_OK;
}

static bool match_type(const struct filter *f, struct span raw)
{
    struct span type = json_string_plain(json_get(raw, "eventType"));
    /* Of a deleted event no more than its id need be told: who had it must hear of that. */
    if (type.n == 0 && span_is(json_string_plain(json_get(raw, "status")), "cancelled"))
        return true;
    if (type.n == 0)
        type = span_of("default"); /* events from before 2021 */
    for (size_t i = 0; f->types[i]; i++) {
        if (f->type_bits >> i & 1 && span_is(type, f->types[i]))
            return true;
    }
    return false;
}

/* The decoded text of a JSON string; empty, *ret false, when it is none. Valid until the next call.
 */
static struct span decode(struct filter *f, struct span value, bool *ret)
{
    struct span plain = json_string_plain(value);
    *ret = true;
    if (plain.n > 0)
        return plain;
    buf_reset(&f->scratch);
    *ret = json_string(value, &f->scratch);
    must_hold(&f->scratch);
    return buf_span(&f->scratch);
}

static bool match_property(struct filter *f, struct span raw, unsigned which)
{
    static const char *const sides[] = {[FILTER_PRIVATE] = "private", [FILTER_SHARED] = "shared"};
    const struct filter_property *p = &f->properties[which];
    struct span set = json_path(raw, "extendedProperties", sides[p->side], NULL);
    struct json_iter it = json_iter(set);
    struct span key, value;
    bool string, found = false;
    while (it.object && json_next(&it, &key, &value)) {
        struct span name = decode(f, (struct span){key.p - 1, key.n + 2}, &string);
        if (!string || !span_eq(name, p->name))
            continue;
        struct span text = decode(f, value, &string);
        for (unsigned i = 0; string && !found && i < f->n_properties; i++) {
            const struct filter_property *other = &f->properties[i];
            found = other->side == p->side && span_eq(other->name, p->name) &&
                    span_eq(other->value, text);
        }
    }
    return found;
}

/* A walk over the searched fields; done when no word is left. */
struct search {
    struct filter *f;
    uint32_t missing; /* bit i: words[i] is not found yet */
};
static_assert(FILTER_WORDS_MAX <= 32, "one bit for each word");

static bool search_value(void *arg, struct span value)
{
    struct search *s = arg;
    bool string;
    struct span text = decode(s->f, value, &string);
    for (unsigned i = 0; string && i < s->f->n_words; i++) {
        if (s->missing >> i & 1 && fold_contains(text, &s->f->words[i]))
            s->missing &= ~(UINT32_C(1) << i);
    }
    return s->missing == 0;
}

static bool search_titles(struct search *s, struct span raw)
{
    struct span type = json_string_plain(json_get(raw, "eventType"));
    for (size_t i = 0; type.n > 0 && i < sizeof(shown_titles) / sizeof(*shown_titles); i++) {
        const char *where = shown_titles[i].location_type;
        if (!span_is(type, shown_titles[i].event_type) ||
            (where &&
             !span_is(json_string_plain(json_path(raw, "workingLocationProperties", "type", NULL)),
                      where)))
            continue;
        for (size_t t = 0; t < 2 && shown_titles[i].titles[t]; t++) {
            if (search_value(s, span_of(shown_titles[i].titles[t])))
                return true;
        }
    }
    return false;
}

bool filter_match(struct filter *f, struct span raw)
{
    if (f->type_bits && !match_type(f, raw))
        return false;
    for (unsigned i = 0; i < f->n_properties; i++) {
        if (!match_property(f, raw, i))
            return false;
    }
    if (f->n_words == 0)
        return true;
    struct search s = {f, (uint32_t)((UINT64_C(1) << f->n_words) - 1)};
    return fields_visit(&searched, raw, search_value, &s) || search_titles(&s, raw);
}

/* Members that are left out or rewritten. */
enum part { PART_OTHER, PART_ATTENDEES, PART_OMITTED };

static enum part part_of(struct span key)
{
    return span_is(key, "attendees")          ? PART_ATTENDEES
           : span_is(key, "attendeesOmitted") ? PART_OMITTED
                                              : PART_OTHER;
}

/* The caller's own attendee, or an empty span; *ret_n: how many there are. */
static struct span own_attendee(struct span attendees, int64_t *ret_n)
{
    struct json_iter it = json_iter(attendees);
    struct span item, own = {0};
    int64_t n = 0;
    while (!it.object && json_next(&it, NULL, &item)) {
        n++;
        if (own.n == 0 && json_is_true(json_get(item, "self")))
            own = item;
    }
    *ret_n = n;
    return own;
}

bool filter_attendees(struct span raw, int64_t most, struct buf *out)
{
    int64_t n;
    struct span own = own_attendee(json_get(raw, "attendees"), &n), key, value;
    if (n <= most)
        return false;
    struct json_iter it = json_iter(raw);
    const char *separator = "{";
    while (json_next(&it, &key, &value)) {
        enum part part = part_of(key);
        if (part == PART_OMITTED)
            continue;
        buf_add_text(out, separator);
        separator = ",";
        if (part == PART_OTHER) {
            buf_add(out, key.p - 1, key.n + 2);
            buf_add_char(out, ':');
            json_reformat(out, value, 0, 0);
            continue;
        }
        if (own.n > 0) {
            buf_add_text(out, "\"attendees\":[");
            json_reformat(out, own, 0, 0);
            buf_add_text(out, "],");
        }
        buf_add_text(out, "\"attendeesOmitted\":true");
    }
    buf_add_char(out, '}');
    return true;
}
