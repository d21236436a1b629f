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

/* Puts head and tail into `e`; either may point into it. */
static void join(struct err *e, const char *head, const char *sep, const char *tail)
{
    char text[ERR_TEXT_MAX];
    int n = snprintf(text, sizeof text, "%s%s%s", head, sep, tail);
    if (n >= (int)sizeof text)
        drop_cut_sequence(text);
    memcpy(e->text, text, strlen(text) + 1);
}

enum rc err_set(struct err *e, enum rc rc, const char *fmt, ...)
{
    if (!e)
        return rc;
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n >= (int)sizeof text)
        drop_cut_sequence(text);
    join(e, n < 0 ? "" : text, "", "");
    return rc;
}

enum rc err_prefix(struct err *e, enum rc rc, const char *fmt, ...)
{
    if (!e)
        return rc;
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n >= (int)sizeof text)
        drop_cut_sequence(text);
    join(e, n < 0 ? "" : text, e->text[0] ? ": " : "", e->text);
    return rc;
}

enum rc err_errno(struct err *e, const char *fmt, ...)
{
    int code = errno;
    enum rc rc = code == ENOSPC || code == EDQUOT ? RC_FULL : RC_SYS;
    if (!e)
        return rc;
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    char reason[128];
    join(e, n < 0 ? "" : text, ": ", strerror_r(code, reason, sizeof reason));
    errno = code;
    return rc;
}
