/* fuzz_token: any bytes as a token: none that we did not make is taken for one of ours, and what is
 * refused says why. */
#include "core/serve/token.h"
#include "tests/fuzz/fuzz.h"

static void check(enum rc rc, const struct err *e)
{
    if ((rc != RC_INVALID && rc != RC_STALE) || e->text[0] == '\0')
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t secret[32] = {7, 7, 7};
    static struct lineage lineage;
    struct token_key key;
    struct span text = {(const char *)data, size};
    struct sync_token sync;
    struct page_token page;
    struct buf hold = {0};
    struct err e = {0};
    lineage_begin(&lineage, "00000000000000000000000000000000");
    token_key_init(&key, &lineage, secret);
    check(sync_token_read(&key, text, &sync, &e), &e);
    check(page_token_read(&key, text, &hold, &page, &e), &e);
    buf_release(&hold);
    return 0;
}
