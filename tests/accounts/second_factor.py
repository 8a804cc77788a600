"""Two-factor sign-in in tests: switched on, and its codes."""

from __future__ import annotations

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)

from accounts.models import User

__all__ = ["code_of", "switch_on", "wrong_codes"]


def switch_on(user: User) -> tuple[str, list[str]]:
    """Give a user an authenticator app; return its secret and her recovery codes."""
    secret: str = generate_totp_secret()
    TOTP.activate(user, secret)
    codes: list[str] = RecoveryCodes.activate(user).get_unused_codes()
    return secret, codes


def code_of(secret: str) -> str:
    """Return what the app shows now."""
    counters = list(yield_hotp_counters_from_time())
    # The middle one is this half minute's: an older one may be too old when it is looked at.
    counter = counters[len(counters) // 2]
    return str(format_hotp_value(hotp_value(secret, counter)))


def wrong_codes(secret: str, number: int) -> list[str]:
    """Return codes that the app shows neither now nor within some minutes."""
    counters = list(yield_hotp_counters_from_time())
    near = range(counters[0] - 10, counters[-1] + 11)
    shown = {int(hotp_value(secret, counter)) for counter in near}
    return [f"{code:06}" for code in range(1000) if code not in shown][:number]
