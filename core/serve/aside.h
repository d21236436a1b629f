/* aside: answers that take long to make, made on a thread of their own while the loop goes on. */
#ifndef CORE_SERVE_ASIDE_H
#define CORE_SERVE_ASIDE_H

#include "core/serve/call.h"

struct aside;
struct httpd;

/* `bounded`: what waits to be sent is held within api.feed_size here, by not beginning the next;
 * otherwise httpd does that as with all answers. NULL without memory. */
struct aside *aside_new(struct serve *s, bool bounded);
void aside_free(struct aside *a); /* NULL ok; stopped */

void aside_start(struct aside *a, struct httpd *h); /* the loop runs: takes calls from now on */

/* On the loop, from a handler or before it: has the whole call run once more on the thread, where
 * this says false, and its answer sent then. False also: the call is to go on, here. True: it is
 * over for now. */
bool aside_take(struct aside *a, struct call *c);
/* On the loop: would the next one, of this caller, be answered 503? */
bool aside_is_full(const struct aside *a, const struct caller *who);
/* To be asked now and then by a handler that may run there: is nobody waiting any more? */
bool aside_given_up(const struct call *c);

/* After each turn of the loop: sends what is finished. */
void aside_turn(struct aside *a);
/* Gives up what is under way and ends the thread; takes nothing from then on. Before the loop is
 * ended. */
void aside_stop(struct aside *a);

#endif
