/* fuzz_google_answer: any bytes as an error of the API or an answer of the token endpoint: refusals
 * come with a reason that a log may show, and tokens are fit for a header. */
#include <string.h>

#include "core/google/answer.h"
#include "core/google/token.h"
#include "tests/fuzz/fuzz.h"

static void check_words(const char *text)
{
    for (; *text; text++)
        require(*text >= ' ' && *text <= '~' && *text != '@');
}

static void check_answer(long status, struct span body)
{
    static const enum answer_call calls[] = {ANSWER_LIST, ANSWER_GET, ANSWER_WATCH, ANSWER_STOP};

    for (size_t i = 0; i < 8; i++) {
        struct answer_to to = {calls[i % 4], i == 0 ? COLL_ACL : COLL_EVENTS, i >= 4};
        char reason[ANSWER_REASON_MAX];
        struct err e = {0};

        require(answer_read(status, body, &to, reason, &e) != RC_OK);
        check_words(reason);
        check_words(e.text);
    }
}

static void check_token(long status, enum token_grant grant, struct span body)
{
    struct http_response rs = {.status = status, .date_ms = 1};
    struct token token = {0};
    struct err e = {0};

    buf_add_span(&rs.body, body);
    if (token_read_answer(&rs, grant, 1, &token, &e) == RC_OK) {
        require(token.lifetime_ms > 0 && token.word.n > 0);
        for (size_t i = 0; i < token.word.n; i++)
            require(token.word.p[i] > ' ' && token.word.p[i] <= '~');
    } else {
        require(token.word.p == NULL && e.text[0] != '\0');
        check_words(e.text);
    }
    token_release(&token);
    buf_release(&rs.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const long statuses[] = {400, 401, 403, 404, 410, 429, 500};
    struct span body = {(const char *)data, size};

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        check_answer(statuses[i], body);
        check_token(statuses[i], GRANT_ASSERTION, body);
        check_token(statuses[i], GRANT_REFRESH, body);
    }
    check_token(200, GRANT_CODE, body);
    return 0;
}
