"""What is wrong with a page for who cannot see it well, or has no mouse, or a small screen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, ViewportSize

from tests.helpers.browsers import DESK, PHONE

# Places in unfold's own pages that no small block of ours can mend, and why.
KNOWN = {
    ("landmark-unique", ".simplebar-content-wrapper"): "the script that draws its scroll bars "
    "names all of them 'scrollable content'",
    ("empty-table-header", "w-px"): "the column of an inline's delete button has no head",
}

__all__ = ["KNOWN", "complaints", "load_axe"]

_Scheme = Literal["light", "dark"]
_Look = tuple[ViewportSize, _Scheme]

_AXE = Axe().axe_script
_RUN = "(options) => axe.run(document, options).then(({violations}) => violations)"
_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
# Each differs from the one before in one thing: each change draws the page again.
_LOOKS: tuple[_Look, ...] = (
    (DESK, "light"),
    (PHONE, "light"),
    (PHONE, "dark"),
    (DESK, "dark"),
)
_QUICK_LOOKS: tuple[_Look, ...] = ((PHONE, "light"), (DESK, "dark"))


def load_axe(context: BrowserContext) -> None:
    """Have axe in each page that is opened from now on; its script is sent to the browser once."""
    context.add_init_script(_AXE)


def complaints(
    page: Page,
    *,
    excused: Mapping[str, str] | None = None,
    known: Mapping[tuple[str, str], str] | None = None,
    quick: bool = False,
) -> list[str]:
    """Return what axe says of a page, on a phone and on a desk, in the light and in the dark.

    Colours are all that the dark changes. A page that has to be scrolled sideways is wrong too.
    `excused` rules, each with its reason, are not asked. `known` are places, by rule and a part of
    their selectors, each with its reason: what else breaks the rule is told. `quick`: the
    phone is looked at in the light alone, the desk in the dark.
    """
    found: list[str] = []
    off = {rule: {"enabled": False} for rule in excused or {}}
    seen: dict[str, Any] = {}
    for size, scheme in _QUICK_LOOKS if quick else _LOOKS:
        _change(page, seen, size=size, scheme=scheme)
        if scheme == "light":
            found += _violations(page, {"rules": off}, known, f"{size['width']} px, light")
        elif "color-contrast" not in off:
            found += _violations(page, _COLOURS, known, f"{size['width']} px, dark")
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size["width"]:
            wide = page.evaluate(_WIDE)
            found.append(f"{size['width']} px, {scheme}: {width} px wide: {wide}")
    return found


def _change(page: Page, seen: dict[str, Any], *, size: ViewportSize, scheme: _Scheme) -> None:
    """Have a page drawn in a size and a scheme; what it has already is not set again."""
    if seen.get("size") != size:
        page.set_viewport_size(size)
    if seen.get("scheme") != scheme:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    seen.update(size=size, scheme=scheme)


def _violations(
    page: Page,
    options: Mapping[str, Any],
    known: Mapping[tuple[str, str], str] | None,
    where: str,
) -> list[str]:
    violations = page.evaluate(_RUN, {"resultTypes": ["violations"], **options})
    for each in violations:
        each["nodes"] = [node for node in each["nodes"] if not _is_known(each, node, known)]
    return [_said(each, where) for each in violations if each["nodes"]]


def _is_known(violation: Any, node: Any, known: Mapping[tuple[str, str], str] | None) -> bool:
    target = " ".join(map(str, node["target"]))
    return any(rule == violation["id"] and part in target for rule, part in known or {})


def _said(violation: Any, look: str) -> str:
    nodes: Sequence[Any] = violation["nodes"]
    where = "; ".join(
        f"{json.dumps(node['target'])} {node['html'][:160]!r} {_why(node)}" for node in nodes[:3]
    )
    return f"{look}: {violation['id']} ({len(nodes)} places): {where}"


def _why(node: Any) -> str:
    told: str = next((each["message"] for each in (*node["any"], *node["all"], *node["none"])), "")
    return told


# The elements that stick out, by their tags and classes.
_WIDE = """() => [...document.body.querySelectorAll("*")]
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
  .slice(0, 5).map((each) => `${each.tagName}.${each.className}`).join(" ")"""
