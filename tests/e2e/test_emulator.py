"""The emulator from outside: the program, credentials, events and series."""

import base64
import hashlib
import json
import time

import pytest
import requests

from emulator import DEMO_WORLD, USER, Emulator, ServiceAccount, all_day, timed
from emulator_fixtures import EVENTS, emu, error_of, ids, in_background  # noqa: F401


# ---- the program -------------------------------------------------------------------------------------

def test_ends_cleanly_on_sigterm_even_with_requests_held():
    emulator = Emulator()
    emulator.fault(hold=True, count=-1)
    runs = [in_background(lambda: pytest.raises(requests.ConnectionError, emulator.client("test-token").list))
            for _ in range(3)]
    emulator.wait_held(3)
    assert emulator.stop() == 0
    for run in runs:
        run.join(10)


def test_bad_seed_is_refused_with_its_reason(tmp_path, capfd):
    for text, why in (("{", "not a JSON object"), ('{"users": [{}]}', "email is missing"),
                      ('{"calendars": [{"id": "a@b", "timeZone": "Mars/Olympus"}]}', "Mars/Olympus"),
                      ('{"calendars": [{"id": "a@b", "events": [{"start": {"date": "soon"}}]}]}', "readable time"),
                      ('{"calendars": [{"id": "a@b", "events": [{"start": {"date": "today"}}]}]}', "Missing end")):
        seed = tmp_path / "seed.json"
        seed.write_text(text)
        with pytest.raises(RuntimeError, match="exit 78"):
            Emulator(str(seed))
        assert why in capfd.readouterr().err


def test_demo_world_is_lively():
    with Emulator(DEMO_WORLD) as emulator:
        anna = emulator.client("demo-token")
        listed = anna.calendar_list(showHidden=True)["items"]
        assert len(listed) == 6
        events = [event for entry in listed for event in anna.list_all(entry["id"])[0]]
        assert len(events) >= 60
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 7 * 86400))
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        assert len(anna.list("primary", timeMin=now, timeMax=soon)["items"]) >= 10


def test_generated_events_are_the_same_for_the_same_random_seed():
    dumps = []
    for random_seed in (7, 7, 8):
        with Emulator(generate=50, random_seed=random_seed) as emulator:
            dumps.append([{k: v for k, v in e.items() if k != "etag"} for e in emulator.dump("big@example.com")])
    assert dumps[0] == dumps[1] != dumps[2]
    assert len(dumps[0]) == 50


# ---- credentials -------------------------------------------------------------------------------------

def test_credentials_are_asked_for_and_checked(emu):
    missing = error_of(emu.client(None).list)
    assert (missing.status, missing.reason) == (401, "required")
    assert missing.error["status"] == "UNAUTHENTICATED"
    wrong = error_of(emu.client("no-such-token").list)
    assert (wrong.status, wrong.reason) == (401, "authError")
    assert wrong.error["errors"][0]["message"] == "Invalid Credentials"
    assert emu.client(None).list(access_token="test-token")["kind"] == "calendar#events"


def test_scopes_decide(emu):
    prefix = "https://www.googleapis.com/auth/"
    emu.seed({"users": [{"email": USER, "tokens": [{"token": "ro", "scope": prefix + "calendar.readonly"},
                                                   {"token": "fb", "scope": prefix + "calendar.freebusy"}]}]})
    readonly = emu.client("ro")
    readonly.list()
    denied = error_of(readonly.insert)
    assert (denied.status, denied.reason) == (403, "insufficientPermissions")
    assert denied.error["details"][0]["metadata"]["method"] == "calendar.v3.Events.Insert"
    assert error_of(readonly.call, "GET", f"/calendars/{USER}/acl").status == 403
    assert error_of(emu.client("fb").list).status == 403


def token_call(emu, **form):
    return requests.post(emu.token_url, data=form, timeout=10)


