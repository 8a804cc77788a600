"""The project's own Celery task: sending a mail that was queued."""

from __future__ import annotations

import base64
import logging
import smtplib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from worldseat.celery import app
from worldseat.mail import is_refused_for_good, send_now

__all__ = ["send_mail"]

# Of one mail: 4 s, 8 s, ... half an hour, five hours in all; each wait is jittered.
_RETRIES = 16
_LONGEST_WAIT_SECONDS = 1800

_log = logging.getLogger(__name__)


@app.task(
    name="worldseat.send_mail",
    bind=True,
    acks_late=True,
    max_retries=_RETRIES,
    ignore_result=True,
)
def send_mail(
    task: Any,
    *,
    template: str,
    to: str,
    context: Mapping[str, Any],
    attachments: Sequence[tuple[str, str, str]],
    reply_to: str,
    message_id: str,
) -> None:
    """Send a mail; try again later when the server is out of reach or says "not now"."""
    try:
        send_now(
            template=template,
            to=to,
            context=context,
            attachments=[
                (name, base64.b64decode(content), kind) for name, content, kind in attachments
            ],
            reply_to=reply_to,
            message_id=message_id,
        )
    except (OSError, smtplib.SMTPException) as error:
        if is_refused_for_good(error):
            _log.error("The mail %s to %s was refused: %s", template, to, error)
            return
        wait = min(4 * 2**task.request.retries, _LONGEST_WAIT_SECONDS)
        raise task.retry(exc=error, countdown=_jittered(wait)) from error


def _jittered(seconds: float) -> float:
    # A mail server that comes back is not met by all of them at one instant.
    return seconds * (0.75 + 0.5 * (uuid.uuid4().int % 1000) / 1000)
