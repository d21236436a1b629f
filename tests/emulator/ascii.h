/* ascii: JSON text with every character beyond ASCII written as an escape. */
#ifndef EMULATOR_ASCII_H
#define EMULATOR_ASCII_H

#include <stddef.h>

/* A new text of *ret_n bytes and a NUL; the caller's. NULL when `text` is not UTF-8, or has such a
 * character where JSON cannot: behind a backslash. */
char *json_ascii(const char *text, size_t n, size_t *ret_n);

#endif
