/* options: the table. A new option is one line here and one field in conf.h. */
#include "core/conf/option.h"

#include <stddef.h>

#include "core/conf/client.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define MIB    (INT64_C(1) << 20)
#define GIB    (INT64_C(1) << 30)

#define IN(field)         offsetof(struct conf, field)
#define IN_ACCOUNT(field) offsetof(struct conf_account, field)
#define IN_CLIENT(field)  offsetof(struct conf_client, field)
#define IN_HOOK(field)    offsetof(struct conf_hook, field)

/* A section without a name of its own: its values are in struct conf. */
#define PLAIN(title, text)             \
    {                                  \
        .name = (title), .doc = (text) \
    }

const struct section_info conf_sections[SECTION_COUNT] = {
    [SECTION_MIRROR] = PLAIN("mirror", "The service itself."),
    [SECTION_GOOGLE] = PLAIN("google", "How Google is reached, and how much of its quota is used."),
    [SECTION_WEBHOOK] =
        PLAIN("webhook", "Where Google's notifications come in. Without a public_url the "
                         "mirror works by polling alone."),
    [SECTION_API] = PLAIN("api", "The local API that clients read from."),
    [SECTION_SYNC] =
        PLAIN("sync", "How often the mirror asks Google on its own, and how it retries."),
    [SECTION_PUSH] =
        PLAIN("push", "Notifications that the mirror itself sends to channels, which clients open "
                      "with events.watch and the like, just as with Google."),
    [SECTION_ACCOUNT] = {"account",
                         "One Google identity whose calendars are mirrored; NAME is yours to "
                         "choose. Set exactly one credential: key_file, oauth or token_file.",
                         sizeof(struct conf_account), IN(accounts), IN(n_accounts)},
    [SECTION_CLIENT] =
        {"client",
         "A program that may read; NAME is yours to choose. Without any such section, whoever "
         "reaches the API may read everything. With one, every request must carry a client's "
         "token; `calmirror client add NAME` makes one.",
         sizeof(struct conf_client), IN(clients), IN(n_clients)},
    [SECTION_HOOK] =
        {"hook",
         "Something to do on every change; NAME is yours to choose. Set exactly one of command, "
         "shell and url. It is given the change as JSON, in the form of the change feed, at least "
         "once and in order for each calendar. A change it does not take is retried with growing "
         "pauses (see [push]) until give_up has passed, then kept as a dead letter: `calmirror "
         "hooks` shows these, delivers them again or drops them.",
         sizeof(struct conf_hook), IN(hooks), IN(n_hooks)},
};

