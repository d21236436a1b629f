/* multipart: batch requests: many small HTTP requests in one body, and their answers likewise. */
#include "core/serve/multipart.h"

#include <string.h>
#include <strings.h>

#include "core/base/text.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes the next line off *text, without what ends it. False at the end. */
static bool take_line(struct span *text, struct span *ret)
{
    if (text->n == 0)
        return false;
    const char *lf = memchr(text->p, '\n', text->n);
    size_t n = lf ? (size_t)(lf - text->p) : text->n;
    *ret = (struct span){text->p, n};
    if (ret->n > 0 && ret->p[ret->n - 1] == '\r')
        ret->n--;
    n += lf != NULL;
    text->p += n;
    text->n -= n;
    return true;
}

static bool starts_with(struct span s, const char *text)
{
    size_t n = strlen(text);
    return s.n >= n && strncasecmp(s.p, text, n) == 0;
}

/* RFC 9110 §5.6.2 */
static bool is_token(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c >= 0x7F || strchr("\"(),/:;<=>?@[\\]{}", c))
            return false;
    }
    return s.n > 0;
}

/* The boundary of "multipart/...; boundary=x" or "...; boundary="x"". */
static bool find_boundary(struct span type, struct span *ret)
{
    if (!starts_with(type, "multipart/"))
        return false;
    const char *semicolon;
    while ((semicolon = memchr(type.p, ';', type.n))) {
        type = text_trim((struct span){semicolon + 1, type.n - (size_t)(semicolon + 1 - type.p)});
        if (!starts_with(type, "boundary="))
            continue;
        struct span value = {type.p + 9, type.n - 9};
        bool quoted = value.n > 0 && *value.p == '"';
        if (quoted) {
            value.p++;
            value.n--;
        }
        const char *end = memchr(value.p, quoted ? '"' : ';', value.n);
        if (end)
            value.n = (size_t)(end - value.p);
        *ret = text_trim(value);
        return (end || !quoted) && ret->n > 0 && ret->n <= MULTIPART_BOUNDARY_MAX;
    }
    return false;
}

/* Moves *p behind the next delimiter line. *ret_before: the bytes before it, without the line break
 * that belongs to it. *ret_last: it closes. False, *p at the end: there is none. */
static bool find_delimiter(struct span boundary, const char **p, const char *end,
                           struct span *ret_before, bool *ret_last)
{
    const char *from = *p, *line = from;
    while (line < end) {
        const char *lf = memchr(line, '\n', (size_t)(end - line));
        struct span text = {line, (size_t)((lf ? lf : end) - line)};
        if (text.n >= boundary.n + 2 && text.p[0] == '-' && text.p[1] == '-' &&
            memcmp(text.p + 2, boundary.p, boundary.n) == 0) {
            struct span rest =
                text_trim((struct span){text.p + 2 + boundary.n, text.n - 2 - boundary.n});
            bool last = rest.n >= 2 && rest.p[0] == '-' && rest.p[1] == '-';
            if (rest.n == 0 || last) {
                size_t n = (size_t)(line - from);
                n -= n > 0;                        /* its LF */
                n -= n > 0 && from[n - 1] == '\r'; /* its CR */
                *ret_before = (struct span){from, n};
                *ret_last = last;
                *p = lf ? lf + 1 : end;
                return true;
            }
        }
        line = lf ? lf + 1 : end;
    }
    *ret_before = (struct span){from, (size_t)(end - from)};
    *p = end;
    return false;
}

/* The bytes of the next part. False: there is none. */
static bool next_bytes(struct multipart *m, struct span *ret)
{
    bool last = false;
    bool closed = find_delimiter(m->boundary, &m->p, m->end, ret, &last);
    if (last)
        m->p = m->end;
    return closed || text_trim(*ret).n > 0;
}

enum rc multipart_open(struct multipart *ret, const char *content_type, struct span body,
                       struct err *e)
{
    struct multipart m = {.p = body.p, .end = body.p + body.n};
    struct span bytes;
    bool last;
    if (!content_type || !find_boundary(text_trim(span_of(content_type)), &m.boundary))
        return err_set(e, RC_INVALID, "Content-Type must be multipart/mixed with a boundary.");
    if (!find_delimiter(m.boundary, &m.p, m.end, &bytes, &last))
        return err_set(e, RC_INVALID, "The boundary does not occur in the body.");
    if (last)
        m.p = m.end;
    struct multipart count = m;
    while (next_bytes(&count, &bytes)) {
        if (m.parts++ == MULTIPART_PARTS_MAX)
            return err_set(e, RC_FULL, "A batch may hold at most %d requests.",
                           MULTIPART_PARTS_MAX);
    }
    *ret = m;
    return RC_OK;
}

/* Takes header lines and the empty line behind them off *text; what is no header ends them too. */
static struct span take_headers(struct span *text)
{
    const char *from = text->p;
    struct span rest = *text, line;
    while (take_line(&rest, &line)) {
        if (line.n > 0 && !(is_blank(line.p[0]) && text->p > from)) {
            const char *colon = memchr(line.p, ':', line.n);
            if (!colon || !is_token((struct span){line.p, (size_t)(colon - line.p)}))
                break;
        }
        struct span headers = {from, (size_t)(text->p - from)};
        *text = rest;
        if (line.n == 0)
            return headers;
    }
    return (struct span){from, (size_t)(text->p - from)};
}

