"""The checks of the lint: each takes the tree and yields (file, line, message).

A check is a function in CHECKS; it passes when it yields nothing. Text is read once. C is looked at
with comments and literals blanked out, so that prose may say what code may not."""

import os
import re
import shutil
import subprocess
import sys

FILE_LINES = 600
FUNCTION_LINES = 100
HEADER_LINES = 80
README_LINES = 66

# Who may include whom. Everyone may include itself, core/base and core/model.
COMMON = ("core/base", "core/model")
ANYTHING = None
INCLUDES = {
    "core/base": (),
    "core/model": (),
    "core/conf": (),
    "core/http": (),
    "core/httpd": (),
    "core/calendar": (),
    "core/vault": (),
    "storage": (),
    "core/google": ("core/http",),
    "core/queue": ("storage",),
    "core/sync": ("core/conf", "core/google", "core/vault", "storage", "core/queue", "core/calendar"),
    "core/ping": ("core/conf", "storage", "core/queue", "core/httpd"),
    "core/push": ("core/conf", "core/http", "storage", "core/queue"),
    "core/serve": ("core/conf", "storage", "core/calendar", "core/queue", "core/httpd", "core/push"),
    "core/control": ("core/conf", "core/google", "core/http", "core/httpd", "core/vault"),
    "core/daemon": ANYTHING,
    "cmd/calmirrord": ANYTHING,
    "cmd/calmirror": ANYTHING,
    "tests/unit": ANYTHING,
    "tests/crash": ANYTHING,
    "tests/fuzz": ANYTHING,
    "tests/chaos": (),
    "tests/bench": ANYTHING,
    "tests/recurrence": ANYTHING,
    "tests/e2e": ANYTHING,
}
# These share no code with anyone, not even the common folders.
ALONE = {"core/base", "tests/emulator"}

TOP = {"cmd", "core", "storage", "tests", "config.example", "Makefile", "README.md", "LICENSE",
       "CHANGELOG.md", "CONTRIBUTING.md"}

# A library's names, and the folders that may say them.
LIBRARY_NAMES = (
    (re.compile(r"\bMDB_\w+|\bmdb_\w+|<lmdb\.h>"), ("storage/", "tests/")),
    (re.compile(r"\bCURLE_\w+"), ("core/http/", "tests/emulator/")),
)
# Functions of libraries that take or give a time_t; theirs need not be as wide as ours (see WIDE in the Makefile).
TIMES = re.compile(r"\b(?:curl_getdate|gnutls_x509_crt_[gs]et_(?:activation|expiration)_time|"
                   r"X509_(?:cmp|time_adj)\w*|ASN1_\w*TIME_(?:set|adj|cmp_time_t)|icaltime_\w*timet\w*)\b")

# Written in two pieces, or this file would be the first finding.
FORBIDDEN_WORDS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
FORBIDDEN_PATHS = re.compile(r"(?<![\w.])/wo" r"rk/")

BLANKED = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
DATA_FOLDERS = {"corpus", "data", "golden"}


class Tree:
    """The files of the tree, by path from its top. Data and binary files are listed, not read."""

    def __init__(self, root):
        self.root = root
        self.paths = sorted(self._list())
        self.text = {}
        for path in self.paths:
            if DATA_FOLDERS.isdisjoint(path.split("/")[:-1]):
                with open(os.path.join(root, path), "rb") as f:
                    content = f.read()
                if b"\0" not in content:
                    self.text[path] = content.decode("utf-8", "replace")
        self.c = {p: t for p, t in self.text.items() if p.endswith((".c", ".h"))}
        self.code = {p: BLANKED.sub(blank, t) for p, t in self.c.items()}

    def _list(self):
        if os.path.exists(os.path.join(self.root, ".git")) and shutil.which("git"):
            # Root's checks may be of a tree that is another user's.
            out = subprocess.run(
                ["git", "-c", "safe.directory=*", "-C", self.root, "ls-files", "-z", "--cached", "--others",
                 "--exclude-standard"], check=True, capture_output=True, text=True).stdout
            return {p for p in out.split("\0") if p and os.path.isfile(os.path.join(self.root, p))}
        found = set()
        for folder, folders, names in os.walk(self.root):
            folders[:] = [d for d in folders if d not in ("build", ".git", "__pycache__")]
            found.update(os.path.relpath(os.path.join(folder, n), self.root) for n in names)
        return found


def blank(match):
    """Spaces for what was matched; its lines stay, so that line numbers do."""
    return re.sub(r"[^\n]", " ", match.group())


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def module_of(path):
    return "storage" if path.startswith("storage/") else "/".join(path.split("/")[:2])


