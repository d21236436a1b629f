/* storage: measures storage/ alone: full listings of a calendar, window scans hot and random, the
 * memory and disk that they take.
 *
 *   build/bench/storage [events [directory]]
 *
 * Times are of this machine and this moment; compare ratios. */
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/rand.h"
#include "storage/accounts.h"
#include "storage/events.h"
#include "storage/listing.h"
#include "storage/pack.h"

#define PAGE        2500 /* events in one answer of Google */
#define RAW_BYTES   1134 /* of an event, on average */
#define HOUR        INT64_C(3600000)
#define SPAN_HOURS  (10 * 366 * 24)
#define SCAN_EVENTS 14
#define SCANS       20000
#define ROUNDS      7
#define PUTS        100

struct bench {
    struct store *store;
    struct collection c;
    uint64_t events;
    int64_t step_ms; /* between two starts */
    uint64_t *order; /* Google lists in no order of time */
    char raw[RAW_BYTES];
};

static uint64_t cpu_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static double rss_anon_mib(void)
{
    char line[128];
    uint64_t kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof(line), f)) {
        if (sscanf(line, "RssAnon: %" SCNu64, &kib) == 1)
            break;
    }
    if (f)
        fclose(f);
    return (double)kib / 1024;
}

static void check(enum rc rc, const struct err *e)
{
    if (rc == RC_OK)
        return;
    fprintf(stderr, "storage: %s: %s\n", rc_name(rc), e->text);
    exit(1);
}

/* The nth event of the calendar; starts are spread evenly. */
static struct event nth(const struct bench *b, uint64_t n, char id[32], char uid[48])
{
    int64_t start = (int64_t)n * b->step_ms;
    int64_t length = n % 100 == 0 ? 30 * HOUR : n % 4 == 0 ? 2 * HOUR : HOUR / 2;
    uint64_t hash = n * 0x9e3779b97f4a7c15u;
    return (struct event){
        .id = {id, (size_t)snprintf(id, 32, "%013" PRIx64 "%012" PRIx64, hash >> 12, n)},
        .ical_uid = {uid, (size_t)snprintf(uid, 48, "%016" PRIx64 "@google.com", hash)},
        .raw = {b->raw, sizeof(b->raw)},
        .flags = n % 20 == 1 ? EVENT_ALL_DAY : 0,
        .updated_ms = (int64_t)(hash >> 24),
        .start_ms = start,
        .end_ms = start + (n % 20 == 1 ? 24 * HOUR : length),
    };
}

/* A whole listing, `batch` events to a transaction. */
static void list_all(struct bench *b, const char *what, enum listing_reason reason, uint64_t batch)
{
    struct err e = {0};
    struct txn *t;
    struct listing_result r = {0};
    char id[32], uid[48];
    double peak = 0;
    int64_t wall = clock_mono_us();
    uint64_t cpu = cpu_ns();
    for (uint64_t n = 0; n < b->events; n += batch) {
        check(txn_write(b->store, &t, &e), &e);
        if (n == 0)
            listing_begin(t, &b->c, reason, 1);
        for (uint64_t i = n; i < n + batch && i < b->events; i++) {
            struct event ev = nth(b, b->order[i], id, uid);
            listing_put(t, &b->c, &ev);
        }
        if (n + batch >= b->events)
            listing_finish(t, &b->c, &r);
        coll_put(t, &b->c);
        double rss = rss_anon_mib();
        peak = rss > peak ? rss : peak;
        check(txn_commit(t, &e), &e);
    }
    cpu = cpu_ns() - cpu;
    wall = clock_mono_us() - wall;
    printf("%-32s %7.0f events/s  %5.2f us CPU/event  RssAnon %5.1f MiB  +%" PRIu64 " ~%" PRIu64
           "\n",
           what, (double)b->events * 1e6 / (double)wall, (double)cpu / 1000 / (double)b->events,
           peak, r.added, r.changed);
}

static uint64_t scan_one(struct bench *b, int64_t n)
{
    static char out[4 * SCAN_EVENTS * RAW_BYTES];
    struct event_window w = {n * b->step_ms, (n + SCAN_EVENTS - 1) * b->step_ms, 0, 0};
    w.floating_min_ms = w.min_ms;
    w.floating_max_ms = w.max_ms;
    struct err e = {0};
    struct event ev;
    struct txn *t;
    size_t at = 0;
    uint64_t found = 0;
    check(txn_read(b->store, &t, &e), &e);
    struct event_scan *s = events_by_time(t, &b->c, &w, (struct event_place){INT64_MIN, 0});
    for (; event_scan_next(s, &ev); found++) {
        if (at + ev.raw.n > sizeof(out))
            at = 0;
        memcpy(out + at, ev.raw.p, ev.raw.n);
        at += ev.raw.n;
    }
    event_scan_close(s);
    txn_abort(t);
    return found;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Windows of SCAN_EVENTS starts, events copied out; median of the rounds. */
static void scan(struct bench *b, const char *what, bool random)
{
    uint64_t ns[ROUNDS], found = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        uint64_t cpu = cpu_ns();
        for (size_t i = 0; i < SCANS; i++) {
            int64_t last = (int64_t)b->events - SCAN_EVENTS;
            found += scan_one(b, random ? rand_between(0, last) : last / 2);
        }
        ns[round] = (cpu_ns() - cpu) / SCANS;
    }
    qsort(ns, ROUNDS, sizeof(ns[0]), by_size);
    printf("%-32s %7" PRIu64 " ns  (%" PRIu64 " events)\n", what, ns[ROUNDS / 2],
           found / ROUNDS / SCANS);
}

