/* build: what this program was made of: its version, and those of the libraries it runs with. */
#ifndef CORE_DAEMON_BUILD_H
#define CORE_DAEMON_BUILD_H

#include "core/serve/metrics/exposition.h"

/* Ends with a NULL name; static. */
const struct exposition_fact *build_facts(void);

#endif
