/* Tests of token: what comes back is what was given, and nothing else is taken for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/text.h"
#include "core/serve/token.h"

static const uint8_t secret[32] = {1, 2, 3};
static const uint8_t other_secret[32] = {1, 2, 4};
#define STORE       "00112233445566778899aabbccddeeff"
#define OTHER_STORE "ffeeddccbbaa99887766554433221100"

static struct token_key key_of(const char *store, const uint8_t *with)
{
    static struct lineage lineages[2];
    struct lineage *l = &lineages[store[0] == OTHER_STORE[0]];
    struct token_key k;
    lineage_begin(l, store);
    token_key_init(&k, l, with);
    return k;
}

static void sync_token_round_trip(void **state)
{
    (void)state;
    static const struct sync_token tokens[] = {
        {0}, {1, 2, 3}, {UINT32_MAX, UINT64_MAX, UINT64_MAX}, {7, 1u << 31, 0x8000000000000000}};
    struct token_key k = key_of(STORE, secret);
    for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
        struct buf text = {0};
        struct sync_token back = {0};
        sync_token_write(&text, &k, &tokens[i]);
        assert_int_equal(sync_token_read(&k, buf_span(&text), &back, NULL), RC_OK);
        assert_int_equal(back.coll, tokens[i].coll);
        assert_true(back.seq == tokens[i].seq && back.query == tokens[i].query);
        /* It must travel in a query as it is. */
        assert_int_equal(strspn(buf_text(&text), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw"
                                                 "xyz0123456789-_"),
                         text.n);
        buf_release(&text);
    }
}

static void page_token_round_trip(void **state)
{
    (void)state;
    static char longest[TOKEN_QUERY_MAX];
    memset(longest, 'q', sizeof(longest));
    const struct page_token tokens[] = {
        {0},
        {3, 9, {INT64_MIN, INT64_MAX, -1, 1}, span_of("id"), span_of("q=a%20b&maxResults=5"), 7},
        {1, 1, {0}, {longest, TOKEN_AFTER_MAX}, {longest, TOKEN_QUERY_MAX}, UINT64_MAX},
    };
    struct token_key k = key_of(STORE, secret);
    for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
        struct buf text = {0}, hold = {0};
        struct page_token back = {0};
        page_token_write(&text, &k, &tokens[i]);
        assert_int_equal(page_token_read(&k, buf_span(&text), &hold, &back, NULL), RC_OK);
        assert_true(back.coll == tokens[i].coll && back.seq == tokens[i].seq);
        assert_memory_equal(back.place, tokens[i].place, sizeof(back.place));
        assert_true(span_eq(back.after, tokens[i].after));
        assert_true(span_eq(back.query, tokens[i].query));
        assert_true(back.fingerprint == tokens[i].fingerprint);
        buf_release(&text);
        buf_release(&hold);
    }
}

static void nothing_else_is_a_token(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "=", "a", "CPDAlvWDx70CEPDAlvWDx70CGAU=", "AVM", "not base64!", "AVMAAAAAAAAAAAAAAAAA",
    };
    struct token_key k = key_of(STORE, secret);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct sync_token sync = {.coll = 99};
        struct page_token page = {.coll = 99};
        struct buf hold = {0};
        struct err e = {0};
        assert_int_equal(sync_token_read(&k, span_of(texts[i]), &sync, &e), RC_INVALID);
        assert_string_equal(e.text, "Invalid sync token value.");
        assert_int_equal(page_token_read(&k, span_of(texts[i]), &hold, &page, &e), RC_INVALID);
        assert_string_equal(e.text, "Invalid page token value.");
        assert_true(sync.coll == 99 && page.coll == 99);
        buf_release(&hold);
    }
    static char huge[1 << 20];
    memset(huge, 'A', sizeof(huge));
    struct sync_token sync;
    assert_int_equal(sync_token_read(&k, (struct span){huge, sizeof(huge)}, &sync, NULL),
                     RC_INVALID);
}

/* Any one character changed makes it invalid; in the store's id, which comes first, it makes it a
 * token of another store. */
static void altered_tokens_are_refused(void **state)
{
    (void)state;
    struct token_key k = key_of(STORE, secret);
    struct buf text = {0}, hold = {0};
    page_token_write(&text, &k, &(struct page_token){.coll = 5, .query = span_of("q=x")});
    for (size_t i = 0; i < text.n; i++) {
        struct page_token back = {0};
        char kept = text.p[i];
        text.p[i] = kept == 'A' ? 'B' : 'A';
        enum rc rc = page_token_read(&k, buf_span(&text), &hold, &back, NULL);
        assert_true(rc == RC_INVALID || (rc == RC_STALE && i < 24));
        text.p[i] = kept;
    }
    for (size_t n = 0; n < text.n; n++) {
        struct page_token back;
        assert_int_equal(page_token_read(&k, (struct span){text.p, n}, &hold, &back, NULL),
                         RC_INVALID);
    }
    buf_release(&text);
    buf_release(&hold);
}

static void kinds_are_told_apart(void **state)
{
    (void)state;
    struct token_key k = key_of(STORE, secret);
    struct buf sync_text = {0}, page_text = {0}, hold = {0};
    struct sync_token sync = {0};
    struct page_token page = {0};
    sync_token_write(&sync_text, &k, &sync);
    page_token_write(&page_text, &k, &page);
    assert_int_equal(sync_token_read(&k, buf_span(&page_text), &sync, NULL), RC_INVALID);
    assert_int_equal(page_token_read(&k, buf_span(&sync_text), &hold, &page, NULL), RC_INVALID);
    buf_release(&sync_text);
    buf_release(&page_text);
    buf_release(&hold);
}

static void another_store_asks_for_a_full_listing(void **state)
{
    (void)state;
    struct token_key k = key_of(STORE, secret), rebuilt = key_of(OTHER_STORE, other_secret),
                     forged = key_of(STORE, other_secret);
    struct buf text = {0};
    struct sync_token back;
    struct err e = {0};
    sync_token_write(&text, &k, &(struct sync_token){1, 2, 3});
    assert_int_equal(sync_token_read(&rebuilt, buf_span(&text), &back, &e), RC_STALE);
    assert_string_equal(e.text, "Sync token is no longer valid, a full sync is required.");
    assert_int_equal(sync_token_read(&forged, buf_span(&text), &back, &e), RC_INVALID);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sync_token_round_trip),
        cmocka_unit_test(page_token_round_trip),
        cmocka_unit_test(nothing_else_is_a_token),
        cmocka_unit_test(altered_tokens_are_refused),
        cmocka_unit_test(kinds_are_told_apart),
        cmocka_unit_test(another_store_asks_for_a_full_listing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
