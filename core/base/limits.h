/* limits: every cap on a size or count, in one place. Checked before anything is allocated. */
#ifndef CORE_BASE_LIMITS_H
#define CORE_BASE_LIMITS_H

#define LIMIT_BUF_BYTES      (64u << 20) /* a buffer without a cap of its own */
#define LIMIT_JSON_DEPTH     64
#define LIMIT_RESPONSE_BYTES (48u << 20) /* one answer of Google, unpacked; 2,500 events: ~3 MB */
#define LIMIT_EVENT_BYTES    (4u << 20)  /* one event resource */
#define LIMIT_ID_BYTES       1024        /* calendar id; id of an event as clients may choose it */
#define LIMIT_EVENT_ID_BYTES (1024 + 17) /* any event's: an instance adds its slot */
#define LIMIT_NAME_BYTES     64          /* account, client, hook names in the config */
#define LIMIT_TOKEN_BYTES    2048        /* sync and page tokens */
#define LIMIT_CHANNEL_BYTES  64          /* channel id (Google's own bound) */
#define LIMIT_PAGE_EVENTS    2500        /* events on a page of a listing (Google's own bound) */
#define LIMIT_PAGES          20000       /* pages of one listing before it counts as a loop */
#define LIMIT_CONFIG_LINE    4096
#define LIMIT_CONFIG_BYTES   (1u << 20)
#define LIMIT_COMMAND_WORDS  64         /* of a hook's command line */
#define LIMIT_REQUEST_BYTES  (1u << 20) /* body of a local request */

#endif
