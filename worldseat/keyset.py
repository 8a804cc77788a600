"""Pages by keyset: each begins where the one before ended, however many rows there are.

A cursor holds what the row at a page's edge was ordered by, the primary key last, so no row is
shown twice or left out because others came or went meanwhile. It is signed for one order of one
model: a forged one, or one of another order, is a BadCursor and reaches no query. Whose rows are
shown is the queryset's business alone, whoever made the cursor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import reduce
from operator import and_, or_
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core.signing import BadSignature, Signer
from django.db.models import BooleanField, F, Field, Func, Model, OrderBy, Q, QuerySet, Value
from django.db.models.constants import LOOKUP_SEP

__all__ = ["LAST", "BadCursor", "Keyset", "Page"]

M = TypeVar("M", bound=Model)

# The cursor of the last page: the one before the end.
LAST = "last"

_AFTER, _BEFORE = "after", "before"


class BadCursor(ValueError):
    """This is no cursor, or one of another list or order."""


@dataclass(frozen=True)
class Page(Generic[M]):
    """Some rows, and the cursors of the pages before and after; empty where there is none."""

    rows: Sequence[M]
    preceding: str
    following: str


@dataclass(frozen=True)
class Key:
    """One thing that rows are ordered by: a column of theirs or of a row they belong to, or an
    annotation, of which nobody knows that it is never NULL.
    """

    path: str
    field: Field[Any, Any]
    descending: bool
    nulls_first: bool
    nullable: bool

    def turned(self) -> Key:
        """Return the key of the opposite order."""
        return replace(self, descending=not self.descending, nulls_first=not self.nulls_first)

    def order(self) -> OrderBy:
        """Return it for order_by; NULLs are where PostgreSQL has them unless it was said."""
        if self.nulls_first == self.descending:
            return OrderBy(F(self.path), descending=self.descending)
        told = "nulls_first" if self.nulls_first else "nulls_last"
        return OrderBy(F(self.path), descending=self.descending, **{told: True})

    def of(self, row: Model) -> Any:
        """Return what a row is ordered by."""
        found: Any = row
        for name in self.path.split(LOOKUP_SEP):
            found = None if found is None else getattr(found, name)
        return found

    def equal(self, value: Any) -> Q:
        """Return the condition of a tie."""
        return Q(**{f"{self.path}__isnull": True}) if value is None else Q(**{self.path: value})

    def beyond(self, value: Any) -> Q:
        """Return the condition that a row comes after all that tie here."""
        if value is None:
            is_null = {f"{self.path}__isnull": False}
            return Q(**is_null) if self.nulls_first else Q(pk__in=[])
        after = Q(**{f"{self.path}__{'lt' if self.descending else 'gt'}": value})
        if self.nullable and not self.nulls_first:
            after |= Q(**{f"{self.path}__isnull": True})
        return after


class Keyset(Generic[M]):
    """The pages of a queryset, in its own order, made total by the primary key.

    A page's keys are found first, among slim rows, and its rows loaded then: what they are shown
    with (`select_related`) is joined to a page of them, not to all that has to be sorted. `load`
    has these joins, where the rows themselves are found by more than that needs. `parts` are the
    rows that are asked for where they are in several querysets, none of which needs an order: an
    index may serve each, where none serves them all at once.
    """

    def __init__(
        self,
        rows: QuerySet[M],
        *,
        load: QuerySet[M] | None = None,
        parts: Sequence[QuerySet[M]] | None = None,
    ) -> None:
        self.keys = tuple(_keys(rows))
        self.rows = rows
        self.load = rows if load is None else load
        self.parts = [rows] if parts is None else parts or [rows.none()]
        order = ",".join(f"{'-' * key.descending}{key.path}" for key in self.keys)
        self._signer = Signer(salt=f"{__name__}:{rows.model._meta.label}:{order}")

    def page(self, cursor: str, size: int) -> Page[M]:
        """Return the page of a cursor, the first one of an empty one; raises BadCursor."""
        way, values = self._read(cursor)
        keys = tuple(key.turned() for key in self.keys) if way == _BEFORE else self.keys
        ids = self._ids(keys, values, size + 1)
        more, ids = len(ids) > size, ids[:size]
        if way == _BEFORE and not more and values is not None:
            return self.page("", size)  # all of the first page, not the rows left over from it
        found = self._loaded(ids[::-1] if way == _BEFORE else ids)
        if not found:
            return Page([], "" if values is None else LAST, "")
        before, after = self._cursor(_BEFORE, found[0]), self._cursor(_AFTER, found[-1])
        if way == _BEFORE:
            return Page(found, before if more else "", "" if values is None else after)
        return Page(found, "" if values is None else before, after if more else "")

    def page_or_first(self, cursor: str, size: int) -> Page[M]:
        """Return the page of a cursor; of one that is none, the first."""
        try:
            return self.page(cursor, size)
        except BadCursor:
            return self.page("", size)

    def after(self, row: M) -> str:
        """Return the cursor of the page that begins after a row."""
        return self._cursor(_AFTER, row)

    def _ids(self, keys: Sequence[Key], values: Any, number: int) -> list[Any]:
        order = [key.order() for key in keys]
        parts = [each.select_related(None).order_by(*order) for each in self.parts]
        found: list[Any] = []
        for beyond in [Q()] if values is None else _beyond(keys, values):
            left = number - len(found)
            slim = [
                each.filter(beyond).values_list(*[key.path for key in keys])[:left]
                for each in parts
            ]
            # What is in several parts is there once.
            one = slim[0] if len(slim) == 1 else slim[0].union(*slim[1:]).order_by(*order)[:left]
            found += [values[-1] for values in one]
            if len(found) == number:
                break
        return found

    def _loaded(self, ids: Sequence[Any]) -> list[M]:
        """Load rows; who has gone meanwhile is left out."""
        rows = {row.pk: row for row in self.load.order_by().filter(pk__in=ids)} if ids else {}
        return [rows[pk] for pk in ids if pk in rows]

    def _cursor(self, way: str, row: M) -> str:
        return self._signer.sign_object([way, *(_plain(key.of(row)) for key in self.keys)])

    def _read(self, cursor: str) -> tuple[str, list[Any] | None]:
        """Return which way a cursor leads, and from what; None: from the beginning, or the end."""
        if cursor in ("", LAST):
            return (_BEFORE if cursor else _AFTER), None
        try:
            way, *values = self._signer.unsign_object(cursor)
        except BadSignature:
            raise BadCursor from None
        pairs = zip(self.keys, values, strict=True)
        return way, [None if value is None else key.field.to_python(value) for key, value in pairs]


class _RowComparison(Func):
    """`(a, b) > (1, 2)`: the one form in which an index leads to the place at once."""

    output_field = BooleanField()

    def __init__(self, keys: Sequence[Key], values: Sequence[Any]) -> None:
        columns = [F(key.path) for key in keys]
        given = [Value(value, key.field) for key, value in zip(keys, values, strict=True)]
        super().__init__(*columns, *given)
        self.operator = "<" if keys[0].descending else ">"

    def as_sql(  # type: ignore[override]  # no template, no function
        self, compiler: Any, connection: Any, **context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        """Write it."""
        parts = [compiler.compile(each) for each in self.get_source_expressions()]
        half = len(parts) // 2
        sides = [", ".join(sql for sql, _ in side) for side in (parts[:half], parts[half:])]
        given = tuple(each for _, parameters in parts for each in parameters)
        return f"({sides[0]}) {self.operator} ({sides[1]})", given


def _beyond(keys: Sequence[Key], values: Sequence[Any]) -> Iterator[Any]:
    """Yield the conditions that rows come after one with these values, the nearest rows' first.

    Where one index can serve the order, it leads each of them to its place, and the first mostly
    fills a page.
    """
    pairs = list(zip(keys, values, strict=True))

    def ties(number: int) -> Q:
        return reduce(and_, (key.equal(value) for key, value in pairs[:number]), Q())

    ways = [ties(at) & key.beyond(value) for at, (key, value) in enumerate(pairs)]
    if any(key.nullable for key in keys) or len({key.descending for key in keys}) > 1:
        first, value = pairs[0]
        # What each of the ways says of the first column, said once: it may have an index.
        yield reduce(or_, ways) & (first.equal(value) | first.beyond(value))
        return
    at = max(len(keys) - 2, 0)
    yield ties(at) & Q(_RowComparison(keys[at:], values[at:]))
    yield from reversed(ways[:at])


def _keys(rows: QuerySet[Any]) -> Iterator[Key]:
    """Yield the keys of a queryset's order, each column once, and the primary key last."""
    seen: set[str] = set()
    descending = False
    primary = rows.model._meta.pk.attname
    for part in (*rows.query.order_by, None):
        if part is None:
            part = f"{'-' * descending}pk"
        for key in _key(rows.model, part, rows.query.annotations):
            descending = key.descending
            if key.path not in seen:
                seen.add(key.path)
                yield key
            if key.path == primary:
                return


