"""What one statement is: its kind, the table it writes, and the text that PostgreSQL gets."""

import enum
import functools
import re
from dataclasses import dataclass, field, replace

from worldseat.local.endpoint import job_statements, rules, version
from worldseat.local.endpoint.sql import (
    Token,
    at_top,
    identifier,
    literal,
    locks,
    path_end,
    shape,
    tokens,
)
from worldseat.local.endpoint.wire import Refusal


class Kind(enum.Enum):
    """What a statement does to the transaction it is in."""

    EMPTY = "empty"
    BEGIN = "begin"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    READ = "read"
    WRITE = "write"
    LOCK = "lock"  # SELECT ... FOR UPDATE or FOR KEY SHARE
    DDL = "ddl"
    JOB = "job"  # the ASYNC statements
    CALL = "call"


WRITERS = (Kind.WRITE, Kind.LOCK)
DEFINERS = (Kind.DDL, Kind.JOB)


@dataclass(frozen=True)
class Statement:
    """One statement. `forward` is what PostgreSQL gets; `tag` replaces its command tag.

    `verb` is the lower-case word that says what it does ("update" for WITH ... UPDATE).
    `target` is the table written, as it is spelled, where a plain INSERT, UPDATE or DELETE names
    one, `target_name` its name alone, unquoted. `computes` says that it may write more than its
    text holds, `creates` that it may pass a limit of the catalog. `names` are all identifiers in
    it, unquoted.
    """

    sql: str
    kind: Kind
    verb: str
    forward: str
    refused: Refusal | None = None
    tag: str | None = None
    target: str | None = None
    target_name: str | None = None
    names: frozenset[str] = field(default_factory=frozenset)
    counts_by_statistics: bool = False
    computes: bool = False
    creates: bool = False


_DDL = frozenset(
    {
        *("create", "alter", "drop", "comment", "grant", "revoke", "truncate", "vacuum", "reindex"),
        *("cluster", "lock", "copy", "refresh", "listen", "notify", "unlisten", "do", "aws"),
    }
)
_WRITES = ("insert", "update", "delete", "merge")
_KINDS = {
    "begin": Kind.BEGIN,
    "start": Kind.BEGIN,
    "commit": Kind.COMMIT,
    "end": Kind.COMMIT,
    "rollback": Kind.ROLLBACK,
    "abort": Kind.ROLLBACK,
    "call": Kind.CALL,
    "execute": Kind.WRITE,
    **dict.fromkeys(_DDL, Kind.DDL),
    **dict.fromkeys(_WRITES, Kind.WRITE),
}
_GROWING = ("repeat", "lpad", "rpad", "concat", "concat_ws", "string_agg", "format", "replace")
_IAM = re.compile(r"aws\s+iam\s+(grant|revoke)\s+(\S+)\s+(?:to|from)\s+'([^']+)'\s*$", re.I | re.S)


_SHAPED = ("select", "insert", "update", "delete")
_alike: dict[str, Statement] = {}
_MANY = 4096
_LONG = 1 << 14  # characters; a longer one is not kept


def analyse(sql: str) -> Statement:
    """Look at one statement; the rules of its text alone are judged here.

    Clients that write values into the text send a new one each time: it is looked at once for all
    values, as far as they make no difference.
    """
    if len(sql) > _LONG:
        return _look(sql)
    alike = shape(sql) if sql[:6].lower() in _SHAPED else None
    if alike is None:
        return _kept(sql)
    found = _alike.get(alike)
    if found is not None:
        return replace(found, sql=sql, forward=sql)
    found = _look(sql)
    # set_config names a setting in a literal.
    if found.refused is None and found.forward == sql and "set_config" not in found.names:
        if len(_alike) >= _MANY:
            _alike.clear()
        _alike[alike] = found
    return found


@functools.lru_cache(maxsize=_MANY)
def _kept(sql: str) -> Statement:
    return _look(sql)


def _look(sql: str) -> Statement:
    words = tokens(sql)
    if not words:
        return Statement(sql, Kind.EMPTY, "", sql)
    kind, verb = _kind(words)
    refused = rules.refusal(sql, words)
    forward, tag = sql, None
    if refused is None:
        try:
            forward, tag = _forward(sql, words, kind)
        except Refusal as ends_early:
            refused = ends_early
    if kind is Kind.DDL and tag is not None and _is_async(words):
        kind = Kind.JOB
    target = _target(sql, words) if kind is Kind.WRITE else None
    return Statement(
        sql=sql,
        kind=kind,
        verb=verb,
        forward=forward,
        refused=refused,
        tag=tag,
        target=target,
        target_name=tokens(target)[-1].name if target else None,
        names=_names(words),
        computes=_computes(sql, words),
        creates=words[0].is_word("create", "alter")
        and any(w.is_word("table", "schema") for w in words[1:4]),
        counts_by_statistics=verb in ("delete", "execute") or words[0].is_word("with", "explain"),
    )


