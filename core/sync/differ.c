/* differ: walks two JSON objects side by side. */
#include "core/sync/differ.h"

#include "core/base/json.h"
#include "core/base/must.h"

#define VALUE_MOST 160 /* bytes of a value that is shown */
#define DEPTH_MOST 4   /* below, values are compared as a whole */

struct differ {
    struct buf *out;
    const char *const *ignored;
    size_t n;
};

static bool is_ignored(const struct differ *d, struct span name)
{
    for (size_t i = 0; d->ignored && d->ignored[i]; i++) {
        if (span_is(name, d->ignored[i]))
            return true;
    }
    return false;
}

/* The last of that name, as it stands: both sides are Google's, who writes names in one way. */
static struct span member(struct span object, struct span name)
{
    struct json_iter it = json_iter(object);
    struct span key, value, found = {0};
    while (json_next(&it, &key, &value)) {
        if (span_eq(key, name))
            found = value;
    }
    return found;
}

static bool same_value(struct span a, struct span b)
{
    struct buf left = {0}, right = {0};
    if (span_eq(a, b))
        return true;
    json_reformat(&left, a, 0, 0);
    json_reformat(&right, b, 0, 0);
    must_hold(&left);
    must_hold(&right);
    bool same = span_eq(buf_span(&left), buf_span(&right));
    buf_release(&left);
    buf_release(&right);
    return same;
}

static void write_value(struct buf *out, const char *name, struct span value)
{
    struct buf text = {0};
    json_reformat(&text, value, 0, 0);
    if (!text.failed && text.n > 0 && text.n <= VALUE_MOST) {
        buf_printf(out, ",\"%s\":", name);
        buf_add_span(out, buf_span(&text));
    }
    buf_release(&text);
}

static void compare(struct differ *d, struct span path, struct span ours, struct span theirs,
                    int depth);

static void compare_member(struct differ *d, struct span path, struct span name, struct span ours,
                           struct span theirs, int depth)
{
    struct buf full = {0};
    buf_add_span(&full, path);
    if (path.n > 0)
        buf_add_char(&full, '.');
    buf_add_span(&full, name);
    if (depth < DEPTH_MOST && json_type_of(ours) == JSON_OBJECT &&
        json_type_of(theirs) == JSON_OBJECT) {
        compare(d, buf_span(&full), ours, theirs, depth);
    } else if (!same_value(ours, theirs)) {
        buf_add_text(d->out, d->n++ ? ",{\"field\":" : "{\"field\":");
        buf_add_json(d->out, buf_span(&full));
        write_value(d->out, "here", ours);
        write_value(d->out, "google", theirs);
        buf_add_char(d->out, '}');
    }
    buf_release(&full);
}

/* Members of ours in their order, then those that only theirs has. */
static void compare(struct differ *d, struct span path, struct span ours, struct span theirs,
                    int depth)
{
    struct json_iter it = json_iter(ours);
    struct span key, value;
    while (json_next(&it, &key, &value)) {
        if (depth > 0 || !is_ignored(d, key))
            compare_member(d, path, key, value, member(theirs, key), depth + 1);
    }
    it = json_iter(theirs);
    while (json_next(&it, &key, &value)) {
        if (member(ours, key).n == 0 && (depth > 0 || !is_ignored(d, key)))
            compare_member(d, path, key, (struct span){0}, value, depth + 1);
    }
}

size_t differ_write(struct buf *out, struct span ours, struct span theirs,
                    const char *const *ignored)
{
    struct differ d = {.out = out, .ignored = ignored};
    compare(&d, (struct span){0}, ours, theirs, 0);
    return d.n;
}
