/* fuzz_seal: any bytes as a sealed record and as a key: nothing opens that was not sealed with that
 * key for that place; what was sealed opens to the same bytes. */
#include "core/vault/seal.h"
#include "tests/fuzz/fuzz.h"

static void check_round_trip(const struct seal_key *k, struct span plain)
{
    struct seal_place here = {"account", "login"}, there = {"accoun", "tlogin"};
    struct secret back = {0};
    struct buf record = {0};
    if (seal_write(k, &here, plain, &record, NULL) != RC_OK)
        return;
    require(seal_open(k, &here, buf_span(&record), &back, NULL) == RC_OK);
    require(span_eq(secret_span(&back), plain));
    secret_release(&back);
    require(seal_open(k, &there, buf_span(&record), &back, NULL) == RC_BADDATA && !back.p);
    buf_release(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char bytes[SEAL_KEY_BYTES] = "the same key for all of the runs";
    struct span input = {(const char *)data, size};
    struct seal_place place = {"account", "login"};
    struct seal_key k = {0}, other = {0};
    struct secret plain = {0};
    struct err e = {0};

    require(seal_key_read((struct span){bytes, sizeof(bytes)}, &k, NULL) == RC_OK);
    require(seal_open(&k, &place, input, &plain, &e) != RC_OK && e.text[0]); /* it knows no key */
    check_round_trip(&k, input);
    if (seal_key_read(input, &other, &e) == RC_OK)
        require(other.bytes.n == SEAL_KEY_BYTES);
    seal_key_release(&other);
    seal_key_release(&k);
    return 0;
}
