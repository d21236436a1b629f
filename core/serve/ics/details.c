/* details: what is said of an event beside its times.
 *
 * What a feed can be without is left out: colours, extended properties, and reminders by e-mail,
 * which Google sends itself. */
#include "core/serve/ics/details.h"

#include <string.h>

#include "core/base/floor.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/base/rfc3339.h"
#include "core/serve/ics/line.h"

#define ATTENDEES_MAX   1000
#define REMINDERS_MAX   20
#define ATTACHMENTS_MAX 100

enum member {
    M_STATUS,
    M_SUMMARY,
    M_DESCRIPTION,
    M_LOCATION,
    M_VISIBILITY,
    M_TRANSPARENCY,
    M_CREATED,
    M_UPDATED,
    M_SEQUENCE,
    M_HTML_LINK,
    M_ORGANIZER,
    M_ATTENDEES,
    M_ATTACHMENTS,
    M_HANGOUT_LINK,
    M_CONFERENCE,
    M_REMINDERS,
    MEMBERS
};

#define NAME(text)               \
    {                            \
        (text), sizeof(text) - 1 \
    }
static const struct span names[MEMBERS] = {
    [M_STATUS] = NAME("status"),
    [M_SUMMARY] = NAME("summary"),
    [M_DESCRIPTION] = NAME("description"),
    [M_LOCATION] = NAME("location"),
    [M_VISIBILITY] = NAME("visibility"),
    [M_TRANSPARENCY] = NAME("transparency"),
    [M_CREATED] = NAME("created"),
    [M_UPDATED] = NAME("updated"),
    [M_SEQUENCE] = NAME("sequence"),
    [M_HTML_LINK] = NAME("htmlLink"),
    [M_ORGANIZER] = NAME("organizer"),
    [M_ATTENDEES] = NAME("attendees"),
    [M_ATTACHMENTS] = NAME("attachments"),
    [M_HANGOUT_LINK] = NAME("hangoutLink"),
    [M_CONFERENCE] = NAME("conferenceData"),
    [M_REMINDERS] = NAME("reminders"),
};

struct details {
    struct ics_feed *f;
    struct span v[MEMBERS];
};

static bool is_word(struct span value, const char *word)
{
    return span_is(json_string_plain(value), word);
}

/* Appends a property of a URI. Nothing without one. */
static icalproperty *with_uri(struct ics_feed *f, struct span value,
                              icalproperty *(*make)(const char *))
{
    const char *uri = ics_text(&f->text, value, ICS_URI);
    return uri[0] ? make(uri) : NULL;
}

static void put_summary(struct details *d)
{
    struct ics_feed *f = d->f;
    const char *text = ics_text(&f->text, d->v[M_SUMMARY], ICS_TEXT);
    if (f->busy_only || (!text[0] && (f->no_titles || is_word(d->v[M_VISIBILITY], "private"))))
        text = "Busy";
    if (text[0])
        ics_put(f->out, icalproperty_new_summary(text));
}

/* The link of the event's conference: of its video, or of Meet. */
static struct span conference_link(const struct details *d)
{
    struct json_iter it = json_iter(json_get(d->v[M_CONFERENCE], "entryPoints"));
    struct span entry;
    while (json_next(&it, NULL, &entry))
        if (is_word(json_get(entry, "entryPointType"), "video"))
            return json_get(entry, "uri");
    return d->v[M_HANGOUT_LINK];
}

/* Few programs know CONFERENCE, so the link is also where people look, unless it is there already.
 */
static void put_description(struct details *d)
{
    struct ics_feed *f = d->f;
    struct buf link = {.cap = LIMIT_EVENT_BYTES}, whole = {.cap = LIMIT_EVENT_BYTES};
    (void)ics_text(&link, conference_link(d), ICS_URI);
    buf_add_text(&whole, ics_text(&f->text, d->v[M_DESCRIPTION], ICS_TEXT));
    const char *location = ics_text(&f->text, d->v[M_LOCATION], ICS_TEXT);
    if (link.n && !strstr(buf_text(&whole), link.p) && !strstr(location, link.p)) {
        buf_add_text(&whole, whole.n ? "\n\n" : "");
        buf_add_span(&whole, buf_span(&link));
    }
    if (whole.n)
        ics_put(f->out, icalproperty_new_description(buf_text(&whole)));
    f->out->failed |= whole.failed || link.failed;
    buf_release(&whole);
    buf_release(&link);
}

static void put_location(struct details *d)
{
    const char *text = ics_text(&d->f->text, d->v[M_LOCATION], ICS_TEXT);
    if (text[0])
        ics_put(d->f->out, icalproperty_new_location(text));
}

static void put_status(struct details *d)
{
    bool tentative = is_word(d->v[M_STATUS], "tentative");
    ics_put(d->f->out,
            icalproperty_new_status(tentative ? ICAL_STATUS_TENTATIVE : ICAL_STATUS_CONFIRMED));
}

