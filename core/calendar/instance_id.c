/* instance_id: the ids of computed instances. */
#include "core/calendar/instance_id.h"

#include "core/base/floor.h"
#include "core/calendar/stamp.h"

/* The text behind the last '_', or an empty span. */
static struct span tail(struct span id)
{
    const char *mark = id.n ? memrchr(id.p, '_', id.n) : NULL;

    if (!mark)
        return (struct span){0};
    return (struct span){mark + 1, id.n - (size_t)(mark + 1 - id.p)};
}

struct span instance_id_base(struct span master_id)
{
    struct span t = tail(master_id);
    struct stamp at;

    if (t.n > 1 && t.p[0] == 'R' && stamp_read(&at, (struct span){t.p + 1, t.n - 1}))
        master_id.n -= t.n + 1;
    return master_id;
}

size_t instance_id_write(char *out, size_t size, struct span master_id, int64_t slot_ms,
                         bool all_day)
{
    struct span base = instance_id_base(master_id);
    int64_t s = floor_s(slot_ms);
    char text[STAMP_MAX];
    size_t n = (size_t)stamp_write(text, (struct stamp){all_day ? STAMP_DATE : STAMP_UTC, s});

    if (base.n + n + 2 > size)
        return 0;
    memcpy(out, base.p, base.n);
    out[base.n] = '_';
    memcpy(out + base.n + 1, text, n + 1);
    return base.n + 1 + n;
}

bool instance_id_read(struct span id, struct span *ret_base, int64_t *ret_slot_ms,
                      bool *ret_all_day)
{
    struct span t = tail(id);
    struct stamp at;

    if (t.n == 0 || t.n + 1 >= id.n || !stamp_read(&at, t) || at.kind == STAMP_LOCAL)
        return false;
    *ret_base = (struct span){id.p, id.n - t.n - 1};
    *ret_slot_ms = at.s * 1000;
    *ret_all_day = at.kind == STAMP_DATE;
    return true;
}
