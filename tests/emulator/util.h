/* util: memory, strings, numbers. Out of memory ends the program: this is a test server. */
#ifndef EMULATOR_UTIL_H
#define EMULATOR_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *xalloc(size_t n); /* zeroed */
void *xgrow(void *p, size_t n);
char *xstrdup(const char *s); /* NULL gives NULL */
char *xstrndup(const char *s, size_t n);
[[gnu::format(printf, 1, 2)]] char *xprintf(const char *format, ...);
/* Replaces *p, freeing what was there. */
void xreplace(char **p, char *fresh);

/* A growing string, always NUL-terminated once something was added. `= { 0 }` is empty. */
struct buf {
    char *p;
    size_t len, cap;
};
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
[[gnu::format(printf, 2, 3)]] void buf_printf(struct buf *b, const char *format, ...);
void buf_quote(struct buf *b, const char *s); /* as a JSON string with its quotes */
void buf_reserve(struct buf *b, size_t more);
void buf_free(struct buf *b);

uint32_t hash32(const char *s); /* FNV-1a */
bool starts_with(const char *s, const char *prefix);
bool ends_with(const char *s, const char *suffix);

/* base64url. Encoding returns a string; decoding takes it with or without "=" and returns bytes
 * followed by a NUL, or NULL when there is another character. */
char *b64url_encode(const void *p, size_t n, bool pad);
unsigned char *b64url_decode(const char *s, size_t *ret_n);

/* Percent decoding; `plus` reads '+' as a space. A broken escape stays as it is. */
char *url_decode(const char *s, size_t n, bool plus);
char *url_encode(const char *s);

struct rng {
    uint64_t state;
};
uint64_t rng_next(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t limit); /* 0 … limit-1 */

int64_t real_us(void); /* wall clock, µs since 1970 */
int64_t mono_ms(void);

#endif