def test_service_account_signature_is_really_checked():
    account, stranger = ServiceAccount(), ServiceAccount()
    jwt = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    world = {"service_accounts": [account.seed()], "users": [{"email": "u@example.com"}],
             "calendars": [{"id": "u@example.com"}]}
    with Emulator(world) as emulator:
        def ask(assertion):
            answer = token_call(emulator, grant_type=jwt, assertion=assertion)
            return answer.status_code, answer.json()

        status, body = ask(account.assertion(emulator.token_url, sub="u@example.com"))
        assert status == 200 and body["expires_in"] == 3599 and "refresh_token" not in body
        assert emulator.client(body["access_token"]).list()["summary"] == "u@example.com"

        good = account.assertion(emulator.token_url)
        head, claims, signature = good.split(".")
        forged = json.loads(base64.urlsafe_b64decode(claims + "==")) | {"sub": "u@example.com"}
        forged = base64.urlsafe_b64encode(json.dumps(forged).encode()).rstrip(b"=").decode()
        now = int(time.time())
        refused = {
            "Signature": [f"{head}.{forged}.{signature}", stranger.assertion(emulator.token_url),
                          account.assertion(emulator.token_url, alg="none")],
            "short-lived": [account.assertion(emulator.token_url, exp=now + 3700),
                            account.assertion(emulator.token_url, iat=now - 9000, exp=now - 6000)],
            "audience": [account.assertion("https://example.com/token")],
            "account not found": [account.assertion(emulator.token_url, iss="x@example.com")],
            "Invalid email": [account.assertion(emulator.token_url, sub="nobody@example.com")],
            "well-formed": ["nonsense", "a.b.c"],
        }
        for why, assertions in refused.items():
            for assertion in assertions:
                status, body = ask(assertion)
                assert (status, body["error"]) == (400, "invalid_grant"), why
                assert why in body["error_description"]
        assert ask(account.assertion(emulator.token_url, scope="nonsense"))[1]["error"] == "invalid_scope"


def test_delegation_must_have_been_granted():
    account = ServiceAccount(delegation="https://www.googleapis.com/auth/calendar.readonly")
    world = {"service_accounts": [account.seed()], "users": [{"email": "u@example.com"}]}
    with Emulator(world) as emulator:
        assertion = account.assertion(emulator.token_url, sub="u@example.com")
        answer = token_call(emulator, grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=assertion)
        assert answer.json()["error"] == "unauthorized_client"


def test_refresh_tokens_and_the_end_of_access_tokens(emu):
    emu.seed({"clients": [{"client_id": "c", "client_secret": "s"}],
              "users": [{"email": USER, "refresh_tokens": ["r"]}]})
    form = {"grant_type": "refresh_token", "refresh_token": "r", "client_id": "c", "client_secret": "s"}
    first = token_call(emu, **form).json()["access_token"]
    emu.client(first).list()
    emu.advance_clock(3600 * 1000)
    assert error_of(emu.client(first).list).reason == "authError"
    emu.client(token_call(emu, **form).json()["access_token"]).list()
    assert token_call(emu, **form | {"client_secret": "x"}).json()["error"] == "invalid_client"
    assert emu.set_auth(revoke="grants", user=USER) > 0
    dead = token_call(emu, **form)
    assert (dead.status_code, dead.json()["error"]) == (400, "invalid_grant")
    assert token_call(emu, grant_type="password").json()["error"] == "unsupported_grant_type"


def test_login_by_code_with_pkce(emu):
    emu.seed({"clients": [{"client_id": "c", "client_secret": "s"}]})
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()

    def code():
        answer = requests.get(emu.url + "/o/oauth2/v2/auth", allow_redirects=False, timeout=10, params={
            "client_id": "c", "redirect_uri": "http://127.0.0.1:9/", "response_type": "code", "state": "a b",
            "scope": "https://www.googleapis.com/auth/calendar.readonly", "code_challenge": challenge,
            "code_challenge_method": "S256"})
        location = answer.headers["Location"]
        assert answer.status_code == 302 and location.endswith("&state=a%20b")
        return location.split("code=")[1].split("&")[0]

    form = {"grant_type": "authorization_code", "client_id": "c", "client_secret": "s", "code_verifier": verifier,
            "redirect_uri": "http://127.0.0.1:9/"}
    once = code()
    body = token_call(emu, code=once, **form).json()
    assert body["refresh_token"] and emu.client(body["access_token"]).list()
    assert body["scope"] == "https://www.googleapis.com/auth/calendar.readonly"
    assert token_call(emu, code=once, **form).json()["error"] == "invalid_grant"
    assert token_call(emu, code=code(), **form | {"code_verifier": "w" * 43}).json()["error"] == "invalid_grant"
    elsewhere = token_call(emu, code=code(), **form | {"redirect_uri": "http://127.0.0.1:8/"})
    assert elsewhere.json()["error"] == "redirect_uri_mismatch"


