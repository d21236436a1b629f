/* gauges: what is looked up when somebody asks: the store, what is in it, the process. */
#include "core/serve/metrics/gauges.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/push/push.h"
#include "core/queue/queue.h"
#include "core/serve/server.h"
#include "storage/channels.h"
#include "storage/events.h"
#include "storage/jobs.h"

enum { CALENDAR_OK, CALENDAR_SYNCING, CALENDAR_ERROR, CALENDAR_GONE, CALENDARS };
static const char *const calendar_states[] = {"ok", "syncing", "error", "gone"};
static const char *const channel_states[] = {"opening",  "unverified", "live",
                                             "degraded", "stopping",   "stopped"};
#define CHANNELS (sizeof(channel_states) / sizeof(*channel_states))
/* In order of enum account_state, from 1 on. */
static const char *const account_states[] = {
    "ok", "needs_login", "no_access", "gone", "scope_missing", "api_disabled", "clock_skew"};
#define ACCOUNTS (sizeof(account_states) / sizeof(*account_states))

#define ROW(id, row_name, row_help, row_kind, row_unit) \
    static const struct metric id = {.name = row_name,  \
                                     .help = row_help,  \
                                     .kind = row_kind,  \
                                     .unit = row_unit,  \
                                     .per_unit = 1,     \
                                     .cells = (_Atomic uint64_t[1]){0}}
#define GAUGE(id, name, unit, help)   ROW(id, name, help, METRIC_GAUGE, unit)
#define COUNTER(id, name, unit, help) ROW(id, name, help, METRIC_COUNTER, unit)
#define STATES(id, row_name, states, row_help)                             \
    static const struct metric id = {                                      \
        .name = row_name,                                                  \
        .help = row_help,                                                  \
        .kind = METRIC_GAUGE,                                              \
        .labels = {{"state", states, sizeof(states) / sizeof(*(states))}}, \
        .cells = (_Atomic uint64_t[sizeof(states) / sizeof(*(states))]){0}}

STATES(accounts, "calmirror_accounts", account_states, "Accounts by state.");
STATES(calendars, "calmirror_calendars", calendar_states, "Calendars by state.");
STATES(channels, "calmirror_channels", channel_states, "Notification channels by state.");
GAUGE(channel_expiry, "calmirror_channel_next_expiry_timestamp_seconds", "seconds",
      "When the next of the channels that deliver ends; 0 when there is none.");
GAUGE(oldest_success, "calmirror_oldest_success_timestamp_seconds", "seconds",
      "When the calendar that was looked at longest ago was last known to equal Google's; 0 when "
      "there is none.");
GAUGE(damaged, "calmirror_damaged_collections", NULL,
      "Collections in which a damaged record was met that is not yet replaced.");
GAUGE(drift, "calmirror_drift_events", NULL,
      "Differences from Google that verification found, ever.");
GAUGE(owed, "calmirror_ping_queue_length", NULL,
      "Collections that a notification said have changed, and that are not pulled yet.");
GAUGE(due, "calmirror_sync_due", NULL, "Collections that wait for a worker.");
GAUGE(running, "calmirror_sync_running", NULL, "Collections that a worker is at.");
GAUGE(map_bytes, "calmirror_lmdb_map_bytes", "bytes", "Most that the database may grow to.");
GAUGE(used_bytes, "calmirror_lmdb_used_bytes", "bytes", "What of it is in use.");
GAUGE(readers, "calmirror_lmdb_readers", NULL, "Read transactions that are open.");
GAUGE(reader_lag, "calmirror_lmdb_oldest_reader_txns", NULL,
      "Commits since the oldest of them began.");
GAUGE(streams, "calmirror_sse_clients", NULL, "Streams that are open.");
GAUGE(polls, "calmirror_long_polls", NULL, "Long polls that wait for a change.");
COUNTER(dropped, "calmirror_sse_dropped", NULL, "Streams that were ended for being too slow.");
GAUGE(told_channels, "calmirror_push_channels", NULL, "Channels that clients have open with us.");
GAUGE(push_failing, "calmirror_push_channels_failing", NULL,
      "Those whose receiver did not take the last notification.");
COUNTER(push_messages, "calmirror_push_messages", NULL, "Notifications that receivers took.");
COUNTER(push_failed, "calmirror_push_messages_failed", NULL, "Notifications that were given up.");
COUNTER(hook_deliveries, "calmirror_hook_deliveries", NULL, "Changes that hooks took.");
COUNTER(hook_failed, "calmirror_hook_attempts_failed", NULL,
        "Attempts at telling a hook that failed.");
GAUGE(hook_dead, "calmirror_hook_dead_letters", NULL,
      "Changes that a hook did not take for so long that they were given up.");
static const struct metric cpu = {.name = "process_cpu_seconds",
                                  .help = "User and system time spent.",
                                  .unit = "seconds",
                                  .per_unit = 1000000,
                                  .cells = (_Atomic uint64_t[1]){0}};
GAUGE(resident, "process_resident_memory_bytes", "bytes", "Memory in RAM.");
GAUGE(virtual, "process_virtual_memory_bytes", "bytes", "Address space.");
GAUGE(open_fds, "process_open_fds", NULL, "Open file descriptors.");
GAUGE(max_fds, "process_max_fds", NULL, "Most file descriptors that may be open.");
GAUGE(start_time, "process_start_time_seconds", "seconds", "When the process started.");

