/* version: of this program. */
#include <stdio.h>
#include <sysexits.h>

#include "cmd/calmirror/cli.h"

int run_version(struct cli *cli)
{
    if (cli->json)
        printf("{\"calmirror\": \"%s\"}\n", CALMIRROR_VERSION);
    else
        printf("calmirror %s\n", CALMIRROR_VERSION);
    return EX_OK;
}
