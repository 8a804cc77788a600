"""Users and tokens as JSON."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from accounts.models import User
from worldseat.api.parsing import StrictSerializer, TextField

__all__ = ["CredentialsIn", "GuestIn", "RegistrationIn", "TokenOut", "UserOut"]

# Hashing a password takes time that grows with it: this bounds it.
LONGEST_PASSWORD = 1024


class EmailField(TextField, serializers.EmailField):
    """An e-mail address, as text."""


class RegistrationIn(StrictSerializer):
    """A new account."""

    email = EmailField(max_length=254)
    password = TextField(max_length=LONGEST_PASSWORD, trim_whitespace=False)
    name = TextField(max_length=200)


class CredentialsIn(StrictSerializer):
    """What one logs in with; an address that is none is as wrong as an unknown one."""

    email = TextField(max_length=254)
    password = TextField(max_length=LONGEST_PASSWORD, trim_whitespace=False)
    code = TextField(
        max_length=20,
        required=False,
        help_text="For accounts with two-factor sign-in: a code of the app, or a recovery code.",
    )


class GuestIn(StrictSerializer):
    """Where the tickets are sent, and for whom."""

    email = EmailField(max_length=254)
    name = TextField(max_length=200)


class UserOut(serializers.ModelSerializer[User]):
    """Oneself."""

    class Meta:
        model = User
        fields: ClassVar = ["id", "email", "name", "date_joined"]
        read_only_fields: ClassVar = fields


class TokenOut(serializers.Serializer[Any]):
    """A token, shown this once."""

    token = serializers.CharField()
    expires_at = serializers.DateTimeField()
