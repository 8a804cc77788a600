"""Choosing the organisation that one works in: in the admin, and on organisers' pages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import audit
from accounts.models import AuditEntry, Organisation, OrganisationQuerySet
from accounts.tenancy import memberships_of
from worldseat.dsql.occ import occ_retry

__all__ = ["NotYours", "organisations_to_choose", "switch"]


class NotYours(Exception):
    """There is no such organisation, or you do not work for it."""


def organisations_to_choose(user: Any, *, named: str = "") -> OrganisationQuerySet:
    """Return the organisations that a user may work in: his own, or any for a superuser.

    named: how the name begins, in any case.
    """
    found = Organisation.objects.order_by("name", "pk")
    if not user.is_superuser:
        found = found.filter(pk__in=memberships_of(user).values("organisation_id"))
    return found.filter(name__istartswith=named) if named else found


def switch(*, user: Any, from_id: UUID | None, to_id: UUID | None, now: datetime) -> None:
    """Leave an organisation, enter another one; None: none.

    Whoever works there needs no leave to do so; that a superuser came and went is told by the
    organisation's own audit log. Raises NotYours.
    """
    if to_id and not organisations_to_choose(user).filter(pk=to_id).exists():
        raise NotYours
    if not user.is_superuser or from_id == to_id:
        return
    acts = [(from_id, "superuser.left"), (to_id, "superuser.entered")]
    there = Organisation.objects.in_bulk([each for each, _ in acts if each])
    _write(
        [
            audit.entry(
                organisation_id=each,
                actor=user,
                action=action,
                subject=there[each],
                now=now,
            )
            for each, action in acts
            if each in there
        ]
    )


@occ_retry(repeatable=True)
def _write(entries: Iterable[AuditEntry]) -> None:
    """Store the entries; harmless to repeat, as their ids are given."""
    AuditEntry.objects.bulk_create(entries, ignore_conflicts=True)
