"""Who sends a request: `Authorization: Bearer <token>`."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from accounts.models import User
from accounts.tokens import SIMULATED

__all__ = ["BearerAuthentication", "logged_in"]


def logged_in(request: Request) -> User:
    """Return the user of a request that only users may send (as its permissions say)."""
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


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # registers itself
    """Describe the tokens, for OpenAPI."""

    target_class = BearerAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the security scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token from `POST /api/v1/auth/token`.",
        }
