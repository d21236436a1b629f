/* pages: lists of the Calendar API, read page after page. */
#include "cmd/calmirror/pages.h"

#include <stdio.h>
#include <sysexits.h>

#include "core/base/json.h"
#include "core/base/must.h"
#include "core/base/text.h"

/* Prints an item as one of an array, at once: a whole calendar need not fit into memory. */
static void print_item(void *arg, struct span item)
{
    bool *any = arg;
    struct buf text = {0};
    buf_add_text(&text, *any ? ",\n  " : "[\n  ");
    json_reformat(&text, item, 2, 1);
    must_hold(&text);
    (void)fwrite(text.p, 1, text.n, stdout);
    buf_release(&text);
    *any = true;
}

int pages_walk(struct cli *cli, const char *path, void (*each)(void *arg, struct span item),
               void *arg)
{
    struct buf url = {0}, page = {0}, token = {0};
    int status = EX_OK;
    bool more = true;
    while (more && status == EX_OK) {
        struct span key, item;
        buf_reset(&url);
        buf_add_text(&url, path);
        if (token.n > 0) {
            buf_add_text(&url, "&pageToken=");
            text_percent_encode(&url, buf_span(&token));
        }
        status = cli_get(cli, buf_text(&url), &page);
        if (status != EX_OK)
            break;
        struct json_iter it = json_iter(json_get(buf_span(&page), "items"));
        while (json_next(&it, &key, &item))
            each(arg, item);
        buf_reset(&token);
        more = json_string(json_get(buf_span(&page), "nextPageToken"), &token) && token.n > 0;
    }
    buf_release(&url);
    buf_release(&page);
    buf_release(&token);
    return status;
}

int pages_each(struct cli *cli, const char *path, void (*each)(void *arg, struct span item),
               void *arg)
{
    bool any = false;
    if (!cli->json)
        return pages_walk(cli, path, each, arg);
    int status = pages_walk(cli, path, print_item, &any);
    if (status == EX_OK)
        (void)fputs(any ? "\n]\n" : "[]\n", stdout);
    return status;
}
