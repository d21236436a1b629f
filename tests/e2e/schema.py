"""Google's discovery document as JSON Schema: validate(method, body) for any answer.

Strict where the document is: members that a schema does not name are errors, so that a misspelled one
is found, except those listed in `extra` (a mirror passes on what is newer than its schemas)."""

import functools
import json
import os
import re

import jsonschema

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "calendar-v3-discovery.json")

# Discovery's formats say what a string or number holds; JSON Schema's own words for it.
TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
FORMATS = {
    "date": {"pattern": r"^\d{4}-\d\d-\d\d$"},
    "date-time": {"pattern": TIME},
    "int32": {"minimum": -2**31, "maximum": 2**31 - 1},
    "uint32": {"minimum": 0, "maximum": 2**32 - 1},
    "int64": {"pattern": r"^-?\d+$"},
    "uint64": {"pattern": r"^\d+$"},
    "byte": {"pattern": r"^[A-Za-z0-9+/_-]*=*$"},
    "double": {},
    "float": {},
}
ERROR = {
    "type": "object", "required": ["error"], "additionalProperties": False,
    "properties": {"error": {
        "type": "object", "required": ["code", "message", "errors"], "additionalProperties": False,
        "properties": {
            "code": {"type": "integer", "minimum": 400, "maximum": 599},
            "message": {"type": "string", "minLength": 1},
            "status": {"type": "string"},
            "errors": {"type": "array", "minItems": 1, "items": {
                "type": "object", "required": ["domain", "reason", "message"], "additionalProperties": False,
                "properties": {k: {"type": "string", "minLength": 1} for k in
                               ("domain", "reason", "message", "location", "locationType")}}}}}},
}


@functools.cache
def document():
    with open(PATH, encoding="utf-8") as f:
        return json.load(f)


def convert(schema, extra=()):
    """One discovery schema as JSON Schema; references go to #/definitions."""
    if "$ref" in schema:
        return {"$ref": "#/definitions/" + schema["$ref"]}
    if schema["type"] == "any":
        return {}
    out = {"type": schema["type"], **FORMATS[schema["format"]]} if "format" in schema else {"type": schema["type"]}
    if "enum" in schema:
        out["enum"] = schema["enum"]
    if "items" in schema:
        out["items"] = convert(schema["items"], extra)
    if "properties" in schema:
        out["properties"] = {k: convert(v, extra) for k, v in schema["properties"].items()}
        out["properties"].update({k: {} for k in extra})
        out["additionalProperties"] = False
    if "additionalProperties" in schema:
        out["additionalProperties"] = convert(schema["additionalProperties"], extra)
    if schema.get("default", "").startswith("calendar#"):
        out["const"] = schema["default"]
    return out


@functools.cache
def validator(name, extra=()):
    definitions = {k: convert(v, extra) for k, v in document()["schemas"].items()}
    return jsonschema.Draft7Validator({"$ref": "#/definitions/" + name, "definitions": definitions})


def methods(resources=None):
    """(id without "calendar.", method) of everything Google offers."""
    for resource in (resources or document()["resources"]).values():
        for method in resource.get("methods", {}).values():
            yield method["id"].removeprefix("calendar."), method


@functools.cache
def response_of(method_id):
    return dict(methods())[method_id]["response"]["$ref"]


def problems(validator_, body):
    found = sorted(validator_.iter_errors(body), key=lambda e: list(map(str, e.absolute_path)))
    return [f"{'/'.join(map(str, e.absolute_path)) or '(top)'}: {e.message[:200]}" for e in found]


def validate(method_id, body, extra=()):
    """Raises AssertionError naming each place where `body` is not an answer of the method."""
    wrong = problems(validator(response_of(method_id), tuple(extra)), body)
    assert not wrong, f"{method_id}:\n" + "\n".join(wrong[:20])


def validate_error(body, code=None):
    wrong = problems(jsonschema.Draft7Validator(ERROR), body)
    assert not wrong, "\n".join(wrong)
    error = body["error"]
    assert error["message"] == error["errors"][0]["message"]
    assert code is None or error["code"] == code


def method_of(verb, path):
    """The id of the method that a request is, or None. `path` as sent, below /calendar/v3/."""
    for method_id, method in methods():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(method["path"]))
        if method["httpMethod"] == verb and re.fullmatch(pattern, path):
            return method_id
    return None
