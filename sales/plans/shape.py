"""Check a plan's shape against our JSON schema, and say each error in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sales.plans.places import Place, json_path, shown

if TYPE_CHECKING:
    # Imported with the first plan: a web process starts without it.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

__all__ = ["SCHEMA_FILE", "shape_errors"]

SCHEMA_FILE = Path(__file__).resolve().parents[1] / "data" / "seating-plan.schema.json"

_TYPES = {
    "string": "a text",
    "number": "a number",
    "object": "an object",
    "array": "a list",
    "null": "null",
}


def shape_errors(document: Any) -> Iterator[Place]:
    """Yield each place where a document has not the shape of a plan."""
    for error in _validator().iter_errors(document):
        yield from _places(error)


@cache
def _validator() -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    schema = json.loads(SCHEMA_FILE.read_text())
    # Following a reference at each of 17,496 seats takes a third of the time.
    return Draft202012Validator(_inlined(schema["$defs"]["plan"], schema["$defs"]))


def _inlined(part: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(part, dict):
        if "$ref" in part:
            return _inlined(definitions[part["$ref"].removeprefix("#/$defs/")], definitions)
        return {key: _inlined(value, definitions) for key, value in part.items()}
    if isinstance(part, list):
        return [_inlined(value, definitions) for value in part]
    return part


@dataclass(frozen=True)
class _Broken:
    """A rule that a value breaks: what jsonschema's error says, without its types."""

    rule: str
    limit: Any
    value: Any
    schema: dict[str, Any]


def _places(error: ValidationError) -> Iterator[Place]:
    parts = list(error.absolute_path)
    broken = _Broken(
        str(error.validator), error.validator_value, error.instance, cast(Any, error.schema)
    )
    if broken.rule == "additionalProperties":
        known = list(broken.schema["properties"])
        for key in broken.value:
            if key not in known:
                yield Place(json_path([*parts, key]), _unknown_key(parts, key, known))
    elif broken.rule == "required":
        # One error a key, each with the whole list: only the message tells them apart.
        for key in broken.limit:
            if error.message.startswith(repr(key)):
                yield Place(json_path([*parts, key]), "is missing")
    else:
        yield Place(json_path(parts), _WORDS[broken.rule](shown(broken.value), broken))


def _unknown_key(parts: list[str | int], key: str, known: list[str]) -> str:
    if key == "seats" and len(parts) == 2 and parts[0] == "zones":
        return "a zone has no seats of its own: put them into a row of its rows"
    return f"is not part of the format (known here: {', '.join(known)})"


def _type(value: str, broken: _Broken) -> str:
    types = [broken.limit] if isinstance(broken.limit, str) else broken.limit
    return f"is {value}, but has to be {' or '.join(_TYPES[name] for name in types)}"


def _pattern(value: str, broken: _Broken) -> str:
    six_digits_only = broken.limit.startswith("^#[")
    return f"{value} is not a colour" + (" such as #7b2cbf" if six_digits_only else "")


def _enum(value: str, broken: _Broken) -> str:
    return f"is {value}, but has to be one of {', '.join(shown(one) for one in broken.limit)}"


# One for each keyword that our schema uses; a test holds the two together.
_WORDS: dict[str, Callable[[str, _Broken], str]] = {
    "type": _type,
    "pattern": _pattern,
    "enum": _enum,
    "minLength": lambda value, broken: "is empty",
    "maxLength": lambda value, broken: f"{value} is longer than {broken.limit} characters",
    "minItems": lambda value, broken: "is empty: it needs at least one",
    "maxItems": lambda value, broken: f"has {len(broken.value)} items, at most {broken.limit} do",
    "minimum": lambda value, broken: f"is {value}, but has to be at least {broken.limit}",
    "maximum": lambda value, broken: f"is {value}, but has to be at most {broken.limit}",
    "exclusiveMinimum": lambda value, broken: f"is {value}, but has to be more than {broken.limit}",
}
