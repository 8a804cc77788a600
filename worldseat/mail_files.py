"""E-mails as files, for one machine: an .eml each, which every mail program opens."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

__all__ = ["EmailBackend"]


class EmailBackend(BaseEmailBackend):
    """Write each message to a file of its own in EMAIL_FILE_PATH, readable by its owner alone.

    Django's own `filebased` backend appends to one log, which no mail program reads.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the messages; return how many."""
        folder = Path(str(settings.EMAIL_FILE_PATH))
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for message in email_messages:
            content: Any = message.message()
            name = f"{timezone.now():%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:8]}.eml"
            path = folder / name
            path.touch(mode=0o600)
            path.write_bytes(content.as_bytes(linesep="\r\n"))
        return len(email_messages)