def _key(model: type[Model], part: Any, computed: Mapping[str, Any]) -> Iterator[Key]:
    """Yield the keys of a part of an order; `computed` are the annotations of the rows, by name."""
    if isinstance(part, F):
        part = part.asc()
    if isinstance(part, OrderBy) and isinstance(part.expression, F):
        column: Any = part.expression
        name, descending = column.name, part.descending
        nulls_first = bool(part.nulls_first or (descending and not part.nulls_last))
    elif isinstance(part, str) and part != "?":
        name, descending = part.removeprefix("-"), part.startswith("-")
        nulls_first = descending
    else:
        raise TypeError(
            f"Rows ordered by {part!r} have no keyset: order them by columns or annotations."
        )
    if name in computed:
        yield Key(name, computed[name].output_field, descending, nulls_first, nullable=True)
    else:
        yield from _columns(model, name, descending, nulls_first)


def _columns(model: type[Model], name: str, descending: bool, nulls_first: bool) -> Iterator[Key]:
    """Yield a key for a column; for a related row, for what its model is ordered by, or its key."""
    *above, last = name.split(LOOKUP_SEP)
    nullable, owner = False, model
    for each in above:
        way: Any = owner._meta.get_field(each)
        nullable, owner = nullable or way.null, way.related_model
    field: Any = owner._meta.pk if last == "pk" else owner._meta.get_field(last)
    nullable = nullable or field.null
    if field.is_relation and last == field.name and field.related_model._meta.ordering:
        for part in field.related_model._meta.ordering:
            for key in _key(field.related_model, part, {}):
                path = LOOKUP_SEP.join([*above, last, key.path])
                turned = key.turned() if descending else key
                yield replace(turned, path=path, nullable=key.nullable or nullable)
        return
    path = LOOKUP_SEP.join([*above, field.attname])
    yield Key(path, _stored(field), descending, nulls_first, nullable)


def _stored(field: Any) -> Any:
    """Return the field that a column's values are those of: a foreign key's are its target's."""
    while field.is_relation:
        field = field.target_field
    return field


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; `to_python` of its field reads that."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | Decimal) else value