# ---- events: shape -----------------------------------------------------------------------------------

def test_an_inserted_event_has_googles_members_in_googles_order(emu):
    made = emu.api.insert(summary="Tea", location="Here", **timed(zone="Europe/Berlin"))
    assert list(made) == ["kind", "etag", "id", "status", "htmlLink", "created", "updated", "summary", "location",
                          "creator", "organizer", "start", "end", "iCalUID", "sequence", "reminders", "eventType"]
    assert made["start"] == {"dateTime": "2026-07-01T12:00:00+02:00", "timeZone": "Europe/Berlin"}
    assert made["iCalUID"] == made["id"] + "@google.com" and len(made["id"]) == 26
    assert made["created"].endswith(".000Z") and made["organizer"] == {"email": USER, "self": True}
    assert emu.api.get("primary", made["id"]) == made
    page = emu.api.list()
    assert list(page) == ["kind", "etag", "summary", "description", "updated", "timeZone", "accessRole",
                          "defaultReminders", "nextSyncToken", "items"]
    assert page["items"] == [made] and page["updated"] == made["updated"]


def test_unknown_members_survive(emu):
    made = emu.api.insert(x_new={"deep": [1, None, "é"]})
    assert emu.api.patch("primary", made["id"], summary="s")["x_new"] == {"deep": [1, None, "é"]}


def test_text_is_utf8(emu):
    text = "\u00e9 \u007f\u0080 \u07ff\u0800 \ud7ff\ue000 \uffff \U00010000 \U0001f600 \U0010ffff \\\u00e9 \"\u00df\""
    made = emu.api.insert(summary=text, description=None)
    assert made["summary"] == emu.api.get("primary", made["id"])["summary"] == text

    def insert(summary):
        body = json.dumps(timed(zone="UTC"))[:-1].encode() + b', "summary": "' + summary + b'"}'
        return emu.api.raw("POST", EVENTS, data=body, headers={"Content-Type": "application/json"})

    assert insert(b"\xc3\xa9 \\\\\xc3\xa9").json()["summary"] == "\u00e9 \\\u00e9"
    for bad in (b"\xe9", b"\xc3", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80",
                b"\\\xc3\xa9", b"\x80", b"\xc3("):
        assert insert(bad).status_code == 400, bad


def test_bodies_are_indented_by_one_space_or_compact(emu):
    emu.api.insert(summary='{"tricky": [1,2]}', description="a,b:c")
    pretty, plain = (emu.api.raw("GET", EVENTS, {"prettyPrint": p}) for p in ("true", "false"))
    assert pretty.json() == plain.json()
    assert '\n "defaultReminders": [\n ],\n' in pretty.text and pretty.text.endswith("\n}\n")
    assert "\n" not in plain.text and " : " not in plain.text
    assert pretty.headers["Content-Type"] == "application/json; charset=UTF-8"


