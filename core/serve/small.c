/* small: settings, colours and access rules: lists of small resources, given as they came. */
#include "core/serve/small.h"

#include "core/serve/etag.h"
#include "core/serve/fault.h"
#include "core/serve/handlers.h"
#include "core/serve/items_page.h"
#include "core/serve/pages.h"
#include "core/serve/scope.h"

static bool wanted(struct items_page *page, const struct item *item)
{
    const struct params *p = &page->c->params;
    return !item->deleted || params_on(p, PARAM_SHOW_DELETED) || params_has(p, PARAM_SYNC_TOKEN);
}

/* The answer to a list, its collection having been found. */
static void list(struct items_page *page)
{
    struct call *c = page->c;
    const struct params *p = &c->params;
    page->wanted = wanted;
    if (!pages_begin(c, page->coll, &page->at))
        return;
    if (params_has(p, PARAM_SYNC_TOKEN) && params_has(p, PARAM_SHOW_DELETED) &&
        !params_on(p, PARAM_SHOW_DELETED)) {
        (void)call_fail(c, FAULT_BAD_REQUEST, NULL,
                        "Sync token cannot be used with other request restrictions");
        return;
    }
    struct etag etag = etag_of_call(c);
    etag_add_number(&etag, page->coll->no);
    etag_add_version(&etag, c, page->coll->version);
    etag_set(c, &etag);
    answer_from_collection(c, page->coll);
    if (!call_not_modified(c))
        items_page_write(page);
}

static void get(struct call *c, const struct collection *coll, struct span id)
{
    struct item item;
    enum rc rc = item_get(c->txn, coll->no, id, &item);
    if (rc == RC_OK && item.deleted)
        rc = RC_NOTFOUND;
    if (rc != RC_OK) {
        (void)call_fail_unread(c, coll, rc, "entry");
        return;
    }
    struct etag etag = etag_of_call(c);
    etag_add(&etag, item.raw.p, item.raw.n);
    etag_set(c, &etag);
    etag_set_own(c, item.raw);
    answer_from_collection(c, coll);
    if (!call_not_modified(c))
        buf_add_span(&c->out, item.raw);
}

/* The settings or the palette of "me". */
bool small_find_own(struct call *c, enum coll_kind kind, struct collection *ret)
{
    const struct conf_account *me = scope_me(c);
    struct account a;
    if (!call_read(c))
        return false;
    if (me && account_find(c->txn, me->name, &a) == RC_OK &&
        coll_find(c->txn, a.no, kind, span_of(""), ret) == RC_OK && ret->state == COLL_NEW &&
        coll_lacks_scope(ret))
        return call_fail(c, FAULT_NO_SCOPE, NULL, NULL);
    return scope_of_me(c, kind, ret);
}

void user_settings_list(struct call *c)
{
    struct collection coll;
    struct items_page page = {.c = c, .coll = &coll, .kind = "calendar#settings"};
    if (small_find_own(c, COLL_SETTINGS, &coll))
        list(&page);
}

void user_settings_get(struct call *c)
{
    struct collection coll;
    if (small_find_own(c, COLL_SETTINGS, &coll))
        get(c, &coll, c->segment[0]);
}

void colors_get(struct call *c)
{
    struct collection coll;
    if (small_find_own(c, COLL_COLORS, &coll))
        get(c, &coll, span_of("colors"));
}

/* Are access rules not mirrored because nobody said that they should be? */
static bool leaves_out_rules(const struct call *c, uint32_t account)
{
    const struct conf_account *a = scope_account(c, account);
    return a && !a->acl;
}

/* Rules are mirrored for calendars that the account owns: the others' Google does not show. */
bool small_find_rules(struct call *c, struct collection *ret)
{
    struct collection events;
    enum access access;
    if (!call_read(c) || !scope_place_of(c, c->segment[0], &events, &access))
        return false;
    if (access != ACCESS_ALL)
        return call_fail(c, FAULT_FORBIDDEN, NULL, NULL);
    enum rc rc = coll_find(c->txn, events.account, COLL_ACL, span_of(events.calendar), ret);
    if (rc == RC_NOTFOUND || (rc == RC_OK && ret->state == COLL_GONE))
        return leaves_out_rules(c, events.account)
                   ? call_fail(c, FAULT_NO_SCOPE, NULL,
                               "Access rules are not mirrored: the account has acl = no.")
                   : call_fail(c, FAULT_FORBIDDEN, NULL, NULL);
    if (rc == RC_OK && ret->state == COLL_NEW && coll_lacks_scope(ret))
        return call_fail(c, FAULT_NO_SCOPE, NULL, NULL);
    if (rc || ret->state != COLL_READY)
        return call_fail(c, FAULT_NOT_READY, NULL,
                         "The access rules of this calendar have not been listed yet.");
    return true;
}

void acl_list(struct call *c)
{
    struct collection coll;
    struct items_page page = {.c = c,
                              .coll = &coll,
                              .kind = "calendar#acl",
                              .removed = "calendar#aclRule",
                              .removed_member = ",\"role\":\"none\""};
    if (small_find_rules(c, &coll))
        list(&page);
}

void acl_get(struct call *c)
{
    struct collection coll;
    if (small_find_rules(c, &coll))
        get(c, &coll, c->segment[1]);
}
