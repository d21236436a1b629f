/* handlers: one function for each route; each fills the call's answer and body. */
#ifndef CORE_SERVE_HANDLERS_H
#define CORE_SERVE_HANDLERS_H

#include "core/serve/call.h"

/* calendars.c */
void calendar_list_list(struct call *c);
void calendar_list_get(struct call *c);
void calendars_get(struct call *c);

/* small.c */
void user_settings_list(struct call *c);
void user_settings_get(struct call *c);
void colors_get(struct call *c);
void acl_list(struct call *c);
void acl_get(struct call *c);

/* events/list.c, events/get.c, events/instances.c */
void events_list(struct call *c);
void events_get(struct call *c);
void events_instances(struct call *c);

/* events/freebusy.c */
void freebusy_query(struct call *c);

/* ics/feed.c */
void ics_get(struct call *c);

/* admin.c */
void status_get(struct call *c);
void healthz_get(struct call *c);
void readyz_get(struct call *c);
void not_implemented(struct call *c);

/* owe.c */
void resync_post(struct call *c);
void verify_post(struct call *c);
void verify_get(struct call *c);

/* odd.c */
void odd_get(struct call *c);

/* clients.c */
void clients_get(struct call *c);

/* hooks.c */
void hooks_get(struct call *c);
void hooks_post(struct call *c);

/* watch.c */
void events_watch(struct call *c);
void acl_watch(struct call *c);
void calendar_list_watch(struct call *c);
void user_settings_watch(struct call *c);
void channels_stop_post(struct call *c);

/* probe.c */
void probe_post(struct call *c);
void probe_get(struct call *c);

/* live/stream_get.c, live/changes_get.c, metrics/metrics_get.c */
void stream_get(struct call *c);
void changes_get(struct call *c);
void metrics_get(struct call *c);

/* batch.c */
void batch_post(struct call *c);

/* grant.c */
void grant_post(struct call *c);

/* discovery.c */
void discovery_get(struct call *c);
void discovery_list(struct call *c);

/* home.c */
void home_get(struct call *c);

#endif
