"""DSQL's SQL rules: what is refused, in DSQL's words.

Most come from ministack's pgproxy, whose authors measured them on a real cluster. Where its code
or message differs from DSQL's, or it lets something pass, the rule is here.
"""

import re

from ministack.core import pgproxy

from worldseat.local.endpoint import index_rules
from worldseat.local.endpoint.sql import Token, at_top, locks, path_end, tokens
from worldseat.local.endpoint.wire import Refusal

_SETTABLE = frozenset(
    {
        "application_name",
        "client_encoding",
        "client_min_messages",
        "constraints",
        "datestyle",
        "extra_float_digits",
        "intervalstyle",
        "names",
        "role",
        "search_path",
        "standard_conforming_strings",
        "time",  # SET TIME ZONE
        "timezone",
    }
)
_SETTABLE_PREFIXES = ("enable_", "dsql.")

_TRANSACTION_WORDS = frozenset({"savepoint", "release"})
_NOT_THERE = {
    "merge": "MERGE",
    "declare": "DECLARE CURSOR",
    "fetch": "FETCH",
    "move": "MOVE",
    "close": "CLOSE",
    "load": "LOAD",
    "security": "SECURITY LABEL",
    "import": "IMPORT FOREIGN SCHEMA",
    "checkpoint": "CHECKPOINT",
}
_CREATE_NOT_THERE = {
    ("policy",): "CREATE POLICY",
    ("event", "trigger"): "CREATE EVENT TRIGGER",
    ("access", "method"): "CREATE ACCESS METHOD",
    ("recursive", "view"): "CREATE RECURSIVE VIEW",
}
# SET [SESSION | LOCAL] name, RESET name.
_SET_NAME = re.compile(r"\s*(?:SET\s+(?:SESSION\s+|LOCAL\s+)?|RESET\s+)([\w.]+)", re.I)
_SET_CONFIG = re.compile(r"\bset_config\s*\(\s*'([^']*)'", re.I)
_ADVISORY = re.compile(r"\bpg_(?:try_)?advisory_\w+\s*\(", re.I)
_ODD = re.compile(r"\W")
# Words that pgproxy refuses wherever they stand, quoted as a name too.
_REFUSED_WORDS = frozenset({"concurrently", "exclude", "inherits"})
_UNKNOWN_TYPE = re.compile(r'type "([^"(]+)(?:\(.*)?" is not supported')


def refusal(sql: str, words: list[Token]) -> Refusal | None:
    """Return what DSQL says to one statement by its text alone, None if it may run."""
    first = words[0].text
    own = _TEXT_RULES.get(first, _no_rule)(sql, words)
    if own is not None:
        return own
    if first in ("select", "with", "insert", "update", "delete", "values", "table", "explain"):
        return _locking(words) or _functions(sql)
    found = pgproxy.validate(plain_names(sql, words))
    if isinstance(found, pgproxy.DsqlError) and not _mistaken(found, words):
        return Refusal(found.sqlstate, found.message, detail=found.detail)
    return None


def plain_names(sql: str, words: list[Token]) -> str:
    """Return the statement with simple names in place of quoted ones that pgproxy misreads.

    It reads a definition by splitting it at spaces, so that it takes the end of a column called
    "Last Name" for its type, and one called "Exclude" for a constraint. The same name gets the
    same simple name.
    """
    renamed: dict[str, str] = {}
    out, at = [], 0
    for token in words:
        misread = _ODD.search(token.name) or token.name.lower() in _REFUSED_WORDS
        if token.kind != "quoted" or not misread:
            continue
        out.append(sql[at : token.start])
        out.append(renamed.setdefault(token.text, f'"quoted_{len(renamed)}"'))
        at = token.end
    return "".join(out) + sql[at:]


def setting_refusal(name: str) -> Refusal | None:
    """Return what DSQL says to changing a session's setting, None if it may be changed."""
    lowered = name.lower()
    if lowered in _SETTABLE or lowered.startswith(_SETTABLE_PREFIXES):
        return None
    return Refusal("0A000", f'setting configuration parameter "{lowered}" not supported')


def _no_rule(sql: str, words: list[Token]) -> Refusal | None:
    return None


def _transaction(sql: str, words: list[Token]) -> Refusal | None:
    return Refusal("0A000", f"unsupported transaction statement: {words[0].text.upper()}")


def _begin(sql: str, words: list[Token]) -> Refusal | None:
    modes = [w.text for w in words[1:] if w.text not in (",", "work", "transaction")]
    said = " ".join(modes)
    level = re.search(r"isolation level ((?:read |repeatable )?\w+)", said)
    if level and level.group(1) != "repeatable read":
        return Refusal("0A000", f"unsupported isolation level: {level.group(1).upper()}")
    rest = re.sub(r"isolation level repeatable read|read only|read write", "", said).strip()
    if rest:
        return Refusal("0A000", f"unsupported transaction mode: {rest.upper()}")
    return None


def _end(sql: str, words: list[Token]) -> Refusal | None:
    said = [w.text for w in words[:4]]
    if "to" in said:
        return Refusal("0A000", "unsupported transaction statement: ROLLBACK TO SAVEPOINT")
    if "prepared" in said:
        return Refusal("0A000", f"unsupported transaction statement: {said[0].upper()} PREPARED")
    if "chain" in said and "no" not in said:
        return Refusal("0A000", f"unsupported transaction statement: {said[0].upper()} AND CHAIN")
    return None


