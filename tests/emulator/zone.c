/* zone: reads TZif files (RFC 8536) with their POSIX footer.
 *
 * DESIGN: glibc's TZ variable is one per process and setenv() races with resolver threads, so the
 * files are read here. After the last transition the footer rule ("CET-1CEST,M3.5.0,M10.5.0/3")
 * goes on for ever. */
#include "tests/emulator/zone.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/map.h"
#include "tests/emulator/util.h"

#define ZONE_DIR      "/usr/share/zoneinfo/"
#define ZONE_FILE_MAX 65536

struct rule {
    char form; /* 'M' month.week.day, 'J' julian without 29 February, 'D' day of year */
    int month, week, day;
    int32_t time_s;
};

struct zone {
    char *name;
    int64_t *at;     /* transition instants, ascending */
    int32_t *offset; /* in force from at[i] */
    size_t n;
    int32_t first; /* before at[0] */
    bool has_footer, has_dst;
    int32_t std, dst;
    struct rule begin, end;
};

static struct map zones;

int64_t days_of_date(int year, int month, int day)
{
    int64_t y = month <= 2 ? (int64_t)year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void date_of_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *ret_day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *ret_month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *ret_year = (int)(yoe + era * 400 + (*ret_month <= 2));
}

static int64_t be(const unsigned char *p, int n)
{
    uint64_t v = p[0] & 0x80 ? ~(uint64_t)0 : 0;
    for (int i = 0; i < n; i++) {
        v = v << 8 | p[i];
    }
    return (int64_t)v;
}

static bool footer_name(const char **s)
{
    const char *p = *s;
    if (*p == '<') {
        p = strchr(p, '>');
        *s = p ? p + 1 : *s;
        return p != NULL;
    }
    while (isalpha((unsigned char)*p)) {
        p++;
    }
    bool good = p - *s >= 3;
    *s = p;
    return good;
}

/* [+-]hh[:mm[:ss]] */
static int32_t footer_time(const char **s)
{
    int sign = **s == '-' ? -1 : 1;
    *s += **s == '-' || **s == '+';
    int32_t total = 0, unit = 3600;
    for (; unit > 0; unit /= 60) {
        char *end;
        total += (int32_t)strtol(*s, &end, 10) * unit;
        *s = end;
        if (**s != ':') {
            break;
        }
        (*s)++;
    }
    return sign * total;
}

static bool footer_rule(const char **s, struct rule *r)
{
    int used = 0;
    *r = (struct rule){.form = 'D', .time_s = 7200};
    if (**s != ',') {
        return false;
    }
    (*s)++;
    if (**s == 'M') {
        r->form = 'M';
        if (sscanf(*s, "M%d.%d.%d%n", &r->month, &r->week, &r->day, &used) != 3) {
            return false;
        }
    } else {
        r->form = **s == 'J' ? 'J' : 'D';
        *s += **s == 'J';
        if (sscanf(*s, "%d%n", &r->day, &used) != 1) {
            return false;
        }
    }
    *s += used;
    if (**s == '/') {
        (*s)++;
        r->time_s = footer_time(s);
    }
    return true;
}

static bool footer_parse(const char *s, struct zone *z)
{
    if (!footer_name(&s)) {
        return false;
    }
    z->std = -footer_time(&s);
    z->has_footer = true;
    if (*s == '\0') {
        return true;
    }
    z->dst = z->std + 3600;
    if (!footer_name(&s)) {
        return false;
    }
    if (*s != ',' && *s != '\0') {
        z->dst = -footer_time(&s);
    }
    z->has_dst = footer_rule(&s, &z->begin) && footer_rule(&s, &z->end);
    return z->has_dst;
}

