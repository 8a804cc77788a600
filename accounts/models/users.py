"""The user: a fan, an organiser or both; the e-mail address is the login."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower, Upper
from django.utils import timezone


@models.CharField.register_lookup
class LastWord(models.Transform):
    """The last word of a text, for people are looked for by it: `name__last_word__istartswith`."""

    lookup_name = "last_word"
    function = "SPLIT_PART"
    template = "%(function)s(%(expressions)s, ' ', -1)"


class UserManager(BaseUserManager["User"]):
    """Make users; Django's commands and forms call these by name."""

    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a user; without a password none can be used to log in."""
        user = self.model(email=normalise_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a user who may do everything."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        """Find a user by e-mail address, however it is capitalised."""
        return self.get(email=normalise_email(username or ""))


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who logs in."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="Works for the platform itself.")
    is_simulated = models.BooleanField(
        default=False, help_text="A buyer of a stampede, not a person: cannot log in."
    )
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")),
                name="user_email_is_lower_case",
            ),
        ]
        # What `istartswith` asks for. No sale writes a name; whoever registers does, once.
        indexes: ClassVar = [
            models.Index(Upper("name"), name="user_name"),
            models.Index(Upper(LastWord("name")), name="user_last_name"),
        ]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        """Normalise the e-mail address."""
        super().clean()
        self.email = normalise_email(self.email)

    @property
    def mailbox(self) -> str:
        """The address that mail can go to; empty for a nameless customer.

        Hers is one that nobody has (`.invalid`, RFC 2606).
        """
        return "" if self.email.endswith(".invalid") else self.email

    @property
    def known_as(self) -> str:
        """How she is named to people: by her name, or her address, or as nobody in particular."""
        return self.name or self.mailbox or "Box office customer"

    @property
    def is_organiser(self) -> bool:
        """Whether the user works for an organisation, at more than its doors."""
        return self.memberships.exclude(role="scanner").exists()

    @property
    def may_scan(self) -> bool:
        """Whether the user lets people in at an organisation's doors."""
        return self.memberships.exclude(role="viewer").exists()


def normalise_email(email: str) -> str:
    """Return the one form of an e-mail address that is stored: trimmed, in lower case."""
    return email.strip().lower()
