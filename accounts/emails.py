"""E-mail addresses of accounts: confirmed by a link, as allauth keeps them."""

from __future__ import annotations

from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.urls import reverse

from accounts.models import User
from worldseat.mail import send_mail_later, site_url

__all__ = ["add_address", "is_confirmed", "mark_confirmed", "send_confirmation"]


def add_address(user: User) -> EmailAddress:
    """Note a new user's address, unconfirmed, in the caller's transaction."""
    found = EmailAddress.objects.filter(user_id=user.pk, email=user.email).first()
    if found is None:
        found = EmailAddress.objects.create(user_id=user.pk, email=user.email, primary=True)
    return found


def send_confirmation(address: EmailAddress) -> None:
    """Send the link that confirms an address, after the transaction."""
    key = EmailConfirmationHMAC(address).key
    url = f"{site_url()}{reverse('account_confirm_email', args=[key])}"
    send_mail_later(template="confirm_email", to=address.email, context={"url": url})


def mark_confirmed(user: User) -> None:
    """Note that a user reads the mail of her address, in the caller's transaction."""
    address = add_address(user)
    if not address.verified:
        address.verified = address.primary = True
        address.save(update_fields=["verified", "primary"])


def is_confirmed(user: User) -> bool:
    """Tell whether a user has shown that she reads the mail of her address."""
    return bool(EmailAddress.objects.filter(user_id=user.pk, email=user.email, verified=True))
