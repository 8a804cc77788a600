"""Tests import helpers from tests/helpers, never from a module of tests or from a conftest."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent


def test_imports_nothing_from_tests_or_conftests() -> None:
    offenders = [
        f"{file.relative_to(TESTS.parent)}:{line} imports {name}: move it to tests/helpers"
        for file in sorted(TESTS.rglob("*.py"))
        for line, name in _imported(file)
        if any(part == "conftest" or part.startswith("test_") for part in name.split(".")[:-1])
    ]
    assert not offenders, "\n".join(offenders)


def _imported(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the dotted name of what a file imports from our tests, with a last part.

    Of `import tests.a.b` the module is all there is, so "*" stands for what is taken from it.
    """
    package = ["tests", *file.parent.relative_to(TESTS).parts]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found = [f"{alias.name}.*" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*start, *filter(None, [node.module])])
            found = [f"{module}.{alias.name}" for alias in node.names]
            # `from tests.a import test_b` takes a module.
            found += [f"{name}.*" for name in found if _is_module(name)]
        else:
            continue
        yield from ((node.lineno, name) for name in found if name.startswith("tests."))


def _is_module(name: str) -> bool:
    return (TESTS.parent / name.replace(".", "/")).with_suffix(".py").exists()
