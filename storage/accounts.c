/* accounts: who is mirrored, by number and by name. */
#include "storage/accounts.h"

#include <assert.h>
#include <stddef.h>

#include "storage/table.h"

static const struct field account_fields[] = {
    FIELD(struct account, no),     FIELD(struct account, name),     FIELD(struct account, state),
    FIELD(struct account, reason), FIELD(struct account, since_ms),
};
static_assert(FIELDS_FILL(struct account, 344),
              "a new member goes into the table, and STORE_FORMAT up");

static enum rc get_at(struct txn *t, const struct key *k, struct account *ret)
{
    struct account a = {0};
    enum rc rc = fields_get(t, SPACE_ACCOUNT, k, account_fields, FIELD_COUNT(account_fields), &a);
    if (!rc)
        *ret = a;
    return rc;
}

enum rc account_get(struct txn *t, uint32_t no, struct account *ret)
{
    struct key k = key_no(no);
    enum rc rc = get_at(t, &k, ret);
    if (rc == RC_BADDATA) {
        damage_note(t->store, 0);
        *ret = (struct account){.no = no};
    }
    return rc;
}

struct name_search {
    const char *name;
    uint32_t no; /* 0: not found */
};

static bool name_step(void *arg, enum rc rc, const struct account *a)
{
    struct name_search *search = arg;
    if (!rc && strcmp(a->name, search->name) == 0)
        search->no = a->no;
    return search->no == 0;
}

enum rc account_find(struct txn *t, const char *name, struct account *ret)
{
    struct key k = key_text(span_of(name));
    uint32_t no;
    enum rc rc = number_get(t, SPACE_ACCOUNT_NAME, &k, &no);
    if (rc == RC_BADDATA) { /* the way by name is lost, the account need not be */
        struct name_search search = {.name = name};
        accounts_each(t, name_step, &search);
        no = search.no;
        rc = no ? RC_OK : RC_NOTFOUND;
    }
    if (rc)
        return rc;
    rc = account_get(t, no, ret);
    if (rc == RC_BADDATA)
        memcpy(ret->name, name, strnlen(name, LIMIT_NAME_BYTES));
    return rc;
}

void account_put(struct txn *t, struct account *a)
{
    if (a->no == 0) {
        a->no = ++t->counters.account;
        t->counted = true;
    }
    struct account old;
    struct key k = key_no(a->no), name = key_text(span_of(a->name));
    if (get_at(t, &k, &old) == RC_OK && strcmp(old.name, a->name) != 0) {
        struct key old_name = key_text(span_of(old.name));
        space_del(t, SPACE_ACCOUNT_NAME, &old_name);
    }
    fields_put(t, SPACE_ACCOUNT, &k, account_fields, FIELD_COUNT(account_fields), a);
    number_put(t, SPACE_ACCOUNT_NAME, &name, a->no);
}

void accounts_each(struct txn *t, bool (*each)(void *arg, enum rc rc, const struct account *a),
                   void *arg)
{
    struct walk w;
    struct key all = {0};
    bool more = true;
    walk_open(&w, t, SPACE_ACCOUNT, &all, NULL);
    while (more && walk_next(&w)) {
        struct span body;
        struct account a = {0};
        if (w.key.n != sizeof(uint32_t))
            continue;
        if (walk_record(&w, &body) &&
            fields_unpack(account_fields, FIELD_COUNT(account_fields), &a, body)) {
            more = each(arg, RC_OK, &a);
            continue;
        }
        a = (struct account){.no = key_u32_at(w.key.p, 0)};
        more = each(arg, RC_BADDATA, &a);
    }
    walk_close(&w);
}
