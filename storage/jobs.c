/* jobs: what is owed to each collection. */
#include "storage/jobs.h"

#include <assert.h>
#include <stddef.h>

#include "storage/table.h"

static const struct field job_fields[] = {
    FIELD(struct job, coll),    FIELD(struct job, pinged),        FIELD(struct job, pulled),
    FIELD(struct job, ping_ms), FIELD(struct job, due_ms),        FIELD(struct job, resync),
    FIELD(struct job, verify),  FIELD(struct job, verify_min_ms), FIELD(struct job, verify_max_ms),
};
static_assert(FIELDS_FILL(struct job, 64), "a new member goes into the table, and STORE_FORMAT up");

enum rc job_get(struct txn *t, uint32_t coll, struct job *ret)
{
    struct key k = key_no(coll);
    struct job j = {.coll = coll};
    enum rc rc = fields_get(t, SPACE_JOB, &k, job_fields, FIELD_COUNT(job_fields), &j);
    if (t->failed)
        return t->failed;
    if (rc == RC_BADDATA) {
        damage_note(t->store, coll);
        j = (struct job){.coll = coll, .pinged = 1};
    }
    *ret = j;
    return RC_OK;
}

void job_put(struct txn *t, const struct job *j)
{
    struct key k = key_no(j->coll);
    fields_put(t, SPACE_JOB, &k, job_fields, FIELD_COUNT(job_fields), j);
}

bool job_owes_verify(const struct job *j, enum job_verify what)
{
    return j->verify & (what | VERIFY_BEGUN(what));
}

void jobs_each(struct txn *t, bool (*each)(void *arg, const struct job *j), void *arg)
{
    struct walk w;
    struct key all = {0};
    struct span body;
    bool more = true;
    walk_open(&w, t, SPACE_JOB, &all, NULL);
    while (more && walk_next(&w)) {
        struct job j = {0};
        if (w.key.n != sizeof(uint32_t))
            continue;
        if (!walk_record(&w, &body) ||
            !fields_unpack(job_fields, FIELD_COUNT(job_fields), &j, body))
            j = (struct job){.coll = key_u32_at(w.key.p, 0), .pinged = 1};
        more = each(arg, &j);
    }
    walk_close(&w);
}
