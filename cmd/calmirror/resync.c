/* resync: asks the service to list calendars anew, and shows how far it is. */
#include <stdio.h>
#include <sysexits.h>

#include "cmd/calmirror/asked.h"
#include "cmd/calmirror/cli.h"

int run_resync(struct cli *cli)
{
    struct buf request = {0}, answer = {0};
    struct asked_list w = {.owed = "resync"};
    asked_write_request(cli, "", &request);
    int status = cli_post(cli, "/v1/resync", buf_span(&request), &answer);
    if (status == EX_OK)
        asked_read(buf_span(&answer), &w);
    if (status == EX_OK && cli->json)
        cli_print_json(buf_span(&answer));
    if (status == EX_OK && cli->wait)
        status = asked_wait(cli, &w);
    else if (status == EX_OK && !cli->json)
        printf("%zu asked for; `calmirror status` shows when it is done\n", w.n);
    asked_release(&w);
    buf_release(&request);
    buf_release(&answer);
    return status;
}
