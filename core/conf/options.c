/* options: the table. A new option is one line here and one field in conf.h. */
#include "core/conf/option.h"

#include <stddef.h>

#include "core/conf/client.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define KIB    (INT64_C(1) << 10)
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
        PLAIN("sync", "How often the mirror looks at Google by itself, and how it retries."),
    [SECTION_PUSH] =
        PLAIN("push", "Notifications that the mirror itself sends, to the channels that clients "
                      "open with events.watch and the like, as they would with Google."),
    [SECTION_ACCOUNT] =
        {"account",
         "One Google identity whose calendars are mirrored; NAME is yours to choose. "
         "Exactly one credential belongs in it: key_file, oauth or token_file.",
         sizeof(struct conf_account), IN(accounts), IN(n_accounts)},
    [SECTION_CLIENT] =
        {"client",
         "A program that may read; NAME is yours to choose. Without any such section whoever "
         "reaches the API may read everything. With one, every request must bear the token of a "
         "client, which calmirror(1) makes: `calmirror client add NAME`.",
         sizeof(struct conf_client), IN(clients), IN(n_clients)},
    [SECTION_HOOK] =
        {"hook",
         "Something to do on every change; NAME is yours to choose. Exactly one of command, shell "
         "and url belongs in it. It is given the change as JSON, as the change feed tells it, at "
         "least once and in order for each calendar. What it does not take is tried again with "
         "growing pauses (see [push]) until give_up is over, then kept as a dead letter: "
         "`calmirror hooks` shows these, delivers them again or drops them.",
         sizeof(struct conf_hook), IN(hooks), IN(n_hooks)},
};

