/* seat: one account as the workers see it: its part of the config, its credential, whether it is
 * parked. */
#include "core/sync/seat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/must.h"
#include "core/base/private.h"
#include "core/google/login.h"

static char *copy(const char *text)
{
    return text ? must(strdup(text)) : NULL;
}

static struct conf_list copy_list(const struct conf_list *from)
{
    struct conf_list to = {.n = from->n};
    if (to.n == 0)
        return to;
    to.v = must(calloc(to.n, sizeof(char *)));
    for (size_t i = 0; i < to.n; i++)
        to.v[i] = copy(from->v[i]);
    return to;
}

static void release_list(struct conf_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->v[i]);
    free(list->v);
}

static bool same_text(const char *a, const char *b)
{
    return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

static bool same_list(const struct conf_list *a, const struct conf_list *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->v[i], b->v[i]) != 0)
            return false;
    }
    return true;
}

/* Of all files that the credential is made of; another one when any of them is another. */
static uint64_t stamp_of(const struct conf_account *conf, const struct vault *vault)
{
    const char *const files[] = {conf->key_file, conf->token_file, conf->oauth};
    uint64_t stamp = conf->oauth && vault ? vault_stamp(vault, conf->name, LOGIN_FIELD) : 0;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (files[i])
            stamp = stamp * 31 + private_stamp(files[i]);
    }
    return stamp;
}

static enum rc read_login(void *arg, struct secret *ret, struct err *e)
{
    const struct seat *s = arg;
    if (!s->vault)
        return err_set(e, RC_AUTH, "the place where logins are kept cannot be used (see the log)");
    return vault_get(s->vault, s->conf.name, LOGIN_FIELD, ret, e);
}

struct seat *seat_new(const struct conf_account *conf, const struct seat_world *world,
                      uint32_t account)
{
    struct seat *s = must(calloc(1, sizeof(*s)));
    s->refs = 1;
    s->account = account;
    s->vault = world->vault;
    s->conf = (struct conf_account){
        .name = copy(conf->name),
        .key_file = copy(conf->key_file),
        .subject = copy(conf->subject),
        .oauth = copy(conf->oauth),
        .token_file = copy(conf->token_file),
        .acl = conf->acl,
        .calendars = copy_list(&conf->calendars),
        .exclude = copy_list(&conf->exclude),
    };
    s->stamp =
        stamp_of(conf, s->vault); /* before it is read: a change meanwhile is seen next time */
    struct err e = {0};
    enum rc rc = auth_new(&s->auth,
                          &(struct auth_options){.name = conf->name,
                                                 .token_url = world->token_url,
                                                 .key_file = conf->key_file,
                                                 .subject = conf->subject,
                                                 .token_file = conf->token_file,
                                                 .client_file = conf->oauth,
                                                 .scope = conf->acl ? AUTH_SCOPE_ACL : AUTH_SCOPE,
                                                 .read_login = read_login,
                                                 .read_login_arg = s},
                          &e);
    if (rc != RC_OK) {
        snprintf(s->reason, sizeof(s->reason), "%.*s", (int)sizeof(s->reason) - 1, e.text);
        if (rc == RC_SYS)
            s->stamp = ~s->stamp; /* the files are not to blame: they are read again soon */
    }
    return s;
}

struct seat *seat_ref(struct seat *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void seat_unref(struct seat *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    auth_free(s->auth);
    release_list(&s->conf.calendars);
    release_list(&s->conf.exclude);
    free(s->conf.name);
    free(s->conf.key_file);
    free(s->conf.subject);
    free(s->conf.oauth);
    free(s->conf.token_file);
    free(s);
}

bool seat_fits(const struct seat *s, const struct conf_account *conf)
{
    return same_text(s->conf.name, conf->name) && same_text(s->conf.key_file, conf->key_file) &&
           same_text(s->conf.subject, conf->subject) && same_text(s->conf.oauth, conf->oauth) &&
           same_text(s->conf.token_file, conf->token_file) && s->conf.acl == conf->acl &&
           same_list(&s->conf.calendars, &conf->calendars) &&
           same_list(&s->conf.exclude, &conf->exclude) && stamp_of(conf, s->vault) == s->stamp;
}
