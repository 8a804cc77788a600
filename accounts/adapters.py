"""What allauth asks us: how its mails go out, how its secrets are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.utils import timezone

from accounts.tokens import revoke_all_tokens
from accounts.two_factor import SEALED_FOR, may_switch_off
from worldseat.mail import send_mail_later
from worldseat.sealing import box

__all__ = ["AccountAdapter", "TwoFactorAdapter"]

# allauth's template -> ours, and what holds the link.
_LINKS = {
    "account/email/email_confirmation": ("confirm_email", "activate_url"),
    "account/email/email_confirmation_signup": ("confirm_email", "activate_url"),
    "account/email/password_reset_key": ("reset_password", "password_reset_url"),
}

_NOTICES = {
    "account/email/password_changed": "Your password was changed",
    "account/email/password_reset": "Your password was changed",
    "account/email/password_set": "Your account has a password now",
    "account/email/email_changed": "The e-mail address of your account was changed",
    "account/email/email_confirm": "Your e-mail address was confirmed",
    "account/email/email_deleted": "An e-mail address was removed from your account",
    "mfa/email/totp_activated": "Two-factor sign-in with an app was switched on",
    "mfa/email/totp_deactivated": "Two-factor sign-in with an app was switched off",
    "mfa/email/recovery_codes_generated": "New recovery codes were made for your account",
    "mfa/email/webauthn_added": "A security key was added to your account",
    "mfa/email/webauthn_removed": "A security key was removed from your account",
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth publishes no types
    """Accounts, the way this site has them."""

    def send_mail(self, template_prefix: str, email: str, context: Mapping[str, Any]) -> None:
        """Send one of allauth's mails as one of ours: by Celery, in our words and look."""
        if template_prefix in _LINKS:
            template, link = _LINKS[template_prefix]
            send_mail_later(template=template, to=email, context={"url": context[link]})
            return
        happened = _NOTICES.get(template_prefix, "The way you log in was changed")
        send_mail_later(
            template="account_notice",
            to=email,
            context={
                "happened": happened,
                "when": f"{timezone.now():%-d %B %Y, %H:%M} UTC",
                "address": context.get("ip") or "",
            },
        )

    def set_password(self, user: Any, password: str) -> None:
        """Set a password, and end what somebody else may have begun with the old one."""
        super().set_password(user, password)
        revoke_all_tokens(user_id=user.pk)


class TwoFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc] # allauth publishes no types
    """Two-factor sign-in: its secrets are encrypted, under a key made of SECRET_KEY."""

    def encrypt(self, text: str) -> str:
        """Return what is stored."""
        return box(SEALED_FOR).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the secret; the keys of SECRET_KEY_FALLBACKS still open it."""
        return box(SEALED_FOR).decrypt(encrypted_text.encode()).decode()

    def can_delete_authenticator(self, authenticator: Any) -> bool:
        """Keep what an organisation requires of the user."""
        return may_switch_off(authenticator=authenticator)