const struct metric *const gauges_all[] = {
    &accounts,      &calendars,    &channels,      &channel_expiry, &oldest_success,  &damaged,
    &drift,         &owed,         &due,           &running,        &map_bytes,       &used_bytes,
    &readers,       &reader_lag,   &streams,       &polls,          &dropped,         &cpu,
    &told_channels, &push_failing, &push_messages, &push_failed,    &hook_deliveries, &hook_failed,
    &hook_dead,     &resident,     &virtual,       &open_fds,       &max_fds,         &start_time,
    NULL,
};

/* What one walk adds up. */
struct sums {
    struct call *c;
    uint64_t accounts[ACCOUNTS], calendars[CALENDARS], channels[CHANNELS], damaged, drift, owed;
    int64_t oldest_ms, expiry_ms; /* 0: none */
};

static bool add_account(void *arg, enum rc rc, const struct account *a)
{
    struct sums *s = arg;
    if (rc == RC_OK && a->state >= 1 && a->state <= ACCOUNTS)
        s->accounts[a->state - 1]++;
    return true;
}

static unsigned calendar_state(enum rc rc, const struct collection *coll)
{
    if (coll->state == COLL_GONE)
        return CALENDAR_GONE;
    if (rc != RC_OK || coll->fails > 0)
        return CALENDAR_ERROR;
    return coll->state == COLL_NEW || coll->listing.reason != LISTING_NONE ? CALENDAR_SYNCING
                                                                           : CALENDAR_OK;
}

static bool add_collection(void *arg, enum rc rc, const struct collection *coll)
{
    struct sums *s = arg;
    s->damaged += events_damaged(s->c->store, coll->no) > 0;
    s->drift += coll->drift;
    if (coll->kind != COLL_EVENTS)
        return true;
    s->calendars[calendar_state(rc, coll)]++;
    if (coll->state == COLL_READY && coll->fresh_ms &&
        (!s->oldest_ms || coll->fresh_ms < s->oldest_ms))
        s->oldest_ms = coll->fresh_ms;
    return true;
}

static bool add_channel(void *arg, const struct channel *ch)
{
    struct sums *s = arg;
    if (ch->state >= 1 && ch->state <= CHANNELS)
        s->channels[ch->state - 1]++;
    if (ch->state == CHANNEL_LIVE && ch->expires_ms &&
        (!s->expiry_ms || ch->expires_ms < s->expiry_ms))
        s->expiry_ms = ch->expires_ms;
    return true;
}

static bool add_job(void *arg, const struct job *job)
{
    struct sums *s = arg;
    s->owed += job->pinged > job->pulled;
    return true;
}

static void set(const struct metric *m, uint64_t value)
{
    metric_set(m, 0, value);
}

static void set_states(const struct metric *m, const uint64_t *values)
{
    for (unsigned i = 0; i < m->labels[0].n; i++)
        metric_set(m, i, values[i]);
}

static void take_contents(struct call *c)
{
    struct sums s = {.c = c, .damaged = events_damaged(c->store, 0) > 0};
    struct queue_totals q = {0};
    accounts_each(c->txn, add_account, &s);
    colls_each(c->txn, add_collection, &s);
    channels_each(c->txn, 0, add_channel, &s);
    jobs_each(c->txn, add_job, &s);
    queue_totals(c->queue, &q);
    set_states(&accounts, s.accounts);
    set_states(&calendars, s.calendars);
    set_states(&channels, s.channels);
    set(&channel_expiry, (uint64_t)(s.expiry_ms / 1000));
    set(&oldest_success, (uint64_t)(s.oldest_ms / 1000));
    set(&damaged, s.damaged);
    set(&drift, s.drift);
    set(&owed, s.owed);
    set(&due, q.due);
    set(&running, q.running);
}

static void take_live(const struct call *c)
{
    struct tally n = serve_tally(c);
    set(&streams, n.streams);
    set(&polls, n.long_polls);
    set(&dropped, n.streams_cut);
}

static void take_push(const struct serve *s)
{
    struct push_totals n;
    if (!s->push)
        return;
    push_totals(s->push, &n);
    set(&told_channels, n.channels);
    set(&push_failing, n.channels_failing);
    set(&push_messages, n.messages);
    set(&push_failed, n.messages_failed);
    set(&hook_deliveries, n.deliveries);
    set(&hook_failed, n.deliveries_failed);
    set(&hook_dead, n.dead_letters);
}

static void take_store(struct call *c)
{
    struct store_usage u = {0};
    store_usage(c->store, &u);
    set(&map_bytes, u.map_bytes);
    set(&used_bytes, u.used_bytes);
    set(&readers, u.readers);
    set(&reader_lag, u.oldest_reader_txns);
}

static uint64_t count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    uint64_t n = 0;
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n > 3 ? n - 3 : 0; /* "." and ".." and this one */
}

static void take_process(const struct serve *s)
{
    unsigned long long size = 0, resident_pages = 0;
    struct rusage usage;
    struct rlimit limit;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%llu %llu", &size, &resident_pages) == 2) {
        set(&virtual, size * (uint64_t)sysconf(_SC_PAGESIZE));
        set(&resident, resident_pages * (uint64_t)sysconf(_SC_PAGESIZE));
    }
    if (f)
        (void)fclose(f);
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        set(&cpu, (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
                      (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec));
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        set(&max_fds, limit.rlim_cur);
    set(&open_fds, count_fds());
    set(&start_time, (uint64_t)(s->started_ms / 1000));
}

void gauges_take(struct call *c)
{
    take_contents(c);
    take_store(c);
    take_live(c);
    take_push(c->serve);
    take_process(c->serve);
}
