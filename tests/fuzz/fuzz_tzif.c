/* fuzz_tzif: any bytes as a time zone file: refused with a reason, or a table that answers for all
 * time. */
#include "core/calendar/tzif.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zone z = {0};
    struct err e = {0};

    if (tzif_read(&z, (struct span){(const char *)data, size}, &e) != RC_OK) {
        if (e.text[0] == '\0' || z.n)
            abort();
        return 0;
    }
    for (int64_t t = -62135596800; t < 253402300800; t += 86400 * 97) {
        struct zone_span span = zone_local_span(&z, t);
        if (t < span.lo || t >= span.hi || span.gap > span.hi)
            abort();
        if (zone_local_to_utc(&z, t) != t - span.offset_s)
            abort();
        zone_offset_at(&z, t);
    }
    tzif_release(&z);
    return 0;
}
