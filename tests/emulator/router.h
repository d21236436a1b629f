/* router: the table of what is served, and the way from a path to its handler. */
#ifndef EMULATOR_ROUTER_H
#define EMULATOR_ROUTER_H

#include <stdint.h>

#include "tests/emulator/req.h"

typedef void route_fn(struct req *r);

struct route {
    const char *method;
    const char *pattern; /* "{}" takes one segment as the next of req.arg */
    route_fn *handler;
    const char *rpc; /* Google's name of the method; NULL: no credentials are needed */
    uint32_t scopes; /* any one of these suffices, see auth.h */
};

/* Finds the handler and runs it, after credentials, scopes and quota. */
void router_dispatch(struct req *r);
void router_dispatch_control(struct req *r);

/* The tables. */
extern const struct route API_ROUTES[];
extern const struct route CONTROL_ROUTES[];

#endif
