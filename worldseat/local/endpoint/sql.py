"""As much of SQL as the endpoint has to see: words with their places, and what they amount to."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<space>\s+|--[^\n]*)
    | (?P<comment>/\*)
    | (?P<string>[eE]'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*'|'[^']*+(?:''[^']*+)*')
    | (?P<quoted>"[^"]*+(?:""[^"]*+)*")
    | (?P<dollar>\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)
    | (?P<param>\$\d+)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<number>\d[\w.]*)
    | (?P<mark>::|.)
    """,
    re.VERBOSE | re.DOTALL,
)
# What is left of plain SQL without its strings and numbers: names, words and marks.
_BUT_LITERALS = re.compile(
    r"""'[^']*+(?:''[^']*+)*+' | \d[\w.]*+ | ((?:"[^"]*+" | [^\W\d]\w*+ | [^\w'"]++)++)""",
    re.VERBOSE,
)
_NOT_PLAIN = ("\\", "$", "--", "/*")
_COMMENT_EDGE = re.compile(r"/\*|\*/")


class Token(NamedTuple):
    """A word of SQL. `text` is lower case for a bare word; `depth` counts open parentheses."""

    kind: str
    text: str
    start: int
    end: int
    depth: int

    def is_word(self, *words: str) -> bool:
        """Say whether it is one of these bare words (lower case)."""
        return self.kind == "word" and self.text in words

    @property
    def name(self) -> str:
        """Return what an identifier stands for, unquoted."""
        return self.text[1:-1].replace('""', '"') if self.kind == "quoted" else self.text


def tokens(sql: str) -> list[Token]:
    """Split SQL into words, without spaces and comments."""
    found = []
    depth = at = 0
    while at < len(sql):
        match = _TOKEN.match(sql, at)
        if match is None:  # cannot be: the last alternative takes anything
            break
        kind, word = str(match.lastgroup), match.group()
        end = _comment_end(sql, at) if kind == "comment" else match.end()
        if kind == "mark" and word == ")":
            depth -= 1
        if kind not in ("space", "comment"):
            found.append(Token(kind, word.lower() if kind == "word" else word, at, end, depth))
        if kind == "mark" and word == "(":
            depth += 1
        at = end
    return found


def shape(sql: str) -> str | None:
    """Return what statements that differ in their literals only have in common; it is quick.

    None where only `tokens` can tell: backslashes, dollars, comments, an odd quote.
    """
    if any(mark in sql for mark in _NOT_PLAIN) or sql.count("'") % 2:
        return None
    return "\0".join(_BUT_LITERALS.findall(sql))


def _comment_end(sql: str, at: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(sql, at):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(sql)


def split(sql: str) -> list[str]:
    """Split a batch into its statements, empty ones left out."""
    if ";" not in sql:
        return [sql] if sql.strip() else []
    parts, start = [], 0
    for token in tokens(sql):
        if token.kind == "mark" and token.text == ";":
            parts.append(sql[start : token.start])
            start = token.end
    parts.append(sql[start:])
    return [part for part in parts if tokens(part)]


def literal(value: str | None) -> str:
    """Return a text as SQL writes it, NULL for None."""
    if value is None:
        return "NULL"
    quoted = "'" + value.replace("'", "''") + "'"
    # A client may have set what a plain literal's backslash means.
    return "E" + quoted.replace("\\", "\\\\") if "\\" in quoted else quoted


def identifier(name: str) -> str:
    """Return a name as SQL writes it, quoted."""
    return '"' + name.replace('"', '""') + '"'


def at_top(words: list[Token], *wanted: str, after: int = 0) -> int | None:
    """Return the index of the first bare word of `wanted` outside parentheses, None without."""
    for index in range(after, len(words)):
        if words[index].depth == 0 and words[index].is_word(*wanted):
            return index
    return None


def path_end(words: list[Token], start: int) -> int:
    """Return the index behind a dotted name that starts at `start`."""
    end = start + 1
    while end + 1 < len(words) and words[end].text == ".":
        end += 2
    return end


class Lock(NamedTuple):
    """A locking clause: its strength, its place in the text, the names after OF."""

    strength: str
    start: int
    end: int
    of: tuple[str, ...]


def locks(words: list[Token]) -> Iterator[Lock]:
    """Find the locking clauses, at any depth."""
    for index, token in enumerate(words):
        if not token.is_word("for"):
            continue
        following = [w.text if w.kind == "word" else "" for w in words[index + 1 : index + 4]]
        for strength in ("update", "no key update", "share", "key share"):
            size = strength.count(" ") + 1
            if " ".join(following[:size]) == strength:
                yield _lock(words, index, strength, index + 1 + size)
                break


def _lock(words: list[Token], start: int, strength: str, at: int) -> Lock:
    of: list[str] = []
    if at < len(words) and words[at].is_word("of"):
        at += 1
        while at < len(words) and words[at].kind in ("word", "quoted"):
            of.append(words[at].name)
            at += 1
            if at < len(words) and words[at].text == ",":
                at += 1
            else:
                break
    if at < len(words) and words[at].is_word("nowait"):
        at += 1
    elif at + 1 < len(words) and words[at].is_word("skip") and words[at + 1].is_word("locked"):
        at += 2
    return Lock(strength, words[start].start, words[at - 1].end, tuple(of))
