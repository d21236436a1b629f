"""Who may ask and what may be asked: Host, Origin, CORS, methods, sizes, unknown paths, bad parameters. Every
refusal has Google's shape, and none harms the service."""
import http.client
import json
import socket

import pytest

import schema
from emulator import TOKEN, USER, Emulator, timed
from mirror import BUILD, LONG, PATIENCE, Mirror
from pair import token_account

EVENTS = "/calendar/v3/calendars/primary/events"
BOARD = "https://board.example.org"


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    directory = tmp_path_factory.mktemp("door")
    with Emulator() as emulator:
        emulator.api.insert(summary="secret", body=timed())
        with Mirror(directory, emulator.url, {"me": token_account(directory)}, mirror={"log_level": "debug"},
                    api={"hosts": "calendar.lan, proxy.lan:8443", "origins": f"{BOARD}, http://localhost:3000"}) as mirror:
            mirror.start().wait_ready()
            yield mirror


def ask(mirror, method, path, body=None, **headers):
    return mirror.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})


def refused(answer, status, reason, location=None):
    assert answer.status == status, (answer.status, answer.body[:300])
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    schema.validate_error(answer.json, status)
    error = answer.json["error"]["errors"][0]
    assert (error["reason"], error.get("location")) == (reason, location), error
    assert b"secret" not in answer.body
    return answer


def raw(mirror, data, silence=1):
    """What comes back for these bytes, until the server closes or is silent for so long."""
    parts = []
    with socket.create_connection(("127.0.0.1", mirror.api_port), timeout=silence * PATIENCE) as s:
        try:
            s.sendall(data)
            while part := s.recv(65536):
                parts.append(part)
        except (TimeoutError, ConnectionResetError, BrokenPipeError):
            pass
    return b"".join(parts)


# -- names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:{port}", "localhost", "LocalHost:{port}", "[::1]", "[::1]:{port}",
                                  "127.8.9.10:1", "calendar.lan", "CALENDAR.lan:99", "proxy.lan:8443"])
def test_known_names_are_answered(mirror, host):
    assert ask(mirror, "GET", EVENTS, Host=host.format(port=mirror.api_port)).status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example",
                                  "evil.example#127.0.0.1", "127.0.0.1@evil.example", "[::2]", "0.0.0.0", "10.0.0.1",
                                  "2130706433", "proxy.lan", "proxy.lan:1", "x.calendar.lan", "[", "]", ":", ":80"])
def test_other_names_are_refused_whatever_is_asked(mirror, host):
    host = host.format(port=mirror.api_port)
    for method, path in (("GET", EVENTS), ("GET", "/"), ("GET", "/v1/status"), ("POST", "/v1/resync"), ("GET", "/none"),
                         ("OPTIONS", EVENTS), ("POST", "/calendar/v3/freeBusy"), ("POST", "/batch")):
        refused(ask(mirror, method, path, Host=host), 403, "forbidden", "Host")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://board.example.org", BOARD + ":444", BOARD + ".evil.example",
                                    BOARD.upper() + "x", "http://localhost:3001", "file://", ""])
def test_pages_of_other_origins_are_refused(mirror, origin):
    answer = refused(ask(mirror, "GET", EVENTS, Origin=origin), 403, "forbidden", "Origin")
    assert answer.headers["Access-Control-Allow-Origin"] is None
    preflight = ask(mirror, "OPTIONS", EVENTS, Origin=origin, Access_Control_Request_Method="GET")
    assert preflight.status == 403 and preflight.headers["Access-Control-Allow-Origin"] is None


def test_a_page_of_ours_may_ask(mirror):
    own = f"127.0.0.1:{mirror.api_port}"
    assert ask(mirror, "POST", "/v1/resync", json.dumps({"calendar": "primary"}), Origin="http://" + own).status == 202


