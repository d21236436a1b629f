"""Shows that each check can fail: a small tree that is clean, then one flaw at a time."""

import os
import sys
import tempfile

import lint

CLEAN = {
    **{name: "x\n" for name in ("README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile",
                                "config.example")},
    "core/base/README.md": "# base\n",
    "core/base/a.h": "/* a: a job. */\n",
    "core/base/a.c": '/* a: its code. */\n#include "core/base/a.h"\n',
    "core/http/README.md": "# http\n",
    "core/http/h.c": '/* h: CURLE_OK is ours. */\n#include "core/base/a.h"\nint x = CURLE_OK;\n',
    "core/google/README.md": "# google\n",
    "core/google/g.h": "/* g: says MDB_X in prose and no more. */\n",
    "storage/README.md": "# storage\n",
    "storage/s.c": "/* s: may say it. */\nint x = MDB_NOTFOUND;\n",
    "cmd/calmirrord/README.md": "# calmirrord\n",
    "cmd/calmirrord/main.c": '/* main: may include all. */\n#include "core/google/g.h"\n',
    "tests/unit/README.md": "# unit\n",
    "tests/unit/corpus/raw": "TO" "DO \n\n",
}

C = "/* x: a job. */\n"
FLAWS = (
    ("includes", {"core/http/x.c": C + '#include "core/google/g.h"\n'}, "core/http/x.c:2"),
    ("includes", {"storage/x.c": C + '#include "core/http/h.c"\n'}, "storage/x.c:2"),
    ("includes", {"core/base/x.c": C + '\n#include "core/google/g.h"\n'}, "core/base/x.c:3"),
    ("includes", {"core/base/x.c": C + '#include "a.h"\n'}, "core/base/x.c:2"),
    ("includes", {"core/new/x.c": C, "core/new/README.md": "#\n"}, "core/new/x.c:1"),
    ("includes", {"tests/emulator/x.c": C + '#include "core/base/a.h"\n',
                  "tests/emulator/README.md": "#\n"}, "tests/emulator/x.c:2"),
    ("own_header_first", {"core/base/a.c": C + '#include <x.h>\n#include "core/base/a.h"\n'},
     "core/base/a.c:2"),
    ("file_length", {"core/base/x.c": C + "int x;\n" * 600}, "core/base/x.c:601"),
    ("header_length", {"core/base/x.h": C + "int x;\n" * 80}, "core/base/x.h:81"),
    ("function_length", {"core/base/x.c": C + "int f(void)\n{\n" + "    f();\n" * 99 + "}\n"},
     "core/base/x.c:3"),
    ("first_sentence", {"core/base/x.c": "int x;\n"}, "core/base/x.c:1"),
    ("readmes", {"core/base/README.md": None}, "core/base/README.md:1"),
    ("readmes", {"storage/README.md": None}, "storage/README.md:1"),
    ("readmes", {"core/base/README.md": "x\n" * 67}, "core/base/README.md:67"),
    ("forbidden", {"core/base/x.c": C + "\n/* FIX" "ME: later */\n"}, "core/base/x.c:3"),
    ("forbidden", {"Makefile": "all: /wo" "rk/tree\n"}, "Makefile:1"),
    ("library_names", {"core/http/x.c": C + "int x = MDB_NOTFOUND;\n"}, "core/http/x.c:2"),
    ("library_names", {"core/google/x.c": C + "int x = CURLE_OK;\n"}, "core/google/x.c:2"),
    ("library_times", {"core/google/x.c": C + "int x = curl_getdate(0, 0);\n"}, "core/google/x.c:2"),
    ("top_level", {"LICENSE": None}, "LICENSE:1"),
    ("top_level", {"notes.txt": "x\n"}, "notes.txt:1"),
    ("white_space", {"README.md": "x\ny \n"}, "README.md:2"),
    ("white_space", {"README.md": "x"}, "README.md:1"),
)


def findings(files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            if text is not None:
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                    f.write(text)
        tree = lint.Tree(root)
        return [(check.__name__, f"{path}:{line}") for check in lint.CHECKS
                for path, line, _ in check(tree)]


def main():
    wrong = [("a clean tree", [], findings(CLEAN))]
    wrong += [(name, [(name, where)], findings({**CLEAN, **files}))
              for name, files, where in FLAWS]
    wrong = [w for w in wrong if w[1] != w[2]]
    for name, want, got in wrong:
        print(f"tests/lint/selftest.py:1: {name}: wanted {want}, found {got}")
    untested = {c.__name__ for c in lint.CHECKS} - {f[0] for f in FLAWS} - {"shell"}
    for name in sorted(untested):
        print(f"tests/lint/selftest.py:1: {name}: no flaw shows that it works")
    return bool(wrong or untested)


if __name__ == "__main__":
    sys.exit(main())