/* The wall second in which a rule strikes in a year. */
static int64_t rule_wall(const struct rule *r, int year)
{
    int64_t jan1 = days_of_date(year, 1, 1);
    if (r->form == 'D') {
        return (jan1 + r->day) * 86400 + r->time_s;
    }
    if (r->form == 'J') {
        bool leap = days_of_date(year, 3, 1) - days_of_date(year, 2, 28) == 2;
        return (jan1 + r->day - 1 + (leap && r->day >= 60)) * 86400 + r->time_s;
    }
    int64_t first = days_of_date(year, r->month, 1);
    int64_t next =
        r->month == 12 ? days_of_date(year + 1, 1, 1) : days_of_date(year, r->month + 1, 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7;
    int64_t day = first + (r->day - weekday + 7) % 7 + (r->week - 1) * 7;
    while (day >= next) {
        day -= 7;
    }
    return day * 86400 + r->time_s;
}

static int32_t footer_offset(const struct zone *z, int64_t utc_s)
{
    if (!z->has_dst) {
        return z->std;
    }
    int year, month, day;
    int64_t local = utc_s + z->std;
    date_of_days((local >= 0 ? local : local - 86399) / 86400, &year, &month, &day);
    int64_t begin = rule_wall(&z->begin, year) - z->std;
    int64_t end = rule_wall(&z->end, year) - z->dst;
    bool dst = begin < end ? utc_s >= begin && utc_s < end : utc_s >= begin || utc_s < end;
    return dst ? z->dst : z->std;
}

struct tzif {
    const unsigned char *p, *end;
};

/* Steps over one header; the counts are isutc, isstd, leap, time, type, char. */
static bool tzif_header(struct tzif *f, size_t count[6])
{
    if (f->end - f->p < 44 || memcmp(f->p, "TZif", 4) != 0) {
        return false;
    }
    for (int i = 0; i < 6; i++) {
        count[i] = (size_t)be(f->p + 20 + 4 * i, 4);
        if (count[i] > ZONE_FILE_MAX) {
            return false;
        }
    }
    f->p += 44;
    return true;
}

static size_t tzif_body(const size_t c[6], size_t word)
{
    return c[3] * word + c[3] + c[4] * 6 + c[5] + c[2] * (word + 4) + c[1] + c[0];
}

static bool tzif_parse(struct tzif f, struct zone *z)
{
    size_t c[6];
    if (!tzif_header(&f, c) || (size_t)(f.end - f.p) < tzif_body(c, 4)) {
        return false;
    }
    f.p += tzif_body(c, 4); /* the 32-bit block */
    if (!tzif_header(&f, c) || (size_t)(f.end - f.p) < tzif_body(c, 8) || c[4] == 0) {
        return false;
    }
    const unsigned char *times = f.p, *index = times + c[3] * 8, *types = index + c[3];
    z->n = c[3];
    z->at = xalloc(z->n * sizeof(*z->at));
    z->offset = xalloc(z->n * sizeof(*z->offset));
    for (size_t i = 0; i < z->n; i++) {
        if (index[i] >= c[4]) {
            return false;
        }
        z->at[i] = be(times + i * 8, 8);
        z->offset[i] = (int32_t)be(types + (size_t)index[i] * 6, 4);
    }
    z->first = (int32_t)be(types, 4);
    f.p += tzif_body(c, 8);
    const unsigned char *stop =
        f.p < f.end ? memchr(f.p + 1, '\n', (size_t)(f.end - f.p - 1)) : NULL;
    if (stop == NULL) {
        return false;
    }
    char *footer = xstrndup((const char *)f.p + 1, (size_t)(stop - f.p - 1));
    bool good = *footer == '\0' || footer_parse(footer, z);
    free(footer);
    return good;
}

static void zone_free(struct zone *z)
{
    free(z->name);
    free(z->at);
    free(z->offset);
    free(z);
}

static bool zone_name_good(const char *name)
{
    return *name && *name != '/' && *name != '.' && strlen(name) < 64 &&
           name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                             "_+-/")] == '\0';
}

/* Since 2024 Debian keeps the files of old names ("US/Eastern") in tzdata-legacy, which few
 * install; what each stands for is in tzdata.zi: "L America/New_York US/Eastern". */
static FILE *zone_open(const char *name)
{
    char path[128], line[512], target[64], old[64];
    snprintf(path, sizeof(path), "%s%s", ZONE_DIR, name);
    FILE *f = fopen(path, "rb"), *links = f ? NULL : fopen(ZONE_DIR "tzdata.zi", "r");
    while (links != NULL && f == NULL && fgets(line, sizeof(line), links) != NULL) {
        if (sscanf(line, "L %63s %63s", target, old) == 2 && strcmp(old, name) == 0) {
            snprintf(path, sizeof(path), "%s%s", ZONE_DIR, target);
            f = fopen(path, "rb");
        }
    }
    if (links != NULL) {
        fclose(links);
    }
    return f;
}

const struct zone *zone_get(const char *name)
{
    struct zone *z = map_get(&zones, name);
    if (z != NULL || !zone_name_good(name)) {
        return z;
    }
    FILE *f = zone_open(name);
    if (f == NULL) {
        return NULL;
    }
    unsigned char *bytes = xalloc(ZONE_FILE_MAX);
    size_t n = fread(bytes, 1, ZONE_FILE_MAX, f);
    fclose(f);
    z = xalloc(sizeof(*z));
    if (tzif_parse((struct tzif){bytes, bytes + n}, z)) {
        z->name = xstrdup(name);
        map_put(&zones, z->name, z);
    } else {
        zone_free(z);
        z = NULL;
    }
    free(bytes);
    return z;
}

const char *zone_name(const struct zone *z)
{
    return z->name;
}

void zones_release(void)
{
    for (size_t i = 0; i < zones.cap; i++) {
        if (zones.slots[i].value != NULL) {
            zone_free(zones.slots[i].value);
        }
    }
    map_free(&zones);
}

int32_t zone_offset(const struct zone *z, int64_t utc_s)
{
    if (z->n == 0 || (z->has_footer && utc_s >= z->at[z->n - 1])) {
        return z->has_footer ? footer_offset(z, utc_s) : z->first;
    }
    size_t lo = 0, hi = z->n; /* transitions at or before utc_s */
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (z->at[mid] <= utc_s) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo ? z->offset[lo - 1] : z->first;
}

int64_t zone_to_utc(const struct zone *z, int64_t wall_s)
{
    /* No zone is more than a day from UTC, and none changes twice within two days. */
    int32_t before = zone_offset(z, wall_s - 86400), after = zone_offset(z, wall_s + 86400);
    int64_t early = wall_s - (before > after ? before : after);
    int64_t late = wall_s - (before > after ? after : before);
    if (zone_offset(z, early) == wall_s - early) {
        return early;
    }
    return zone_offset(z, late) == wall_s - late ? late : wall_s - before;
}
