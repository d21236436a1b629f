/* grant: the token endpoint: a token for clients that insist on getting one before they read.
 *
 * Clients made for Google exchange a refresh token, or a signed assertion, for an access token
 * every hour. With their token URL changed as well they do that here, also offline. What they
 * present may be a real secret of theirs, so it is neither looked at, nor kept, nor sent back. The
 * token that they get opens nothing: who may read is decided elsewhere (door.c). */
#include <string.h>

#include "core/base/text.h"
#include "core/serve/handlers.h"

#define NAME_MAX_BYTES 256

static const char *const grants[] = {
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
};

/* The decoded value of a form's member; false: absent, or not form-encoded, or far too long. */
static bool form_get(struct span form, const char *name, struct buf *out)
{
    while (form.n > 0) {
        const char *amp = memchr(form.p, '&', form.n);
        size_t n = amp ? (size_t)(amp - form.p) : form.n;
        struct span piece = {form.p, n};
        form.p += n + (amp != NULL);
        form.n -= n + (amp != NULL);
        size_t key = strlen(name);
        if (piece.n <= key || memcmp(piece.p, name, key) != 0 || piece.p[key] != '=')
            continue;
        struct span value = {piece.p + key + 1, piece.n - key - 1};
        return value.n <= NAME_MAX_BYTES && text_percent_decode(out, value, true);
    }
    return false;
}

static void refuse(struct call *c, const char *error, const char *description)
{
    c->answer.status = 400;
    buf_printf(&c->out, "{\"error\":\"%s\",\"error_description\":\"%s\"}", error, description);
}

void grant_post(struct call *c)
{
    struct buf grant = {0};
    bool known = false;
    if (!form_get(c->body, "grant_type", &grant)) {
        refuse(c, "invalid_request", "Missing required parameter: grant_type");
        return;
    }
    for (size_t i = 0; i < sizeof(grants) / sizeof(*grants); i++)
        known |= span_is(buf_span(&grant), grants[i]);
    buf_release(&grant);
    if (known)
        buf_add_text(&c->out, "{\"access_token\":\"calmirror\",\"expires_in\":3599,"
                              "\"scope\":\"https://www.googleapis.com/auth/calendar.readonly\","
                              "\"token_type\":\"Bearer\"}");
    else
        refuse(c, "unsupported_grant_type", "Invalid grant_type.");
}
