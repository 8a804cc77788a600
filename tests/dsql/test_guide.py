"""The guide names tests that exist, for each of the thirteen points."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
GUIDE = HERE.parents[1] / "docs" / "django-on-dsql.md"
NAMED = re.compile(r"`((?:served/)?test_\w+\.py)::(test_\w+)`")


def test_names_tests_that_exist() -> None:
    for file, name in NAMED.findall(GUIDE.read_text()):
        tree = ast.parse((HERE / file).read_text())
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in functions, f"{file} has no {name}"


def test_covers_each_point() -> None:
    rows = re.findall(r"^\| (\d+) \|.*$", GUIDE.read_text(), re.MULTILINE)
    assert rows == [str(number) for number in range(1, 14)]
    for line in GUIDE.read_text().splitlines():
        if re.match(r"\| \d+ \|", line):
            assert NAMED.search(line), line


def test_links_to_what_is_there() -> None:
    text = GUIDE.read_text()
    for target in re.findall(r"\]\(([^)#]+)(?:#[\w-]+)?\)", text):
        assert (GUIDE.parent / target).exists(), target