const struct option conf_options[] = {
    {SECTION_MIRROR, "state_dir", VALUE_PATH, "/var/lib/calmirrord", IN(mirror.state_dir), 0, 0,
     false,
     "Directory of the database. It is created when missing and belongs to one running service. "
     "What is mirrored can be fetched from Google again. What cannot are stored logins, and "
     "push.mdb: the channels that clients opened, and how far hooks were told."},
    {SECTION_MIRROR, "map_size", VALUE_SIZE, "8GiB", IN(mirror.map_size), MIB, 1024 * GIB, false,
     "Most bytes the database may grow to. Only address space is reserved; the file grows as it is "
     "filled. When the map is full, updates stop and reads go on."},
    {SECTION_MIRROR, "workers", VALUE_COUNT, "4", IN(mirror.workers), 1, 64, false,
     "Calendars pulled from Google at the same time."},
    {SECTION_MIRROR, "log_level", VALUE_LEVEL, "info", IN(mirror.log_level), 0, 0, true,
     "Least important level that is logged: err, warning, notice, info or debug."},
    {SECTION_MIRROR, "zoneinfo", VALUE_PATH, "/usr/share/zoneinfo", IN(mirror.zoneinfo), 0, 0,
     false, "Directory of the time zone database."},

    {SECTION_GOOGLE, "api_url", VALUE_BASE_URL, "https://www.googleapis.com/calendar/v3",
     IN(google.api_url), 0, 0, false,
     "Base URL of the Calendar API. Plain http:// is accepted for loopback hosts only, for example "
     "for "
     "gcal-emulator."},
    {SECTION_GOOGLE, "token_url", VALUE_BASE_URL, "https://oauth2.googleapis.com/token",
     IN(google.token_url), 0, 0, false, "Where credentials are exchanged for access tokens."},
    {SECTION_GOOGLE, "auth_url", VALUE_BASE_URL, "https://accounts.google.com/o/oauth2/v2/auth",
     IN(google.auth_url), 0, 0, true, "Google's page on which a person signs in."},
    {SECTION_GOOGLE, "revoke_url", VALUE_BASE_URL, "https://oauth2.googleapis.com/revoke",
     IN(google.revoke_url), 0, 0, true, "Where a login is withdrawn."},
    {SECTION_GOOGLE, "request_timeout", VALUE_DURATION, "60s", IN(google.request_timeout_ms),
     SECOND, 10 * MINUTE, false,
     "Longest that one request to Google may take, its answer included."},
    {SECTION_GOOGLE, "connect_timeout", VALUE_DURATION, "10s", IN(google.connect_timeout_ms), 100,
     5 * MINUTE, false, "Longest that connecting to Google may take."},
    {SECTION_GOOGLE, "project_rate", VALUE_COUNT, "6000", IN(google.project_rate), 0, 1000000,
     false,
     "Most requests a minute for all accounts together. Google's own default limit is 10000 a "
     "project; the "
     "rest is left to others that use the same project. 0 means unlimited."},
    {SECTION_GOOGLE, "user_rate", VALUE_COUNT, "540", IN(google.user_rate), 0, 1000000, false,
     "Most requests a minute for one account. Google's own default limit is 600 a user. 0 means "
     "unlimited."},

    {SECTION_WEBHOOK, "listen", VALUE_ADDRESS, "127.0.0.1:8081", IN(webhook.listen), 0, 0, false,
     "Where notifications are accepted: host:port or the absolute path of a unix socket. Google "
     "reaches it through a proxy that speaks HTTPS, or directly with tls_cert and tls_key. It is "
     "used only "
     "when public_url is set."},
    {SECTION_WEBHOOK, "public_url", VALUE_HOOK_URL, "", IN(webhook.public_url), 0, 0, false,
     "The listener's address as Google calls it, path included, such as "
     "https://calendar.example.org/hooks/google. Google demands HTTPS with a certificate it "
     "trusts. Empty "
     "means that calendars are polled only."},

    {SECTION_WEBHOOK, "tls_cert", VALUE_PATH, "", IN(webhook.tls_cert), 0, 0, false,
     "PEM file with the listener's certificate and those between it and the root. With it and "
     "tls_key the "
     "listener speaks HTTPS (TLS 1.2 and 1.3) itself, without a proxy. A new certificate in the "
     "file is "
     "taken up within seconds, and at a reload; one that is not good leaves the old one in force."},
    {SECTION_WEBHOOK, "tls_key", VALUE_PATH, "", IN(webhook.tls_key), 0, 0, false,
     "PEM file with the key of tls_cert, not encrypted. It must not be readable by others."},
    {SECTION_WEBHOOK, "site_verification", VALUE_SITE, "", IN(webhook.site_verification), 0, 0,
     false,
     "Proof for Google's Search Console that the host is yours, where it is asked for: the name of "
     "its "
     "file, such as google1234567890abcdef.html, which is then served, or the token of its meta "
     "tag, which "
     "then stands in an otherwise empty page at /."},

    {SECTION_API, "listen", VALUE_ADDRESS, "127.0.0.1:8080", IN(api.listen), 0, 0, false,
     "Where clients read: host:port, or the absolute path of a unix socket. Addresses that other "
     "machines reach are accepted only with a [client] section; tokens then cross the network, so "
     "put a proxy that speaks TLS before it."},
    {SECTION_API, "socket_mode", VALUE_MODE, "0660", IN(api.socket_mode), 0600, 0777, false,
     "Permissions of the unix socket, in octal: whoever may write to it may connect."},
    {SECTION_API, "socket_owner", VALUE_OWNER, "", IN(api.socket_owner), 0, 0, false,
     "Owner and group of the unix socket: USER, USER:GROUP or :GROUP. Empty means those of the "
     "service. It can give it to groups that it is a member of; to give it away it must be root."},
    {SECTION_API, "account", VALUE_ACCOUNT, "", IN(api.account), 0, 0, true,
     "Name of the account that \"me\" and \"primary\" mean in a request. Empty means the first one "
     "in the "
     "file."},
    {SECTION_API, "hosts", VALUE_HOSTS, "", IN(api.hosts), 0, 0, true,
     "Further names, separated by commas, that clients may use for this server in the Host header, "
     "besides "
     "the address itself and localhost. Anything else is refused, which keeps web pages from "
     "reading the "
     "API through a name of their own."},
    {SECTION_API, "origins", VALUE_ORIGINS, "", IN(api.origins), 0, 0, true,
     "Origins of web pages, separated by commas, that may read the API from a browser, such as "
     "https://board.example.org."},
    {SECTION_API, "cache_size", VALUE_SIZE, "64MiB", IN(api.cache_size), 0, 16 * GIB, false,
     "Memory for finished answers. 0 turns the cache off."},
    {SECTION_API, "feed_size", VALUE_SIZE, "128MiB", IN(api.feed_size), 64 << 10, 1 * GIB, true,
     "Greatest size of an iCalendar feed; a longer one is refused, and can be had by parts. Feeds "
     "on their way take at most twice as much memory."},
    {SECTION_API, "max_streams", VALUE_COUNT, "12000", IN(api.max_streams), 0, 1000000, true,
     "Most streams (GET /v1/stream) that are open at a time. Each takes a file descriptor."},
    {SECTION_API, "streams_per_client", VALUE_COUNT, "0", IN(api.streams_per_client), 0, 1000000,
     true,
     "Most streams and long polls that one [client] has open at a time, so that the others get "
     "some. "
     "0 means half of max_streams."},
    {SECTION_API, "stream_stall", VALUE_DURATION, "10s", IN(api.stream_stall_ms), 100, HOUR, true,
     "A stream whose reader takes nothing of what there is for so long is ended. It can resume "
     "where it was."},
    {SECTION_API, "instance_budget", VALUE_COUNT, "100000", IN(api.instance_budget), 1, 10000000,
     true, "Most instances of recurring events that one request may make the server compute."},

    {SECTION_SYNC, "poll_interval", VALUE_DURATION, "15m", IN(sync.poll_interval_ms), SECOND,
     7 * DAY, true,
     "A calendar is pulled this long after its last pull even when no notification came. It bounds "
     "how "
     "stale data can get when notifications are lost."},
    {SECTION_SYNC, "poll_interval_unhealthy", VALUE_DURATION, "60s",
     IN(sync.poll_interval_unhealthy_ms), SECOND, DAY, true,
     "The same for a calendar without a working notification channel."},
    {SECTION_SYNC, "roster_interval", VALUE_DURATION, "1h", IN(sync.roster_interval_ms), SECOND,
     7 * DAY, true, "How often the list of calendars is pulled besides notifications."},
    {SECTION_SYNC, "full_sync_interval", VALUE_DURATION, "7d", IN(sync.full_sync_interval_ms),
     SECOND, 3650 * DAY, true,
     "How often a calendar is listed in full and compared, which finds what increments missed."},
    {SECTION_SYNC, "channel_ttl", VALUE_DURATION, "7d", IN(sync.channel_ttl_ms), SECOND, 30 * DAY,
     true,
     "Life that is asked for when a notification channel is opened. What Google grants counts."},
    {SECTION_SYNC, "channel_overlap", VALUE_DURATION, "1h", IN(sync.channel_overlap_ms), 0, 7 * DAY,
     true,
     "The next channel is opened this long before the old one ends. It may not exceed "
     "channel_ttl."},
    {SECTION_SYNC, "backoff_min", VALUE_DURATION, "1s", IN(sync.backoff_min_ms), 10, HOUR, true,
     "Wait after a first failure. It doubles with each further one, with jitter."},
    {SECTION_SYNC, "backoff_max", VALUE_DURATION, "15m", IN(sync.backoff_max_ms), 10, DAY, true,
     "Longest wait between two attempts."},
    {SECTION_SYNC, "change_retention", VALUE_DURATION, "30d", IN(sync.change_retention_ms), SECOND,
     3650 * DAY, true,
     "How long removed events stay in the change log. A client whose sync token is older starts "
     "over."},

    {SECTION_PUSH, "networks", VALUE_NETWORKS, "", IN(push.networks), 0, 0, true,
     "Networks, separated by commas, that clients may have notified besides the public Internet, "
     "such as 127.0.0.0/8, ::1 or 192.168.0.0/16. There http:// is accepted, everywhere else only "
     "https://. Link-local addresses, those of a cloud's metadata and the service's own are never "
     "notified, whatever stands here."},
    {SECTION_PUSH, "channels_per_client", VALUE_COUNT, "1000", IN(push.channels_per_client), 0,
     10000, true, "Most channels that one client may have open. 0 means that none can be opened."},
    {SECTION_PUSH, "channel_ttl", VALUE_DURATION, "7d", IN(push.ttl_ms), SECOND, 365 * DAY, true,
     "How long a channel lives when its opener does not say."},
    {SECTION_PUSH, "channel_ttl_max", VALUE_DURATION, "30d", IN(push.ttl_max_ms), SECOND, 365 * DAY,
     true, "How long a channel lives at most; who asks for more gets this."},
    {SECTION_PUSH, "request_timeout", VALUE_DURATION, "10s", IN(push.request_timeout_ms), 100,
     MINUTE, true, "Longest that one notification may take, the receiver's answer included."},
    {SECTION_PUSH, "settle", VALUE_DURATION, "200ms", IN(push.settle_ms), 0, MINUTE, true,
     "How long a calendar must have been quiet before its channels are notified, so that a burst "
     "of changes is one notification. Changes that go on are told once a second, or this often if "
     "that is more."},
    {SECTION_PUSH, "backoff_min", VALUE_DURATION, "1s", IN(push.backoff_min_ms), 10, HOUR, true,
     "Wait after the first failed delivery; it doubles with each further one."},
    {SECTION_PUSH, "backoff_max", VALUE_DURATION, "5m", IN(push.backoff_max_ms), 10, DAY, true,
     "Longest such wait."},

    {SECTION_ACCOUNT, "key_file", VALUE_PATH, NULL, IN_ACCOUNT(key_file), 0, 0, true,
     "Key of a service account, the JSON file that Google's console gives out; or the login of a "
     "person as gcloud and Google's client libraries store it (authorized_user). It must not be "
     "readable by others."},
    {SECTION_ACCOUNT, "subject", VALUE_SUBJECT, NULL, IN_ACCOUNT(subject), 0, 0, true,
     "User whom the service account acts for, by domain-wide delegation. Without it the service "
     "account sees what was shared with its own address. It goes with key_file only."},
    {SECTION_ACCOUNT, "oauth", VALUE_PATH, NULL, IN_ACCOUNT(oauth), 0, 0, true,
     "OAuth client of type \"Desktop app\", the JSON file that Google's console gives out. A "
     "person "
     "signs in with `calmirror login --account NAME`. It must not be readable by others."},
    {SECTION_ACCOUNT, "token_file", VALUE_PATH, NULL, IN_ACCOUNT(token_file), 0, 0, true,
     "File with an access token that something else keeps fresh. It is read again when Google "
     "refuses the "
     "token, and must not be readable by others."},
    {SECTION_ACCOUNT, "acl", VALUE_BOOL, "no", IN_ACCOUNT(acl), 0, 0, true,
     "Whether access rules are mirrored, of the calendars that the account owns: yes or no. They "
     "need the scope calendar.acls.readonly besides calendar.readonly: a person has to sign in "
     "again after a change."},
    {SECTION_ACCOUNT, "calendars", VALUE_GLOBS, "", IN_ACCOUNT(calendars), 0, 0, true,
     "Patterns over calendar ids, separated by commas, of what is mirrored: * ? and [...] as in a "
     "shell, "
     "or the word primary. Empty means every calendar in the account's list."},
    {SECTION_ACCOUNT, "exclude", VALUE_GLOBS, "", IN_ACCOUNT(exclude), 0, 0, true,
     "Patterns of what is not mirrored. They win over calendars."},

    {SECTION_CLIENT, "token_sha256", VALUE_HASHES, NULL, IN_CLIENT(tokens), 0, 0, true,
     "SHA-256 of the client's token, in hex. Several, separated by commas, let a new token be "
     "handed out before the old one is withdrawn."},
    {SECTION_CLIENT, "expires", VALUE_MOMENT, "", IN_CLIENT(expires_ms), 0, 0, true,
     "When its tokens cease to be accepted: a date, or a time as 2027-01-31T18:00:00Z. Empty means "
     "never."},
    {SECTION_CLIENT, "accounts", VALUE_ACCOUNTS, "", IN_CLIENT(accounts), 0, 0, true,
     "Accounts whose calendars it sees, separated by commas. The first is the one that \"me\" and "
     "\"primary\" mean in its requests. Empty means all, with \"me\" as account in [api] says."},
    {SECTION_CLIENT, "calendars", VALUE_GLOBS, "", IN_CLIENT(calendars), 0, 0, true,
     "Patterns over calendar ids, separated by commas, of what it sees of these accounts, or the "
     "word primary. Empty means every calendar that is mirrored. For it, others do not exist."},
    {SECTION_CLIENT, "freebusy_only", VALUE_GLOBS, "", IN_CLIENT(freebusy_only), 0, 0, true,
     "Patterns of those of which it only sees when they are busy: events without a word of what "
     "they are. * for all."},
    {SECTION_CLIENT, "origins", VALUE_ORIGINS, "", IN_CLIENT(origins), 0, 0, true,
     "Origins of web pages that may use its tokens, besides those in [api]."},
    {SECTION_CLIENT, "admin", VALUE_BOOL, "no", IN_CLIENT(admin), 0, 0, true,
     "Whether it may also see how the whole service is doing, and ask for a resync: yes or no."},

    {SECTION_HOOK, "command", VALUE_COMMAND, NULL, IN_HOOK(command), 0, 0, true,
     "Absolute path of a program, and arguments separated by blanks; no shell reads it. The change "
     "comes on its standard input, as one line. It runs with an environment of its own (PATH, "
     "LANG and CALMIRROR_HOOK, CALMIRROR_TYPE, CALMIRROR_ACCOUNT, CALMIRROR_DELIVERY), in /, one "
     "at a time. Exit status 0 means taken; anything else, or a program that cannot be started, "
     "means another attempt, and the last line of what it wrote (160 bytes of it) is shown as the "
     "error. It may have 64 words. The sandbox of the shipped unit lets no other program run: a "
     "drop-in must name it in ExecPaths= (see the unit). Example: /usr/local/bin/redraw --quiet"},
    {SECTION_HOOK, "shell", VALUE_TEXT, NULL, IN_HOOK(shell), 0, 0, true,
     "The same, as a line for /bin/sh, whose exit status counts: of a pipe, that of its last "
     "program. What the line leaves running in the background is ended with it. Example: "
     "jq -r .eventId >> /var/lib/calmirrord/seen"},
    {SECTION_HOOK, "url", VALUE_TARGET, NULL, IN_HOOK(url), 0, 0, true,
     "Where the change is posted as application/json. Any status of 200 to 299 means taken; any "
     "other, a redirect too, means another attempt, not before what Retry-After says. Of the "
     "answer 16 KiB are read. Up to 8 calendars are told at the same time. Plain http:// is "
     "accepted for loopback hosts only. Example: https://backend.example.com/calendar"},
    {SECTION_HOOK, "secret_file", VALUE_PATH, "", IN_HOOK(secret_file), 0, 0, true,
     "File (mode 0600) with the secret that signs what is posted. The header "
     "Calmirror-Signature: t=TIME,v1=HEX then has the HMAC-SHA256 of TIME, a dot and the body. "
     "White space at the end of the file does not count. It is read at start and at a reload. When "
     "it cannot be read, the last one stays in force; without any, nothing is posted, and changes "
     "wait as for a receiver that is down. Example: /etc/calmirrord/backend.secret"},
    {SECTION_HOOK, "next_secret_file", VALUE_PATH, "", IN_HOOK(next_secret_file), 0, 0, true,
     "A second one, for the time of a change from one secret to another: the header then has a v1= "
     "for each, and a receiver that knows either is content. Example: name the new secret here and "
     "reload; give it to the receiver; then name it in secret_file, take this line away, and "
     "reload."},
    {SECTION_HOOK, "accounts", VALUE_ACCOUNTS, "", IN_HOOK(accounts), 0, 0, true,
     "Only changes of these accounts, separated by commas. Empty means all. Each must have its "
     "section. Example: work, home"},
    {SECTION_HOOK, "calendars", VALUE_GLOBS, "", IN_HOOK(calendars), 0, 0, true,
     "Only changes of calendars whose id matches one of these patterns (* is anything, ? one "
     "character), separated by commas, or the word primary. Empty means all. Other changes are "
     "passed over, not kept for later. Example: primary, *@group.calendar.google.com"},
    {SECTION_HOOK, "types", VALUE_TYPES, "", IN_HOOK(types), 0, 0, true,
     "Only changes of these types, separated by commas: created, updated and deleted (events), "
     "calendar (one came, went, or was changed in the list), reset (what was told of a calendar is "
     "void, it is to be listed again). Empty means all. Without reset the hook does not learn that "
     "a calendar was listed anew. Example: created, updated, deleted, reset"},
    {SECTION_HOOK, "include_event", VALUE_BOOL, "no", IN_HOOK(include_event), 0, 0, true,
     "Whether the change has the whole event in it: yes or no. It has the event as it is when the "
     "change is told, which may be newer than the change."},
    {SECTION_HOOK, "timeout", VALUE_DURATION, "30s", IN_HOOK(timeout_ms), 100, HOUR, true,
     "Longest that the program may run, or the receiver take to answer (10 seconds of it to be "
     "connected to). A program that runs longer is ended, with all that it started. Either counts "
     "as a failure, and is tried again; other calendars wait meanwhile for a program, not for a "
     "receiver. Example: 2m"},
    {SECTION_HOOK, "give_up", VALUE_DURATION, "24h", IN_HOOK(give_up_ms), SECOND, 30 * DAY, true,
     "How long a calendar's changes are tried again before they become dead letters. The time "
     "begins with the first failure and goes on over restarts; the calendar's later changes wait "
     "behind the one that fails. When it is over, that one becomes a dead letter and each of those "
     "behind it gets one attempt until something is taken. 1000 letters are kept for a hook, then "
     "the oldest are dropped, with a line in the log. Example: 3d"},
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
