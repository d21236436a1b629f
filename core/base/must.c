/* must: ends the process, with a word, when it cannot go on. */
#include "core/base/must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/log.h"

void must_end(const char *fmt, ...)
{
    char why[256];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    log_err(NULL, "%s: this process ends", why);
    abort();
}

void *must(void *p)
{
    if (!p)
        must_end("out of memory");
    return p;
}

void must_hold(const struct buf *b)
{
    if (b->failed)
        must_end("out of memory");
}