def _set(sql: str, words: list[Token]) -> Refusal | None:
    said = [w.text for w in words[1:3]]
    if said[:1] == ["transaction"] or said == ["session", "characteristics"]:
        return Refusal("0A000", f"unsupported transaction statement: SET {' '.join(said).upper()}")
    if said == ["session", "authorization"]:
        return Refusal("0A000", "SET SESSION AUTHORIZATION is not supported")
    found = _SET_NAME.match(sql[words[0].start :])
    if words[0].text == "reset" or found is None:  # back to the default is allowed
        return None
    to_default = len(words) > 2 and words[-1].is_word("default")
    return None if to_default else setting_refusal(found.group(1))


def _prepare(sql: str, words: list[Token]) -> Refusal | None:
    if len(words) > 1 and words[1].is_word("transaction"):
        return Refusal("0A000", "unsupported transaction statement: PREPARE TRANSACTION")
    inner = at_top(words, "as")
    return refusal(sql[words[inner].end :], tokens(sql[words[inner].end :])) if inner else None


def _create(sql: str, words: list[Token]) -> Refusal | None:
    said = tuple(w.text for w in words[1:6] if w.text not in ("or", "replace"))
    for what, name in _CREATE_NOT_THERE.items():
        if said[: len(what)] == what:
            return Refusal("0A000", f"{name} is not supported")
    if "temp" in said[:3] or "temporary" in said[:3] or said[:1] == ("unlogged",):
        return Refusal("0A000", "temporary/unlogged tables is not supported")
    if said[:1] == ("table",):
        if at_top(words, "as") is not None:
            return Refusal("0A000", "CREATE TABLE AS is not supported")
        return _identity(words)
    if "index" in said[:2] and "async" in said[:3]:
        return index_rules.refusal(words)
    if said[:1] == ("domain",):
        return _domain(sql, words)
    if said[:1] == ("sequence",) and at_top(words, "cache") is None:
        return Refusal("0A000", "CREATE SEQUENCE requires an explicit CACHE value")
    return None


def _domain(sql: str, words: list[Token]) -> Refusal | None:
    """Judge a domain's type as a column's: DSQL has domains, which pgproxy does not know yet."""
    at = at_top(words, "as") or path_end(words, 2) - 1
    if at + 1 >= len(words):
        return None
    column = plain_names(sql[words[at].end :], tokens(sql[words[at].end :]))
    found = pgproxy.validate(f"CREATE TABLE judged (judged {column})")
    if isinstance(found, pgproxy.DsqlError):
        return Refusal(found.sqlstate, found.message, detail=found.detail)
    return None


def unknown_type(refused: Refusal | None) -> str | None:
    """Return the type that is refused for being none of DSQL's: it may be a domain."""
    found = _UNKNOWN_TYPE.match(refused.message) if refused else None
    return found.group(1) if found else None


def _identity(words: list[Token]) -> Refusal | None:
    said = [w.text for w in words]
    if "identity" in said and "generated" in said and "cache" not in said:
        return Refusal("0A000", "GENERATED AS IDENTITY requires an explicit CACHE value")
    return None


def _alter(sql: str, words: list[Token]) -> Refusal | None:
    said = " ".join(w.text for w in words)
    if "row level security" in said:
        return Refusal("0A000", "row-level security is not supported")
    if re.search(r" (?:attach|detach) partition ", said):
        return Refusal("0A000", "table partitioning is not supported")
    if re.search(r" (?:enable|disable) (?:\w+ )?(?:trigger|rule) ", said):
        return Refusal("0A000", "triggers are not supported")
    if said.startswith("alter table async") and " validate constraint " not in said:
        return Refusal("42601", 'syntax error at or near "ASYNC"')
    if not said.startswith("alter table async") and " validate constraint " in said:
        message = "unsupported mode. please use ALTER TABLE ASYNC ... VALIDATE CONSTRAINT."
        return Refusal("0A000", message)
    return None


def _select(sql: str, words: list[Token]) -> Refusal | None:
    if at_top(words, "into") is not None:
        return Refusal("0A000", "SELECT INTO is not supported")
    return None


def _not_there(sql: str, words: list[Token]) -> Refusal | None:
    return Refusal("0A000", f"{_NOT_THERE[words[0].text]} is not supported")


def _drop(sql: str, words: list[Token]) -> Refusal | None:
    if any(w.is_word("concurrently") for w in words[:4]):
        return Refusal("0A000", "CONCURRENTLY not supported for DROP INDEX")
    return None


def _locking(words: list[Token]) -> Refusal | None:
    if any(lock.strength not in ("update", "key share") for lock in locks(words)):
        message = "locking clauses other than FOR UPDATE/FOR KEY SHARE are not supported"
        return Refusal("0A000", message)
    return None


def _functions(sql: str) -> Refusal | None:
    for name in _SET_CONFIG.findall(sql):
        if refused := setting_refusal(name):
            return refused
    if _ADVISORY.search(sql):
        return Refusal("0A000", "advisory locks are not supported")
    return None


def _mistaken(found: "pgproxy.DsqlError", words: list[Token]) -> bool:
    """Say whether pgproxy refuses what DSQL has had for longer than pgproxy knows."""
    return bool(found.message == "CREATE DOMAIN is not supported")


_TEXT_RULES = {
    "savepoint": _transaction,
    "release": _transaction,
    "begin": _begin,
    "start": _begin,
    "commit": _end,
    "end": _end,
    "rollback": _end,
    "abort": _end,
    "set": _set,
    "reset": _set,
    "prepare": _prepare,
    "create": _create,
    "alter": _alter,
    "drop": _drop,
    "select": _select,
    **dict.fromkeys(_NOT_THERE, _not_there),
}
