"""The schemas themselves: what validate() accepts, what it finds, and that the tables made from Google's
documents are current."""

import os
import subprocess
import sys

import jsonschema
import pytest

import schema
from mirror import TOP

EVENT = {"kind": "calendar#event", "id": "a", "start": {"date": "2026-01-01"}, "end": {"date": "2026-01-02"},
         "updated": "2026-01-01T00:00:00.000Z", "attendees": [{"email": "x@example.com", "self": True}],
         "extendedProperties": {"private": {"any": "text"}}}


def test_every_schema_is_one():
    for name in schema.document()["schemas"]:
        jsonschema.Draft7Validator.check_schema(schema.validator(name).schema)


def test_good_answers_pass():
    schema.validate("events.get", EVENT)
    schema.validate("events.list", {"kind": "calendar#events", "items": [EVENT, {"id": "b", "status": "cancelled"}]})
    schema.validate("freebusy.query", {"calendars": {"x": {"busy": [{"start": "2026-01-01T00:00:00Z"}]}}})
    schema.validate("events.get", dict(EVENT, newer=1), extra=["newer"])


@pytest.mark.parametrize("change, place", [
    ({"kind": "calendar#events"}, "kind"),
    ({"summry": "x"}, "(top)"),
    ({"start": {"date": "2026-1-1"}}, "start/date"),
    ({"start": {"dateTime": "2026-01-01T00:00:00"}}, "start/dateTime"),
    ({"attendees": {"email": "x"}}, "attendees"),
    ({"attendees": [{"self": "true"}]}, "attendees/0/self"),
    ({"sequence": "0"}, "sequence"),
    ({"extendedProperties": {"private": {"n": 1}}}, "extendedProperties/private/n"),
    ({"extendedProperties": {"secret": {}}}, "extendedProperties"),
])
def test_wrong_members_are_found(change, place):
    with pytest.raises(AssertionError) as found:
        schema.validate("events.get", dict(EVENT, **change))
    assert f"\n{place}: " in str(found.value)


def test_errors_have_their_shape():
    first = {"domain": "global", "reason": "notFound", "message": "Not Found"}
    schema.validate_error({"error": {"code": 404, "message": "Not Found", "errors": [first]}}, 404)
    for wrong in ({"error": {"code": 404, "message": "Not Found"}}, {"error": "invalid_grant"},
                  {"error": {"code": 404, "message": "Other", "errors": [first]}}):
        with pytest.raises(AssertionError):
            schema.validate_error(wrong)


def test_methods_are_told_from_requests():
    assert schema.method_of("GET", "calendars/a%40b/events") == "events.list"
    assert schema.method_of("GET", "calendars/a%40b/events/x") == "events.get"
    assert schema.method_of("POST", "freeBusy") == "freebusy.query"
    assert schema.method_of("GET", "calendars/a/b/c") is None


@pytest.mark.parametrize("script", ["events/fold_table.py", "schemas.py"])
def test_generated_tables_are_current(script):
    path = os.path.join(TOP, "core", "serve", script)
    subprocess.run([sys.executable, path, "--check"], check=True)
