"""FAILURES.md names a test for each case, and the test says which case it holds."""
import os
import re

from mirror import TOP

LIST = os.path.join(TOP, "tests", "e2e", "FAILURES.md")


def cases():
    with open(LIST, encoding="utf-8") as f:
        return re.findall(r"^\| (T-[A-Z0-9-]+)(?: \+)? \| (.*) \|$", f.read(), re.M)


def source(path):
    with open(os.path.join(TOP, "tests", path), encoding="utf-8") as f:
        return f.read()


def test_every_case_has_a_test_that_exists():
    assert len(cases()) == len({name for name, _ in cases()}) >= 76
    for name, held in cases():
        tests = re.findall(r"([a-z0-9]+/\w+\.(?:py|c))(?:::(\w+))?", held)
        assert tests or held.startswith("none"), name
        for path, function in tests:
            assert re.search(rf"\b{function}\(", source(path)) if function else source(path), (name, path, function)


def test_the_tests_of_failures_bear_their_case_s_name():
    listed = dict(cases())
    for file in sorted(os.listdir(os.path.join(TOP, "tests", "e2e"))):
        if not file.startswith("test_failures_"):
            continue
        for function, doc in re.findall(r'def (test_\w+)\(.*\):\n\s+"""(.*)', source("e2e/" + file)):
            told = re.match(r"((?:T-[A-Z0-9-]+[, ]*)+): ", doc)
            assert told, function
            for name in re.findall(r"T-[A-Z0-9-]+", told[1]):
                assert f"e2e/{file}::{function}" in listed[name], (name, function)
