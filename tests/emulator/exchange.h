/* exchange: the steps from a complete request to its answer, with the faults in between. */
#ifndef EMULATOR_EXCHANGE_H
#define EMULATOR_EXCHANGE_H

#include "tests/emulator/req.h"

enum step { STEP_SEND, STEP_WAIT, STEP_DROP };

/* Goes on until there is an answer, or something to wait for (then it is called again). */
enum step exchange_step(struct req *r);
enum MHD_Result exchange_send(struct req *r);

#endif
