"""Calendar list, settings, access rules and colours: what the mirror gives equals what Google gives, page by
page and change by change."""
import random
import signal
from urllib.parse import quote

import pytest

import schema
from emulator import TOKEN, USER
from mirror import wait_for
from pair import token_account

SCOPE = "https://www.googleapis.com/auth/calendar"
TEAM = "team@group.calendar.google.com"
SHARED = "shared@example.com"
LIST, SETTINGS = "/users/me/calendarList", "/users/me/settings"
METHODS = {LIST: "calendarList.list", SETTINGS: "settings.list"}


def acl(calendar):
    return f"/calendars/{quote(calendar, safe='')}/acl"


def method_of(path):
    return METHODS.get(path, "acl.list")


@pytest.fixture
def world():
    return {
        "users": [{"email": USER, "tokens": [TOKEN], "calendarList": [USER, TEAM, SHARED],
                   "settings": {"timezone": "Europe/Berlin", "locale": "de", "weekStart": "1"}},
                  {"email": SHARED, "tokens": ["other"]}],
        "calendars": [{"id": USER, "timeZone": "Europe/Berlin"},
                      {"id": TEAM, "owner": USER, "summary": "Team"},
                      {"id": SHARED, "acl": [{"scope": {"type": "user", "value": USER}, "role": "reader"}]}]}


@pytest.fixture
def pair(start, world):
    pair = start(world=world)
    wait_for("access rules and colours", lambda: all(c["state"] == "ready" for c in pair.mirror.status()["collections"]))
    return pair


def ours(pair, path, **query):
    answer = pair.mirror.get("/calendar/v3" + path, **query)
    if answer.status == 200:
        method = schema.method_of("GET", path.lstrip("/"))
        schema.validate(method, answer.json)
    else:
        schema.validate_error(answer.json, answer.status)
    return answer


def walk(pair, path, **query):
    """(items of all pages, the sync token, how many pages)."""
    items, pages = [], 0
    while True:
        answer = ours(pair, path, **query)
        assert answer.status == 200, answer.body
        page = answer.json
        items += page["items"]
        pages += 1
        if "nextPageToken" not in page:
            return items, page["nextSyncToken"], pages
        assert "nextSyncToken" not in page
        query["pageToken"] = page["nextPageToken"]


def theirs(pair, path, **query):
    items, page = [], {"nextPageToken": None}
    while "nextPageToken" in page:
        page = pair.google.call("GET", path, {"maxResults": 250, "pageToken": page["nextPageToken"], **query})
        items += page["items"]
    return items


def by_id(items):
    return {i["id"]: i for i in items}


def wait_same(pair, path, **query):
    wait_for(f"{path} to be equal", lambda: by_id(walk(pair, path, **query)[0]) == by_id(theirs(pair, path, **query)))


def refused(pair, path, status, reason, location=None, **query):
    answer = ours(pair, path, **query)
    assert answer.status == status, answer.body
    error = answer.json["error"]["errors"][0]
    assert error["reason"] == reason and error.get("location") == location, error
    return error


class Follower:
    """A client that lists once and then applies what nextSyncToken brings."""

    def __init__(self, pair, path, **query):
        self.pair, self.path = pair, path
        items, self.token, _ = walk(pair, path, **query)
        self.held = by_id(items)

    def follow(self, **query):
        items, self.token, _ = walk(self.pair, self.path, syncToken=self.token, **query)
        for item in items:
            if item.get("deleted") or item.get("role") == "none":
                self.held.pop(item["id"], None)
            else:
                self.held[item["id"]] = item
        return items


def test_everything_is_as_google_gives_it(pair):
    for path in (LIST, SETTINGS, acl("primary"), acl(TEAM)):
        items, token, _ = walk(pair, path)
        assert items and token
        assert by_id(items) == by_id(theirs(pair, path)), path
        for item in items:
            one = ours(pair, f"{path}/{quote(item['id'], safe='')}")
            assert one.status == 200 and one.json == item
    assert ours(pair, "/colors").json == pair.google.call("GET", "/colors")
    assert by_id(walk(pair, acl("primary"))[0]) == by_id(walk(pair, acl(USER))[0])


