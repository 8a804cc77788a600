"""Who may log in with an e-mail address and a password."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend

__all__ = ["PasswordBackend"]


class PasswordBackend(AuthenticationBackend):  # type: ignore[misc] # allauth publishes no types
    """Everybody with a password, but for simulated buyers and accounts that were closed."""

    def user_can_authenticate(self, user: Any) -> bool:
        """Tell whether the user may log in at all."""
        return not user.is_simulated and bool(super().user_can_authenticate(user))
