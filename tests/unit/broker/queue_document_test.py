#!/usr/bin/env python3
"""broker/QUEUE.md says of each guarantee which test shows it: those tests exist.   queue_document_test.py

In the tables whose last column is "shown by", and wherever a test program is named, each name in back quotes has to be a program, a suite or a
case of tests/. A name may be cut short with an ellipsis, but not into nothing."""
import pathlib
import re
import sys

TREE = pathlib.Path(__file__).resolve().parents[3]


def known_names():
    """Programs, suites, cases and scripts."""
    names = set()
    for file in (TREE / "tests").rglob("*"):
        if file.suffix in (".cpp", ".hpp", ".py", ".cmake", ".txt") and file.is_file():
            text = file.read_text(encoding="utf-8")
            names.update(re.findall(r"BOOST_\w+_TEST_(?:CASE|SUITE)\w*\(\s*(\w+)", text) + re.findall(r"BOOST_AUTO_TEST_SUITE\(\s*(\w+)", text))
            names.update(re.findall(r"BOOST_FIXTURE_TEST_(?:CASE|SUITE)\(\s*(\w+)", text))
            names.update(re.findall(r"remuda_test\((\w+)", text) + re.findall(r"add_test\(NAME (\w+)", text))
            names.update({file.stem, file.name, file.parent.name})
    return names


def claims(text):
    """Names that stand where a test is named."""
    for line in text.splitlines():
        if line.startswith("| ") and line.count("|") >= 4:
            yield from re.findall(r"`([\w/.]+…?)`", line.rstrip(" |").rpartition("|")[2])
        yield from re.findall(r"`(test_engine/[\w/.]+…?)`", line)


def main():
    names = known_names()
    missing, found = [], 0
    for claim in claims((TREE / "broker/QUEUE.md").read_text(encoding="utf-8")):
        for part in claim.split("/"):
            start = part.removesuffix("…")
            found += 1
            if part not in names and not (part != start and len(start) > 8 and any(name.startswith(start) for name in names)):
                missing.append(f"{claim}: no test is called {part}")
    if missing or found < 40:
        sys.exit("\n".join(missing) or f"only {found} names were found in broker/QUEUE.md: its form has changed, and so must this test")
    print(f"{found} names of tests in broker/QUEUE.md, all of them there")


if __name__ == "__main__":
    main()