def test_what_is_not_there(pair):
    for path in (LIST + "/nobody@example.com", SETTINGS + "/nothing", acl("primary") + "/user:nobody@example.com",
                 acl("nobody@example.com"), "/calendars/nobody@example.com"):
        refused(pair, path, 404, "notFound")
    refused(pair, acl(SHARED), 403, "forbidden")  # a reader
    refused(pair, acl(SHARED) + "/default", 403, "forbidden")
    with pytest.raises(Exception) as google:
        pair.google.call("GET", acl(SHARED))
    assert google.value.status == 403


def test_access_rules_only_when_told_to(start, tmp_path, world):
    """With `acl = no` Google is not asked for them and nothing of them is in the status; a reload brings them, or takes them."""
    def kinds():
        return sorted({c["kind"] for c in pair.mirror.status()["collections"] if c["state"] == "ready"})

    def reload(acl):
        pair.mirror.sections["account test"]["acl"] = acl
        pair.mirror.write_config()
        pair.mirror.process.send_signal(signal.SIGHUP)

    pair = start(world=world, accounts={"test": token_account(tmp_path, acl="no")})
    wait_for("the rest", lambda: kinds() == ["calendarList", "colors", "events", "settings"])
    assert not pair.emulator.requests(match="* */acl*")
    assert "acl = no" in refused(pair, acl(TEAM), 403, "insufficientPermissions")["message"]
    reload("yes")
    wait_for("them to come", lambda: sum(c["kind"] == "acl" and c["state"] == "ready"
                                         for c in pair.mirror.status()["collections"]) == 2)
    wait_same(pair, acl(TEAM))
    reload("no")
    wait_for("them to go", lambda: not any(c["kind"] == "acl" for c in pair.mirror.status()["collections"]))
    assert not any(c["last_error"] for c in pair.mirror.status()["collections"])