bool multipart_next_header(struct span *headers, struct span *ret_name, struct span *ret_value)
{
    struct span line;
    while (take_line(headers, &line)) {
        const char *colon = line.n > 0 ? memchr(line.p, ':', line.n) : NULL;
        if (!colon)
            continue;
        size_t n = (size_t)(colon - line.p);
        const char *end = line.p + line.n;
        while (headers->n > 0 && is_blank(*headers->p) && take_line(headers, &line))
            end = line.p + line.n;
        *ret_name = (struct span){colon - n, n};
        *ret_value = text_trim((struct span){colon + 1, (size_t)(end - colon) - 1});
        return true;
    }
    return false;
}

bool multipart_header(struct span headers, const char *name, struct span *ret)
{
    struct span have, value;
    while (multipart_next_header(&headers, &have, &value)) {
        if (have.n == strlen(name) && starts_with(have, name)) {
            *ret = value;
            return true;
        }
    }
    return false;
}

/* Fit to be sent back as the value of a header, once its line breaks are taken out. Google's Python
 * library folds its longer ones. */
static bool is_echoable(struct span id)
{
    for (size_t i = 0; i < id.n; i++) {
        bool fold = id.p[i] == '\n' || (id.p[i] == '\r' && i + 1 < id.n && id.p[i + 1] == '\n');
        if (((unsigned char)id.p[i] < ' ' && !fold) || id.p[i] == 0x7F)
            return false;
    }
    return id.n > 0 && id.n <= MULTIPART_ID_MAX;
}

static bool split_request_line(struct span line, struct multipart_part *part)
{
    line = text_trim(line);
    const char *space = line.n > 0 ? memchr(line.p, ' ', line.n) : NULL;
    if (!space)
        return false;
    struct span method = {line.p, (size_t)(space - line.p)};
    struct span target = text_trim((struct span){space, line.n - method.n});
    const char *behind = memchr(target.p, ' ', target.n);
    if (behind) {
        struct span version =
            text_trim((struct span){behind, target.n - (size_t)(behind - target.p)});
        if (!starts_with(version, "HTTP/"))
            return false;
        target.n = (size_t)(behind - target.p);
    }
    size_t scheme = starts_with(target, "http://") ? 7 : starts_with(target, "https://") ? 8 : 0;
    if (scheme) {
        const char *slash = memchr(target.p + scheme, '/', target.n - scheme);
        target = slash ? (struct span){slash, target.n - (size_t)(slash - target.p)} : span_of("/");
    }
    if (!is_token(method) || target.p[0] != '/')
        return false;
    part->method = method;
    part->target = target;
    return true;
}

/* Encodings that change nothing. */
static bool is_plain(struct span headers)
{
    struct span encoding;
    return !multipart_header(headers, "Content-Transfer-Encoding", &encoding) ||
           starts_with(encoding, "binary") || starts_with(encoding, "8bit") ||
           starts_with(encoding, "7bit");
}

bool multipart_next(struct multipart *m, struct multipart_part *ret)
{
    struct multipart_part part = {0};
    struct span rest, line, id, length;
    uint64_t n;
    if (!next_bytes(m, &rest))
        return false;
    struct span outer = take_headers(&rest);
    if (multipart_header(outer, "Content-ID", &id) && is_echoable(id))
        part.id = id;
    do {
        line = (struct span){0};
    } while (take_line(&rest, &line) && text_trim(line).n == 0);
    if (is_plain(outer) && split_request_line(line, &part)) {
        part.headers = take_headers(&rest);
        part.body = rest;
        if (multipart_header(part.headers, "Content-Length", &length) && text_to_u64(length, &n) &&
            n < rest.n)
            part.body.n = (size_t)n;
    }
    *ret = part;
    return true;
}

static const char *reason_of(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "Other";
}

void multipart_put(struct buf *out, const char *boundary, struct span id, unsigned status,
                   struct span headers, struct span body)
{
    buf_printf(out, "--%s\r\nContent-Type: application/http\r\n", boundary);
    if (id.n > 0) {
        bool wrapped = id.n >= 2 && id.p[0] == '<' && id.p[id.n - 1] == '>';
        buf_add_text(out, "Content-ID: <response-");
        for (size_t i = wrapped; i < id.n - wrapped; i++) {
            if (id.p[i] != '\r' && id.p[i] != '\n')
                buf_add_char(out, id.p[i]);
        }
        buf_add_text(out, ">\r\n");
    }
    buf_printf(out, "\r\nHTTP/1.1 %u %s\r\n", status, reason_of(status));
    buf_add_span(out, headers);
    buf_add_text(out, "\r\n");
    buf_add_span(out, body);
    buf_add_text(out, "\r\n");
}

/* Nothing behind it, not even a line break: some clients take that for one more part. */
void multipart_put_end(struct buf *out, const char *boundary)
{
    buf_printf(out, "--%s--", boundary);
}