static void report_usage(struct bench *b)
{
    struct store_usage usage;
    store_usage(b->store, &usage);
    double each = (double)usage.used_bytes / (double)b->events;
    printf("%-32s %7.0f bytes/event, %.2f of the JSON\n", "disk", each, each / RAW_BYTES);
}

static void pack(struct bench *b)
{
    struct err e = {0};
    struct txn *t;
    double peak = 0;
    int64_t wall = clock_mono_us();
    uint64_t cpu = cpu_ns();
    for (bool more = true, first = true; more; first = false) {
        check(txn_write(b->store, &t, &e), &e);
        if (first)
            pack_owe(t, b->c.no);
        more = events_pack(t, b->c.no);
        double rss = rss_anon_mib();
        peak = rss > peak ? rss : peak;
        check(txn_commit(t, &e), &e);
    }
    cpu = cpu_ns() - cpu;
    wall = clock_mono_us() - wall;
    printf("%-32s %7.0f events/s  %5.2f us CPU/event  RssAnon %5.1f MiB\n", "packed",
           (double)b->events * 1e6 / (double)wall, (double)cpu / 1000 / (double)b->events, peak);
}

static void scrub(struct bench *b)
{
    int64_t wall = clock_mono_us();
    uint64_t damaged = store_scrub(b->store, NULL, NULL);
    printf("%-32s %7.0f ms  (%" PRIu64 " damaged)\n", "scrub",
           (double)(clock_mono_us() - wall) / 1000, damaged);
}

static void put_some(struct bench *b)
{
    struct err e = {0};
    struct txn *t;
    char id[32], uid[48];
    int64_t wall = clock_mono_us();
    for (uint64_t i = 0; i < PUTS; i++) {
        struct event ev = nth(b, i * 977 % b->events, id, uid);
        ev.updated_ms += (int64_t)i + 1;
        check(txn_write(b->store, &t, &e), &e);
        event_put(t, &b->c, &ev);
        coll_put(t, &b->c);
        check(txn_commit(t, &e), &e);
    }
    printf("%-32s %7.0f us\n", "one event changed, a commit",
           (double)(clock_mono_us() - wall) / PUTS);
}

static void delete_all(struct bench *b)
{
    struct err e = {0};
    struct txn *t;
    int64_t wall = clock_mono_us();
    check(txn_write(b->store, &t, &e), &e);
    coll_delete(t, b->c.no);
    double rss = rss_anon_mib();
    check(txn_commit(t, &e), &e);
    printf("%-32s %7.0f ms  RssAnon %5.1f MiB\n", "calendar deleted",
           (double)(clock_mono_us() - wall) / 1000, rss);
}

static void shuffle(struct bench *b)
{
    rand_seed(1);
    for (uint64_t i = 0; i < b->events; i++)
        b->order[i] = i;
    for (uint64_t i = b->events - 1; i > 0; i--) {
        uint64_t j = (uint64_t)rand_between(0, (int64_t)i), swap = b->order[i];
        b->order[i] = b->order[j];
        b->order[j] = swap;
    }
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

int main(int argc, char **argv)
{
    static struct bench b;
    static const struct store_options options = {.map_bytes = UINT64_C(16) << 30};
    struct err e = {0};
    struct txn *t;
    char dir[256];
    b.events = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    snprintf(dir, sizeof(dir), "%s/bench-storage.XXXXXX", argc > 2 ? argv[2] : "/var/tmp");
    if (b.events < PAGE || !(b.order = calloc(b.events, sizeof(*b.order))) || !mkdtemp(dir)) {
        fprintf(stderr, "usage: storage [events (%d or more) [directory]]\n", PAGE);
        return 64;
    }
    b.step_ms = SPAN_HOURS * HOUR / (int64_t)b.events;
    memset(b.raw, 'x', sizeof(b.raw));
    shuffle(&b);
    check(store_open(&b.store, dir, &options, &e), &e);
    b.c = (struct collection){.account = 1, .kind = COLL_EVENTS, .state = COLL_NEW};
    check(txn_write(b.store, &t, &e), &e);
    coll_put(t, &b.c);
    check(txn_commit(t, &e), &e);

    printf("%" PRIu64 " events of %d bytes; RssAnon at start %.1f MiB\n", b.events, RAW_BYTES,
           rss_anon_mib());
    list_all(&b, "first listing", LISTING_FIRST, PAGE);
    report_usage(&b);
    scan(&b, "window, random", true);
    pack(&b);
    report_usage(&b);
    scan(&b, "window, always the same", false);
    scan(&b, "window, random", true);
    scrub(&b);
    put_some(&b);
    list_all(&b, "listing, nearly nothing changed", LISTING_VERIFY, PAGE);
    memset(b.raw, 'y', sizeof(b.raw));
    list_all(&b, "listing, everything changed", LISTING_STALE, PAGE);
    delete_all(&b);
    store_close(b.store);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(b.order);
    return 0;
}
