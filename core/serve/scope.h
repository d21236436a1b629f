/* scope: whom a request means by "me", "primary" and a calendar's id. */
#ifndef CORE_SERVE_SCOPE_H
#define CORE_SERVE_SCOPE_H

#include "core/model/account.h"
#include "core/model/collection.h"
#include "core/serve/call.h"

/* The account that "me" is to the caller: the first of the client's, else api.account, else the
 * first of the config. NULL when there is none. */
const struct conf_account *scope_me(const struct call *c);

/* A collection of that account. False: answered (404 not there, 503 not listed yet). */
bool scope_of_me(struct call *c, enum coll_kind kind, struct collection *ret);

/* A calendar by its id as sent, "primary" included: that of me, or else of the first account that
 * has it and that the caller sees. Gives its events. False: answered, with 404 if the
 * caller may not know of it, with 403 if it may only know when it is busy. */
bool scope_calendar(struct call *c, struct span id, struct collection *ret);

/* The same for those who know what to show to whom: *ret_access is not ACCESS_NONE. Borrowed until
 * it is called again, from what the loop remembers or from *hold; NULL: answered. */
const struct collection *scope_any_calendar(struct call *c, struct span id, struct collection *hold,
                                            enum access *ret_access);

/* The same for what is not made of its events, which need not be listed yet: the collection tells
 * where the calendar is. */
bool scope_place_of(struct call *c, struct span id, struct collection *ret,
                    enum access *ret_access);

/* Likewise, without an answer: RC_NOTFOUND, RC_AGAIN (not listed yet), RC_SYS. */
enum rc scope_find_calendar(struct call *c, struct span id, struct collection *ret,
                            enum access *ret_access);

/* Is the account that the parameter `account` names, if it is given, one that the caller sees?
 * False: answered with 404. */
bool scope_account_is_known(struct call *c);

/* The account's config, by number; NULL when it is not configured. */
const struct conf_account *scope_account(const struct call *c, uint32_t no);

#endif
