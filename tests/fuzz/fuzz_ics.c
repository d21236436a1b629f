/* fuzz_ics: any bytes as an array of events in JSON, the first of them perhaps a series and the
 * others its exceptions: what is taken comes out as content lines that are short enough, whole
 * characters, and as many components as events. */
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/google/decode.h"
#include "core/serve/events/series.h"
#include "core/serve/ics/line.h"
#include "core/serve/ics/vevent.h"
#include "core/serve/ics/zones.h"
#include "tests/fuzz/fuzz.h"

/* Returns how many lines say that an event begins. */
static unsigned check_lines(struct span text)
{
    unsigned begun = 0, depth = 0;
    while (text.n) {
        const char *end = memmem(text.p, text.n, "\r\n", 2);
        require(end && end > text.p && end - text.p <= 75);
        struct span line = {text.p, (size_t)(end - text.p)};
        require(text_is_utf8(line));
        require(!memchr(line.p, '\r', line.n) && !memchr(line.p, '\n', line.n));
        begun += span_is(line, "BEGIN:VEVENT");
        depth += line.n > 6 && memcmp(line.p, "BEGIN:", 6) == 0;
        if (line.n > 4 && memcmp(line.p, "END:", 4) == 0)
            require(depth-- > 0);
        text.n -= line.n + 2;
        text.p += line.n + 2;
    }
    require(depth == 0);
    return begun;
}

/* The events but the first are taken to be its exceptions; *ret_n: how many VEVENTs there must be
 * at least. */
static void put_series(struct ics_feed *f, const struct event *master, const struct event *others,
                       size_t n)
{
    struct ics_series s = {.master = master};
    struct ics_zones zones = {0};
    struct recur_set *set = series_open(master, zone_utc());
    if (!set || !series_start(master, zone_utc(), &s.start)) {
        recur_free(set);
        return;
    }
    s.set = set;
    s.clock = (struct ics_clock){s.start.all_day, s.start.all_day ? NULL : s.start.zone};
    for (size_t i = 0; i < n; i++)
        require(ics_slots_add(i % 2 ? &s.kept : &s.gone, others[i].original_ms / 1000));
    ics_put_series(f, &s);
    for (size_t i = 0; i < n; i++)
        ics_put_exception(f, &s, &others[i]);
    if (s.clock.zone)
        require(
            ics_zones_use(&zones, s.clock.zone, master->start_ms / 1000, master->end_ms / 1000));
    ics_zones_write(&zones, f->out);
    ics_zones_release(&zones);
    ics_series_release(&s);
    recur_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size}, item;
    struct event ev[16];
    struct event_text kept[16] = {0};
    struct buf out = {0};
    struct ics_feed feed = {.out = &out, .salt = span_of("salt"), .busy_only = size % 5 == 0};
    size_t n = 0;
    if (json_check(text, NULL) != RC_OK)
        return 0;
    ics_line_init();
    struct json_iter it = json_iter(text);
    while (n < 16 && json_next(&it, NULL, &item))
        if (google_decode_event(item, span_of("UTC"), &kept[n], &ev[n], NULL) == RC_OK)
            n++;
    for (size_t i = 0; i < n; i++)
        ics_put_single(&feed, &ev[i]);
    require(out.failed || check_lines(buf_span(&out)) == n);
    buf_reset(&out);
    if (n && (ev[0].flags & EVENT_SERIES))
        put_series(&feed, &ev[0], ev + 1, n - 1);
    if (!out.failed)
        (void)check_lines(buf_span(&out));
    for (size_t i = 0; i < 16; i++)
        buf_release(&kept[i].text);
    buf_release(&feed.text);
    buf_release(&out);
    return 0;
}