def test_times_are_shown_in_the_calendars_zone_or_the_one_asked_for(emu):
    body = {"start": {"dateTime": "2026-03-29T01:30:00", "timeZone": "America/New_York"},
            "end": {"dateTime": "2026-03-29T06:00:00Z"}}
    made = emu.api.insert(body=body)
    assert made["start"] == {"dateTime": "2026-03-29T07:30:00+02:00", "timeZone": "America/New_York"}
    for zone, text in (("UTC", "2026-03-29T05:30:00Z"), ("Asia/Kathmandu", "2026-03-29T11:15:00+05:45"),
                       ("Australia/Lord_Howe", "2026-03-29T16:30:00+11:00"),
                       ("Asia/Calcutta", "2026-03-29T11:00:00+05:30")):
        assert emu.api.list(timeZone=zone)["items"][0]["start"]["dateTime"] == text
        assert emu.api.get("primary", made["id"], timeZone=zone)["start"]["dateTime"] == text
    assert emu.api.list(timeZone="UTC")["timeZone"] == "Europe/Berlin"
    assert error_of(emu.api.list, timeZone="Mars/Olympus").status == 400


def test_zones_agree_with_python():
    from datetime import datetime, timezone
    from zoneinfo import ZoneInfo

    zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Seoul",
             "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Apia", "Europe/Dublin", "Antarctica/Troll"]
    with Emulator({"users": [{"email": USER, "tokens": ["test-token"]}],
                   "calendars": [{"id": USER, "timeZone": "UTC"}]}) as emulator:
        starts = [datetime(year, month, day, hour, 30, tzinfo=timezone.utc)
                  for year in (1975, 2011, 2026, 2045) for month in (3, 4, 10, 12) for day in (1, 29)
                  for hour in (0, 1, 12)]
        for at in starts:
            emulator.api.insert(**timed(at.isoformat(), at.isoformat()))
        for zone in zones:
            shown = [e["start"]["dateTime"] for e in emulator.api.list_all(timeZone=zone)[0]]
            expected = [at.astimezone(ZoneInfo(zone)).isoformat().replace("+00:00", "Z") for at in starts]
            assert shown == expected, zone


def test_bad_events_are_refused(emu):
    good = timed()
    for change, reason, text in (
            ({"end": None}, "required", "Missing end time."), ({"start": None}, "required", "Missing start time."),
            ({"start": {"dateTime": "yesterday"}}, "invalid", "Invalid start time."),
            ({"end": {"date": "2026-07-02"}}, "invalid", "Invalid end time."),
            ({"end": {"dateTime": "2026-07-01T09:00:00Z"}}, "timeRangeEmpty", "The specified time range is empty."),
            ({"recurrence": ["RRULE:FREQ=DAILY"]}, "required", "Missing time zone definition for start time."),
            ({"recurrence": ["DTSTART:2026"], **timed(zone="UTC")}, "invalid", "Invalid recurrence rule."),
            ({"id": "Not-An-Id"}, "invalid", "Invalid resource id value."), ({"id": "abc"}, "invalid", None)):
        failed = error_of(emu.api.insert, body={**good, **change})
        assert (failed.status, failed.reason) == (400, reason), change
        assert text is None or failed.message == text
    broken = emu.api.raw("POST", EVENTS, data=b'{"summary": ')
    assert (broken.status_code, broken.json()["error"]["errors"][0]["reason"]) == (400, "parseError")
    assert emu.api.list()["items"] == []


def test_ids_chosen_by_the_client(emu):
    emu.api.insert(id="chosen12345")
    assert error_of(emu.api.insert, id="chosen12345").reason == "duplicate"
    emu.api.delete("primary", "chosen12345")
    assert error_of(emu.api.insert, id="chosen12345").status == 409, "the id of a deleted event stays taken"
    revived = emu.api.patch("primary", "chosen12345", status="confirmed")
    assert revived["status"] == "confirmed" and ids(emu.api.list()["items"]) == ["chosen12345"]


