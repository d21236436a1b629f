/* hook_send: begins one delivery to a hook: a signed POST, or a program. */
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/push/hook.h"
#include "core/push/sign.h"

#define CONNECT_MS 10000
#define USER_AGENT "calmirror/" CALMIRROR_VERSION

/* Where the configuration names a secret, nothing is posted without one. */
static bool may_post(const struct hook *hook)
{
    const struct conf_hook *conf = hook->conf;
    bool wanted = (conf->secret_file && conf->secret_file[0]) ||
                  (conf->next_secret_file && conf->next_secret_file[0]);

    return !wanted || hook->secrets[0].n || hook->secrets[1].n;
}

static enum rc post(struct hooks *h, struct hook_lane *lane, const char *delivery, struct err *e)
{
    const struct hook *hook = lane->hook;
    const struct conf_hook *conf = hook->conf;
    int64_t total_ms = conf->timeout_ms;
    struct buf name = {0}, id = {0}, signature = {0};
    const char *lines[5] = {"Content-Type: application/json"};
    unsigned n = 1;

    if (!may_post(hook))
        return err_set(e, RC_AGAIN, "no secret to sign with could be read");
    buf_printf(&name, "Calmirror-Hook: %s", hook->name);
    buf_printf(&id, "Calmirror-Delivery: %s", delivery);
    lines[n++] = buf_text(&name);
    lines[n++] = buf_text(&id);
    if (hook->secrets[0].n || hook->secrets[1].n) {
        sign_header(&signature, hook->secrets, 2, clock_wall_ms() / 1000, buf_span(&lane->body));
        lines[n++] = buf_text(&signature);
    }
    const struct http_post rq = {.url = conf->url,
                                 .headers = lines,
                                 .user_agent = USER_AGENT,
                                 .body = buf_span(&lane->body),
                                 .connect_ms = total_ms < CONNECT_MS ? total_ms : CONNECT_MS,
                                 .total_ms = total_ms,
                                 .arg = lane};
    enum rc rc = name.failed || id.failed || signature.failed ? err_set(e, RC_SYS, "out of memory")
                                                              : http_pool_post(h->pool, &rq, e);

    buf_release(&name);
    buf_release(&id);
    buf_release(&signature);
    return rc;
}

static enum rc run(struct hook_lane *lane, const char *type, const char *account,
                   const char *delivery, struct err *e)
{
    const struct conf_hook *conf = lane->hook->conf;
    const char *argv[LIMIT_COMMAND_WORDS + 1] = {"/bin/sh", "-c", conf->shell, NULL};
    char words[LIMIT_CONFIG_LINE + 1], hook_env[128], type_env[64], account_env[128], id_env[160];
    const char *env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                         "LANG=C.UTF-8",
                         hook_env,
                         type_env,
                         account_env,
                         id_env,
                         NULL};

    if (conf->command && !command_split(conf->command, words, sizeof words, argv))
        return err_set(e, RC_SYS, "more than %d words", LIMIT_COMMAND_WORDS);
    (void)snprintf(hook_env, sizeof hook_env, "CALMIRROR_HOOK=%s", lane->hook->name);
    (void)snprintf(type_env, sizeof type_env, "CALMIRROR_TYPE=%s", type);
    (void)snprintf(account_env, sizeof account_env, "CALMIRROR_ACCOUNT=%s", account);
    (void)snprintf(id_env, sizeof id_env, "CALMIRROR_DELIVERY=%s", delivery);
    buf_add_char(&lane->body, '\n');
    return command_start(&lane->command, argv, env, buf_span(&lane->body),
                         clock_mono_ms() + conf->timeout_ms, e);
}

enum rc hook_send(struct hooks *h, struct hook_lane *lane, const char *type, const char *account,
                  const char *delivery, struct err *e)
{
    if (lane->body.failed)
        return err_set(e, RC_SYS, "the change is too large");
    return lane->hook->conf->url ? post(h, lane, delivery, e)
                                 : run(lane, type, account, delivery, e);
}