static void put_class(struct details *d)
{
    struct span v = d->v[M_VISIBILITY];
    icalproperty_class class = is_word(v, "public")         ? ICAL_CLASS_PUBLIC
                               : is_word(v, "private")      ? ICAL_CLASS_PRIVATE
                               : is_word(v, "confidential") ? ICAL_CLASS_CONFIDENTIAL
                                                            : ICAL_CLASS_NONE;
    if (class != ICAL_CLASS_NONE)
        ics_put(d->f->out, icalproperty_new_class(class));
}

static void put_transparency(struct details *d)
{
    bool free = is_word(d->v[M_TRANSPARENCY], "transparent");
    ics_put(d->f->out,
            icalproperty_new_transp(free ? ICAL_TRANSP_TRANSPARENT : ICAL_TRANSP_OPAQUE));
}

static void put_time(struct details *d, enum member which, const char *name)
{
    static const struct ics_clock utc = {0};
    int64_t ms;
    if (rfc3339_time(json_string_plain(d->v[which]), &ms, NULL, NULL))
        ics_put_at(d->f->out, name, &utc, floor_s(ms));
}

static void put_history(struct details *d)
{
    int64_t sequence;
    put_time(d, M_CREATED, "CREATED");
    put_time(d, M_UPDATED, "LAST-MODIFIED");
    if (json_int64(d->v[M_SEQUENCE], &sequence) && sequence >= 0 && sequence <= INT32_MAX)
        ics_put(d->f->out, icalproperty_new_sequence((int)sequence));
}

static void put_link(struct details *d)
{
    icalproperty *p = with_uri(d->f, d->v[M_HTML_LINK], icalproperty_new_url);
    if (p)
        ics_put(d->f->out, p);
}

/* A person as a property with its name; NULL: without an address. */
static icalproperty *person(struct ics_feed *f, struct span who,
                            icalproperty *(*make)(const char *))
{
    struct buf address = {.cap = LIMIT_EVENT_BYTES};
    const char *email = ics_text(&f->text, json_get(who, "email"), ICS_URI);
    buf_printf(&address, "mailto:%s", email);
    icalproperty *p = email[0] && !address.failed ? make(buf_text(&address)) : NULL;
    f->out->failed |= address.failed;
    buf_release(&address);
    const char *name = ics_text(&f->text, json_get(who, "displayName"), ICS_LINE);
    if (p && name[0])
        icalproperty_add_parameter(p, icalparameter_new_cn(name));
    return p;
}

static void add_x_parameter(icalproperty *p, const char *name, const char *value)
{
    icalparameter *parameter = icalparameter_new_x(value);
    if (!parameter)
        return;
    icalparameter_set_xname(parameter, name);
    icalproperty_add_parameter(p, parameter);
}

static void add_role(struct ics_feed *f, icalproperty *p, struct span who)
{
    static const struct {
        const char *word;
        icalparameter_partstat is;
    } answers[] = {{"accepted", ICAL_PARTSTAT_ACCEPTED},
                   {"declined", ICAL_PARTSTAT_DECLINED},
                   {"tentative", ICAL_PARTSTAT_TENTATIVE},
                   {"needsAction", ICAL_PARTSTAT_NEEDSACTION}};
    bool resource = json_is_true(json_get(who, "resource"));
    bool optional = json_is_true(json_get(who, "optional"));
    struct span guests = json_get(who, "additionalGuests");
    icalproperty_add_parameter(
        p, icalparameter_new_cutype(resource ? ICAL_CUTYPE_RESOURCE : ICAL_CUTYPE_INDIVIDUAL));
    icalproperty_add_parameter(
        p, icalparameter_new_role(optional ? ICAL_ROLE_OPTPARTICIPANT : ICAL_ROLE_REQPARTICIPANT));
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (is_word(json_get(who, "responseStatus"), answers[i].word))
            icalproperty_add_parameter(p, icalparameter_new_partstat(answers[i].is));
    int64_t n;
    if (json_int64(guests, &n) && n > 0)
        add_x_parameter(p, "X-NUM-GUESTS", ics_clean(&f->text, guests));
}

/* RFC 5545 §3.8.4.3: an organizer is only where there are attendees. */
static void put_people(struct details *d)
{
    struct ics_feed *f = d->f;
    struct json_iter it = json_iter(d->v[M_ATTENDEES]);
    struct span who;
    int n = 0;
    while (n < ATTENDEES_MAX && json_next(&it, NULL, &who)) {
        icalproperty *p = person(f, who, icalproperty_new_attendee);
        if (!p)
            continue;
        add_role(f, p, who);
        if (n++ == 0) {
            icalproperty *organizer = person(f, d->v[M_ORGANIZER], icalproperty_new_organizer);
            if (organizer)
                ics_put(f->out, organizer);
        }
        ics_put(f->out, p);
    }
}

