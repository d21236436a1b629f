/* auth: holds an account's token and has it renewed by exactly one thread at a time.
 *
 * DESIGN: one mutex, never held across I/O. `fetching` says that a thread is at the token endpoint;
 * others wait for `attempts` to grow and take its outcome, failures too, so that a hundred
 * calendars of a revoked account ask once. The wait is bounded by the deadlines of the fetch. */
#include "core/google/auth.h"

#include <assert.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/secret.h"
#include "core/base/text.h"
#include "core/google/credential.h"
#include "core/google/jwt.h"
#include "core/google/token.h"

#define SCOPE            "https://www.googleapis.com/auth/calendar.readonly"
#define GRANT_JWT        "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define PREFIX           "Authorization: Bearer "
#define EARLY_MS         300000 /* renew this long before the end, or at a quarter of a short life */
#define LAST_MS          10000 /* nearer to its end a token is not used: the request takes time too */
#define EARLY_RETRY_MS   30000 /* after an early renewal that failed */
#define QUOTA_USER_MOST  40    /* the query parameter reference */
#define FORM_FIRST_BYTES 8192  /* holds a signed statement without growing */

struct auth {
    char *token_url, *key_file, *subject, *token_file, *scope;
    char quota_user[QUOTA_USER_MOST + 1];

    pthread_mutex_t lock;
    pthread_cond_t attempted;
    bool fetching;
    uint64_t attempts, failures;
    enum rc last_rc; /* of the last attempt */
    struct err last_err;
    struct secret header;          /* PREFIX and the token; empty = none yet */
    int64_t renew_ms, unusable_ms; /* monotonic */
};

/* Printable, no spaces: it is signed into the statement and sent as a header. */
static bool is_plain(const char *text)
{
    if (!*text)
        return false;
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static void name_quota_user(struct auth *a)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t n = strlen(a->subject);

    if (n <= QUOTA_USER_MOST)
        memcpy(a->quota_user, a->subject, n + 1);
    else if (EVP_Q_digest(NULL, "SHA256", NULL, a->subject, n, digest, NULL) == 1)
        text_hex(a->quota_user, digest, QUOTA_USER_MOST / 2);
}

static bool copy(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return *to || !from;
}

/* The files are read again later; this is to say at once what is wrong with them. */
static enum rc check_files(const struct auth *a, struct err *e)
{
    struct service_key key = {0};
    struct secret token = {0};
    enum rc rc;

    if (a->key_file)
        rc = credential_read_key(a->key_file, &key, e);
    else
        rc = credential_read_token(a->token_file, &token, e);
    service_key_release(&key);
    secret_release(&token);
    return rc;
}

enum rc auth_new(struct auth **ret, const struct auth_options *opt, struct err *e)
{
    struct auth *a = calloc(1, sizeof(*a));
    enum rc rc = RC_OK;

    assert(!opt->key_file != !opt->token_file);
    if (!a)
        return err_set(e, RC_SYS, "out of memory");
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->attempted, NULL);
    if (!copy(&a->token_url, opt->token_url) || !copy(&a->key_file, opt->key_file) ||
        !copy(&a->subject, opt->subject) || !copy(&a->token_file, opt->token_file) ||
        !copy(&a->scope, opt->scope ? opt->scope : SCOPE))
        rc = err_set(e, RC_SYS, "out of memory");
    else if (a->subject && !is_plain(a->subject))
        rc = err_set(e, RC_AUTH, "subject: not an address");
    else
        rc = check_files(a, e);
    if (rc) {
        auth_free(a);
        return rc;
    }
    if (a->subject)
        name_quota_user(a);
    *ret = a;
    return RC_OK;
}

void auth_free(struct auth *a)
{
    if (!a)
        return;
    secret_release(&a->header);
    pthread_cond_destroy(&a->attempted);
    pthread_mutex_destroy(&a->lock);
    free(a->token_url);
    free(a->key_file);
    free(a->subject);
    free(a->token_file);
    free(a->scope);
    free(a);
}

const char *auth_quota_user(const struct auth *a)
{
    return a->quota_user[0] ? a->quota_user : NULL;
}

void auth_counts(struct auth *a, uint64_t *ret_fetched, uint64_t *ret_failed)
{
    pthread_mutex_lock(&a->lock);
    *ret_fetched = a->attempts - a->failures;
    *ret_failed = a->failures;
    pthread_mutex_unlock(&a->lock);
}

/* Without the lock: may take as long as the token endpoint does. */
static enum rc fetch_by_key(const struct auth *a, struct http_client *c, struct token *ret,
                            struct err *e)
{
    struct jwt_claims claims = {a->subject, a->scope, a->token_url, clock_wall_ms()};
    struct buf form = {0};
    struct service_key key;
    enum rc rc = credential_read_key(a->key_file, &key, e);

    if (rc)
        return rc;
    buf_reserve(&form, FORM_FIRST_BYTES);
    buf_add_text(&form, "grant_type=");
    text_percent_encode(&form, span_of(GRANT_JWT));
    buf_add_text(&form, "&assertion="); /* base64url and dots need no encoding */
    rc = jwt_sign(&key, &claims, &form, e);
    service_key_release(&key);
    if (!rc)
        rc = token_fetch(c, a->token_url, buf_span(&form), ret, e);
    secret_wipe_buf(&form);
    return rc;
}

