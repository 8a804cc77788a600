"""`manage.py reseal_webhooks`: encrypt webhooks' secrets under a SECRET_KEY that has changed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from accounts.scopes import everywhere
from sales.telling.endpoints import reseal_secrets


class Command(BaseCommand):
    """Seal the secrets anew."""

    help = (
        "Encrypt the webhooks' secrets under SECRET_KEY; the old key is in SECRET_KEY_FALLBACKS "
        "until then. May be stopped and run again."
    )

    @everywhere()
    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say of how many."""
        self.stdout.write(f"The secrets of {reseal_secrets()} webhooks are sealed under the key.")
