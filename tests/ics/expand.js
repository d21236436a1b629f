// Reads feeds with ical.js: one JSON on stdin, {feeds: {name: text}, most, clocks: {name: {zone: [wall time]}}}; answers
// {instances: {name: {uid: [[start, end]]}}, clocks: {name: {zone: [seconds east of UTC]}}}. Moments are seconds, or dates.
'use strict';
const fs = require('fs');
const vm = require('vm');
const ICAL = require('ical.js');

const PATIENCE_MS = 20000; // for one event: there are rules that it looks into for ever

const moment = t => (t.isDate ? t.toString() : t.toUnixTime());

function single(event, found) {
    found.push([moment(event.startDate), moment(event.endDate)]);
}

function expand(events, most, found) {
    const master = events.find(e => !e.isRecurrenceException());
    if (!master) {
        events.forEach(e => single(e, found));
        return;
    }
    if (!master.isRecurring()) {
        single(master, found);
        return;
    }
    events.filter(e => e !== master).forEach(e => master.relateException(e));
    const iterator = master.iterator();
    let last = '';
    for (let next = iterator.next(); next && found.length < most; next = iterator.next()) {
        const at = master.getOccurrenceDetails(next);
        const item = [moment(at.startDate), moment(at.endDate)];
        // RFC 5545 section 3.8.5.2: duplicate instances are ignored; ical.js leaves that to its user.
        if (JSON.stringify(item) !== last)
            found.push(item);
        last = JSON.stringify(item);
    }
}

function read(text, most, clocks) {
    const calendar = new ICAL.Component(ICAL.parse(text));
    const zones = {};
    ICAL.TimezoneService.reset();
    for (const part of calendar.getAllSubcomponents('vtimezone')) {
        const zone = new ICAL.Timezone(part);
        zones[zone.tzid] = zone;
        ICAL.TimezoneService.register(zone);
    }
    const byUid = new Map();
    for (const part of calendar.getAllSubcomponents('vevent')) {
        // Without the option it takes every exception of the calendar for its own, whatever their UID.
        const event = new ICAL.Event(part, {exceptions: []});
        byUid.set(event.uid, [...(byUid.get(event.uid) || []), event]);
    }
    const instances = {}, offsets = {};
    for (const [uid, events] of byUid) {
        const found = instances[uid] = [];
        globalThis.work = () => expand(events, most, found);
        try {
            vm.runInThisContext('work()', {timeout: PATIENCE_MS});
        } catch (e) {
            found.push(e.code || String(e));
        }
    }
    for (const [name, walls] of Object.entries(clocks || {}))
        offsets[name] = walls.map(w => zones[name].utcOffset(ICAL.Time.fromDateTimeString(w)));
    return [instances, offsets];
}

const asked = JSON.parse(fs.readFileSync(0, 'utf8'));
const answer = {instances: {}, clocks: {}};
for (const [name, text] of Object.entries(asked.feeds)) {
    const [instances, clocks] = read(text, asked.most, (asked.clocks || {})[name]);
    answer.instances[name] = instances;
    answer.clocks[name] = clocks;
}
process.stdout.write(JSON.stringify(answer));
