/* message: composes the headers of a channel's notification. */
#include "core/push/message.h"

#include <inttypes.h>
#include <openssl/sha.h>

#include "core/base/rfc3339.h"
#include "core/base/text.h"

#define GOOGLE         "https://www.googleapis.com/calendar/v3/"
#define RESOURCE_BYTES 20 /* of the hash: 27 characters */
#define TEXT_BYTES     16384

void message_resource_id(char out[PUSH_RESOURCE_ID_BYTES + 1], const char *account,
                         enum coll_kind kind, const char *calendar)
{
    struct buf text = {.cap = 4096}, id = {.cap = 64};
    uint8_t hash[SHA256_DIGEST_LENGTH];

    buf_printf(&text, "calmirror resource\n%s\n%s\n%s", account, coll_kind_name(kind), calendar);
    SHA256((const uint8_t *)buf_text(&text), text.n, hash);
    text_base64url_encode(&id, hash, RESOURCE_BYTES);
    (void)text_copy(out, PUSH_RESOURCE_ID_BYTES + 1, buf_span(&id));
    buf_release(&text);
    buf_release(&id);
}

void message_resource_uri(struct buf *out, const struct push_channel *c)
{
    buf_add_text(out, GOOGLE);
    if (c->kind == COLL_ROSTER || c->kind == COLL_SETTINGS) {
        buf_add_text(out, c->kind == COLL_ROSTER ? "users/me/calendarList" : "users/me/settings");
    } else {
        buf_add_text(out, "calendars/");
        text_percent_encode(out, span_of(c->primary ? "primary" : c->calendar));
        buf_add_text(out, c->kind == COLL_ACL ? "/acl" : "/events");
    }
    buf_add_text(out, "?alt=json");
}

static void end_line(struct buf *b)
{
    buf_add_char(b, '\0');
}

bool message_make(struct message *m, const struct push_channel *c, enum message_state state,
                  uint64_t number)
{
    static const char *const states[] = {"sync", "exists", "not_exists"};
    struct buf *b = &m->text;
    char date[RFC3339_MAX];
    unsigned n = 0;

    b->cap = TEXT_BYTES;
    buf_reset(b);
    buf_add_text(b, "Content-Type:"); /* none: libcurl would name that of a form */
    end_line(b);
    buf_add_text(b, "Accept-Encoding: gzip, deflate, br");
    end_line(b);
    buf_printf(b, "X-Goog-Channel-ID: %s", c->id);
    end_line(b);
    buf_printf(b, "X-Goog-Message-Number: %" PRIu64, number);
    end_line(b);
    buf_printf(b, "X-Goog-Resource-ID: %s", c->resource_id);
    end_line(b);
    buf_printf(b, "X-Goog-Resource-State: %s", states[state]);
    end_line(b);
    buf_add_text(b, "X-Goog-Resource-URI: ");
    message_resource_uri(b, c);
    end_line(b);
    (void)rfc3339_write_http(date, c->expires_ms);
    buf_printf(b, "X-Goog-Channel-Expiration: %s", date);
    end_line(b);
    if (c->token[0]) {
        buf_printf(b, "X-Goog-Channel-Token: %s", c->token);
        end_line(b);
    }
    if (b->failed)
        return false;
    for (const char *p = b->p, *end = b->p + b->n; p < end; p += strlen(p) + 1)
        m->lines[n++] = p;
    m->lines[n] = NULL;
    return true;
}

void message_release(struct message *m)
{
    buf_release(&m->text);
}
