/* words: harmless copies of what an answer says. */
#include "core/google/words.h"

#include "core/base/json.h"

void words_copy(struct span value, char *out, size_t size)
{
    struct buf b = {0};
    size_t n = 0;

    if (json_string(value, &b) && !b.failed && !memchr(buf_text(&b), '@', b.n)) {
        n = b.n < size - 1 ? b.n : size - 1;
        for (size_t i = 0; i < n; i++)
            out[i] = b.p[i] >= ' ' && b.p[i] <= '~' ? b.p[i] : '?';
    }
    out[n] = '\0';
    buf_release(&b);
}
