"""Two-factor sign-in: who has it, who has to, and the code that the API asks for."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from allauth.mfa.base.internal.flows import check_rate_limit
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.core.exceptions import ValidationError
from django.db.models import Exists

from accounts.audit import record
from accounts.models import Membership, Organisation, Role, User
from accounts.tenancy import organisations_of
from worldseat.dsql.occ import occ_retry
from worldseat.sealing import Resealed, box

__all__ = [
    "SEALED_FOR",
    "CodeMissing",
    "CodeWrong",
    "SetItUpFirst",
    "check_code",
    "has_two_factor",
    "may_switch_off",
    "require",
    "reseal_factors",
    "who_requires",
    "without_two_factor",
]

# What the keys of two-factor secrets are made for.
SEALED_FOR = "two-factor"


class CodeMissing(Exception):
    """This account has two-factor sign-in: send a code of the app, or a recovery code, too."""


class CodeWrong(Exception):
    """The code is wrong, was used, or too many were tried."""


class SetItUpFirst(Exception):
    """Set two-factor sign-in up for your own account first: you would lock yourself out."""


def has_two_factor(user: Any) -> bool:
    """Tell whether a user logs in with a second factor; recovery codes alone are none."""
    return bool(_factors().filter(user_id=user.pk).exists())


def _factors() -> Any:
    return Authenticator.objects.exclude(type=Authenticator.Type.RECOVERY_CODES)


def check_code(*, user: User, code: str) -> None:
    """Check a user's second factor, if she has one: a code of her app or a recovery code.

    Each code is good once. Raises CodeMissing and CodeWrong.
    """
    known = list(Authenticator.objects.filter(user_id=user.pk))
    if not known:
        return
    if not code:
        raise CodeMissing
    try:
        forget = check_rate_limit(user)
    except ValidationError:
        raise CodeWrong from None
    typed = [each for each in known if each.type != Authenticator.Type.WEBAUTHN]
    if not any(each.wrap().validate_code(code) for each in typed):
        raise CodeWrong
    forget()


def who_requires(user: Any) -> Organisation | None:
    """Return an organisation that requires two-factor sign-in of a user who has none."""
    having = Exists(_factors().filter(user_id=user.pk))
    asked = Organisation.objects.filter(memberships__user=user.pk, requires_two_factor=True)
    return asked.filter(~having).first()


def without_two_factor(organisation: Organisation) -> list[Membership]:
    """Return the members who log in with a password alone."""
    members = Membership.objects.filter(organisation=organisation).select_related("user")
    having = _factors().filter(user__memberships__organisation=organisation)
    return list(members.exclude(user__in=having.values("user")).order_by("user__email"))


@occ_retry(repeatable=True)
def require(*, organisation_id: UUID, on: bool, actor: Any, now: datetime) -> None:
    """Have an organisation require two-factor sign-in of its members, or not; owners may.

    Members without it see nothing of the organisation until they have set it up; API keys work
    on. Raises SetItUpFirst, and Organisation.DoesNotExist for who is no owner.
    """
    own = organisations_of(actor, role=Role.OWNER)
    organisation = own.get(pk=organisation_id)
    if organisation.requires_two_factor == on:
        return
    if on and not has_two_factor(actor):
        raise SetItUpFirst
    Organisation.objects.filter(pk=organisation_id).update(requires_two_factor=on)
    record(
        organisation_id=organisation_id,
        actor=actor,
        action="organisation.changed",
        subject=organisation,
        changes={"requires_two_factor": [not on, on]},
        now=now,
    )


def may_switch_off(*, authenticator: Any) -> bool:
    """Tell whether a factor may go: not the last one of whom an organisation requires it."""
    others = _factors().filter(user_id=authenticator.user_id).exclude(pk=authenticator.pk)
    required = Membership.objects.filter(
        user_id=authenticator.user_id, organisation__requires_two_factor=True
    )
    return not required.exists() or others.exists()


def reseal_factors() -> Resealed:
    """Seal the secrets of apps and of recovery codes under SECRET_KEY, one a transaction.

    Those that no key opens stay as they are. May be stopped, and run again.
    """
    ids = list(Authenticator.objects.order_by("pk").values_list("pk", flat=True))
    return Resealed.of(_reseal(factor_id=each) for each in ids)


@occ_retry(repeatable=True)
def _reseal(*, factor_id: int) -> bool | None:
    factor = Authenticator.objects.filter(pk=factor_id).first()
    # A security key has no secret here.
    sealed = [name for name in ("secret", "seed") if factor is not None and name in factor.data]
    if not sealed:
        return None
    try:
        for name in sealed:
            factor.data[name] = box(SEALED_FOR).rotate(factor.data[name].encode()).decode()
    except InvalidToken:
        return False
    factor.save(update_fields=["data"])
    return True