def includes(tree):
    for path, text in tree.c.items():
        module = module_of(path)
        if module not in INCLUDES and module not in ALONE:
            yield path, 1, f"{module} is not in the table of include directions"
            continue
        allowed = INCLUDES.get(module, ())
        for match in INCLUDE.finditer(text):
            target = match.group(1)
            to = module_of(target)
            line = line_of(text, match.start(1))
            if target not in tree.paths:
                yield path, line, f'"{target}" is no file, named from the top of the tree'
            elif to == module or allowed is ANYTHING:
                continue
            elif to not in allowed and (module in ALONE or to not in COMMON):
                yield path, line, f"{module} may not include {to}"


def own_header_first(tree):
    for path, text in tree.c.items():
        header = path[:-2] + ".h"
        first = re.search(r'^\s*#\s*include\s+["<]([^">]+)', text, re.M)
        if path.endswith(".c") and header in tree.c and first and first.group(1) != header:
            yield path, line_of(text, first.start(1)), f"the first include is not {header}"


def file_length(tree):
    for path, text in tree.text.items():
        if path.endswith((".c", ".h", ".py", ".sh")) and text.count("\n") > FILE_LINES:
            yield path, FILE_LINES + 1, f"{text.count(chr(10))} lines, at most {FILE_LINES}"


def header_length(tree):
    """Of interfaces; a fixture of tests may be a header with its code."""
    for path, text in tree.c.items():
        if not path.endswith(".h") or path.startswith("tests/"):
            continue
        if text.count("\n") > HEADER_LINES:
            yield path, HEADER_LINES + 1, f"{text.count(chr(10))} lines, at most {HEADER_LINES}"


def function_length(tree):
    """A body opens with a brace alone in the first column, and closes so (Linux style)."""
    for path, code in tree.code.items():
        opened = None
        for number, line in enumerate(code.split("\n"), 1):
            line = line.rstrip()
            if line == "{":
                opened = number
            elif line == "}" and opened:
                if number - opened + 1 > FUNCTION_LINES:
                    yield path, opened, (f"a function of {number - opened + 1} lines, at most "
                                         f"{FUNCTION_LINES}")
                opened = None


def first_sentence(tree):
    for path, text in tree.c.items():
        if not text.startswith("/*"):
            yield path, 1, "does not start with a comment that says its job"


def readmes(tree):
    folders = {module_of(p) for p in tree.paths
               if p.startswith(("core/", "cmd/", "tests/")) and p.count("/") >= 2}
    if any(p.startswith("storage/") for p in tree.paths):
        folders.add("storage")
    for folder in sorted(folders):
        readme = folder + "/README.md"
        if readme not in tree.paths:
            yield readme, 1, "missing"
        elif tree.text.get(readme, "").count("\n") > README_LINES:
            yield readme, README_LINES + 1, f"more than a page ({README_LINES} lines)"


def forbidden(tree):
    for path, text in tree.text.items():
        for pattern in (FORBIDDEN_WORDS, FORBIDDEN_PATHS):
            for match in pattern.finditer(text):
                yield path, line_of(text, match.start()), f"{match.group()} has no place here"


def library_names(tree):
    for path, code in tree.code.items():
        for pattern, folders in LIBRARY_NAMES:
            if path.startswith(folders):
                continue
            for match in pattern.finditer(code):
                yield path, line_of(code, match.start()), (
                    f"{match.group()} belongs in {folders[0]}")


def library_times(tree):
    for path, code in tree.code.items():
        if path.startswith("tests/bench/"): # not for machines of 32 bits
            continue
        for match in TIMES.finditer(code):
            yield path, line_of(code, match.start()), f"{match.group()} takes or gives a library's time_t"


def top_level(tree):
    there = {p.split("/")[0] for p in tree.paths}
    for name in sorted(TOP - there):
        yield name, 1, "missing at the top level"
    for name in sorted(there - TOP):
        if not name.startswith("."):
            yield name, 1, "does not belong at the top level"


def white_space(tree):
    for path, text in tree.text.items():
        for match in re.finditer(r"[ \t\r]+$", text, re.M):
            yield path, line_of(text, match.start()), "white space at the end of the line"
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            yield path, line_of(text, len(text)), "does not end with exactly one newline"


def shell(tree):
    scripts = [p for p, t in tree.text.items()
               if p.endswith(".sh") or re.match(r"#!.*\b(ba)?sh\b", t)]
    if not scripts or not shutil.which("shellcheck"):
        return
    out = subprocess.run(["shellcheck", "-f", "gcc", *scripts], cwd=tree.root,
                         capture_output=True, text=True, check=False).stdout
    for line in out.splitlines():
        path, number, _, message = line.split(":", 3)
        yield path, int(number), message.strip()


CHECKS = (includes, own_header_first, file_length, header_length, function_length, first_sentence,
          readmes, forbidden, library_names, library_times, top_level, white_space, shell)


def main():
    tree = Tree(".")
    failed = 0
    for check in CHECKS:
        findings = list(check(tree))
        failed += bool(findings)
        for path, line, message in findings:
            print(f"{path}:{line}: {message}")
    print(f"lint: {len(CHECKS) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