def test_named_origins_may_read_also_errors(mirror):
    for path, status in ((EVENTS, 200), ("/none", 404), (EVENTS + "?maxResults=0", 400), (EVENTS + "/none", 404)):
        answer = ask(mirror, "GET", path, Origin=BOARD)
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] == BOARD
        assert "Origin" in answer.headers["Vary"] and "ETag" in answer.headers["Access-Control-Expose-Headers"]
    etag = ask(mirror, "GET", EVENTS, Origin=BOARD).headers["ETag"]
    unchanged = ask(mirror, "GET", EVENTS, Origin=BOARD, If_None_Match=etag)
    assert unchanged.status == 304 and unchanged.headers["Access-Control-Allow-Origin"] == BOARD
    plain = ask(mirror, "GET", EVENTS)  # nothing of CORS for who is no page
    assert plain.headers["Access-Control-Allow-Origin"] is None and "Origin" in plain.headers["Vary"]


def test_a_preflight_works(mirror):
    wanted = "authorization, content-type, x-goog-api-client, x-goog-api-key"
    answer = ask(mirror, "OPTIONS", "/calendar/v3/freeBusy", Origin=BOARD, Access_Control_Request_Method="POST",
                 Access_Control_Request_Headers=wanted, Access_Control_Request_Private_Network="true")
    assert answer.status == 204 and answer.body == b""
    assert answer.headers["Access-Control-Allow-Origin"] == BOARD
    assert answer.headers["Access-Control-Allow-Headers"] == wanted
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Private-Network"] == "true"
    assert answer.headers["Access-Control-Allow-Credentials"] is None


def test_a_header_cannot_be_split(mirror):
    answer = raw(mirror, f"OPTIONS {EVENTS} HTTP/1.1\r\nHost: localhost\r\nOrigin: {BOARD}\r\nAccess-Control-Request-Headers: "
                         "a\rX-Evil: 1\r\nConnection: close\r\n\r\n".encode(), LONG)
    assert answer.startswith(b"HTTP/1.1 ") and b"\nX-Evil" not in answer


# -- methods and paths --------------------------------------------------------------------------------


@pytest.mark.parametrize("method, path", [
    ("POST", EVENTS), ("PATCH", EVENTS + "/x"), ("PUT", EVENTS + "/x"), ("DELETE", EVENTS + "/x"),
    ("POST", EVENTS + "/x/move"), ("POST", EVENTS + "/quickAdd"), ("POST", EVENTS + "/import"),
    ("DELETE", "/calendar/v3/calendars/primary"), ("POST", "/calendar/v3/calendars/primary/clear"),
    ("POST", "/calendar/v3/users/me/calendarList")])
def test_writes_are_not_implemented(mirror, method, path):
    refused(ask(mirror, method, path, "{}" if method != "DELETE" else None), 501, "notImplemented")


@pytest.mark.parametrize("method, path, allow", [
    ("DELETE", EVENTS, "GET, HEAD, OPTIONS, POST"), ("PUT", "/calendar/v3/colors", "GET, HEAD, OPTIONS"),
    ("GET", "/calendar/v3/freeBusy", "OPTIONS, POST"), ("HEAD", "/v1/resync", "OPTIONS, POST"),
    ("BREW", "/v1/status", "GET, HEAD, OPTIONS"), ("TRACE", EVENTS, "GET, HEAD, OPTIONS, POST")])
def test_methods_that_a_path_has_not(mirror, method, path, allow):
    answer = ask(mirror, method, path)
    assert answer.status == 405 and answer.headers["Allow"] == allow
    if method != "HEAD":
        refused(answer, 405, "httpMethodNotAllowed")


@pytest.mark.parametrize("path", [
    "/calendar", "/calendar/v3", "/calendar/v3/", "/calendar/v4/colors", "/calendar/v3/colours", "/calendar/v3/colors//", EVENTS + "//",
    "//calendar/v3/colors", "/calendar/v3/calendars//events", "/calendar/v3/calendars/primary/events/x/y", "/v1", "/v1/nothing",
    "/../etc/passwd", "/%2e%2e/etc/passwd", "/calendar/v3/../../v1/status", "/Calendar/V3/colors", "/favicon.ico",
    "/calendar/v3/calendars/" + "x" * 1200 + "/events"])
def test_unknown_paths(mirror, path):
    refused(ask(mirror, "GET", path), 404, "notFound")


@pytest.mark.parametrize("segment", ["%", "%4", "%zz", "%00", "a%00b", "%ff", "%c0%af", "%ed%a0%80"])
def test_ids_that_are_no_text(mirror, segment):
    for path in (f"/calendar/v3/calendars/{segment}/events", f"{EVENTS}/{segment}", f"/calendar/v3/users/me/settings/{segment}"):
        refused(ask(mirror, "GET", path), 400, "invalid")


