"""Scopes: whose rows the code that runs now may read; docs/tenancy.md says who enters which.

A tenant's model asks for a scope before it answers any query (`Model.objects`, and related
managers such as `event.seats`). In a scope of organisations it answers with their rows alone;
`everywhere` is for what belongs to no one tenant: fans, who buy from all of them, and the system.
Rows that one has in hand lead on without a scope (`seat.event`), as do deletes to what hangs on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models

__all__ = [
    "NoScope",
    "Scope",
    "condition",
    "current",
    "everywhere",
    "in_organisations",
    "in_scope_of",
    "narrow",
    "outside",
    "running_in",
    "streamed_in",
]


@dataclass(frozen=True)
class Scope:
    """The organisations whose rows are seen; None: all."""

    organisation_ids: frozenset[UUID] | None = None


_scope: ContextVar[Scope | None] = ContextVar("scope", default=None)


class NoScope(RuntimeError):
    """A tenant's model was queried in no scope."""

    def __init__(self, model: type[models.Model]) -> None:
        super().__init__(
            f"{model.__name__} belongs to organisations, and was queried in no scope. Enter one "
            f"around the call, from accounts.scopes: `with in_organisations(organisation_id):` or "
            f"`with in_scope_of({model.__name__}, its_id):` for one tenant's business, "
            f"`with everywhere():` for what spans tenants. Each works as a decorator too. "
            f"Threads do not inherit it. See docs/tenancy.md."
        )


def current() -> Scope | None:
    """Return the scope that is entered, or None."""
    return _scope.get()


@contextmanager
def running_in(scope: Scope | None) -> Iterator[None]:
    """Put a scope in the place of whatever was entered, for the block; None: no scope at all."""
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def everywhere() -> Iterator[None]:
    """See the rows of all organisations."""
    with running_in(Scope()):
        yield


@contextmanager
def in_organisations(*organisation_ids: UUID) -> Iterator[None]:
    """See the rows of some organisations alone; of none without any."""
    with running_in(Scope(frozenset(organisation_ids))):
        yield


@contextmanager
def outside() -> Iterator[None]:
    """Leave all scopes: who calls on has to enter one."""
    with running_in(None):
        yield


@contextmanager
def in_scope_of(model: Any, pk: UUID | str) -> Iterator[None]:
    """See the rows of one row's organisation alone; of none if the row is gone.

    model: a tenant's (accounts.models.TenantModel).
    """
    path = model.organisation_path()
    found = model._base_manager.filter(pk=pk).values_list(f"{path}_id", flat=True).first()
    with in_organisations(*[found] if found else []):
        yield


def narrow(organisation_ids: Iterable[UUID]) -> None:
    """See some organisations' rows alone, for the rest of the request."""
    _scope.set(Scope(frozenset(organisation_ids)))


def streamed_in(scope: Scope | None, chunks: Iterable[Any]) -> Iterator[Any]:
    """Yield chunks that are made in a scope, whoever asks for the next one."""
    made = iter(chunks)
    while True:
        with running_in(scope):
            try:
                chunk = next(made)
            except StopIteration:
                return
        yield chunk


def condition(model: type[models.Model], organisation_ids: Iterable[UUID]) -> models.Q:
    """Return the condition that a row is one of some organisations'.

    Rows above are asked for in a subquery: a join would let FOR UPDATE write them too.
    """
    ids = list(organisation_ids)
    field: str = model.tenant_field  # type: ignore[attr-defined]
    if field == "organisation":
        return models.Q(organisation_id=ids[0]) if len(ids) == 1 else models.Q(organisation__in=ids)
    above: Any = model._meta.get_field(field).related_model
    return models.Q(**{f"{field}__in": above._base_manager.filter(condition(above, ids))})
