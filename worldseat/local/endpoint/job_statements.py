"""The ASYNC statements taken apart: what they build or validate, and what PostgreSQL runs."""

from dataclasses import dataclass

from worldseat.local.endpoint.sql import path_end, tokens
from worldseat.local.endpoint.wire import Refusal


@dataclass(frozen=True)
class Asked:
    """An ASYNC statement. `runs` is what PostgreSQL does; `rest` is what follows the table.

    `kind` is sys.jobs' job_type; `name` is that of the index or the constraint, if it has one.
    """

    runs: str
    kind: str
    table: str
    name: str | None
    unique: bool
    if_not_exists: bool
    rest: str


def read(sql: str) -> Asked:
    """Take a CREATE INDEX ASYNC or an ALTER TABLE ASYNC ... VALIDATE CONSTRAINT apart.

    Raises Refusal where it ends too early.
    """
    try:
        return _read(sql)
    except (IndexError, ValueError) as error:
        raise Refusal("42601", "syntax error at end of input") from error


def _read(sql: str) -> Asked:
    words = tokens(sql)
    index = next(i for i, w in enumerate(words) if w.is_word("async"))
    said = [w.text for w in words]
    builds = said[0] == "create"
    runs = sql[: words[index].start] + ("CONCURRENTLY" if builds else "") + sql[words[index].end :]
    at = index + 1
    if_not_exists = said[at : at + 3] == ["if", "not", "exists"]
    name = None
    if not builds:
        constraint = said.index("constraint", at)
        name = words[constraint + 1].name
    at += 3 if if_not_exists else 2 if said[at : at + 2] == ["if", "exists"] else 0
    if builds and not words[at].is_word("on"):
        end = path_end(words, at)
        name = words[end - 1].name
        at = end
    at += 1 if builds else 0
    at += 1 if words[at].is_word("only") else 0
    end = path_end(words, at)
    return Asked(
        runs=runs,
        kind="INDEX_BUILD" if builds else "VALIDATE_CONSTRAINT",
        table=sql[words[at].start : words[end - 1].end],
        name=name,
        unique="unique" in said[:2],
        if_not_exists=if_not_exists,
        rest=sql[words[end - 1].end :],
    )