@pytest.mark.parametrize("id", [USER, "me%40example.com", "me%40example%2ecom", "%6de%40example%2Ecom", "primary"])
def test_ids_in_every_spelling(mirror, id):
    assert ask(mirror, "GET", f"/calendar/v3/calendars/{id}/events").status == 200


def test_head_is_get_without_a_body(mirror):
    for path in (EVENTS, "/calendar/v3/colors", "/v1/status", "/none"):
        got, head = ask(mirror, "GET", path), ask(mirror, "HEAD", path)
        assert head.status == got.status and head.body == b""
        assert head.headers["Content-Type"] == got.headers["Content-Type"] and head.headers["ETag"] == got.headers["ETag"]


def test_override_of_the_method(mirror):
    form = {"X_HTTP_Method_Override": "GET", "Content_Type": "application/x-www-form-urlencoded"}
    answer = ask(mirror, "POST", EVENTS, "q=nothing&maxResults=1", **form)
    assert answer.status == 200 and answer.json["items"] == []
    refused(ask(mirror, "POST", EVENTS, "maxResults=0", **form), 400, "invalidParameter", "maxResults")
    refused(ask(mirror, "POST", EVENTS, "", X_HTTP_Method_Override="DELETE"), 405, "httpMethodNotAllowed")
    refused(ask(mirror, "POST", EVENTS + "/x", "", X_HTTP_Method_Override="DELETE"), 501, "notImplemented")
    assert ask(mirror, "GET", EVENTS, X_HTTP_Method_Override="DELETE").status == 200  # of a POST only


# -- parameters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("query, reason, location", [
    ("maxResults=0", "invalidParameter", "maxResults"), ("maxResults=-5", "invalidParameter", "maxResults"),
    ("maxResults=", "invalidParameter", "maxResults"), ("maxResults=1e3", "invalidParameter", "maxResults"),
    ("maxResults=99999999999999999999", "invalidParameter", "maxResults"), ("maxAttendees=0", "invalidParameter", "maxAttendees"),
    ("showDeleted=maybe", "invalidParameter", "showDeleted"), ("singleEvents=", "invalidParameter", "singleEvents"),
    ("orderBy=end", "invalidParameter", "orderBy"), ("orderBy=startTime", "badRequest", None),
    ("eventTypes=party", "invalidParameter", "eventTypes"), ("alt=xml", "invalidParameter", "alt"),
    ("timeMin=2026-01-01T00:00:00", "badRequest", "timeMin"), ("timeMin=2026-01-01", "badRequest", "timeMin"),
    ("timeMax=2026-13-01T00:00:00Z", "badRequest", "timeMax"), ("timeMin=2026-01-01T00:00:00+02:00", "badRequest", "timeMin"),
    ("timeMin=2026-01-02T00:00:00Z&timeMax=2026-01-02T00:00:00Z", "timeRangeEmpty", "timeMax"),
    ("updatedMin=yesterday", "badRequest", "updatedMin"), ("timeZone=Mars", "invalid", "timeZone"),
    ("timeZone=../../etc/passwd", "invalid", "timeZone"), ("pageToken=x", "invalid", "pageToken"), ("syncToken=x", "invalid", "syncToken"),
    ("syncToken=", "invalid", "syncToken"), ("pageToken=+", "invalid", "pageToken"),
    ("privateExtendedProperty=x", "invalid", "privateExtendedProperty"), ("q=%ff", "badRequest", None), ("q=%zz", "badRequest", None),
    ("prettyPrint=perhaps", "invalidParameter", "prettyPrint"), ("&".join(["eventTypes=default"] * 100 + ["maxResults=x"]), "invalidParameter", "maxResults"),
    ("&".join(["sharedExtendedProperty=a%3Db"] * 33), "invalidParameter", "sharedExtendedProperty"),
    ("q=" + "word+" * 40, "invalid", "q"),
])
def test_bad_parameters(mirror, query, reason, location):
    refused(ask(mirror, "GET", f"{EVENTS}?{query}"), 400, reason, location)


