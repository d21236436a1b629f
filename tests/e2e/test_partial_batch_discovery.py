"""Partial answers, batches, method override and discovery, over the wire."""
import email
import email.policy
import gzip
import json

import pytest

import schema
from emulator import USER, timed

CAL = "/calendar/v3/calendars/primary"
LIST = CAL + "/events"


@pytest.fixture
def pair(start):
    pair = start()
    for i in range(3):
        pair.google.insert(id=f"event{i}", summary=f"Event {i}", attendees=[{"email": "a@example.com"}])
    pair.wait_equal(USER)
    return pair


def batch(pair, parts, path="/batch/calendar/v3", end="\r\n", headers=None):
    """[(Content-ID, status, headers, body)] of the answer. Each part: (id or None, request text)."""
    body = ""
    for content_id, request in parts:
        named = f"Content-ID: {content_id}{end}" if content_id else ""
        body += f"--B{end}Content-Type: application/http{end}{named}{end}{request.replace(chr(10), end)}{end}"
    body += "--B--"
    answer = pair.mirror.request("POST", path, body=body.encode(), headers={
        "Content-Type": 'multipart/mixed; boundary="B"', **(headers or {})})
    assert answer.status == 200, answer.body
    kind = answer.headers["Content-Type"]
    assert kind.startswith("multipart/mixed; boundary=") and '"' not in kind
    boundary = kind.split("boundary=")[1]
    assert answer.body.startswith(b"--" + boundary.encode())  # no preamble
    assert answer.body.endswith(b"--" + boundary.encode() + b"--")  # no epilogue
    message = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + answer.body,
                                       policy=email.policy.HTTP)
    found = []
    for part in message.get_payload():
        assert part.get_content_type() == "application/http"
        head, _, payload = part.get_payload(decode=True).partition(b"\r\n\r\n")
        line, _, rest = head.decode().partition("\r\n")
        version, status, _ = line.split(" ", 2)
        assert version == "HTTP/1.1"
        found.append((part["Content-ID"], int(status), email.message_from_string(rest),
                      json.loads(payload) if payload.strip() else None))
    return found


@pytest.mark.parametrize("path, fields, expected", [
    (LIST, "kind", {"kind": "calendar#events"}),
    (LIST, "items/id", {"items": [{"id": f"event{i}"} for i in range(3)]}),
    (LIST, "items(id,attendees(email),nothing)",
     {"items": [{"id": f"event{i}", "attendees": [{"email": "a@example.com"}]} for i in range(3)]}),
    (LIST + "/event1", "summary,organizer/email", {"summary": "Event 1", "organizer": {"email": USER}}),
    (LIST + "/event1", "newerThanThisMirror", {}),
    (CAL, "id", {"id": USER}),
])
def test_fields_select(pair, path, fields, expected):
    answer = pair.mirror.get(path, fields=fields)
    assert answer.status == 200 and answer.json == expected


@pytest.mark.parametrize("fields, wrong", [
    ("items(id", "items(id"), ("pagetoken,items(id)", "pagetoken"), (",", ","), ("a b", "a b")])
def test_fields_that_make_no_sense_are_refused(pair, fields, wrong):
    answer = pair.mirror.get(LIST, fields=fields)
    schema.validate_error(answer.json, 400)
    assert answer.json["error"]["message"] == "Invalid field selection " + wrong
    assert answer.json["error"]["errors"][0]["location"] == "fields"


def test_fields_have_their_own_etag(pair):
    whole, part = pair.mirror.get(LIST), pair.mirror.get(LIST, fields="kind")
    assert whole.headers["ETag"] != part.headers["ETag"]
    same = pair.mirror.request("GET", LIST + "?fields=kind", headers={"If-None-Match": part.headers["ETag"]})
    assert same.status == 304 and not same.body