static enum rc fetch_from_file(const struct auth *a, const char *refused, struct token *ret,
                               struct err *e)
{
    enum rc rc = credential_read_token(a->token_file, &ret->word, e);

    if (rc)
        return rc;
    if (refused && strncmp(refused, PREFIX, strlen(PREFIX)) == 0 &&
        text_equal_secret(span_of(refused + strlen(PREFIX)), secret_span(&ret->word))) {
        secret_release(&ret->word);
        return err_set(e, RC_AUTH, "%s: Google refuses this token: put a new one there",
                       a->token_file);
    }
    ret->lifetime_ms = INT64_MAX; /* nobody told us */
    return RC_OK;
}

static enum rc make_header(const struct secret *word, struct secret *ret, struct err *e)
{
    struct buf line = {.cap = AUTH_HEADER_MAX - 1};
    enum rc rc = RC_OK;

    buf_reserve(&line, strlen(PREFIX) + word->n);
    buf_add_text(&line, PREFIX);
    buf_add_span(&line, secret_span(word));
    if (line.failed || !secret_set(ret, buf_span(&line)))
        rc = err_set(e, RC_SYS, "out of memory");
    secret_wipe_buf(&line);
    return rc;
}

/* Takes the outcome of an attempt over. With the lock. */
static void store(struct auth *a, enum rc rc, const struct err *e, struct secret *header,
                  int64_t lifetime_ms)
{
    int64_t now = clock_mono_ms();
    int64_t early = lifetime_ms / 4 < EARLY_MS ? lifetime_ms / 4 : EARLY_MS;
    int64_t last = early / 2 < LAST_MS ? early / 2 : LAST_MS;

    a->attempts++;
    a->last_rc = rc;
    a->last_err = *e;
    if (rc) {
        a->failures++;
        a->renew_ms = now + EARLY_RETRY_MS;
        return;
    }
    secret_move(&a->header, header);
    a->renew_ms = lifetime_ms == INT64_MAX ? INT64_MAX : now + lifetime_ms - early;
    a->unusable_ms = lifetime_ms == INT64_MAX ? INT64_MAX : now + lifetime_ms - last;
}

/* Called with the lock and with `fetching` unset; gives the lock up meanwhile. */
static enum rc attempt(struct auth *a, struct http_client *c, const char *refused, struct err *e)
{
    struct token token = {0};
    struct secret header = {0};
    struct err why = {0};
    enum rc rc;

    a->fetching = true;
    pthread_mutex_unlock(&a->lock);
    if (a->key_file)
        rc = fetch_by_key(a, c, &token, &why);
    else
        rc = fetch_from_file(a, refused, &token, &why);
    if (!rc)
        rc = make_header(&token.word, &header, &why);
    secret_release(&token.word);
    pthread_mutex_lock(&a->lock);
    store(a, rc, &why, &header, token.lifetime_ms);
    a->fetching = false;
    pthread_cond_broadcast(&a->attempted);
    if (rc && e)
        *e = why;
    return rc;
}

/* Until another thread's attempt is over. RC_OK: look again. */
static enum rc wait_attempt(struct auth *a, struct err *e)
{
    uint64_t before = a->attempts;

    while (a->attempts == before)
        pthread_cond_wait(&a->attempted, &a->lock);
    if (a->last_rc == RC_OK || a->last_rc == RC_CANCELED) /* theirs to stop, not ours */
        return RC_OK;
    if (e)
        *e = a->last_err;
    return a->last_rc;
}

static bool is_usable(const struct auth *a, const char *refused)
{
    if (a->header.n == 0 || clock_mono_ms() >= a->unusable_ms)
        return false;
    return !refused || !text_equal_secret(span_of(refused), secret_span(&a->header));
}

/* With the lock: until there is a usable header, or no hope of one. */
static enum rc obtain(struct auth *a, struct http_client *c, const char *refused, struct err *e)
{
    while (!is_usable(a, refused)) {
        if (!a->fetching)
            return attempt(a, c, refused, e); /* what came is the newest there is, whatever it is */
        enum rc rc = wait_attempt(a, e);
        if (rc)
            return rc;
    }
    if (clock_mono_ms() >= a->renew_ms && !a->fetching) {
        enum rc rc = attempt(a, c, NULL, NULL); /* early: failure does not matter yet */
        if (rc == RC_CANCELED)
            return err_set(e, rc, "interrupted");
    }
    return RC_OK;
}

enum rc auth_header(struct auth *a, struct http_client *c, const char *refused,
                    char out[AUTH_HEADER_MAX], struct err *e)
{
    enum rc rc;

    pthread_mutex_lock(&a->lock);
    rc = obtain(a, c, refused, e);
    if (!rc)
        memcpy(out, a->header.p, a->header.n + 1);
    pthread_mutex_unlock(&a->lock);
    return rc;
}