@pytest.mark.parametrize("query", [
    "", "?", "&&&", "=", "=x", "unknown=1", "maxresults=0", "key=x&access_token=y&oauth_token=z&quotaUser=q&userIp=::1&$.xgafv=1",
    "prettyPrint=false", "maxResults=9999", "alt=json", "timeMin=2026-01-01T00:00:00%2B02:00", "timeMin=2026-01-01t00:00:00.123456z",
    "syncTokens=x", "timeZone=Asia/Calcutta", "q=", "originalStart=x"])
def test_parameters_that_are_fine(mirror, query):
    answer = ask(mirror, "GET", f"{EVENTS}?{query}")
    assert answer.status == 200, answer.body
    schema.validate("events.list", answer.json)


def test_what_was_sent_comes_back_as_text_only(mirror):
    answer = refused(ask(mirror, "GET", EVENTS + "?orderBy=%22%3Cscript%3E%0d%0aX-Evil:1"), 400, "invalidParameter", "orderBy")
    assert answer.headers["X-Evil"] is None and b"X-Evil:1" in answer.body and b"\r" not in answer.body


# -- sizes and junk -----------------------------------------------------------------------------------


def test_sizes(mirror):
    refused(ask(mirror, "POST", "/calendar/v3/freeBusy", b" " * (1024 * 1024 + 1)), 413, "uploadTooLarge")
    refused(ask(mirror, "POST", "/calendar/v3/freeBusy", b" " * (1024 * 1024)), 400, "parseError")  # just fits
    assert ask(mirror, "GET", EVENTS + "?unknown=" + "x" * 6000).status == 200
    assert ask(mirror, "GET", EVENTS, Authorization="Bearer " + "x" * 6000).status == 200
    refused(ask(mirror, "GET", EVENTS + "?q=" + "x" * 12000), 414, "badRequest")
    refused(ask(mirror, "GET", EVENTS, X_Long="x" * 14000), 431, "badRequest")
    # What does not even fit the connection's memory is answered by the HTTP library itself.
    assert ask(mirror, "GET", EVENTS + "?q=" + "x" * 40000).status == 414
    assert ask(mirror, "GET", EVENTS, X_Long="x" * 40000).status == 431


def test_a_body_in_pieces_is_limited_too(mirror):
    before = mirror.rss_anon_kib()
    connection = http.client.HTTPConnection("127.0.0.1", mirror.api_port, timeout=LONG * PATIENCE)
    connection.putrequest("POST", "/calendar/v3/freeBusy")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    for _ in range(256):
        connection.send(b"10000\r\n" + b" " * 65536 + b"\r\n")
    connection.send(b"0\r\n\r\n")
    response = connection.getresponse()
    schema.validate_error(json.loads(response.read()), 413)
    connection.close()
    if "asan" not in BUILD:
        assert mirror.rss_anon_kib() - before < 8 * 1024  # of 16 MiB


JUNK = [
    b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00" * 4096,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET http://localhost/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"POST /batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/status HTTP/1.1\r\n\r\n",
    b"POST /v1/resync HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{", b"x" * 100000]


@pytest.mark.parametrize("data", JUNK, ids=range(len(JUNK)))
def test_junk_does_no_harm(mirror, data):
    raw(mirror, data)
    assert mirror.get("/healthz").status == 200
    assert mirror.process.poll() is None


def test_the_webhook_s_socket_serves_nothing_of_this(mirror):
    for path in (EVENTS, "/v1/status", "/healthz", "/readyz", "/", "/metrics", "/discovery/v1/apis/calendar/v3/rest"):
        answer = mirror.request("GET", path, port=mirror.hook_port)
        assert answer.status == 404 and b"secret" not in answer.body and b"error" not in answer.body
    assert mirror.request("POST", "/v1/resync", port=mirror.hook_port).status != 202


def test_credentials_are_neither_needed_nor_logged(mirror):
    token = "ya29.a-real-looking-token"
    for headers in ({"Authorization": "Bearer " + token}, {"x-goog-api-key": token}, {"Authorization": "Basic " + token}):
        assert mirror.request("GET", EVENTS, headers=headers).status == 200
    assert mirror.get(EVENTS, access_token=token, key=token, oauth_token=token).status == 200
    mirror.get("/none", access_token=token)
    assert token not in mirror.log_text() and TOKEN not in mirror.log_text()
