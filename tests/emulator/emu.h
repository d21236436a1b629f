/* emu: the one object that holds everything, and the switches that tests turn. */
#ifndef EMULATOR_EMU_H
#define EMULATOR_EMU_H

#include "tests/emulator/auth.h"
#include "tests/emulator/channel.h"
#include "tests/emulator/fault.h"
#include "tests/emulator/quota.h"
#include "tests/emulator/reqlog.h"
#include "tests/emulator/timers.h"
#include "tests/emulator/world.h"

/* How listings behave, set by /_emulator/pages. */
struct page_conf {
    int64_t max_page;        /* 0: no cap */
    int64_t empty_every;     /* each n-th page is empty; 0: none */
    int64_t duplicate_items; /* so many items of a page come again on the next */
    bool duplicate_older;    /* the last page ends with earlier versions of changed items */
    bool newest_first;       /* listings and deltas run backwards: exceptions before series */
    bool same_page_token;    /* the walk never ends */
    bool no_sync_token;      /* the last page lacks it */
    char *tokenless;         /* so it is always with the events of this calendar; or NULL */
    char *tombstones;        /* "minimal" (or NULL), "delta", "rich" */
};

struct server;

struct emu {
    struct world world;
    struct auth auth;
    struct channels channels;
    struct faults faults;
    struct quota quota;
    struct reqlog log;
    struct timers timers;
    struct page_conf pages;
    struct server *server;
    struct req *live; /* every request not yet answered in full */
    char *base_url;   /* "http://127.0.0.1:PORT" */
};

/* A collection changed: its watchers are told. */
void emu_changed(struct emu *e, struct coll *c);

#endif
