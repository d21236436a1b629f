/* params: query parameters as numbers, booleans and times; bad ones are answered at once. */
#ifndef EMULATOR_PARAMS_H
#define EMULATOR_PARAMS_H

#include "tests/emulator/req.h"
#include "tests/emulator/zone.h"

/* Each returns false after having answered 400. An absent parameter leaves *ret as it was. */
bool param_bool(struct req *r, const char *name, bool *ret);
bool param_count(struct req *r, const char *name, int64_t *ret); /* at least 1 */
bool param_time(struct req *r, const char *name, int64_t *ret_ms);
bool param_zone(struct req *r, const char *name, const struct zone **ret);

/* Hash of the parameters that choose what is listed, in any order. */
uint32_t params_hash(const struct req *r);

#endif
