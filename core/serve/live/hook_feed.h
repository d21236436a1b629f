/* hook_feed: tells hooks what readers of the feed are told, in the same words. */
#ifndef CORE_SERVE_LIVE_HOOK_FEED_H
#define CORE_SERVE_LIVE_HOOK_FEED_H

#include "core/push/feed.h"

extern const struct push_feed serve_hook_feed;

#endif
