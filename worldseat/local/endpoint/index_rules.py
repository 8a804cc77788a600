"""What DSQL refuses in the keys of an index, beside what pgproxy judges."""

from itertools import pairwise

from worldseat.local.endpoint.sql import Token, path_end
from worldseat.local.endpoint.wire import Refusal

# An index may not have them as keys; key types are looked up, so that expressions count too.
UNSUPPORTED_KEYS = ("json", "jsonb", "bytea", "interval", "time with time zone")


def refusal(words: list[Token]) -> Refusal | None:
    """Return what DSQL says to the keys of CREATE INDEX, None if they may pass."""
    on = next((i for i, w in enumerate(words) if w.depth == 0 and w.is_word("on")), None)
    if on is None:
        return None
    start = next((i for i in range(on, len(words)) if words[i].text == "("), None)
    if start is None or words[start].depth != 0:
        return None
    end = next(i for i in range(start + 1, len(words)) if words[i].depth == 0)
    edges = [i for i in range(start + 1, end) if words[i].text == "," and words[i].depth == 1]
    for left, right in pairwise([start, *edges, end]):
        if refused := _key(words[left + 1 : right]):
            return refused
    return None


def _key(words: list[Token]) -> Refusal | None:
    at = _behind_column(words)
    if at < len(words) and words[at].is_word("collate"):
        at = path_end(words, at + 1)
    for token in words[at:]:
        if token.is_word("asc", "desc"):
            return Refusal("0A000", "specifying sort order not supported for index keys")
    if at < len(words) and not words[at].is_word("nulls"):
        return Refusal("0A000", "specifying operator class not supported for index keys")
    return None


def _behind_column(words: list[Token]) -> int:
    """Return the index behind a key's column, expression in parentheses or function call."""
    at = 0 if not words or words[0].text == "(" else path_end(words, 0)
    if at < len(words) and words[at].text == "(":
        depth = words[at].depth
        closing = (i for i in range(at + 1, len(words)) if words[i].depth == depth)
        return next((i for i in closing if words[i].text == ")"), len(words)) + 1
    return at
