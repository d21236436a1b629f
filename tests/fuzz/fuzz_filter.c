/* fuzz_filter: the first line as search words, the second as an extended property, the rest as an
 * event: a word is found in an event that has it as its summary, cutting attendees leaves JSON. */
#include <string.h>

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/serve/events/filter.h"
#include "tests/fuzz/fuzz.h"

static struct span take_line(struct span *rest)
{
    const char *lf = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;
    struct span line = {rest->p, lf ? (size_t)(lf - rest->p) : rest->n};
    size_t skip = line.n + (lf != NULL);
    *rest = (struct span){rest->p + skip, rest->n - skip};
    return line;
}

/* The very words must be found in an event whose summary they are. Quotes mean more than
 * themselves. */
static void check_found(struct filter *f, struct span words)
{
    struct buf event = {0};
    buf_add_text(&event, "{\"summary\":");
    buf_add_json(&event, words);
    buf_add_char(&event, '}');
    if (!memchr(words.p, '"', words.n) && !filter_match(f, buf_span(&event)))
        abort();
    buf_release(&event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct filter f;
    struct span rest = {(const char *)data, size};
    struct span words = take_line(&rest), property = take_line(&rest);
    struct buf cut = {0};
    if (words.n > 0 && text_is_utf8(words) && filter_add_words(&f, words, NULL) == RC_OK)
        check_found(&f, words);
    if (json_check(rest, NULL) == RC_OK && json_type_of(rest) == JSON_OBJECT) {
        (void)filter_match(&f, rest);
        if (filter_add_property(&f, FILTER_SHARED, property, NULL) == RC_OK)
            (void)filter_match(&f, rest);
        if (filter_attendees(rest, 1, &cut) && json_check(buf_span(&cut), NULL) != RC_OK)
            abort();
    }
    filter_release(&f);
    buf_release(&cut);
    return 0;
}
