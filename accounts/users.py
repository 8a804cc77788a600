"""Users: registering, and proving who one is."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.emails import add_address, send_confirmation
from accounts.models import User
from accounts.models.users import normalise_email
from worldseat.dsql.occ import occ_retry

__all__ = ["EmailTaken", "LoginFailed", "WeakPassword", "log_in", "register"]


class EmailTaken(Exception):
    """There is an account with this e-mail address already."""


class WeakPassword(ValueError):
    """The password is too easy to guess."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__(" ".join(messages))
        self.messages = messages


class LoginFailed(Exception):
    """The e-mail address or the password is wrong."""


def register(*, email: str, password: str, name: str) -> User:
    """Make an account that can log in at once, and return its user.

    A link to confirm the address is sent.

    `email` may be written in any way (see normalise_email) and has to be an address.
    Raises WeakPassword and EmailTaken; nothing is changed then.
    """
    user = User(id=uuid4(), email=normalise_email(email), name=name)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(error.messages) from None
    # Before the transaction: it takes longer than all of it, and would be done at every retry.
    user.password = make_password(password)
    _insert(user=user)
    return user


@occ_retry(repeatable=True)
def _insert(*, user: User) -> None:
    """Insert a user unless the address is taken; harmless to repeat, as the id is given.

    Where two register the same address at one instant, the second meets a row its snapshot
    does not show: a conflict, and it looks again.
    """
    owner_id: UUID | None = (
        User.objects.filter(email=user.email).values_list("pk", flat=True).first()
    )
    if owner_id == user.pk:
        send_confirmation(add_address(user))  # ours: its COMMIT got no answer
        return
    if owner_id is not None:
        raise EmailTaken
    User.objects.bulk_create([user], ignore_conflicts=True)
    send_confirmation(add_address(user))


def log_in(*, email: str, password: str) -> User:
    """Return the user with this e-mail address and password.

    Raises LoginFailed, which does not tell whether there is such a user: an unknown address, a
    wrong password, an account that was closed and a simulated buyer look alike, and take
    alike, since a password is hashed for each (accounts.backends).
    """
    user = authenticate(username=normalise_email(email), password=password)
    if not isinstance(user, User) or user.is_simulated:
        raise LoginFailed
    return user