def _names(words: list[Token]) -> frozenset[str]:
    """Return all names a statement might read by; a plain INSERT reads its own table at most."""
    if words[0].is_word("insert") and not any(w.is_word("select") for w in words):
        words = words[: path_end(words, 2)]
    return frozenset(w.name for w in words if w.kind in ("word", "quoted"))


def _kind(words: list[Token]) -> tuple[Kind, str]:
    first = words[0].text
    if first == "explain":
        return _explained(words)
    if first in ("select", "with", "values", "table", "("):
        # A writing CTE makes a writer of any query.
        for token in words:
            if token.is_word(*_WRITES) and not _is_lock_word(words, token):
                if first == "with":
                    main = at_top(words, "select", *_WRITES)
                    return Kind.WRITE, words[main].text if main is not None else token.text
                break
        if next(locks(words), None) is not None:
            return Kind.LOCK, "select"
        return Kind.READ, "select"
    return _KINDS.get(first, Kind.READ), first


def _is_lock_word(words: list[Token], token: Token) -> bool:
    index = words.index(token)
    return index > 0 and words[index - 1].is_word("for", "key", "do")


def _explained(words: list[Token]) -> tuple[Kind, str]:
    runs = any(w.is_word("analyze", "analyse") for w in words[:12])
    start = at_top(words, "select", "with", "values", "table", "execute", *_WRITES, after=1)
    if not runs or start is None:
        return Kind.READ, "explain"
    return _kind(words[start:])


def _computes(sql: str, words: list[Token]) -> bool:
    """Say whether it may write more than its text holds."""
    if words[0].is_word("insert") and any(w.is_word("select") for w in words):
        return True
    return "||" in sql or any(w.is_word(*_GROWING) for w in words)


def _is_async(words: list[Token]) -> bool:
    return any(w.is_word("async") for w in words[1:4])


def _target(sql: str, words: list[Token]) -> str | None:
    """Return the table that a plain INSERT, UPDATE or DELETE writes, as it is spelled."""
    at = {"insert": 2, "update": 1, "delete": 2}.get(words[0].text)
    if at is None or at >= len(words):
        return None
    if words[at].is_word("only") and words[0].text != "insert":
        at += 1
    if at >= len(words) or words[at].kind not in ("word", "quoted"):
        return None
    return sql[words[at].start : words[path_end(words, at) - 1].end]


def _forward(sql: str, words: list[Token], kind: Kind) -> tuple[str, str | None]:
    """Return the text for PostgreSQL and the tag to answer with, None for PostgreSQL's own."""
    first = words[0].text
    if first == "show" and len(words) == 2 and words[1].text in version.SETTINGS:
        return f"SELECT '{version.SETTINGS[words[1].text]}' AS {words[1].text}", "SHOW"
    if first == "aws" and (found := _IAM.match(sql.strip())):
        return _iam(*found.groups())
    if kind is Kind.DDL and _is_async(words):
        tag = "CREATE INDEX" if first == "create" else "ALTER TABLE"
        asked = job_statements.read(sql)
        told = ", ".join(map(literal, (sql, asked.kind, asked.name or asked.table)))
        return f"SELECT sys.submit_job({told}) AS job_id", tag
    if kind in (Kind.READ, Kind.LOCK, Kind.WRITE):
        asking = version.as_reported(sql, words)
        words = words if asking == sql else tokens(asking)
        return optimistic_locks(asking, words), None
    return sql, None


def optimistic_locks(sql: str, words: list[Token], *, drop: bool = False) -> str:
    """Return a query whose locks wait for nobody longer than they conflict with on DSQL.

    FOR UPDATE is a write of no key, so it must let foreign-key checks pass; NOWAIT and SKIP LOCKED
    mean nothing on DSQL. With `drop`, the clauses are left out altogether.
    """
    out, at = [], 0
    for lock in locks(words):
        out.append(sql[at : lock.start])
        if not drop:
            names = f" OF {', '.join(identifier(n) for n in lock.of)}" if lock.of else ""
            strength = "NO KEY UPDATE" if lock.strength == "update" else lock.strength.upper()
            out.append(f"FOR {strength}{names}")
        at = lock.end
    return "".join(out) + sql[at:]


def _iam(verb: str, role: str, arn: str) -> tuple[str, str]:
    call = f"SELECT sys.iam_{verb.lower()}({literal(tokens(role)[0].name)}, {literal(arn)})"
    return call, f"AWS IAM {verb.upper()}"
