/* fuzz_credential: any bytes as a credential file, an OAuth client, a stored login: what is taken
 * has all it needs and is fit for a request; refusals say why. */
#include "core/google/credential.h"
#include "core/google/login.h"
#include "tests/fuzz/fuzz.h"

static void check_word(struct span s)
{
    require(s.n > 0);
    for (size_t i = 0; i < s.n; i++)
        require(s.p[i] > ' ' && s.p[i] <= '~');
}

static void check_credential(struct span text)
{
    struct credential c = {0};
    struct err e = {0};
    if (credential_parse(text, &c, &e) != RC_OK) {
        require(e.text[0] && !c.kind && !c.service.key && !c.user.refresh_token.p);
        return;
    }
    if (c.kind == CREDENTIAL_USER) {
        check_word(span_of(c.user.client.id));
        check_word(secret_span(&c.user.refresh_token));
        if (c.user.quota_project[0])
            check_word(span_of(c.user.quota_project));
    } else {
        require(c.service.email[0] && c.service.key);
    }
    credential_release(&c);
}

static void check_client(struct span text)
{
    struct oauth_client c = {0};
    struct err e = {0};
    if (credential_parse_client(text, &c, &e) != RC_OK) {
        require(e.text[0] && !c.secret.p);
        return;
    }
    check_word(span_of(c.id));
    if (c.secret.n > 0)
        check_word(secret_span(&c.secret));
    oauth_client_release(&c);
}

static void check_login(struct span text)
{
    struct login l = {0}, back = {0};
    struct buf again = {0};
    struct err e = {0};
    if (login_read(text, &l, &e) != RC_OK) {
        require(e.text[0] && !l.refresh_token.p);
        return;
    }
    require(login_end(&l, 1000)[0]);
    login_write(&l, &again);
    require(login_read(buf_span(&again), &back, NULL) == RC_OK);
    require(span_eq(secret_span(&l.refresh_token), secret_span(&back.refresh_token)));
    require(l.obtained_ms == back.obtained_ms && l.expires_ms == back.expires_ms);
    buf_release(&again);
    login_release(&l);
    login_release(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    check_credential(text);
    check_client(text);
    check_login(text);
    return 0;
}