def test_patch_merges_and_update_replaces(emu):
    made = emu.api.insert(summary="a", description="d", extendedProperties={"private": {"x": "1", "y": "2"}},
                          attendees=[{"email": "g@example.com"}, {"email": USER}])
    patched = emu.api.patch("primary", made["id"], summary="b", description=None,
                            extendedProperties={"private": {"x": None, "z": "3"}}, id="other", iCalUID="other",
                            creator={"email": "evil@example.com"})
    assert patched["summary"] == "b" and "description" not in patched
    assert patched["extendedProperties"] == {"private": {"y": "2", "z": "3"}}
    assert patched["id"] == made["id"] and patched["iCalUID"] == made["iCalUID"]
    assert patched["creator"] == made["creator"] and patched["sequence"] == 0
    assert [a.get("self") for a in patched["attendees"]] == [None, True]
    replaced = emu.api.update("primary", made["id"], {"location": "L", **timed(end="2026-07-01T12:00:00Z")})
    assert "summary" not in replaced and replaced["location"] == "L"
    assert replaced["created"] == made["created"] and replaced["sequence"] == 1
    clash = error_of(emu.api.patch, "primary", made["id"], start={"date": "2026-07-01"})
    assert clash.message == "Invalid start time.", "date and dateTime at once"


def test_a_change_of_reminders_moves_the_etag_alone(emu):
    made = emu.api.insert()
    patched = emu.api.patch("primary", made["id"], reminders={"useDefault": False})
    assert patched["updated"] == made["updated"] and patched["etag"] != made["etag"]


