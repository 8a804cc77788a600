"""Who sends a request: `Authorization: Bearer <token>`, a user's token or an API key."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from accounts import guests
from accounts.api.permissions import MayBuy, scope_of
from accounts.api_keys import PREFIX, BadApiKey, authenticate
from accounts.models import ApiKey, ApiKeyUser, GuestUser, User
from accounts.tokens import SIMULATED

__all__ = ["ApiKeyAuthentication", "BearerAuthentication", "GuestAuthentication", "logged_in"]


def logged_in(request: Request) -> User:
    """Return the user of a request that only users may send (as its permissions say).

    An API key has a user of its own, which `by` and `fan_id` may name.
    """
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


class BearerAuthentication(TokenAuthentication):  # type: ignore[misc] # knox publishes no types
    """Knox's tokens, read with one query and nothing written.

    Knox itself looks at all of the user's tokens at each request and deletes those that have
    expired: a second round trip, and a write that may conflict. Ours are deleted when a new
    one is issued (accounts.tokens).
    """

    def authenticate_credentials(self, token: bytes) -> tuple[Any, Any]:
        """Return the user and her token; raises AuthenticationFailed."""
        if not token.isascii() or b"\0" in token:
            raise AuthenticationFailed("Invalid token.")
        user, auth_token = super().authenticate_credentials(token)
        return user, auth_token

    def validate_user(self, auth_token: Any) -> tuple[Any, Any]:
        """Refuse accounts that were closed; simulated buyers have tokens of their own kind."""
        if auth_token.user.is_simulated != auth_token.token_key.startswith(SIMULATED):
            raise AuthenticationFailed("Invalid token.")
        user, token = super().validate_user(auth_token)
        return user, token

    def _cleanup_token(self, auth_token: Any) -> bool:
        """Tell whether the token has expired."""
        return auth_token.expiry is not None and auth_token.expiry < timezone.now()


class ApiKeyAuthentication(BaseAuthentication):
    """API keys, known by how they begin: a user's token is not looked for among them.

    `request.auth` is the ApiKey, `request.user` its user, whom only `HasScope` admits.
    """

    def authenticate(self, request: Request) -> tuple[ApiKeyUser, ApiKey] | None:
        """Return the key and its user, None for what is no key; raises AuthenticationFailed."""
        secret = _bearer(request)
        if not secret.startswith(PREFIX):
            return None
        try:
            key = authenticate(secret=secret, now=timezone.now())
        except BadApiKey as error:
            raise AuthenticationFailed(error.__doc__) from None
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        """Return what a 401 asks for."""
        return "Bearer"


class GuestAuthentication(BaseAuthentication):
    """Guests' tokens, known by how they begin; only `MayBuy` admits who sends one."""

    def authenticate(self, request: Request) -> tuple[GuestUser, str] | None:
        """Return the guest, None for what is no such token; raises AuthenticationFailed."""
        token = _bearer(request)
        if not token.startswith(guests.PREFIX):
            return None
        try:
            guest = guests.read_token(token=token, now=timezone.now())
        except guests.BadGuestToken as error:
            raise AuthenticationFailed(error.__doc__) from None
        return guest, token

    def authenticate_header(self, request: Request) -> str:
        """Return what a 401 asks for."""
        return "Bearer"


def _bearer(request: Request) -> str:
    kind, _, token = get_authorization_header(request).strip().partition(b" ")
    return token.strip().decode("latin-1") if kind.lower() == b"bearer" else ""


def _http_bearer(description: str) -> dict[str, str]:
    """Return a security scheme of OpenAPI."""
    return {"type": "http", "scheme": "bearer", "description": description}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # registers itself
    """Describe the tokens, for OpenAPI."""

    target_class = BearerAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the security scheme."""
        return _http_bearer("A token from `POST /api/v1/auth/token`.")


class GuestScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # registers itself
    """Describe guests' tokens."""

    target_class = GuestAuthentication
    name = "guest"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the security scheme."""
        return _http_bearer("A guest's token from `POST /api/v1/auth/guest`: it buys, for an hour.")

    def get_security_requirement(self, auto_schema: Any) -> Any:
        """Say so for the operations that guests may use."""
        found = (
            each
            for each in auto_schema.view.permission_classes
            if isinstance(each, type) and issubclass(each, MayBuy)
        )
        allowed = any(auto_schema.method in each.guests_methods for each in found)
        return {self.name: []} if allowed else None


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # registers itself
    """Describe the API keys, and which scope an operation asks for."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the security scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": f"An organisation's API key (`{PREFIX}...`), made in the admin. The "
            "names in an operation's requirement are the scopes that the key has to have.",
        }

    def get_security_requirement(self, auto_schema: Any) -> Any:
        """Return the scope; None for operations that take no keys."""
        asked = scope_of(auto_schema.view, auto_schema.method)
        return {self.name: [str(asked.scope)]} if asked else None
