/* storage_fixture: a store in a directory of its own, and short ways to fill it. */
#ifndef TESTS_UNIT_STORAGE_FIXTURE_H
#define TESTS_UNIT_STORAGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/accounts.h"
#include "storage/changes.h"
#include "storage/channels.h"
#include "storage/events.h"
#include "storage/items.h"
#include "storage/jobs.h"
#include "storage/listing.h"
#include "storage/table.h"

#define S(text) ((struct span){(text), sizeof(text) - 1})
#define HOUR    INT64_C(3600000)
#define DAY     (24 * HOUR)

struct fixture {
    char dir[64];
    struct store *store;
    struct store_options options;
};

[[maybe_unused]] static int fixture_remove(const char *path, const struct stat *st, int type,
                                           struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

[[maybe_unused]] static void fixture_open(struct fixture *f)
{
    struct err e = {0};
    if (store_open(&f->store, f->dir, &f->options, &e) != RC_OK)
        fail_msg("store_open: %s", e.text);
}

[[maybe_unused]] static int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "/tmp/test_storage.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->options = (struct store_options){.map_bytes = UINT64_C(1) << 30, .no_fsync = true};
    fixture_open(f);
    *state = f;
    return 0;
}

[[maybe_unused]] static int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    nftw(f->dir, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

[[maybe_unused]] static struct txn *begin_write(struct store *s)
{
    struct txn *t = NULL;
    struct err e = {0};
    if (txn_write(s, &t, &e) != RC_OK)
        fail_msg("txn_write: %s", e.text);
    return t;
}

[[maybe_unused]] static struct txn *begin_read(struct store *s)
{
    struct txn *t = NULL;
    struct err e = {0};
    if (txn_read(s, &t, &e) != RC_OK)
        fail_msg("txn_read: %s", e.text);
    return t;
}

[[maybe_unused]] static void commit(struct txn *t)
{
    struct err e = {0};
    if (txn_commit(t, &e) != RC_OK)
        fail_msg("txn_commit: %s", e.text);
}

/* A calendar of account 1 that is put, with the state given. */
[[maybe_unused]] static struct collection make_calendar(struct store *s, const char *id,
                                                        enum coll_state state)
{
    struct collection c = {.account = 1, .kind = COLL_EVENTS, .state = state};
    snprintf(c.calendar, sizeof(c.calendar), "%s", id);
    struct txn *t = begin_write(s);
    coll_put(t, &c);
    commit(t);
    return c;
}

/* A timed event; raw is the id, so that content differs. */
[[maybe_unused]] static struct event make_event(const char *id, int64_t start, int64_t end)
{
    return (struct event){
        .id = {id, strlen(id)}, .raw = {id, strlen(id)}, .start_ms = start, .end_ms = end};
}

/* Writes one event in a transaction of its own. */
[[maybe_unused]] static bool put_one(struct store *s, struct collection *c, const struct event *ev)
{
    struct txn *t = begin_write(s);
    bool changed = event_put(t, c, ev);
    coll_put(t, c);
    commit(t);
    return changed;
}

/* Changes one byte of the nth stored value of a space (from its end: SIZE_MAX / 2). */
[[maybe_unused]] static void damage_value(struct store *s, enum space space, size_t nth, size_t at)
{
    struct txn *t = begin_write(s);
    MDB_cursor *cursor;
    MDB_val key, value;
    assert_int_equal(mdb_cursor_open(t->mdb, s->dbi[space], &cursor), 0);
    for (size_t i = 0; i <= nth; i++)
        assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_NEXT), 0);
    uint8_t *copy = malloc(value.mv_size);
    assert_non_null(copy);
    memcpy(copy, value.mv_data, value.mv_size);
    copy[at % value.mv_size] ^= 0x40;
    MDB_val changed = {.mv_size = value.mv_size, .mv_data = copy};
    assert_int_equal(mdb_cursor_put(cursor, &key, &changed, MDB_CURRENT), 0);
    mdb_cursor_close(cursor);
    free(copy);
    commit(t);
}

[[maybe_unused]] static size_t count_space(struct store *s, enum space space)
{
    struct txn *t = begin_read(s);
    MDB_stat st;
    assert_int_equal(mdb_stat(t->mdb, s->dbi[space], &st), 0);
    txn_abort(t);
    return st.ms_entries;
}

/* The ids of a scan, joined by spaces; closes it. */
[[maybe_unused]] static const char *scan_ids(struct event_scan *scan)
{
    static char ids[4096];
    struct event ev;
    size_t n = 0;
    ids[0] = '\0';
    while (event_scan_next(scan, &ev))
        n += (size_t)snprintf(ids + n, sizeof(ids) - n, "%s%.*s", n ? " " : "", (int)ev.id.n,
                              ev.id.p);
    event_scan_close(scan);
    return ids;
}

/* Opening must give `rc` and a sentence that has `word` in it. */
[[maybe_unused]] static void expect_open(struct fixture *f, enum rc rc, const char *word)
{
    struct err e = {0};
    struct store *s = NULL;
    enum rc got = store_open(&s, f->dir, &f->options, &e);
    if (got != rc || !strstr(e.text, word))
        fail_msg("wanted %s ... %s, got %s: %s", rc_name(rc), word, rc_name(got), e.text);
    assert_null(s);
}

[[maybe_unused]] static void close_store(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
}

#endif