def test_a_batch_answers_each_part_as_if_alone(pair):
    etag = pair.mirror.get(LIST).headers["ETag"]
    answers = batch(pair, [
        ("<a + 1>", f"GET {LIST}/event0 HTTP/1.1\n\n"),
        ("two", f"GET {LIST}/nothing HTTP/1.1\n\n"),
        (None, f"GET http://www.googleapis.com{CAL}\n"),
        ("<4>", f"GET {LIST}?fields=kind&prettyPrint=false HTTP/1.1\nHost: www.googleapis.com\n\n"),
        ("<5>", f"GET {LIST} HTTP/1.1\nIf-None-Match: {etag}\n\n"),
        ("<6>", f"DELETE {LIST}/event0 HTTP/1.1\n\n"),
        ("<7>", "GET /v1/status HTTP/1.1\n\n"),
        ("<8>", "POST /batch HTTP/1.1\nContent-Type: multipart/mixed; boundary=C\n\n--C--"),
        ("<9>", "what is this"),
    ])
    assert [a[0] for a in answers] == ["<response-a + 1>", "<response-two>", None] + [
        f"<response-{i}>" for i in range(4, 10)]
    assert [a[1] for a in answers] == [200, 404, 200, 200, 304, 501, 404, 404, 400]
    assert answers[0][3] == pair.mirror.get(LIST + "/event0").json
    assert answers[0][2]["Content-Type"] == "application/json; charset=UTF-8"
    assert answers[0][2]["ETag"] == pair.mirror.get(LIST + "/event0").headers["ETag"]
    assert answers[2][3]["id"] == USER
    assert answers[3][3] == {"kind": "calendar#events"}
    assert answers[4][3] is None
    for _, status, _, body in answers:
        if status >= 400:
            schema.validate_error(body, status)


def test_parameters_and_headers_of_a_batch_are_those_of_its_parts(pair):
    answers = batch(pair, [("<1>", f"GET {LIST}/event0\n"), ("<2>", f"GET {LIST}/event0?fields=id\n")],
                    path="/batch?fields=summary", end="\n")
    assert [a[3] for a in answers] == [{"summary": "Event 0"}, {"id": "event0"}]
    same = {"If-None-Match": pair.mirror.request("GET", f"{LIST}/event0").headers["ETag"]}
    parts = [("<1>", f"GET {LIST}/event0\n"), ("<2>", f"GET {LIST}/event0\nIf-None-Match: {same['If-None-Match']}\n")]
    assert [a[1] for a in batch(pair, parts)] == [200, 304]
    assert [a[1] for a in batch(pair, parts, headers=same)] == [200, 304]  # of the whole, it is of no part


def test_batches_are_bounded(pair):
    answers = batch(pair, [(f"<{i}>", f"GET {LIST}/event{i % 3}?fields=id\n") for i in range(1000)])
    assert len(answers) == 1000
    assert {a[1] for a in answers} <= {200, 503}  # 503: the budget of time was spent, on a slow machine
    assert answers[0][1] == 200
    too_many = "--B\n\nGET /calendar/v3/colors\n" * 1001 + "--B--"
    for kind, body in (("multipart/mixed; boundary=B", too_many), ("multipart/mixed", "--B--"),
                       ("application/json", "{}"), ("multipart/mixed; boundary=C", "--B--")):
        answer = pair.mirror.request("POST", "/batch", body=body, headers={"Content-Type": kind})
        schema.validate_error(answer.json, 400)


def test_a_post_may_mean_another_method(pair):
    form = {"X-HTTP-Method-Override": "GET", "Content-Type": "application/x-www-form-urlencoded"}
    answer = pair.mirror.request("POST", LIST, body="fields=items%2Fid&maxResults=2", headers=form)
    assert answer.json == {"items": [{"id": "event0"}, {"id": "event1"}]}
    answer = pair.mirror.request("POST", LIST + "/event0", headers={"X-HTTP-Method-Override": "PATCH"})
    assert answer.status == 501
    answer = pair.mirror.request("GET", CAL, headers={"X-HTTP-Method-Override": "DELETE"})
    assert answer.status == 200  # only a POST may be overridden


