/* rc: what a function tells its caller to do next. */
#ifndef CORE_BASE_RC_H
#define CORE_BASE_RC_H

enum [[nodiscard]] rc {
    RC_OK = 0,
    RC_NOTFOUND, /* the thing named is not there; go on without it */
    RC_AGAIN,    /* passing trouble (network, rate limit, busy): retry later with backoff */
    RC_STALE,    /* the sync token or cursor is dead: list in full */
    RC_AUTH,     /* the account's credentials do not work: park it until a person acts */
    RC_BADDATA,  /* bytes from outside (or on disk) make no sense: isolate that item */
    RC_INVALID,  /* the caller's argument or a user's input is wrong: report it */
    RC_FULL,     /* a limit or the disk is reached: nothing was changed */
    RC_CANCELED, /* we are stopping */
    RC_SYS,      /* the system failed (errno, allocation, thread): give up this attempt */
};

/* Lower-case word of a code, e.g. "notfound". Static text. */
const char *rc_name(enum rc rc);

#endif
