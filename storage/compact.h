/* compact: copies a store's file in order and without what is free in it. Private to storage/. */
#ifndef STORAGE_COMPACT_H
#define STORAGE_COMPACT_H

#include "storage/txn.h"

/* Makes the copy if that is worth it, durable, under the name ret[PATH_MAX] beside `path`, for the
 * caller to put in its place; nobody reads or writes the store yet, and compact_clean() was called.
 * False: there is none, and nothing has changed. */
bool compact_copy(struct store *s, const char *path, char *ret);
/* Removes a copy that was not put in its place; true: there was one. */
bool compact_clean(const char *path);

#endif
