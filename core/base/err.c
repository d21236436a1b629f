/* err: builds the one sentence that says what went wrong. */
#include "core/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A cut in the middle of a UTF-8 sequence would make the whole line invalid where it is shown. */
static void drop_cut_sequence(char *text)
{
    size_t n = strlen(text);
    size_t lead = n;
    while (lead > 0 && n - lead < 3 && ((unsigned char)text[lead - 1] & 0xC0) == 0x80)
        lead--;
    if (lead == 0)
        return;
    unsigned char c = (unsigned char)text[lead - 1];
    size_t want = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
    if (want > n - lead + 1)
        text[lead - 1] = '\0';
}

/* The text becomes `fmt`, a separator and `tail` (may point into it); left out for NULL. */
__attribute__((format(printf, 2, 0))) static void compose(struct err *e, const char *fmt,
                                                          va_list ap, const char *tail)
{
    char text[ERR_TEXT_MAX];
    int n = vsnprintf(text, sizeof text, fmt, ap);
    size_t used = n < 0 ? 0 : (size_t)n;
    if (n < 0)
        text[0] = '\0';
    if (tail && used < sizeof text)
        used += (size_t)snprintf(text + used, sizeof text - used, ": %s", tail);
    if (used >= sizeof text)
        drop_cut_sequence(text);
    memcpy(e->text, text, strlen(text) + 1);
}

enum rc err_set(struct err *e, enum rc rc, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (e)
        compose(e, fmt, ap, NULL);
    va_end(ap);
    return rc;
}

enum rc err_prefix(struct err *e, enum rc rc, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (e)
        compose(e, fmt, ap, e->text[0] ? e->text : NULL);
    va_end(ap);
    return rc;
}

enum rc err_errno(struct err *e, const char *fmt, ...)
{
    int code = errno;
    char reason[128];
    va_list ap;
    va_start(ap, fmt);
    if (e)
        compose(e, fmt, ap, strerror_r(code, reason, sizeof reason));
    va_end(ap);
    errno = code;
    return code == ENOSPC || code == EDQUOT ? RC_FULL : RC_SYS;
}

bool err_is_shortage(int code)
{
    return code == EMFILE || code == ENFILE || code == ENOMEM;
}