@pytest.mark.parametrize("path", ["/token", "/oauth2/v4/token", "/o/oauth2/token"])
def test_a_token_can_be_had(pair, path):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in ("client_id=x&client_secret=y&refresh_token=1%2F%2Fsecret&grant_type=refresh_token",
                 "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c"):
        answer = pair.mirror.request("POST", path, body=body, headers=form)
        assert answer.status == 200
        assert answer.json["token_type"] == "Bearer" and answer.json["expires_in"] == 3599
        assert b"secret" not in answer.body
    for body, error in (("", "invalid_request"), ("grant_type=%zz", "invalid_request"),
                        ("grant_type=password", "unsupported_grant_type"), ("xgrant_type=refresh_token", "invalid_request"),
                        ("grant_type=" + "x" * 100000, "invalid_request")):
        answer = pair.mirror.request("POST", path, body=body, headers=form)
        assert (answer.status, answer.json["error"]) == (400, error)
    assert "secret" not in pair.mirror.log_text()


FREE_BUSY = json.dumps({"timeMin": "2026-07-01T00:00:00Z", "timeMax": "2026-07-02T00:00:00Z", "items": [{"id": "primary"}]})


def packed(pair, path, body, coding="gzip", **headers):
    return pair.mirror.request("POST", path, body=body, headers={
        "Content-Type": "application/json", "Content-Encoding": coding, **headers})


def test_bodies_may_be_packed(pair):
    """As Google's clients for Java and .NET send theirs, unless told otherwise."""
    plain = pair.mirror.request("POST", "/calendar/v3/freeBusy", body=FREE_BUSY)
    assert plain.status == 200 and plain.json["calendars"]["primary"]["busy"]
    whole = gzip.compress(FREE_BUSY.encode())
    halves = gzip.compress(FREE_BUSY[:30].encode()) + gzip.compress(FREE_BUSY[30:].encode())
    for body, coding in ((whole, "gzip"), (whole, "X-GZIP"), (halves, "gzip"), (FREE_BUSY.encode(), "identity")):
        answer = packed(pair, "/calendar/v3/freeBusy", body, coding)
        assert (answer.status, answer.json) == (200, plain.json)
    chunked = packed(pair, "/calendar/v3/freeBusy", iter((whole[:20], whole[20:])))
    assert (chunked.status, chunked.json) == (200, plain.json)
    form = packed(pair, LIST, gzip.compress(b"q=Event+2&fields=items%2Fid"), **{
        "Content-Type": "application/x-www-form-urlencoded", "X-HTTP-Method-Override": "GET"})
    assert form.json == {"items": [{"id": "event2"}]}
    parts = b"--B\r\nContent-Type: application/http\r\n\r\nGET /calendar/v3/colors HTTP/1.1\r\n\r\n--B--"
    answer = packed(pair, "/batch/calendar/v3", gzip.compress(parts), **{"Content-Type": "multipart/mixed; boundary=B"})
    assert answer.status == 200 and b"HTTP/1.1 200 OK" in answer.body


def test_what_cannot_be_unpacked(pair):
    good = gzip.compress(FREE_BUSY.encode())
    for body, coding, status, reason in (
            (b"{}", "gzip", 400, "parseError"), (good[:-9], "gzip", 400, "parseError"), (good + b"more", "gzip", 400, "parseError"),
            (gzip.compress(bytes(1 << 20)), "gzip", 400, "parseError"),  # as much as is read; zeros are no JSON
            (gzip.compress(bytes((1 << 20) + 1)), "gzip", 413, "uploadTooLarge"),
            (gzip.compress(bytes(100 << 20)), "gzip", 413, "uploadTooLarge"),
            (good, "br", 415, "badRequest"), (gzip.compress(good), "gzip, gzip", 415, "badRequest")):
        answer = packed(pair, "/calendar/v3/freeBusy", body, coding)
        assert (answer.status, answer.json["error"]["errors"][0]["reason"]) == (status, reason), (len(body), coding)
        schema.validate_error(answer.json, status)
    # By a name that is not the mirror's nothing is looked at.
    assert packed(pair, "/calendar/v3/freeBusy", b"{}", Host="evil.example").status == 403
    assert packed(pair, "/calendar/v3/freeBusy", good).status == 200


