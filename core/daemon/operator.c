/* operator: the token of whoever may read the state directory, which opens the whole local API.
 *
 * DESIGN. With clients configured, the commands of the machine's own administrator still have to
 * work, whatever the API listens on. Who can read the state directory can read every event in the
 * database there, so a token beside it gives nothing away. It is made anew at each start; on a full
 * disk the last one serves on, for that is when those commands are wanted most. */
#include "core/daemon/operator.h"

#include <openssl/crypto.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/must.h"
#include "core/base/private.h"

static void file_name(const char *state_dir, struct buf *out)
{
    buf_printf(out, "%s/operator.token", state_dir);
    must_hold(out);
}

enum rc operator_token_make(const char *state_dir, char ret_hash[BEARER_HASH_SIZE], struct err *e)
{
    char token[BEARER_SIZE];
    struct buf path = {0};
    file_name(state_dir, &path);
    bearer_make(token);
    enum rc rc = private_write(buf_text(&path), span_of(token), e);
    struct secret last = {0};
    if (rc == RC_OK)
        bearer_hash(span_of(token), ret_hash);
    else if (operator_token_read(state_dir, &last, NULL) == RC_OK && last.n == BEARER_SIZE - 1) {
        bearer_hash(secret_span(&last), ret_hash);
        rc = RC_OK;
    }
    secret_release(&last);
    OPENSSL_cleanse(token, sizeof token);
    buf_release(&path);
    return rc;
}

enum rc operator_token_read(const char *state_dir, struct secret *ret, struct err *e)
{
    struct buf path = {0};
    file_name(state_dir, &path);
    enum rc rc =
        access(buf_text(&path), R_OK) == 0 ? private_read(buf_text(&path), ret, e) : RC_NOTFOUND;
    buf_release(&path);
    return rc;
}
