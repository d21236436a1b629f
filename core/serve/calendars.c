/* calendars: the calendar list, its entries, and calendars as everybody sees them. */
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/serve/etag.h"
#include "core/serve/events/veil.h"
#include "core/serve/fault.h"
#include "core/serve/handlers.h"
#include "core/serve/items_page.h"
#include "core/serve/pages.h"
#include "core/serve/scope.h"
#include "storage/items.h"

#include <string.h>

/* Only calendars that the config mirrors (of the others nothing could be read here) and that the
 * caller may know of. */
static enum access access_to_entry(const struct items_page *page, const struct item *item)
{
    char id[LIMIT_ID_BYTES + 1];
    const struct conf_account *account = page->arg;
    if (!account || !text_copy(id, sizeof id, item->id))
        return ACCESS_NONE;
    if (!item->deleted &&
        !conf_account_wants(account, id, json_is_true(json_get(item->raw, "primary"))))
        return ACCESS_NONE;
    return access_to(&page->c->caller, page->c->txn, page->coll->account, id);
}

static void write_entry(struct items_page *page, const struct item *item, struct buf *out)
{
    if (access_to_entry(page, item) == ACCESS_ALL)
        buf_add_span(out, item->raw);
    else
        veil_calendar(item->raw, out);
}

/* Place of a role in the order of access; unknown ones are below all. */
static int role_rank(struct span role)
{
    for (int i = 0; role_choices[i]; i++)
        if (span_is(json_string_plain(role), role_choices[i]))
            return i;
    return -1;
}

static bool wanted(struct items_page *page, const struct item *item)
{
    const struct params *p = &page->c->params;
    bool delta = params_has(p, PARAM_SYNC_TOKEN);
    enum access access = access_to_entry(page, item);
    if (access == ACCESS_NONE)
        return false;
    if (item->deleted)
        return delta || params_on(p, PARAM_SHOW_DELETED);
    if (!delta && !params_on(p, PARAM_SHOW_HIDDEN) && json_is_true(json_get(item->raw, "hidden")))
        return false;
    if (params_has(p, PARAM_MIN_ACCESS_ROLE) &&
        (access == ACCESS_ALL ? role_rank(json_get(item->raw, "accessRole")) : 0) <
            p->v[PARAM_MIN_ACCESS_ROLE].number)
        return false;
    return true;
}

static bool check_params(struct call *c)
{
    const struct params *p = &c->params;
    bool says_no = (params_has(p, PARAM_SHOW_DELETED) && !params_on(p, PARAM_SHOW_DELETED)) ||
                   (params_has(p, PARAM_SHOW_HIDDEN) && !params_on(p, PARAM_SHOW_HIDDEN));
    if (params_has(p, PARAM_SYNC_TOKEN) && (says_no || params_has(p, PARAM_MIN_ACCESS_ROLE)))
        return call_fail(c, FAULT_BAD_REQUEST, NULL,
                         "Sync token cannot be used with other request restrictions");
    return true;
}

/* What of the config decides which entries are shown. */
static void add_config(struct etag *etag, const struct conf_account *a, const struct caller *who)
{
    etag_add_number(etag, access_view(who));
    const struct conf_list *lists[] = {&a->calendars, &a->exclude};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i <= lists[k]->n; i++)
            etag_add(etag, i < lists[k]->n ? lists[k]->v[i] : "",
                     i < lists[k]->n ? strlen(lists[k]->v[i]) + 1 : 1);
}

/* Entries that another config shows or hides are no changes of the list, so that no delta could
 * tell of them. What a list began under its later pages keep. */
static bool check_config(struct call *c, struct items_page *page, uint64_t shown)
{
    if (params_has(&c->params, PARAM_PAGE_TOKEN))
        return true;
    if (params_has(&c->params, PARAM_SYNC_TOKEN) && page->at.fingerprint != shown)
        return call_fail(c, FAULT_SYNC_TOKEN_DEAD, "syncToken", NULL);
    page->at.fingerprint = shown;
    return true;
}

void calendar_list_list(struct call *c)
{
    struct collection coll;
    struct items_page page = {.c = c,
                              .coll = &coll,
                              .kind = "calendar#calendarList",
                              .removed = "calendar#calendarListEntry",
                              .removed_member = ",\"deleted\":true",
                              .wanted = wanted,
                              .write = write_entry,
                              .arg = scope_me(c)};
    if (!call_read(c) || !scope_of_me(c, COLL_ROSTER, &coll) || !pages_begin(c, &coll, &page.at) ||
        !check_params(c))
        return;
    struct etag shown = {0};
    add_config(&shown, page.arg, &c->caller);
    if (!check_config(c, &page, shown.hash))
        return;
    struct etag etag = etag_of_call(c);
    etag_add_number(&etag, coll.no);
    etag_add_version(&etag, c, coll.version);
    etag_add_number(&etag, shown.hash);
    etag_set(c, &etag);
    answer_from_collection(c, &coll);
    if (!call_not_modified(c))
        items_page_write(&page);
}

/* The entry that a request's calendar id names, in the list of the account it was found in. */
static bool find_entry(struct call *c, struct span *ret_raw)
{
    struct collection coll, roster;
    enum access access;
    if (!call_read(c) || !scope_place_of(c, c->segment[0], &coll, &access))
        return false;
    enum rc rc = coll_find(c->txn, coll.account, COLL_ROSTER, (struct span){"", 0}, &roster);
    if (rc == RC_OK)
        rc = item_of_calendar(c->txn, coll.account, span_of(coll.calendar), ret_raw);
    if (rc)
        return call_fail(c, FAULT_NOT_FOUND, NULL, NULL);
    if (access != ACCESS_ALL) {
        veil_calendar(*ret_raw, &c->page_text);
        *ret_raw = buf_span(&c->page_text);
    }
    struct etag etag = etag_of_call(c);
    etag_add(&etag, ret_raw->p, ret_raw->n);
    etag_set(c, &etag);
    answer_from_collection(c, &roster);
    c->answer.coll = 0; /* not of it alone: whose entry it is depends on the others */
    return true;
}

void calendar_list_get(struct call *c)
{
    struct span raw;
    if (find_entry(c, &raw) && !call_not_modified(c))
        buf_add_span(&c->out, raw);
}

/* Google has no list of these to follow; the entry in the calendar list has all of it. */
void calendars_get(struct call *c)
{
    static const char *const members[] = {
        "id",       "summary",   "description",          "location",
        "timeZone", "dataOwner", "conferenceProperties", "autoAcceptInvitations",
    };
    struct span raw;
    if (!find_entry(c, &raw) || call_not_modified(c))
        return;
    buf_add_text(&c->out, "{\"kind\":\"calendar#calendar\",\"etag\":");
    buf_add_json(&c->out, span_of(c->answer.etag));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        struct span value = json_get(raw, members[i]);
        if (value.n == 0)
            continue;
        buf_printf(&c->out, ",\"%s\":", members[i]);
        buf_add_span(&c->out, value);
    }
    buf_add_char(&c->out, '}');
}
