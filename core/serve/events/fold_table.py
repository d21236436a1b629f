#!/usr/bin/python3
"""Writes fold_table.inc: simple case folding as ranges, from the Unicode data of this Python.

With --check says whether the file is what would be written, and exits 0 also when this Python knows
another version of Unicode than the one that it was written with."""
import os
import re
import sys
import unicodedata

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fold_table.inc")


def fold(c):
    """Statuses C and S of CaseFolding.txt: the full folding where that is one character, else lower case."""
    for folded in (c.casefold(), c.lower()):
        if len(folded) == 1:
            return folded
    return c


def ranges():
    """[first, last, step, delta] of neighbours, all or every second, that fold by the same distance."""
    found = []
    for code in range(0x80, 0x110000):
        if 0xD800 <= code < 0xE000 or fold(chr(code)) == chr(code):
            continue
        delta = ord(fold(chr(code))) - code
        if found and found[-1][3] == delta:
            first, last, step, _ = found[-1]
            gap = code - last
            if gap == step or (first == last and gap <= 2):
                found[-1][1:3] = code, gap
                continue
        found.append([code, code, 1, delta])
    return found


def text():
    lines = [f"/* Unicode {unicodedata.unidata_version}, written by fold_table.py: first, last, step, delta. */"]
    lines += [f"{{0x{first:04X}, 0x{last:04X}, {step}, {delta}}}," for first, last, step, delta in ranges()]
    return "\n".join(lines) + "\n"


def main():
    if sys.argv[1:] != ["--check"]:
        with open(PATH, "w", encoding="ascii") as f:
            f.write(text())
        return 0
    with open(PATH, encoding="ascii") as f:
        there = f.read()
    version = re.match(r"/\* Unicode ([\d.]+),", there).group(1)
    if version != unicodedata.unidata_version:
        print(f"fold_table.inc is of Unicode {version}, this Python of {unicodedata.unidata_version}")
        return 0
    return there != text()


if __name__ == "__main__":
    sys.exit(main())
