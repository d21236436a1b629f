#!/usr/bin/python3
"""Writes schemas.inc: the schemas of Google's discovery document, one C string each, without prose.

With --check says whether the file is what would be written."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "..", "..", "tests", "data", "calendar-v3-discovery.json")
PATH = os.path.join(HERE, "schemas.inc")
DROPPED = {"description", "annotations", "enumDescriptions"}
LINE = 110


def bare(schema):
    """The schema without what only people read, all the way down."""
    out = {k: v for k, v in schema.items() if k not in DROPPED}
    for nested in ("items", "additionalProperties"):
        if nested in out:
            out[nested] = bare(out[nested])
    if "properties" in out:
        out["properties"] = {k: bare(v) for k, v in out["properties"].items()}
    return out


def literal(text):
    """C string literals of at most LINE characters each, one a line."""
    pieces = [text[i:i + LINE] for i in range(0, len(text), LINE)]
    return "\n".join('    "' + p.replace("\\", "\\\\").replace('"', '\\"') + '"' for p in pieces)


def text():
    with open(SOURCE, encoding="utf-8") as f:
        document = json.load(f)
    lines = [f"/* Revision {document['revision']} of Google's discovery document, written by schemas.py. */"]
    for name, schema in sorted(document["schemas"].items()):
        lines.append(f'{{"{name}",\n{literal(json.dumps(bare(schema), separators=(",", ":")))}}},')
    return "\n".join(lines) + "\n"


def main():
    if sys.argv[1:] != ["--check"]:
        with open(PATH, "w", encoding="ascii") as f:
            f.write(text())
        return 0
    with open(PATH, encoding="ascii") as f:
        return f.read() != text()


if __name__ == "__main__":
    sys.exit(main())
