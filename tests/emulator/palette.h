/* palette: the colours of calendars and events. */
#ifndef EMULATOR_PALETTE_H
#define EMULATOR_PALETTE_H

struct json_object;

struct json_object *palette_describe(void); /* the colors resource */
/* Gives a calendar list entry its colorId and the two colours that go with it. */
void palette_fill(struct json_object *entry);

#endif
