/* pages: lists of the Calendar API, read page after page. */
#ifndef CMD_CALMIRROR_PAGES_H
#define CMD_CALMIRROR_PAGES_H

#include "cmd/calmirror/cli.h"

/* Calls `each` for every item. EX_OK or as cli_get(). */
int pages_walk(struct cli *cli, const char *path, void (*each)(void *arg, struct span item),
               void *arg);
/* Calls `each` for every item. `path` already has a query. With --json, prints the pages' items as
 * one array instead. EX_OK or as cli_get(). */
int pages_each(struct cli *cli, const char *path, void (*each)(void *arg, struct span item),
               void *arg);

/* What is said when they do not fit into memory. */
#define NARROWER "out of memory; narrow it with --from and --to"

#endif
