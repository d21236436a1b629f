/* build: what this program was made of: its version, and those of the libraries it runs with. */
#include "core/daemon/build.h"

#include <curl/curl.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <zlib.h>

#include "storage/store.h"

/* Of the work tree it was built from, as the Makefile found it. */
#ifndef CALMIRROR_COMMIT
#define CALMIRROR_COMMIT "unknown"
#endif

const struct exposition_fact *build_facts(void)
{
    static struct exposition_fact facts[8];
    facts[0] = (struct exposition_fact){"version", CALMIRROR_VERSION};
    facts[1] = (struct exposition_fact){"commit", CALMIRROR_COMMIT};
    facts[2] = (struct exposition_fact){"store", store_engine()};
    facts[3] = (struct exposition_fact){"curl", curl_version_info(CURLVERSION_NOW)->version};
    facts[4] = (struct exposition_fact){"microhttpd", MHD_get_version()};
    facts[5] = (struct exposition_fact){"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)};
    facts[6] = (struct exposition_fact){"zlib", zlibVersion()};
    return facts; /* the last one is empty */
}
