/* test_serve_small: settings, colours and access rules. */
#include "tests/unit/serve_fixture.h"

#define SETTINGS "/calendar/v3/users/me/settings"
#define ACL      "/calendar/v3/calendars/primary/acl"

static void test_settings(void **state)
{
    struct world *w = *state;
    char text[2048];
    expect_error(w, 503, "backendError", SETTINGS); /* not listed yet is not empty */
    struct collection c = world_coll(w, w->home, COLL_SETTINGS, "", COLL_READY);
    world_item(w, &c, "locale", "{\"id\":\"locale\",\"value\":\"en\"}", false);
    world_item(w, &c, "timezone", "{\"id\":\"timezone\",\"value\":\"" ZONE "\"}", false);
    expect_ids(w, SETTINGS, "locale timezone");
    struct http_answer a = get(w, 200, SETTINGS "/timezone");
    assert_string_equal(member(&a, "value", text), ZONE);
    http_answer_release(&a);
    expect_error(w, 404, "notFound", SETTINGS "/nothing");

    a = get(w, 200, SETTINGS "?maxResults=1");
    struct buf next = {0};
    buf_printf(&next, SETTINGS "?pageToken=%s", member(&a, "nextPageToken", text));
    http_answer_release(&a);
    a = get(w, 200, buf_text(&next));
    assert_string_equal(ids_of(&a), "timezone");
    buf_reset(&next);
    buf_printf(&next, SETTINGS "?syncToken=%s", member(&a, "nextSyncToken", text));
    http_answer_release(&a);
    world_item(w, &c, "locale", "{\"id\":\"locale\",\"value\":\"de\"}", false);
    expect_ids(w, buf_text(&next), "locale");
    /* A removed setting cannot be told of in a delta. */
    struct txn *t = begin_write(w->f.store);
    assert_true(item_remove(t, &c, S("timezone")));
    coll_put(t, &c);
    commit(t);
    expect_error(w, 410, "fullSyncRequired", buf_text(&next));
    buf_release(&next);
}

static void test_colors(void **state)
{
    struct world *w = *state;
    char text[2048];
    struct collection c = world_coll(w, w->home, COLL_COLORS, "", COLL_READY);
    world_item(w, &c, "colors", "{\"kind\":\"calendar#colors\",\"event\":{}}", false);
    struct http_answer a = get(w, 200, "/calendar/v3/colors");
    assert_string_equal(member(&a, "kind", text), "calendar#colors");
    http_answer_release(&a);
}

static void test_acl(void **state)
{
    struct world *w = *state;
    char text[2048];
    expect_error(w, 403, "insufficientPermissions", ACL); /* acl = no */
    expect_error(w, 404, "notFound", "/calendar/v3/calendars/nobody/acl");
    struct collection c = world_coll(w, w->home, COLL_ACL, ME, COLL_READY);
    world_item(w, &c, "user:a@b", "{\"id\":\"user:a@b\",\"role\":\"owner\"}", false);
    world_item(w, &c, "default", "{\"id\":\"default\",\"role\":\"none\"}", true);
    expect_ids(w, ACL, "user:a@b");
    expect_ids(w, ACL "?showDeleted=false", "user:a@b");
    expect_ids(w, ACL "?showDeleted=true", "default user:a@b");
    struct http_answer a = get(w, 200, ACL "/user%3Aa%40b");
    assert_string_equal(member(&a, "role", text), "owner");
    http_answer_release(&a);
    expect_error(w, 404, "notFound", ACL "/default"); /* a tombstone */
    a = get(w, 200, ACL);
    struct buf next = {0};
    buf_printf(&next, ACL "?syncToken=%s", member(&a, "nextSyncToken", text));
    http_answer_release(&a);
    struct txn *t = begin_write(w->f.store);
    assert_true(item_remove(t, &c, S("user:a@b")));
    assert_true(item_remove(t, &c, S("default")));
    coll_put(t, &c);
    commit(t);
    expect_pages(w, buf_text(&next), 1, "user:a@b|default", NULL);
    a = get(w, 200, buf_text(&next));
    assert_string_equal(ids_of(&a), "user:a@b default");
    assert_non_null(strstr(a.body, "\"role\": \"none\""));
    http_answer_release(&a);
    size_t n = next.n;
    buf_add_text(&next, "&showDeleted=false");
    expect_error(w, 400, "badRequest", buf_text(&next));
    next.n = n;
    t = begin_write(w->f.store);
    assert_true(changes_prune(t, &c, INT64_MAX, 1000) > 0);
    coll_put(t, &c);
    commit(t);
    buf_add_text(&next, "&showDeleted=true");
    expect_error(w, 410, "fullSyncRequired", buf_text(&next));
    buf_release(&next);
}

static void put_error(struct world *w, struct collection *c, const char *error)
{
    (void)snprintf(c->last_error, sizeof(c->last_error), "%s", error);
    struct txn *t = begin_write(w->f.store);
    coll_put(t, c);
    commit(t);
}

/* What Google refuses for want of scope is refused so here; trouble that passes is not. */
static void test_no_scope(void **state)
{
    struct world *w = *state;
    struct collection settings = world_coll(w, w->home, COLL_SETTINGS, "", COLL_NEW);
    struct collection acl = world_coll(w, w->home, COLL_ACL, ME, COLL_NEW);
    put_error(w, &settings, "settings.list: 503: Backend Error");
    put_error(w, &acl, "acl.list: 503: Backend Error");
    expect_error(w, 503, "backendError", SETTINGS);
    expect_error(w, 503, "backendError", ACL);
    put_error(w, &settings, "settings.list: 403 insufficientPermissions: " COLL_NO_SCOPE);
    put_error(w, &acl, "acl.list: 403 insufficientPermissions: " COLL_NO_SCOPE);
    expect_error(w, 403, "insufficientPermissions", SETTINGS);
    expect_error(w, 403, "insufficientPermissions", SETTINGS "/locale");
    expect_error(w, 403, "insufficientPermissions", ACL);
    expect_error(w, 403, "insufficientPermissions", ACL "/default");
    /* Rules listed before the scope was withdrawn are still given. */
    acl.state = COLL_READY;
    world_item(w, &acl, "user:a@b", "{\"id\":\"user:a@b\",\"role\":\"owner\"}", false);
    expect_ids(w, ACL, "user:a@b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {WORLD(test_settings), WORLD(test_colors), WORLD(test_acl),
                                       WORLD(test_no_scope)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