def test_pages(pair):
    for i in range(260):
        pair.google.call("POST", acl(TEAM), body={"role": "reader", "scope": {"type": "user", "value": f"u{i}@x.org"}})
    wait_same(pair, acl(TEAM))
    everything, _, _ = walk(pair, acl(TEAM))
    assert len(everything) == 261
    assert len(ours(pair, acl(TEAM)).json["items"]) == 100
    assert len(ours(pair, acl(TEAM), maxResults=1000).json["items"]) == 250
    for size in (1, 7, 87, 260, 261):
        items, _, pages = walk(pair, acl(TEAM), maxResults=size)
        assert [i["id"] for i in items] == [i["id"] for i in everything]
        assert pages == -(-261 // min(size, 250))
    for path in (LIST, SETTINGS):
        one_by_one, _, pages = walk(pair, path, maxResults=1)
        assert pages == 3 and one_by_one == walk(pair, path)[0]
    for bad in ("0", "-1", "x", "1.5", "99999999999"):
        refused(pair, SETTINGS, 400, "invalidParameter", "maxResults", maxResults=bad)


def test_a_page_token_outlives_a_restart(pair):
    only = ours(pair, acl(TEAM), maxResults=1).json
    assert len(only["items"]) == 1 and "nextPageToken" not in only
    rule = {"role": "writer", "scope": {"type": "user", "value": "zz@x.org"}}
    pair.google.call("POST", acl(TEAM), body=rule)
    wait_same(pair, acl(TEAM))
    first = ours(pair, acl(TEAM), maxResults=1).json
    pair.mirror.stop()
    pair.mirror.start()
    rest, token, _ = walk(pair, acl(TEAM), maxResults=1, pageToken=first["nextPageToken"])
    assert len(first["items"] + rest) == 2 and token


def test_calendar_list_matrix(pair):
    pair.google.call("PATCH", f"{LIST}/{TEAM}", body={"hidden": True})
    pair.google.call("DELETE", f"{LIST}/{SHARED}")
    wait_same(pair, LIST, showHidden="true", showDeleted="true")
    for query in ({}, {"showHidden": "true"}, {"showDeleted": "true"}, {"showHidden": "true", "showDeleted": "true"},
                  {"minAccessRole": "owner"}, {"minAccessRole": "reader", "showHidden": "true"}):
        assert by_id(walk(pair, LIST, **query)[0]) == by_id(theirs(pair, LIST, **query)), query
    refused(pair, LIST, 400, "invalidParameter", "minAccessRole", minAccessRole="boss")
    refused(pair, f"{LIST}/{SHARED}", 404, "notFound")


@pytest.mark.parametrize("seed", [1, 2])
def test_followers_stay_equal(pair, seed):
    rng = random.Random(seed)
    print("seed", seed)
    rules, entries, settings = Follower(pair, acl(TEAM)), Follower(pair, LIST, showHidden="true"), Follower(pair, SETTINGS)
    late = Follower(pair, acl(TEAM))
    people = [f"p{i}@x.org" for i in range(5)]
    for _ in range(6):
        for _ in range(3):
            who = rng.choice(people)
            there = [r["id"] for r in theirs(pair, acl(TEAM))]
            if f"user:{who}" in there and rng.random() < 0.5:
                pair.google.call("DELETE", f"{acl(TEAM)}/user:{who}")
            else:
                pair.google.call("POST", acl(TEAM), body={"role": rng.choice(["reader", "writer"]),
                                                          "scope": {"type": "user", "value": who}})
        pair.emulator.set_settings(USER, **{rng.choice(["locale", "weekStart", "format24HourTime"]): str(rng.random())})
        pair.google.call("PATCH", f"{LIST}/{TEAM}", body={"hidden": rng.random() < 0.5, "colorId": str(rng.randint(1, 9))})
        if SHARED in by_id(theirs(pair, LIST)):
            pair.google.call("DELETE", f"{LIST}/{SHARED}")
        else:
            pair.google.call("POST", LIST, body={"id": SHARED})
        for path, query in ((acl(TEAM), {}), (SETTINGS, {}), (LIST, {"showHidden": "true"})):
            wait_same(pair, path, **query)
        for follower in (rules, entries, settings):
            follower.follow(maxResults=rng.choice([1, 2, 100]))
            path, query = follower.path, {"showHidden": "true"} if follower is entries else {}
            assert follower.held == by_id(theirs(pair, path, **query))
    late.follow()
    assert late.held == rules.held
    for follower in (rules, entries, settings):
        assert follower.follow() == []


def test_sync_tokens_survive_a_restart_and_a_listing_of_the_mirror(pair):
    follower = Follower(pair, acl(TEAM))
    pair.mirror.stop()
    pair.google.call("POST", acl(TEAM), body={"role": "reader", "scope": {"type": "default"}})
    pair.emulator.kill_tokens(410, of="acl")
    pair.mirror.start()
    wait_same(pair, acl(TEAM))
    assert [r["id"] for r in follower.follow()] == ["default"]


def test_another_choice_of_calendars_is_a_list_to_be_read_anew(pair):
    follower = Follower(pair, LIST)
    page = ours(pair, LIST, maxResults=1).json["nextPageToken"]
    pair.mirror.sections["account test"]["exclude"] = "team@*"
    pair.mirror.write_config()
    pair.mirror.process.send_signal(signal.SIGHUP)
    wait_for("the reload", lambda: TEAM not in by_id(walk(pair, LIST)[0]))
    begun = walk(pair, LIST, pageToken=page)[1]
    for token in follower.token, begun:
        refused(pair, LIST, 410, "fullSyncRequired", "syncToken", syncToken=token)
    follower = Follower(pair, LIST)
    pair.mirror.stop()
    pair.mirror.start()
    assert TEAM not in follower.held and follower.follow(maxResults=1) == []


def test_forbidden_combinations(pair):
    words = "Sync token cannot be used with other request restrictions"
    tokens = {path: walk(pair, path)[1] for path in (LIST, SETTINGS, acl(TEAM))}
    for path, query in ((LIST, {"showDeleted": "false"}), (LIST, {"showHidden": "false"}),
                        (LIST, {"minAccessRole": "reader"}), (acl(TEAM), {"showDeleted": "false"})):
        assert refused(pair, path, 400, "badRequest", syncToken=tokens[path], **query)["message"] == words
    for path in tokens:
        good = ours(pair, path, syncToken=tokens[path], **({} if path == SETTINGS else {"showDeleted": "true"}))
        assert good.status == 200 and good.json["items"] == [] and good.json["nextSyncToken"]


def test_foreign_and_dead_tokens(pair, tmp_path):
    tokens = {path: walk(pair, path)[1] for path in (LIST, SETTINGS, acl(TEAM), acl("primary"))}
    google = pair.google.call("GET", SETTINGS)["nextSyncToken"]
    for path in tokens:
        foreign = [t for p, t in tokens.items() if p != path] + [google, "x", "", "=", "CPDAlvWDx70CEPDAlvWDx70CGAU="]
        for token in foreign:
            error = refused(pair, path, 400, "invalid", "syncToken", syncToken=token)
            assert error["message"] == "Invalid sync token value."
        refused(pair, path, 400, "invalid", "pageToken", pageToken=tokens[path])
    # A state directory built anew knows nothing of what was removed before: its clients must list again.
    pair.mirror.stop()
    (tmp_path / "mirror" / "state" / "mirror.mdb").unlink()
    pair.mirror.start()
    pair.mirror.wait_ready()
    for path in tokens:
        wait_for(path, lambda p=path: ours(pair, p).status == 200)
        error = refused(pair, path, 410, "fullSyncRequired", "syncToken", syncToken=tokens[path])
        assert error["domain"] == "calendar"
        assert error["message"] == "Sync token is no longer valid, a full sync is required."


@pytest.mark.parametrize("scopes, missing", [
    ([".readonly"], {acl("primary"), acl(TEAM)}),
    ([".events.readonly", ".calendarlist.readonly"], {acl("primary"), acl(TEAM), SETTINGS}),
])
def test_what_the_token_may_not_read_is_refused_as_google_would(start, world, scopes, missing):
    world["users"][0]["tokens"] = [{"token": TOKEN, "scope": " ".join(SCOPE + s for s in scopes)}, "all"]
    pair = start(world=world)
    wait_for("all to be asked for", lambda: all(
        c["state"] == "ready" or c["last_error"] for c in pair.mirror.status()["collections"]))
    for path in (acl("primary"), acl(TEAM), SETTINGS):
        if path in missing:
            refused(pair, path, 403, "insufficientPermissions")
            refused(pair, path + "/default", 403, "insufficientPermissions")
        else:
            assert ours(pair, path).status == 200
    told = pair.mirror.status()
    assert [a["state"] for a in told["accounts"]] == ["ok"]  # the rest goes on
    assert all("lacks the scope" in c["last_error"] for c in told["collections"] if c["state"] == "new")
    assert len(pair.upstream("GET *primary/acl")) + len(pair.upstream("GET */acl")) <= 2
    pair.emulator.client("all").insert(summary="still followed")
    pair.wait_equal(USER)


def test_validators(pair):
    for path in (LIST, SETTINGS, acl(TEAM), "/colors", SETTINGS + "/locale"):
        answer = ours(pair, path)
        again = pair.mirror.request("GET", "/calendar/v3" + path, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status == 304 and again.body == b""
        assert int(answer.headers["Age"]) >= 0
    before = ours(pair, SETTINGS).headers["ETag"]
    pair.emulator.set_settings(USER, locale="fr")
    wait_for("the change", lambda: ours(pair, SETTINGS).headers["ETag"] != before)
    answer = pair.mirror.request("GET", "/calendar/v3" + SETTINGS, headers={"If-None-Match": before})
    assert answer.status == 200 and b'"fr"' in answer.body


def test_rules_that_were_refused_leave_with_their_calendar(start):
    """What Google refused is asked for a day later; its calendar leaving is no reason to wait for that."""
    pair = start()
    pair.emulator.fault("GET */acl", status=404, reason="notFound", count=-1)
    made = pair.google.call("POST", "/calendars", body={"summary": "Team"})["id"]

    def rules():
        return [c for c in pair.mirror.status()["collections"] if c["calendar"] == made and c["kind"] == "acl"]
    wait_for("the refusal", lambda: rules() and rules()[0]["failures"])
    pair.google.call("DELETE", "/calendars/" + quote(made, safe=""))
    wait_for("them to be gone", lambda: not rules())
