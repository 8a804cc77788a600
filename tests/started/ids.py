"""Ids of tests, looked up in the source: cheaper than to have pytest collect them."""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping

from tests.started.listing import CHECKOUT

__all__ = ["exists", "marks"]


def exists(test: str) -> bool:
    """Tell whether there is a test function of an id."""
    file, _, function = test.partition("::")
    return (CHECKOUT / file).is_file() and function in _functions(file)


def marks(test: str) -> set[str]:
    """Return the names of a test function's own marks."""
    file, _, function = test.partition("::")
    texts = map(ast.unparse, _functions(file)[function].decorator_list)
    begin = "pytest.mark."
    return {each.removeprefix(begin).partition("(")[0] for each in texts if each.startswith(begin)}


@functools.cache
def _functions(file: str) -> Mapping[str, ast.FunctionDef]:
    nodes = ast.parse((CHECKOUT / file).read_text()).body
    return {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
