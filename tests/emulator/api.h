/* api: the handlers of Google's methods; each answers its request. */
#ifndef EMULATOR_API_H
#define EMULATOR_API_H

#include "tests/emulator/req.h"

struct user;
struct calendar;

void events_list(struct req *r);
void events_get(struct req *r);
void events_insert(struct req *r);
void events_import(struct req *r);
void events_patch(struct req *r);
void events_update(struct req *r);
void events_delete(struct req *r);
void events_move(struct req *r);
void events_instances(struct req *r);
void events_quick_add(struct req *r);

void calendar_list_list(struct req *r);
void calendar_list_get(struct req *r);
void calendar_list_insert(struct req *r);
void calendar_list_patch(struct req *r);
void calendar_list_update(struct req *r);
void calendar_list_delete(struct req *r);

void calendars_get(struct req *r);
void calendars_insert(struct req *r);
void calendars_patch(struct req *r);
void calendars_update(struct req *r);
void calendars_delete(struct req *r);
void calendars_clear(struct req *r);

void acl_list(struct req *r);
void acl_get(struct req *r);
void acl_insert(struct req *r);
void acl_patch(struct req *r);
void acl_delete(struct req *r);

void settings_list(struct req *r);
void settings_get(struct req *r);
void colors_get(struct req *r);
void freebusy_query(struct req *r);

void events_watch(struct req *r);
void calendar_list_watch(struct req *r);
void acl_watch(struct req *r);
void settings_watch(struct req *r);
void channels_stop(struct req *r);

#endif
