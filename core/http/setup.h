/* setup: what every request needs of libcurl, for the files of this folder. */
#ifndef CORE_HTTP_SETUP_H
#define CORE_HTTP_SETUP_H

#include <curl/curl.h>
#include <stdbool.h>

#include "core/base/err.h"

bool setup_once(void); /* before anything else; false: libcurl cannot be used */

/* What holds whomever we talk to: TLS that is checked, no redirects, no signals. False: curl
 * refused. */
bool setup_policy(CURL *easy);

/* "Name: value" lines, those of both lists, NULL-terminated, `given` may be NULL. RC_INVALID: one
 * would be two lines. RC_SYS. */
enum rc setup_lines(struct curl_slist **ret, const char *const *own, const char *const *given,
                    struct err *e);
void setup_free_lines(struct curl_slist *lines); /* wipes them; NULL ok */

#endif
