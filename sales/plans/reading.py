"""Read a plan file as JSON, strictly, and say where it breaks.

Python's parser takes what the standard (RFC 8259) does not, or leaves to chance: NaN, a key
written twice, numbers of any length, any depth. Each is refused here.
"""

from __future__ import annotations

import json
import math
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sales.plans.places import Place, json_path, shown

__all__ = ["DEEPEST", "LARGEST_BYTES", "PlanUnreadable", "read_bytes", "read_json"]

# A stadium of 100,000 seats takes about 16 MiB.
LARGEST_BYTES = 32 * 1024 * 1024
# The format itself goes ten levels down.
DEEPEST = 32
# No plan needs more digits; Python reads a long number in quadratic time.
_MOST_DIGITS = 30
_CONTROLS = frozenset(chr(code) for code in (*range(0x20), 0x7F)) - {"\t", "\n"}
# What the seats are named by: a space before or after it is a slip of the hand.
_TRIMMED = frozenset({"name", "zone_id", "row_number", "seat_number", "seat_guid", "category"})

_Parts = tuple[str | int, ...]


class PlanUnreadable(ValueError):
    """The file is no JSON document."""


class _Repeated(dict[str, Any]):
    """An object with keys that were written twice."""

    keys_repeated: tuple[str, ...] = ()


def read_bytes(path: Path) -> bytes:
    """Return a plan file's bytes, LARGEST_BYTES at most. Raises PlanUnreadable."""
    try:
        with path.open("rb") as file:
            # A pipe is fine (`<(jq ...)`); a device such as /dev/zero is cut off below.
            if stat.S_ISREG(path.stat().st_mode) and path.stat().st_size > LARGEST_BYTES:
                raise _too_large(path)
            data = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise PlanUnreadable(f"There is no file {str(path)!r}.") from None
    except IsADirectoryError:
        raise PlanUnreadable(f"{str(path)!r} is a directory, not a file.") from None
    except (OSError, ValueError) as error:
        if isinstance(error, PlanUnreadable):
            raise
        reason = getattr(error, "strerror", None) or error
        raise PlanUnreadable(f"The file {str(path)!r} cannot be read: {reason}.") from None
    if len(data) > LARGEST_BYTES:
        raise _too_large(path)
    return data


def _too_large(path: Path) -> PlanUnreadable:
    return PlanUnreadable(
        f"The file {str(path)!r} is larger than {LARGEST_BYTES // 1024**2} MiB; no plan needs it."
    )


def read_json(data: bytes) -> tuple[Any, list[Place]]:
    """Return the document, its names trimmed, and the places where it is not proper JSON.

    Raises PlanUnreadable where nothing can be read: empty, not UTF-8, a syntax error (with
    line and column), nested deeper than DEEPEST.
    """
    text = _decode(data)
    try:
        document = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_whole_number,
            parse_float=float,
            parse_constant=float,
        )
    except json.JSONDecodeError as error:
        raise PlanUnreadable(
            f"It is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise _too_deep() from None
    return document, list(_proper(document))


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise PlanUnreadable("The file is UTF-16; JSON is UTF-8. Save it as UTF-8.")
    try:
        # Editors on Windows put a byte order mark first; the standard lets a reader skip it.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PlanUnreadable(
            f"The file is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start} "
            f"(line {line}). Save it as UTF-8."
        ) from None
    if not text.strip():
        raise PlanUnreadable("The file is empty.")
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    keys = [key for key, _ in pairs]
    repeated = _Repeated(found)
    repeated.keys_repeated = tuple(key for key in found if keys.count(key) > 1)
    return repeated


def _whole_number(text: str) -> int | float:
    return int(text) if len(text) <= _MOST_DIGITS else float(text)


def _too_deep() -> PlanUnreadable:
    return PlanUnreadable(f"It is nested deeper than {DEEPEST} levels, which no plan is.")


def _proper(document: Any) -> Iterator[Place]:
    """Trim the names in place; yield what no JSON document, or no text column, may hold."""
    waiting: list[tuple[Any, _Parts]] = [(document, ())]
    while waiting:
        container, parts = waiting.pop()
        if len(parts) > DEEPEST:
            raise _too_deep()
        if isinstance(container, _Repeated):
            for key in container.keys_repeated:
                yield Place(json_path((*parts, key)), "the key is written more than once")
        deeper = []
        for key, value in _items(container):
            if isinstance(value, str):
                if problem := _text_problem(value):
                    yield Place(json_path((*parts, key)), problem)
                if key in _TRIMMED:
                    container[key] = value.strip()
            elif isinstance(value, float) and not math.isfinite(value):
                yield Place(json_path((*parts, key)), "is not a finite number")
                container[key] = 0.0  # said once is enough
            elif isinstance(value, dict | list):
                deeper.append((value, (*parts, key)))
        waiting.extend(reversed(deeper))


def _items(container: Any) -> list[tuple[Any, Any]]:
    if isinstance(container, dict):
        return list(container.items())
    return list(enumerate(container)) if isinstance(container, list) else []


def _text_problem(text: str) -> str:
    if text.isprintable():
        return ""
    if not _CONTROLS.isdisjoint(text):
        return f"{shown(text)} holds a control character"
    if any("\ud800" <= character <= "\udfff" for character in text):
        return f"{shown(text)} holds half a character (a lone surrogate)"
    return ""
