"""Every path of the site, from the URL conf itself, so that new pages are in the tests at once."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

__all__ = ["paths", "patterns"]

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


def patterns(*, leave_out: Sequence[str]) -> list[str]:
    """Return the site's routes (`events/<uuid:event_id>/`), but those with these beginnings."""
    return [route for route in _routes() if not route.startswith(tuple(leave_out))]


@functools.cache
def _routes() -> Sequence[str]:
    return tuple(dict.fromkeys(_walk(get_resolver().url_patterns, "")))


def _walk(nodes: Sequence[Any], before: str) -> Iterator[str]:
    for node in nodes:
        route = before + _route(node.pattern)
        if isinstance(node, URLResolver):
            yield from _walk(node.url_patterns, route)
        else:
            yield route


def _route(pattern: Any) -> str:
    """Return a pattern as a route, also where it is a regular expression."""
    return str(pattern) if isinstance(pattern, RoutePattern) else simplify_regex(str(pattern))[1:]


def paths(route: str, values: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the paths of a route for all values of its parameters; fails for an unknown one."""
    names = _PARAMETER.findall(route)
    unknown = [name for name in names if name not in values]
    assert not unknown, f"{route}: no values for {unknown}; add them to the table of the test"
    found = []
    for chosen in product(*(values[name] for name in names)):
        path = route
        for name, value in zip(names, chosen, strict=True):
            path = re.sub(rf"<(\w+:)?{name}>", str(value), path)
        found.append(f"/{path}")
    return found