const struct option conf_options[] = {
    {SECTION_MIRROR, "state_dir", VALUE_PATH, "/var/lib/calmirrord", IN(mirror.state_dir), 0, 0,
     false,
     "Directory of the database. It is created when missing, and used by one running service. What "
     "is mirrored can be fetched from Google again; stored logins cannot, nor can push.mdb, which "
     "holds the channels that clients opened and how far each hook has got."},
    {SECTION_MIRROR, "map_size", VALUE_SIZE, "8GiB", IN(mirror.map_size), MIB, 1024 * GIB, false,
     "Most bytes the database may grow to. This reserves only address space; the file grows as it "
     "fills. When the map is full, updates stop and reads go on. On a machine of 32 bits it is at "
     "most 1GiB, whatever is set here."},
    {SECTION_MIRROR, "workers", VALUE_COUNT, "4", IN(mirror.workers), 1, 64, false,
     "How many calendars are pulled from Google at the same time."},
    {SECTION_MIRROR, "log_level", VALUE_LEVEL, "info", IN(mirror.log_level), 0, 0, true,
     "Least important level to log: err, warning, notice, info or debug."},
    {SECTION_MIRROR, "zoneinfo", VALUE_PATH, "/usr/share/zoneinfo", IN(mirror.zoneinfo), 0, 0,
     false,
     "Directory of the time zone database. It is read once: restart the service when it was "
     "upgraded."},

    {SECTION_GOOGLE, "api_url", VALUE_BASE_URL, "https://www.googleapis.com/calendar/v3",
     IN(google.api_url), 0, 0, false,
     "Base URL of the Calendar API. Plain http:// is accepted for loopback hosts only, for example "
     "for gcal-emulator."},
    {SECTION_GOOGLE, "token_url", VALUE_BASE_URL, "https://oauth2.googleapis.com/token",
     IN(google.token_url), 0, 0, false, "Where credentials are exchanged for access tokens."},
    {SECTION_GOOGLE, "auth_url", VALUE_BASE_URL, "https://accounts.google.com/o/oauth2/v2/auth",
     IN(google.auth_url), 0, 0, true, "Google's page on which a person signs in."},
    {SECTION_GOOGLE, "revoke_url", VALUE_BASE_URL, "https://oauth2.googleapis.com/revoke",
     IN(google.revoke_url), 0, 0, true, "Where a login is withdrawn."},
    {SECTION_GOOGLE, "request_timeout", VALUE_DURATION, "60s", IN(google.request_timeout_ms),
     SECOND, 10 * MINUTE, false,
     "Longest that one request to Google may take, including its answer."},
    {SECTION_GOOGLE, "connect_timeout", VALUE_DURATION, "10s", IN(google.connect_timeout_ms), 100,
     5 * MINUTE, false, "Longest that connecting to Google may take."},
    {SECTION_GOOGLE, "project_rate", VALUE_COUNT, "6000", IN(google.project_rate), 0, 1000000,
     false,
     "Most requests a minute for all accounts together. Google's own default limit is 10000 per "
     "project; the rest is left to others that use the same project. 0 means unlimited."},
    {SECTION_GOOGLE, "user_rate", VALUE_COUNT, "540", IN(google.user_rate), 0, 1000000, false,
     "Most requests a minute for one account. Google's own default limit is 600 per user. 0 means "
     "unlimited."},

    {SECTION_WEBHOOK, "listen", VALUE_ADDRESS, "127.0.0.1:8081", IN(webhook.listen), 0, 0, false,
     "Where to accept notifications: host:port or the absolute path of a unix socket. Google "
     "reaches it through a proxy that speaks HTTPS, or directly with tls_cert and tls_key. It is "
     "used only when public_url is set."},
    {SECTION_WEBHOOK, "public_url", VALUE_HOOK_URL, "", IN(webhook.public_url), 0, 0, false,
     "The listener's address as Google calls it, path included, such as "
     "https://calendar.example.org/hooks/google. Google demands HTTPS with a certificate it "
     "trusts. If empty, calendars are only polled."},

    {SECTION_WEBHOOK, "tls_cert", VALUE_PATH, "", IN(webhook.tls_cert), 0, 0, false,
     "PEM file with the listener's certificate, followed by the intermediate ones. With it and "
     "tls_key the listener speaks HTTPS (TLS 1.2 and 1.3) itself, without a proxy. A new "
     "certificate in the file is picked up within seconds, and at a reload; if it is not valid, "
     "the old one stays in force."},
    {SECTION_WEBHOOK, "tls_key", VALUE_PATH, "", IN(webhook.tls_key), 0, 0, false,
     "PEM file with the private key of tls_cert, unencrypted. It must not be readable by others."},
    {SECTION_WEBHOOK, "site_verification", VALUE_SITE, "", IN(webhook.site_verification), 0, 0,
     false,
     "Proof for Google's Search Console, where it is required, that you own the host: either the "
     "name of its verification file, such as google1234567890abcdef.html, which is then served, or "
     "the token of its meta tag, which is then put in an otherwise empty page at /."},

    {SECTION_API, "listen", VALUE_ADDRESS, "127.0.0.1:8080", IN(api.listen), 0, 0, false,
     "Where clients connect: host:port, or the absolute path of a unix socket. An address that "
     "other machines can reach is accepted only with a [client] section; tokens then cross the "
     "network, so put a proxy that speaks TLS in front of it."},
    {SECTION_API, "socket_mode", VALUE_MODE, "0660", IN(api.socket_mode), 0600, 0777, false,
     "Permissions of the unix socket, in octal: whoever may write to it may connect."},
    {SECTION_API, "socket_owner", VALUE_OWNER, "", IN(api.socket_owner), 0, 0, false,
     "Owner and group of the unix socket: USER, USER:GROUP or :GROUP. If empty, those of the "
     "service. The service may set any group it is a member of; to set another owner it must run "
     "as root. In the sandbox of the systemd unit it may set neither: enable "
     "calmirrord-api.socket, with SocketUser=, SocketGroup= and SocketMode=."},
    {SECTION_API, "account", VALUE_ACCOUNT, "", IN(api.account), 0, 0, true,
     "Name of the account that \"me\" and \"primary\" mean in a request. If empty, the first one "
     "in the file."},
    {SECTION_API, "hosts", VALUE_HOSTS, "", IN(api.hosts), 0, 0, true,
     "Further names, separated by commas, that clients may use for this server in the Host header, "
     "besides the address itself and localhost. Anything else is refused, which keeps web pages "
     "from reading the API through a name of their own."},
    {SECTION_API, "origins", VALUE_ORIGINS, "", IN(api.origins), 0, 0, true,
     "Origins of web pages, separated by commas, that may read the API from a browser, such as "
     "https://board.example.org."},
    {SECTION_API, "cache_size", VALUE_SIZE, "64MiB", IN(api.cache_size), 0, 16 * GIB, false,
     "Memory for cached answers. 0 turns the cache off."},
    {SECTION_API, "feed_size", VALUE_SIZE, "128MiB", IN(api.feed_size), 64 << 10, 1 * GIB, true,
     "Largest iCalendar feed; a longer one is refused, and can be fetched in parts. Feeds being "
     "sent use at most twice this much memory."},
    {SECTION_API, "max_streams", VALUE_COUNT, "12000", IN(api.max_streams), 0, 1000000, true,
     "Most streams (GET /v1/stream) open at a time. Each uses a file descriptor."},
    {SECTION_API, "streams_per_client", VALUE_COUNT, "0", IN(api.streams_per_client), 0, 1000000,
     true,
     "Most streams and long polls that one [client] may have open at a time, so that some are left "
     "for the others. 0 means half of max_streams."},
    {SECTION_API, "stream_stall", VALUE_DURATION, "10s", IN(api.stream_stall_ms), 100, HOUR, true,
     "A stream whose reader takes none of the waiting data for this long is closed. The reader can "
     "resume where it was."},
    {SECTION_API, "instance_budget", VALUE_COUNT, "100000", IN(api.instance_budget), 1, 10000000,
     true, "Most instances of recurring events that one request may make the server compute."},

    {SECTION_SYNC, "poll_interval", VALUE_DURATION, "15m", IN(sync.poll_interval_ms), SECOND,
     7 * DAY, true,
     "How long after its last pull a calendar is pulled even if no notification came. This bounds "
     "how stale data can get when notifications are lost."},
    {SECTION_SYNC, "poll_interval_unhealthy", VALUE_DURATION, "60s",
     IN(sync.poll_interval_unhealthy_ms), SECOND, DAY, true,
     "The same for a calendar without a working notification channel."},
    {SECTION_SYNC, "roster_interval", VALUE_DURATION, "1h", IN(sync.roster_interval_ms), SECOND,
     7 * DAY, true, "How often the list of calendars is pulled, apart from notifications."},
    {SECTION_SYNC, "full_sync_interval", VALUE_DURATION, "7d", IN(sync.full_sync_interval_ms),
     SECOND, 3650 * DAY, true,
     "How often a calendar is listed in full and compared, to find what incremental pulls missed."},
    {SECTION_SYNC, "channel_ttl", VALUE_DURATION, "7d", IN(sync.channel_ttl_ms), SECOND, 30 * DAY,
     true,
     "Lifetime to ask for when opening a notification channel. The one that Google grants counts."},
    {SECTION_SYNC, "channel_overlap", VALUE_DURATION, "1h", IN(sync.channel_overlap_ms), 0, 7 * DAY,
     true, "How long before a channel ends the next one is opened. It may not exceed channel_ttl."},
    {SECTION_SYNC, "backoff_min", VALUE_DURATION, "1s", IN(sync.backoff_min_ms), 10, HOUR, true,
     "Wait after the first failure. It doubles with each further one, with jitter."},
    {SECTION_SYNC, "backoff_max", VALUE_DURATION, "15m", IN(sync.backoff_max_ms), 10, DAY, true,
     "Longest wait between two attempts."},
    {SECTION_SYNC, "change_retention", VALUE_DURATION, "30d", IN(sync.change_retention_ms), SECOND,
     3650 * DAY, true,
     "How long deleted events stay in the change log. A client whose sync token is older has to "
     "start over."},

    {SECTION_PUSH, "networks", VALUE_NETWORKS, "", IN(push.networks), 0, 0, true,
     "Networks, separated by commas, besides the public Internet to which clients may have "
     "notifications sent, such as 127.0.0.0/8, ::1 or 192.168.0.0/16. http:// is accepted there; "
     "everywhere else only https:// is. Link-local addresses, cloud metadata addresses and the "
     "service's own are never notified, whatever is set here."},
    {SECTION_PUSH, "channels_per_client", VALUE_COUNT, "1000", IN(push.channels_per_client), 0,
     10000, true, "Most channels that one client may have open. 0 means that none can be opened."},
    {SECTION_PUSH, "channel_ttl", VALUE_DURATION, "7d", IN(push.ttl_ms), SECOND, 365 * DAY, true,
     "How long a channel lives if its opener does not say."},
    {SECTION_PUSH, "channel_ttl_max", VALUE_DURATION, "30d", IN(push.ttl_max_ms), SECOND, 365 * DAY,
     true, "Longest that a channel may live; a request for more gets this."},
    {SECTION_PUSH, "request_timeout", VALUE_DURATION, "10s", IN(push.request_timeout_ms), 100,
     MINUTE, true, "Longest that one notification may take, including the receiver's answer."},
    {SECTION_PUSH, "settle", VALUE_DURATION, "200ms", IN(push.settle_ms), 0, MINUTE, true,
     "How long a calendar must have been quiet before its channels are notified, so that a burst "
     "of changes is one notification. During changes that go on and on, one is sent every second, "
     "or at this interval if it is longer."},
    {SECTION_PUSH, "backoff_min", VALUE_DURATION, "1s", IN(push.backoff_min_ms), 10, HOUR, true,
     "Wait after the first failed delivery; it doubles with each further one."},
    {SECTION_PUSH, "backoff_max", VALUE_DURATION, "5m", IN(push.backoff_max_ms), 10, DAY, true,
     "Longest such wait."},

    {SECTION_ACCOUNT, "key_file", VALUE_PATH, NULL, IN_ACCOUNT(key_file), 0, 0, true,
     "Key of a service account, the JSON file that Google's console gives out; or a person's login "
     "as gcloud and Google's client libraries store it (authorized_user). It must not be readable "
     "by others."},
    {SECTION_ACCOUNT, "subject", VALUE_SUBJECT, NULL, IN_ACCOUNT(subject), 0, 0, true,
     "User for whom the service account acts, by domain-wide delegation. Without it the service "
     "account sees what was shared with its own address. Only valid with key_file."},
    {SECTION_ACCOUNT, "oauth", VALUE_PATH, NULL, IN_ACCOUNT(oauth), 0, 0, true,
     "OAuth client of type \"Desktop app\", the JSON file that Google's console gives out. A "
     "person "
     "signs in with `calmirror login --account NAME`. It must not be readable by others."},
    {SECTION_ACCOUNT, "token_file", VALUE_PATH, NULL, IN_ACCOUNT(token_file), 0, 0, true,
     "File with an access token that something else keeps fresh. It is read again when Google "
     "refuses the token, and must not be readable by others."},
    {SECTION_ACCOUNT, "acl", VALUE_BOOL, "no", IN_ACCOUNT(acl), 0, 0, true,
     "Whether to mirror the access rules of the calendars that the account owns: yes or no. This "
     "needs the scope calendar.acls.readonly besides calendar.readonly; a person has to sign in "
     "again after changing it."},
    {SECTION_ACCOUNT, "calendars", VALUE_GLOBS, "", IN_ACCOUNT(calendars), 0, 0, true,
     "Which calendars to mirror: patterns for calendar ids, separated by commas, with * ? and "
     "[...] as in a shell, or the word primary. If empty, every calendar in the account's list."},
    {SECTION_ACCOUNT, "exclude", VALUE_GLOBS, "", IN_ACCOUNT(exclude), 0, 0, true,
     "Patterns for calendars not to mirror. They take precedence over calendars."},

    {SECTION_CLIENT, "token_sha256", VALUE_HASHES, NULL, IN_CLIENT(tokens), 0, 0, true,
     "SHA-256 of the client's token, in hex. Give several, separated by commas, to hand out a new "
     "token before withdrawing the old one."},
    {SECTION_CLIENT, "expires", VALUE_MOMENT, "", IN_CLIENT(expires_ms), 0, 0, true,
     "When its tokens stop being accepted: a date, or a time such as 2027-01-31T18:00:00Z. If "
     "empty, never."},
    {SECTION_CLIENT, "accounts", VALUE_ACCOUNTS, "", IN_CLIENT(accounts), 0, 0, true,
     "Accounts whose calendars it sees, separated by commas. The first is the one that \"me\" and "
     "\"primary\" mean in its requests. If empty, all of them, and account in [api] says which one "
     "\"me\" is."},
    {SECTION_CLIENT, "calendars", VALUE_GLOBS, "", IN_CLIENT(calendars), 0, 0, true,
     "Which calendars of these accounts it sees: patterns for calendar ids, separated by commas, "
     "or the word primary. If empty, every one that is mirrored. For this client the others do not "
     "exist."},
    {SECTION_CLIENT, "freebusy_only", VALUE_GLOBS, "", IN_CLIENT(freebusy_only), 0, 0, true,
     "Patterns for calendars of which it sees only the busy times: events without any of their "
     "text. * for all."},
    {SECTION_CLIENT, "origins", VALUE_ORIGINS, "", IN_CLIENT(origins), 0, 0, true,
     "Origins of web pages that may use its tokens, besides those in [api]."},
    {SECTION_CLIENT, "admin", VALUE_BOOL, "no", IN_CLIENT(admin), 0, 0, true,
     "Whether it may also see the state of the whole service, and ask for a resync: yes or no."},

    {SECTION_HOOK, "command", VALUE_COMMAND, NULL, IN_HOOK(command), 0, 0, true,
     "Absolute path of a program, and arguments separated by blanks; no shell is involved. The "
     "program gets the change on its standard input, as one line. It runs in /, one at a time, "
     "with only these in its environment: PATH, LANG, CALMIRROR_HOOK, CALMIRROR_TYPE, "
     "CALMIRROR_ACCOUNT and CALMIRROR_DELIVERY. Exit status 0 means taken. The sandbox of the "
     "shipped unit lets no other program run: a drop-in must name it in ExecPaths= (see the "
     "unit)."},
    {SECTION_HOOK, "shell", VALUE_TEXT, NULL, IN_HOOK(shell), 0, 0, true,
     "The same, as a line for /bin/sh, whose exit status counts: of a pipe, that of its last "
     "program. What the line leaves running in the background is ended with it. Example: "
     "jq -r .eventId >> /var/lib/calmirrord/seen"},
    {SECTION_HOOK, "url", VALUE_TARGET, NULL, IN_HOOK(url), 0, 0, true,
     "Where to POST the change, as application/json. Any status from 200 to 299 means taken. Plain "
     "http:// is accepted for loopback hosts only. Redirects are not followed."},
    {SECTION_HOOK, "secret_file", VALUE_PATH, "", IN_HOOK(secret_file), 0, 0, true,
     "File of the service's user (mode 0600) with the secret that signs each POST. The header "
     "Calmirror-Signature: t=TIME,v1=HEX then has the HMAC-SHA256 of TIME, a dot and the body. "
     "White space at the end of the file is ignored."},
    {SECTION_HOOK, "next_secret_file", VALUE_PATH, "", IN_HOOK(next_secret_file), 0, 0, true,
     "A second secret, for changing from one to the other: the header then has a v1= for each, so "
     "a receiver that knows either one accepts it."},
    {SECTION_HOOK, "accounts", VALUE_ACCOUNTS, "", IN_HOOK(accounts), 0, 0, true,
     "Only changes of these accounts, separated by commas. Empty means all. Each must have its "
     "section. Example: work, home"},
    {SECTION_HOOK, "calendars", VALUE_GLOBS, "", IN_HOOK(calendars), 0, 0, true,
     "Only changes of calendars whose id matches one of these patterns (* is anything, ? one "
     "character), separated by commas, or the word primary. Empty means all. Other changes are "
     "passed over, not kept for later. Example: primary, *@group.calendar.google.com"},
    {SECTION_HOOK, "types", VALUE_TYPES, "", IN_HOOK(types), 0, 0, true,
     "Only changes of these types, separated by commas: created, updated and deleted (events), "
     "calendar (one was added, removed or changed in the list), reset (what was said of a calendar "
     "is void; list it again). Empty means all."},
    {SECTION_HOOK, "include_event", VALUE_BOOL, "no", IN_HOOK(include_event), 0, 0, true,
     "Whether the change includes the whole event: yes or no."},
    {SECTION_HOOK, "timeout", VALUE_DURATION, "30s", IN_HOOK(timeout_ms), 100, HOUR, true,
     "Longest that the program may run, or that the receiver may take to answer. A program that "
     "runs longer is killed, along with its process group."},
    {SECTION_HOOK, "give_up", VALUE_DURATION, "24h", IN_HOOK(give_up_ms), SECOND, 30 * DAY, true,
     "How long a calendar's changes are retried before they become dead letters."},
};
const size_t conf_n_options = sizeof(conf_options) / sizeof(conf_options[0]);

const struct option *option_find(enum conf_section section, struct span key)
{
    for (size_t i = 0; i < conf_n_options; i++)
        if (conf_options[i].section == section && span_is(key, conf_options[i].key))
            return &conf_options[i];
    return NULL;
}

size_t section_count(const struct conf *c, int section)
{
    const struct section_info *s = &conf_sections[section];
    return s->size ? *(const size_t *)((const char *)c + s->count) : 1;
}

void *section_holder(const struct conf *c, int section, size_t i)
{
    const struct section_info *s = &conf_sections[section];
    if (!s->size)
        return (void *)(uintptr_t)c;
    return *(char *const *)((const char *)c + s->list) + i * s->size;
}

const char *holder_name(const void *holder)
{
    return *(char *const *)holder;
}

uint32_t *holder_lines(const struct conf *c, const void *holder)
{
    return holder == c ? c->lines : ((uint32_t *const *)holder)[1];
}
