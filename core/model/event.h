/* event: one event resource: Google's JSON as it came, and beside it what queries need. */
#ifndef CORE_MODEL_EVENT_H
#define CORE_MODEL_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/span.h"

enum event_flag {
    EVENT_CANCELLED = 1u << 0, /* a tombstone, or with EVENT_EXCEPTION a hole in its series */
    EVENT_ALL_DAY = 1u << 1,   /* start has a date: its times below are "floating" */
    EVENT_SERIES = 1u << 2,    /* has a recurrence: the master */
    EVENT_EXCEPTION = 1u << 3, /* has a recurringEventId: stands in one slot of that series */
    EVENT_UNTIMED = 1u << 4,   /* no start nor originalStartTime to be read: found by id only */
    EVENT_TRANSPARENT = 1u << 5,
    EVENT_DECLINED = 1u << 6,   /* the attendee with self:true declined */
    EVENT_ODD = 1u << 8,        /* something in it made no sense; kept raw, listed by doctor */
    EVENT_WAS_SERIES = 1u << 9, /* set by storage: was EVENT_SERIES once, and is it no more */
    /* With EVENT_ODD: the members that made no sense. */
    EVENT_ODD_STATUS = 1u << 16,
    EVENT_ODD_START = 1u << 17,
    EVENT_ODD_END = 1u << 18,
    EVENT_ODD_ORIGINAL = 1u << 19,
    EVENT_ODD_SERIES = 1u << 20,
    EVENT_ODD_RECURRENCE = 1u << 21,
    EVENT_ODD_UPDATED = 1u << 22,
    EVENT_ODD_TRANSPARENCY = 1u << 23,
    EVENT_ODD_ATTENDEES = 1u << 24,
    EVENT_ODD_ICAL_UID = 1u << 25,
};
#define EVENT_ODD_MEMBERS 0x03ff0000u
/* Name of the member that one EVENT_ODD_... bit is about, "start"; NULL for other bits. */
const char *event_odd_member(uint32_t bit);

/* All spans are borrowed: from the page being read, or from LMDB (valid until the transaction
 * writes or ends). Floating times of all-day events are the dates' midnights as if in UTC; they
 * become instants in the calendar's zone only when a query asks. */
struct event {
    struct span id;
    struct span ical_uid; /* empty when absent */
    struct span series;   /* recurringEventId; empty when absent */
    struct span raw;      /* the resource, byte for byte */
    uint32_t flags;       /* enum event_flag */
    uint32_t zone_hash; /* of the zone in which `raw` has its dateTime offsets (event_zone_hash) */
    int64_t updated_ms; /* 0 when absent */
    /* Of a series: of its first instance. Of a cancelled exception: its original slot. */
    int64_t start_ms;
    int64_t end_ms; /* exclusive, >= start_ms. Of a series: not before its last's, or INT64_MAX */
    int64_t original_ms; /* exceptions: the slot they stand in (floating when it was a date) */
    uint64_t seq;        /* set by storage: the change that wrote it */
    uint64_t row;        /* set by storage: its stable number */
};

/* What instances name as their series is none (any more): deleted, or a single event. One whose
 * rules could not be read may still be one. */
bool event_ended_series(const struct event *master);
/* An instance, or a hole, as it was before its series ended: nothing will ever take it back. */
bool event_outlived(const struct event *instance, const struct event *master);

/* Hash of a zone name, to tell whether `raw` is already rendered in the zone asked for. Never 0. */
uint32_t event_zone_hash(struct span zone_name);

#endif
