/* command: runs a program with some input, within a time, without trusting it to end. */
#ifndef CORE_PUSH_COMMAND_H
#define CORE_PUSH_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/base/span.h"

#define COMMAND_TAIL 160 /* kept of what it writes last */

struct command { /* `= { 0 }` is none */
    pid_t pid;   /* leads a process group of its own; 0: none runs */
    int exit_fd; /* readable when it has ended */
    int output_fd;
    int64_t deadline_ms; /* monotonic */
    bool late;           /* it was ended because of that */
    char tail[COMMAND_TAIL + 1];
    size_t tail_n;
};

/* Begins argv[0] with this environment (both NULL-terminated) and `input` on its standard input;
 * what it writes comes to us. RC_SYS: it cannot be begun. */
enum rc command_start(struct command *c, const char *const *argv, const char *const *env,
                      struct span input, int64_t deadline_ms, struct err *e);
/* Reads what it wrote; ends it when its time is over. True: it has ended, and *ret_ok says whether
 * with status 0; *e is then why not. */
bool command_look(struct command *c, int64_t now_ms, bool *ret_ok, struct err *e);
void command_kill(struct command *c); /* with all that it started; waits for it. None: nothing */

/* Splits at blanks. `hold` has room for the text. False: too many words, or none. */
bool command_split(const char *text, char *hold, size_t size,
                   const char *argv[LIMIT_COMMAND_WORDS + 1]);

#endif