def routes_of(document):
    found = {}

    def walk(resources):
        for resource in resources.values():
            found.update({m["id"]: m for m in resource.get("methods", {}).values()})
            walk(resource.get("resources", {}))
    walk(document["resources"])
    return found


def test_discovery_tells_where_it_was_asked_and_what_is_served(pair):
    for path in ("/discovery/v1/apis/calendar/v3/rest", "/%24discovery/rest?version=v3", "/$discovery/rest?version=v3"):
        answer = pair.mirror.get(path)
        assert answer.status == 200, path
    document = answer.json
    assert document["rootUrl"] == pair.mirror.url + "/"
    assert document["baseUrl"] == pair.mirror.url + "/calendar/v3/"
    assert pair.mirror.request("POST", "/" + document["batchPath"], body="--B--", headers={
        "Content-Type": "multipart/mixed; boundary=B"}).status == 200
    named = pair.mirror.request("GET", path, headers={
        "Host": f"localhost:{pair.mirror.api_port}", "X-Forwarded-Proto": "https"})
    assert named.json["rootUrl"] == f"https://localhost:{pair.mirror.api_port}/"


def test_the_directory_of_apis_leads_to_the_description(pair):
    directory = pair.mirror.get("/discovery/v1/apis").json
    assert directory["kind"] == "discovery#directoryList"
    [api] = directory["items"]
    assert (api["kind"], api["id"], api["preferred"]) == ("discovery#directoryItem", "calendar:v3", True)
    assert api["discoveryRestUrl"] == pair.mirror.url + "/discovery/v1/apis/calendar/v3/rest"
    described = pair.mirror.get(api["discoveryRestUrl"].removeprefix(pair.mirror.url)).json
    assert all(described[member] == api[member] for member in ("id", "name", "version", "title", "description"))


def test_a_slash_at_the_end_says_nothing(pair):
    own = ("etag", "nextSyncToken")  # of the request, too
    for path in ("users/me/calendarList", "users/me/calendarList/primary", "users/me/settings", "colors", "calendars/primary",
                 "calendars/primary/events", "calendars/primary/events/event1"):
        plain, slashed = (pair.mirror.get("/calendar/v3/" + path + end) for end in ("", "/"))
        assert (plain.status, slashed.status) == (200, 200), path
        assert all(plain.json[k] == slashed.json[k] for k in plain.json.keys() | slashed.json.keys() if k not in own), path
    answer = pair.mirror.request("POST", "/calendar/v3/freeBusy/", body=FREE_BUSY)
    assert answer.status == 200 and answer.json["calendars"]["primary"]["busy"]
    for path in ("users/me/settings//", "colors//", ""):
        assert pair.mirror.get("/calendar/v3/" + path).status == 404


def references(value):
    if isinstance(value, dict):
        for k, v in value.items():
            if k == "$ref":
                yield v
            else:
                yield from references(v)
    elif isinstance(value, list):
        for v in value:
            yield from references(v)


def test_discovery_agrees_with_googles_own(pair):
    ours = pair.mirror.get("/discovery/v1/apis/calendar/v3/rest").json
    theirs = routes_of(schema.document())
    methods = routes_of(ours)
    assert {"calendar.events.list", "calendar.events.get", "calendar.calendarList.list"} <= methods.keys()
    assert set(references(ours)) == set(ours["schemas"])  # all there, and none too many
    for method_id, method in methods.items():
        google = theirs[method_id]
        for member in ("path", "httpMethod", "parameterOrder", "response", "request"):
            assert method.get(member) == google.get(member), (method_id, member)
        for name, parameter in method["parameters"].items():
            known = google["parameters"][name]
            for member in ("type", "location", "required", "repeated", "minimum"):
                assert parameter.get(member) == known.get(member), (method_id, name, member)
            assert known.get("default") in (None, parameter.get("default"))  # some are only in Google's prose
        # What Google's has and ours lacks would be a parameter that is not served.
        assert google.get("parameters", {}).keys() - method["parameters"].keys() <= {"showOwnOrganizationOnly"}
