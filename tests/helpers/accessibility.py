"""What is wrong with a page for who cannot see it well, or has no mouse, or a small screen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.helpers.browsers import DESK, PHONE

# Places in unfold's own pages that no small block of ours can mend, and why.
KNOWN = {
    ("landmark-unique", ".simplebar-content-wrapper"): "the script that draws its scroll bars "
    "names all of them 'scrollable content'",
    ("empty-table-header", "w-px"): "the column of an inline's delete button has no head",
}

__all__ = ["KNOWN", "complaints"]

_AXE = Axe().axe_script
_RUN = "(options) => axe.run(document, options).then(({violations}) => violations)"


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
    page.evaluate(_AXE)
    for size in (PHONE, DESK):
        page.set_viewport_size(size)
        for scheme, more in (
            ("light", {}),
            ("dark", {"runOnly": {"type": "rule", "values": ["color-contrast"]}}),
        ):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type] # one of two words
            if quick and (size == PHONE) == bool(more):
                continue
            options = {"resultTypes": ["violations"], **more}
            if not more:
                options["rules"] = off
            elif "color-contrast" in off:
                continue
            violations = page.evaluate(_RUN, options)
            for each in violations:
                each["nodes"] = [node for node in each["nodes"] if not _is_known(each, node, known)]
            told = [each for each in violations if each["nodes"]]
            found += [_said(each, size["width"], scheme) for each in told]
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size["width"]:
            found.append(f"{size['width']} px: {width} px wide: {page.evaluate(_WIDE)}")
    return found


def _is_known(violation: Any, node: Any, known: Mapping[tuple[str, str], str] | None) -> bool:
    target = " ".join(map(str, node["target"]))
    return any(rule == violation["id"] and part in target for rule, part in known or {})


def _said(violation: Any, width: int, scheme: str) -> str:
    nodes: Sequence[Any] = violation["nodes"]
    where = "; ".join(
        f"{json.dumps(node['target'])} {node['html'][:160]!r} {_why(node)}" for node in nodes[:3]
    )
    return f"{width} px, {scheme}: {violation['id']} ({len(nodes)} places): {where}"


def _why(node: Any) -> str:
    told: str = next((each["message"] for each in (*node["any"], *node["all"], *node["none"])), "")
    return told


# The elements that stick out, by their tags and classes.
_WIDE = """() => [...document.body.querySelectorAll("*")]
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
  .slice(0, 5).map((each) => `${each.tagName}.${each.className}`).join(" ")"""
