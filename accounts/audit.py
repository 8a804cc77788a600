"""The audit log: `record` what somebody did, in the transaction that does it.

An entry is written where the act is decided: by the domain function, or by the admin for what
it saves itself. It commits with the act, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Model

from accounts.models import AuditEntry, User

__all__ = ["changed", "entry", "record", "requests_from", "values_of"]

# What fields of these names hold is nobody's to read, here neither.
_SECRET = ("password", "secret", "token", "digest", "hash", "recovery")
HIDDEN = "(hidden)"
_LONGEST = 500

_address: ContextVar[str] = ContextVar("audit_address", default="")


def record(
    *,
    organisation_id: UUID | None,
    actor: Any,
    action: str,
    subject: Model,
    changes: Mapping[str, Any] | None = None,
    now: datetime,
) -> AuditEntry:
    """Store that somebody did something; call it inside the transaction that does it.

    organisation_id: whose business it is; None: the platform's own.
    actor: a User; an API key, or anything whose `str` names it; None: the system.
    action: a dotted word in the past, such as `event.published`.
    changes: {field: [old, new]}; values of passwords and the like are left out.
    """
    made = entry(
        organisation_id=organisation_id,
        actor=actor,
        action=action,
        subject=subject,
        changes=changes,
        now=now,
    )
    made.save()
    return made


def entry(
    *,
    organisation_id: UUID | None,
    actor: Any,
    action: str,
    subject: Model,
    changes: Mapping[str, Any] | None = None,
    now: datetime,
) -> AuditEntry:
    """Return an entry that is not stored yet, for many at once: see `record`."""
    user = actor if isinstance(actor, User) else None
    return AuditEntry(
        organisation_id=organisation_id,
        actor=user,
        actor_label=str(actor or "")[:254],
        action=action,
        subject_type=subject._meta.label_lower,
        subject_id=str(subject.pk)[:64],
        subject_label=str(subject)[:300],
        changes={name: _told(name, change) for name, change in (changes or {}).items()},
        region=settings.REGION,
        address=_address.get(),
        at=now,
    )


def values_of(row: Model) -> dict[str, Any]:
    """Return the stored fields of a row by name, to be compared by `changed`."""
    return {
        field.name: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.attname in row.__dict__
    }


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return {field: [old, new]} of what differs; a field that one side lacks was None there."""
    names = dict.fromkeys([*old, *new])
    return {
        name: [old.get(name), new.get(name)] for name in names if old.get(name) != new.get(name)
    }


def _told(name: str, change: Any) -> Any:
    """Hide secrets, and shorten what is long: the log says what changed, it is no backup."""
    if any(word in name.lower() for word in _SECRET):
        return [HIDDEN, HIDDEN]
    if isinstance(change, list | tuple):
        return [_storable(each) for each in change]
    return _storable(change)


def _storable(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return [_storable(each) for each in list(value)[:100]]
    if isinstance(value, dict):
        return {str(key): _told(str(key), each) for key, each in list(value.items())[:100]}
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


@contextmanager
def requests_from(address: str) -> Iterator[None]:
    """Name the address of the request that is served, for the entries made in the block."""
    token = _address.set(address[:45])
    try:
        yield
    finally:
        _address.reset(token)
