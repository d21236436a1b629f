/* must: for what must not fail: if it does, the process says what is missing and ends at once.
 *
 * For memory deep inside, where an error would be carried a long way up to be of no use there. The
 * service manager starts the service again, and what was under way is done again: nothing is
 * committed by halves. */
#ifndef CORE_BASE_MUST_H
#define CORE_BASE_MUST_H

struct buf;

void *must(void *p);                 /* `p`; NULL, from an allocation, ends the process */
void must_hold(const struct buf *b); /* one far from its cap: has it failed, memory ran out */

/* The sentence is logged as an error. */
void must_end(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* This process is no service but a command: must_end() says the sentence on stderr and exits with
 * that status, and so does memory that runs out in any struct buf. */
void must_set_exit_status(int status);
void must_memory(void); /* ran out: ends a command, returns in a service */

#endif
