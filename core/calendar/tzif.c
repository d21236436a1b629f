/* tzif: the bytes of a TZif file (RFC 8536) made into the table a zone is answered from. */
#include "core/calendar/tzif.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rfc3339.h"
#include "core/calendar/posixtz.h"

/* DESIGN
 * The footer's yearly rule is unrolled once, over 400 years: the Gregorian calendar repeats then
 * down to the day of the week, so any later year is looked up in the same place of the cycle and
 * there is no second way to compute a change. That is 800 segments, 16 KB, for a zone that is used
 * at all.
 *
 * wall[i] = at[i] + max(offset before, offset after) is the gap and fold rule in one number: local
 * times below it belong to the earlier segment, which makes those in a gap use the offset before it
 * and those that occur twice be their first pass. */

#define HEADER_BYTES 44
#define EXPLICIT_MAX 4000 /* tzdata's longest file has 236 */
#define FIRST_YEAR   1900 /* where a rule begins that no explicit change precedes */
#define AT_MAX \
    200000000000 /* 6,000 years either side of 1970: what lies further is a marker, no change */

/* RFC 8536 §3.2 */
#define ABBR_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"

struct header {
    uint32_t isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt;
};

static uint32_t get_u32(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;

    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static int64_t get_i64(const char *p)
{
    return (int64_t)((uint64_t)get_u32(p) << 32 | get_u32(p + 4));
}

/* Reads a header and moves past it. */
static enum rc take_header(struct span *s, struct header *ret, struct err *e)
{
    if (s->n < HEADER_BYTES || memcmp(s->p, "TZif", 4) != 0)
        return err_set(e, RC_BADDATA, "not a TZif file");
    if (s->p[4] < '2')
        return err_set(e, RC_BADDATA, "TZif version 1 is too old");
    *ret = (struct header){get_u32(s->p + 20), get_u32(s->p + 24), get_u32(s->p + 28),
                           get_u32(s->p + 32), get_u32(s->p + 36), get_u32(s->p + 40)};
    s->p += HEADER_BYTES;
    s->n -= HEADER_BYTES;
    return RC_OK;
}

static uint64_t body_bytes(const struct header *h, unsigned time_bytes)
{
    return (uint64_t)h->timecnt * (time_bytes + 1) + (uint64_t)h->typecnt * 6 + h->charcnt +
           (uint64_t)h->leapcnt * (time_bytes + 4) + h->isstdcnt + h->isutcnt;
}

/* Adds a segment unless it changes nothing. Instants come in ascending order. */
static void add_segment(struct zone *z, int64_t at, int32_t offset, size_t type)
{
    if (z->n > 0 && z->offset[z->n - 1] == offset)
        return;
    if (z->n > 0) {
        int32_t before = z->offset[z->n - 1];
        z->wall[z->n] = at + (before > offset ? before : offset);
    } else {
        z->wall[0] = INT64_MIN;
    }
    z->at[z->n] = z->n > 0 ? at : INT64_MIN;
    z->type[z->n] = (uint16_t)type;
    z->offset[z->n++] = offset;
}

/* `index` is where the abbreviations begin. */
static void read_type(struct tzif_type *ret, const struct header *h, const char *type,
                      const char *abbrs)
{
    unsigned at = (unsigned char)type[5];
    size_t n = at < h->charcnt ? strnlen(abbrs + at, h->charcnt - at) : 0;

    *ret = (struct tzif_type){.offset = (int32_t)get_u32(type), .dst = type[4] != 0};
    if (n < sizeof(ret->abbr))
        memcpy(ret->abbr, abbrs + at, n);
    if (ret->abbr[strspn(ret->abbr, ABBR_CHARS)] != '\0')
        ret->abbr[0] = '\0';
}

static enum rc add_explicit(struct zone *z, const struct header *h, const char *body, struct err *e)
{
    const char *index = body + (size_t)h->timecnt * 8;
    const char *types = index + h->timecnt;
    int64_t last = INT64_MIN;

    for (uint32_t i = 0; i < h->typecnt; i++) {
        int32_t off = (int32_t)get_u32(types + (size_t)i * 6);
        if (off < -93599 || off > 93599) /* RFC 8536 §3.2: within -24:59:59 .. 25:59:59 */
            return err_set(e, RC_BADDATA, "offset %d is out of range", off);
        read_type(&z->types[i], h, types + (size_t)i * 6, types + (size_t)h->typecnt * 6);
    }
    add_segment(z, INT64_MIN, z->types[0].offset, 0);
    for (uint32_t i = 0; i < h->timecnt; i++) {
        int64_t at = get_i64(body + (size_t)i * 8);
        unsigned type = (unsigned char)index[i];
        if (type >= h->typecnt || (i > 0 && at <= last))
            return err_set(e, RC_BADDATA, "change %u is out of order", (unsigned)i);
        last = at;
        if (at > -AT_MAX && at < AT_MAX)
            add_segment(z, at, z->types[type].offset, type);
    }
    return RC_OK;
}

/* The type of the file that the footer's time is, the last of those like it. */
static size_t find_type(const struct zone *z, int32_t offset, bool dst)
{
    size_t i = z->n_types;

    while (i > 0 && (z->types[i - 1].offset != offset || z->types[i - 1].dst != dst))
        i--;
    return i > 0 ? i - 1 : z->n_types;
}

/* The changes the footer's rule makes after the last explicit one, for a whole cycle and some years
 * more. */
static void add_rule(struct zone *z, const struct posixtz *tz)
{
    int64_t last = z->at[z->n - 1];
    size_t std = find_type(z, tz->std_s, false), dst = find_type(z, tz->dst_s, true);
    int year = FIRST_YEAR, month, day;
    int first;

    if (!tz->yearly) {
        z->offset[z->n - 1] = tz->std_s; /* says the same, or the file had no change at all */
        return;
    }
    if (last != INT64_MIN)
        civil_from_days(last / 86400, &year, &month, &day);
    first = year;
    for (; year <= first + 404; year++) {
        int64_t on = posixtz_dst_start(tz, year);
        int64_t off = posixtz_dst_end(tz, year);
        /* When both fall together (a rule for daylight saving all year) the start comes last and
         * wins. */
        if (off <= on) {
            if (off > last)
                add_segment(z, off, tz->std_s, std);
            if (on > last)
                add_segment(z, on, tz->dst_s, dst);
        } else {
            if (on > last)
                add_segment(z, on, tz->dst_s, dst);
            if (off > last && off < posixtz_dst_start(tz, year + 1))
                add_segment(z, off, tz->std_s, std);
        }
    }
    z->cycle_lo = days_from_civil(first + 2, 1, 1) * 86400;
    z->cycle_hi = z->cycle_lo + TZIF_CYCLE_S;
}

static enum rc allocate(struct zone *z, size_t n, size_t n_types, struct err *e)
{
    z->n_types = n_types;
    z->types = calloc(n_types, sizeof(*z->types));
    z->type = calloc(n, sizeof(*z->type));
    z->at = calloc(n, sizeof(*z->at));
    z->wall = calloc(n, sizeof(*z->wall));
    z->offset = calloc(n, sizeof(*z->offset));
    if (!z->at || !z->wall || !z->offset || !z->type || !z->types)
        return err_set(e, RC_SYS, "no memory for a time zone");
    return RC_OK;
}

/* The footer is the rest of the file: newline, TZ string, newline. It may be empty. */
static enum rc read_footer(struct span rest, struct posixtz *ret, bool *ret_some, struct err *e)
{
    const char *end;

    if (rest.n < 2 || rest.p[0] != '\n' || !(end = memchr(rest.p + 1, '\n', rest.n - 1)))
        return err_set(e, RC_BADDATA, "the footer is missing");
    *ret_some = end > rest.p + 1;
    if (*ret_some && !posixtz_read(ret, (struct span){rest.p + 1, (size_t)(end - rest.p - 1)}))
        return err_set(e, RC_BADDATA, "the footer is no TZ rule");
    return RC_OK;
}

enum rc tzif_read(struct zone *ret, struct span bytes, struct err *e)
{
    struct zone z = {.cycle_hi = INT64_MAX};
    struct header h;
    struct posixtz tz = {0};
    bool has_rule = false;
    enum rc rc;

    rc = take_header(&bytes, &h, e);
    if (rc != RC_OK)
        return rc;
    if (body_bytes(&h, 4) > bytes.n)
        return err_set(e, RC_BADDATA, "the file is cut short");
    bytes.p += body_bytes(&h, 4);
    bytes.n -= body_bytes(&h, 4);
    rc = take_header(&bytes, &h, e);
    if (rc != RC_OK)
        return rc;
    if (body_bytes(&h, 8) > bytes.n)
        return err_set(e, RC_BADDATA, "the file is cut short");
    if (h.leapcnt != 0 || h.typecnt == 0 || h.typecnt > 256 || h.timecnt > EXPLICIT_MAX)
        return err_set(e, RC_BADDATA, "leap seconds, no types or too many changes");
    rc = read_footer((struct span){bytes.p + body_bytes(&h, 8), bytes.n - body_bytes(&h, 8)}, &tz,
                     &has_rule, e);
    if (rc != RC_OK)
        return rc;

    z.rule = tz;
    rc = allocate(&z, h.timecnt + 2 + (tz.yearly ? 812 : 0), h.typecnt, e);
    if (rc == RC_OK)
        rc = add_explicit(&z, &h, bytes.p, e);
    if (rc == RC_OK && has_rule)
        add_rule(&z, &tz);
    if (rc != RC_OK)
        tzif_release(&z);
    else
        *ret = z;
    return rc;
}

void tzif_release(struct zone *z)
{
    free(z->at);
    free(z->wall);
    free(z->offset);
    free(z->type);
    free(z->types);
    *z = (struct zone){0};
}