static icalproperty *new_attachment(const char *uri)
{
    icalattach *attach = icalattach_new_from_url(uri);
    icalproperty *p = attach ? icalproperty_new_attach(attach) : NULL;
    if (attach)
        icalattach_unref(attach);
    return p;
}

static void put_attachments(struct details *d)
{
    struct ics_feed *f = d->f;
    struct json_iter it = json_iter(d->v[M_ATTACHMENTS]);
    struct span file;
    for (int n = 0; n < ATTACHMENTS_MAX && json_next(&it, NULL, &file); n++) {
        icalproperty *p = with_uri(f, json_get(file, "fileUrl"), new_attachment);
        if (!p)
            continue;
        const char *type = ics_text(&f->text, json_get(file, "mimeType"), ICS_URI);
        if (type[0])
            icalproperty_add_parameter(p, icalparameter_new_fmttype(type));
        const char *title = ics_text(&f->text, json_get(file, "title"), ICS_LINE);
        if (title[0])
            icalproperty_add_parameter(p, icalparameter_new_filename(title));
        ics_put(f->out, p);
    }
}

/* CONFERENCE of RFC 7986 for each way in, and the name that Google gives the first. */
static void put_conference(struct details *d)
{
    static const struct {
        const char *type, *name;
    } ways[] = {{"video", "CONFERENCE;VALUE=URI;FEATURE=\"AUDIO,VIDEO\""},
                {"phone", "CONFERENCE;VALUE=URI;FEATURE=PHONE"},
                {"sip", "CONFERENCE;VALUE=URI;FEATURE=\"AUDIO,VIDEO\""},
                {"more", "CONFERENCE;VALUE=URI"}};
    struct ics_feed *f = d->f;
    struct json_iter it = json_iter(json_get(d->v[M_CONFERENCE], "entryPoints"));
    struct span entry;
    const char *uri = ics_text(&f->text, conference_link(d), ICS_URI);
    if (uri[0])
        ics_put_raw(f->out, "X-GOOGLE-CONFERENCE", span_of(uri));
    while (json_next(&it, NULL, &entry)) {
        uri = ics_text(&f->text, json_get(entry, "uri"), ICS_URI);
        for (size_t i = 0; uri[0] && i < sizeof ways / sizeof ways[0]; i++)
            if (is_word(json_get(entry, "entryPointType"), ways[i].type))
                ics_put_raw(f->out, ways[i].name, span_of(uri));
    }
}

/* -PT10M and the like, before the start. */
static struct icaltriggertype before_start(int64_t minutes)
{
    struct icaldurationtype d = {.is_neg = minutes > 0,
                                 .days = (unsigned)(minutes / 1440),
                                 .hours = (unsigned)(minutes / 60 % 24),
                                 .minutes = (unsigned)(minutes % 60)};
    return (struct icaltriggertype){.time = icaltime_null_time(), .duration = d};
}

static void put_alarms(struct details *d)
{
    struct buf *out = d->f->out;
    struct span reminders = d->v[M_REMINDERS], entry;
    bool defaults = json_is_true(json_get(reminders, "useDefault"));
    struct json_iter it =
        json_iter(defaults ? d->f->default_reminders : json_get(reminders, "overrides"));
    for (int n = 0; n < REMINDERS_MAX && json_next(&it, NULL, &entry); n++) {
        int64_t minutes;
        if (!is_word(json_get(entry, "method"), "popup") ||
            !json_int64(json_get(entry, "minutes"), &minutes) || minutes < 0 || minutes > 40320)
            continue;
        ics_begin(out, "VALARM");
        ics_put(out, icalproperty_new_action(ICAL_ACTION_DISPLAY));
        ics_put(out, icalproperty_new_description("Reminder"));
        ics_put(out, icalproperty_new_trigger(before_start(minutes)));
        ics_end(out, "VALARM");
    }
}

static void gather(struct details *d, struct span raw)
{
    struct json_iter it = json_iter(raw);
    struct span key, value;
    while (json_next(&it, &key, &value))
        for (size_t i = 0; i < MEMBERS; i++)
            if (span_eq(key, names[i]))
                d->v[i] = value;
}

void ics_put_details(struct ics_feed *f, struct span raw)
{
    static void (*const all[])(struct details *) = {
        put_summary, put_description, put_location,    put_status,     put_class,  put_transparency,
        put_history, put_link,        put_attachments, put_conference, put_people, put_alarms};
    static void (*const times_only[])(struct details *) = {put_summary};
    struct details d = {.f = f};
    gather(&d, raw);
    size_t n = f->busy_only ? 1 : sizeof all / sizeof all[0];
    for (size_t i = 0; i < n; i++)
        (f->busy_only ? times_only[i] : all[i])(&d);
}
