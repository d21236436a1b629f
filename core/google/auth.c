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
#include "core/google/grant.h"
#include "core/model/metrics.h"

#define PREFIX          "Authorization: Bearer "
#define EARLY_MS        300000 /* renew this long before the end, or at a quarter of a short life */
#define LAST_MS         10000  /* nearer to its end it is not used: the request takes time too */
#define EARLY_RETRY_MS  30000  /* after an early renewal that failed */
#define QUOTA_USER_MOST 40     /* the query parameter reference */

struct auth {
    struct grant_source source;
    char quota_project[GRANT_PROJECT_MAX];
    char quota_user[QUOTA_USER_MOST + 1];

    pthread_mutex_t lock;
    pthread_cond_t attempted;
    bool fetching;
    uint64_t attempts;
    enum rc last_rc; /* of the last attempt */
    struct err last_err;
    enum account_state last_blame;
    struct secret header;          /* PREFIX and the token; empty = none yet */
    int64_t renew_ms, unusable_ms; /* monotonic */
};

static void name_quota_user(struct auth *a, const char *subject)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t n = strlen(subject);

    if (n <= QUOTA_USER_MOST)
        memcpy(a->quota_user, subject, n + 1);
    else if (EVP_Q_digest(NULL, "SHA256", NULL, subject, n, digest, NULL) == 1)
        text_hex(a->quota_user, digest, QUOTA_USER_MOST / 2);
}

static bool copy(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return *to || !from;
}

static bool copy_source(struct grant_source *s, const struct auth_options *opt)
{
    s->read_login = opt->read_login;
    s->read_login_arg = opt->read_login_arg;
    return copy(&s->name, opt->name ? opt->name : "") && copy(&s->token_url, opt->token_url) &&
           copy(&s->key_file, opt->key_file) && copy(&s->subject, opt->subject) &&
           copy(&s->token_file, opt->token_file) && copy(&s->client_file, opt->client_file) &&
           copy(&s->scope, opt->scope ? opt->scope : AUTH_SCOPE);
}

enum rc auth_new(struct auth **ret, const struct auth_options *opt, struct err *e)
{
    struct auth *a = calloc(1, sizeof(*a));
    enum rc rc = RC_OK;

    assert(!!opt->key_file + !!opt->token_file + !!opt->client_file == 1);
    assert(!opt->client_file || opt->read_login);
    if (!a)
        return err_set(e, RC_SYS, "out of memory");
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->attempted, NULL);
    if (!copy_source(&a->source, opt))
        rc = err_set(e, RC_SYS, "out of memory");
    else if (opt->subject && !text_is_word(span_of(opt->subject))) /* signed, and sent */
        rc = err_set(e, RC_AUTH, "subject: not an address");
    else
        rc = grant_check(&a->source, a->quota_project, e);
    if (rc) {
        auth_free(a);
        return rc;
    }
    if (opt->subject)
        name_quota_user(a, opt->subject);
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
    free(a->source.name);
    free(a->source.token_url);
    free(a->source.key_file);
    free(a->source.subject);
    free(a->source.token_file);
    free(a->source.client_file);
    free(a->source.scope);
    free(a);
}

const char *auth_quota_project(const struct auth *a)
{
    return a->quota_project[0] ? a->quota_project : NULL;
}

enum account_state auth_blame(struct auth *a)
{
    pthread_mutex_lock(&a->lock);
    enum account_state blame = a->last_rc ? a->last_blame : 0;
    pthread_mutex_unlock(&a->lock);
    return blame;
}

void auth_advise(const struct auth *a, enum account_state blame, struct err *e)
{
    grant_advise(&a->source, blame, e);
}

const char *auth_quota_user(const struct auth *a)
{
    return a->quota_user[0] ? a->quota_user : NULL;
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
                  const struct token *token)
{
    int64_t now = clock_mono_ms(), lifetime_ms = token->lifetime_ms;
    int64_t early = lifetime_ms / 4 < EARLY_MS ? lifetime_ms / 4 : EARLY_MS;
    int64_t last = early / 2 < LAST_MS ? early / 2 : LAST_MS;

    a->attempts++;
    if (rc != RC_CANCELED)
        metric_add(&metric_tokens, rc ? METRIC_FAILED : METRIC_OK, 1);
    a->last_rc = rc;
    a->last_err = *e;
    a->last_blame = token->blame;
    if (rc) {
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
    if (refused && strncmp(refused, PREFIX, strlen(PREFIX)) == 0)
        refused += strlen(PREFIX);
    rc = grant_fetch(&a->source, c, refused, &token, &why);
    if (!rc)
        rc = make_header(&token.word, &header, &why);
    pthread_mutex_lock(&a->lock);
    store(a, rc, &why, &header, &token);
    token_release(&token);
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
