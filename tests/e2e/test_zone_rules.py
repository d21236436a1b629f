"""A country changes its clocks: the system's tzdata is another after a restart."""
import os
import shutil
import urllib.parse

from emulator import USER

SYSTEM = "/usr/share/zoneinfo"
LIST = "/calendar/v3/calendars/primary/events"


def install(directory, rules):
    """As a package does: new files take the old ones' places. `rules`: whose clocks Berlin has."""
    os.makedirs(directory / "Europe", exist_ok=True)
    for name, source in (("UTC", "UTC"), ("Europe/Berlin", rules), ("tzdata.zi", "tzdata.zi")):
        shutil.copy(os.path.join(SYSTEM, source), directory / "new")
        os.rename(directory / "new", directory / name)


def walk_on(mirror, token):
    """The sync token behind the list that this page token is of."""
    page = {"nextPageToken": token}
    while "nextPageToken" in page:
        page = mirror.get(LIST, pageToken=page["nextPageToken"]).json
    return page["nextSyncToken"]


def test_summer_time_is_abolished(start, tmp_path):
    """Instances are where the new rules put them, also the last of a series, and no validator says otherwise."""
    zones = tmp_path / "zoneinfo"
    install(zones, "Europe/Berlin")
    pair = start(mirror={"zoneinfo": str(zones)})
    pair.google.insert(summary="standup", recurrence=["RRULE:FREQ=DAILY;COUNT=60"],
                       start={"dateTime": "2027-03-01T10:00:00+01:00", "timeZone": "Europe/Berlin"},
                       end={"dateTime": "2027-03-01T11:00:00+01:00", "timeZone": "Europe/Berlin"})
    pair.wait_equal(USER)
    pair.wait_quiet(USER)
    window = {"singleEvents": "true", "timeMin": "2027-04-29T09:15:00Z", "timeMax": "2027-04-29T09:45:00Z"}
    before = pair.mirror.get(LIST, **window)
    assert before.json["items"] == []  # it was over at 09:00Z
    series = pair.mirror.get(LIST).json["nextSyncToken"]
    instances = before.json["nextSyncToken"]
    first = pair.mirror.get(LIST, singleEvents="true", maxResults=20).json["nextPageToken"]
    install(zones, "Africa/Lagos")
    pair.mirror.stop()
    pair.mirror.start()
    path = LIST + "?" + urllib.parse.urlencode(window)
    after = pair.mirror.request("GET", path, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status == 200
    assert [e["start"]["dateTime"] for e in after.json["items"]] == ["2027-04-29T10:00:00+01:00"]
    # What moved the instances is no change of an event: only a token of series can go on.
    assert pair.mirror.get(LIST, syncToken=series).json["items"] == []
    begun = walk_on(pair.mirror, first)
    for token in instances, begun:
        assert pair.mirror.get(LIST, singleEvents="true", syncToken=token).status == 410
    new = after.json["nextSyncToken"]
    pair.mirror.stop()
    pair.mirror.start()
    assert pair.mirror.get(LIST, singleEvents="true", syncToken=new).json["items"] == []
    assert pair.mirror.request("GET", path, headers={"If-None-Match": after.headers["ETag"]}).status == 304