def test_etags(emu):
    made = emu.api.insert()
    path = f"{EVENTS}/{made['id']}"
    answer = emu.api.raw("GET", path)
    assert answer.headers["ETag"] == made["etag"]
    unchanged = emu.api.raw("GET", path, headers={"If-None-Match": made["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    changed = emu.api.patch("primary", made["id"], summary="x")
    assert emu.api.raw("GET", path, headers={"If-None-Match": made["etag"]}).json() == changed
    for method in ("PATCH", "PUT", "DELETE"):
        refused = emu.api.raw(method, path, body=timed(), headers={"If-Match": made["etag"]})
        assert refused.status_code == 412 and refused.json()["error"]["errors"][0]["reason"] == "conditionNotMet"
    assert emu.api.raw("DELETE", path, headers={"If-Match": changed["etag"]}).status_code == 204


def test_delete_twice(emu):
    made = emu.api.insert(summary="kept for the bin")
    emu.api.delete("primary", made["id"])
    again = error_of(emu.api.delete, "primary", made["id"])
    assert (again.status, again.reason, again.message) == (410, "deleted", "Resource has been deleted")
    assert emu.api.get("primary", made["id"])["status"] == "cancelled"
    assert error_of(emu.api.get, "primary", "nosuchevent").reason == "notFound"


def test_import_finds_its_event_again(emu):
    body = {"iCalUID": "uid-1@elsewhere", "organizer": {"email": "o@elsewhere.org"}, **timed()}
    first = emu.api.call("POST", EVENTS + "/import", body=body)
    second = emu.api.call("POST", EVENTS + "/import", body={**body, "summary": "again"})
    assert first["id"].startswith("_") and first["id"] == second["id"] and second["summary"] == "again"
    assert second["organizer"]["email"] == "o@elsewhere.org"
    assert ids(emu.api.list(iCalUID="uid-1@elsewhere")["items"]) == [first["id"]]


def test_move_leaves_a_stub(emu):
    other = emu.api.call("POST", "/calendars", body={"summary": "Other"})["id"]
    assert other.endswith("@group.calendar.google.com")
    series = emu.api.insert(recurrence=["RRULE:FREQ=DAILY"], **timed(zone="UTC"))
    instance = emu.api.patch("primary", series["id"] + "_20260702T100000Z", summary="odd one")
    _, token = emu.api.list_all(showDeleted=True)
    moved = emu.api.move("primary", series["id"], other)
    assert moved["organizer"] == {"email": other, "displayName": "Other", "self": True}
    assert ids(emu.api.list(other)["items"]) == ids([series, instance])
    delta, _ = emu.api.list_all(syncToken=token)
    assert [(e["id"], e["status"]) for e in delta] == [(series["id"], "cancelled")]


# ---- series ------------------------------------------------------------------------------------------

def test_exceptions(emu):
    series = emu.api.insert(summary="S", recurrence=["RRULE:FREQ=WEEKLY"],
                            **timed("2026-03-25T09:00:00+01:00", "2026-03-25T10:00:00+01:00", "Europe/Berlin"))
    slot = series["id"] + "_20260401T070000Z"
    shown = emu.api.get("primary", slot)
    assert shown["start"]["dateTime"] == "2026-04-01T09:00:00+02:00" and "recurrence" not in shown
    assert shown["recurringEventId"] == series["id"] and shown["originalStartTime"] == shown["start"]
    moved = emu.api.patch("primary", slot, **timed("2026-04-02T12:00:00Z", "2026-04-02T13:00:00Z"))
    assert moved["id"] == slot and moved["originalStartTime"] == shown["originalStartTime"]
    assert moved["iCalUID"] == series["iCalUID"] and moved["summary"] == "S"
    gone = series["id"] + "_20260408T070000Z"
    emu.api.delete("primary", gone)
    by_id = {e["id"]: e for e in emu.api.list()["items"]}
    assert sorted(by_id) == sorted([series["id"], slot, gone]), "cancelled instances are listed with showDeleted=false"
    assert by_id[gone] == {"kind": "calendar#event", "etag": by_id[gone]["etag"], "id": gone, "status": "cancelled",
                           "recurringEventId": series["id"],
                           "originalStartTime": {"dateTime": "2026-04-08T09:00:00+02:00", "timeZone": "Europe/Berlin"}}
    for bad in (series["id"] + "_20260301T070000Z", series["id"] + "_20260401", "nothing_20260401T070000Z"):
        assert error_of(emu.api.get, "primary", bad).status == 404


def test_all_day_exceptions(emu):
    series = emu.api.insert(body={**all_day("2026-05-01", "2026-05-03"), "recurrence": ["RRULE:FREQ=WEEKLY"]})
    shown = emu.api.get("primary", series["id"] + "_20260508")
    assert (shown["start"], shown["end"]) == ({"date": "2026-05-08"}, {"date": "2026-05-10"})
    emu.api.delete("primary", shown["id"])
    assert emu.api.list()["items"][1]["originalStartTime"] == {"date": "2026-05-08"}


def test_a_deleted_series_takes_its_exceptions_along(emu):
    series = emu.api.insert(recurrence=["RRULE:FREQ=DAILY"], **timed(zone="UTC"))
    emu.api.patch("primary", series["id"] + "_20260702T100000Z", summary="x")
    _, token = emu.api.list_all()
    emu.api.delete("primary", series["id"])
    delta, _ = emu.api.list_all(syncToken=token)
    assert delta == [{"kind": "calendar#event", "etag": delta[0]["etag"], "id": series["id"], "status": "cancelled"}]
    assert emu.api.list()["items"] == []
    assert ids(emu.api.list(showDeleted=True)["items"]) == [series["id"]]


def test_a_series_that_becomes_single_reports_its_exceptions(emu):
    series = emu.api.insert(recurrence=["RRULE:FREQ=DAILY"], **timed(zone="UTC"))
    instance = emu.api.patch("primary", series["id"] + "_20260702T100000Z", summary="x")
    _, token = emu.api.list_all()
    assert "recurrence" not in emu.api.patch("primary", series["id"], recurrence=None)
    delta, _ = emu.api.list_all(syncToken=token)
    assert {e["id"]: e["status"] for e in delta} == {series["id"]: "confirmed", instance["id"]: "cancelled"}
    assert ids(emu.api.list(showDeleted=True)["items"]) == [series["id"]]


def test_what_is_not_there_says_so(emu):
    for call in ((emu.api.list, "primary"), (emu.api.call, "GET", EVENTS + "/x/instances")):
        unknown = error_of(*call, **({"singleEvents": True} if len(call) == 2 else {}))
        assert (unknown.status, unknown.reason) == (501, "notImplemented")
    assert error_of(emu.api.call, "POST", "/freeBusy", body={}).status == 501
    assert error_of(emu.api.call, "GET", "/nothing").status == 404
    assert error_of(emu.api.call, "PUT", "/colors").status == 405
