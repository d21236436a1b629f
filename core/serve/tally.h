/* tally: what the loop of the local API counts, for handlers that may run on another thread. */
#ifndef CORE_SERVE_TALLY_H
#define CORE_SERVE_TALLY_H

#include <stdint.h>

/* Since the start; streams and long polls: open now. */
struct tally {
    uint64_t requests, not_modified, errors, streams_opened, streams_cut;
    unsigned streams, long_polls;
};

#endif
