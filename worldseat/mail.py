"""E-mail: rendered from templates/email/, sent by Celery, tried again until the server takes it.

`send_mail_later` is for what a transaction decided: nothing is queued before it has committed,
and nothing at all when it did not. A mail that must not be lost even when the broker is down at
that instant is written to the outbox instead (sales.outbox), in the transaction itself.
"""

from __future__ import annotations

import base64
import json
import logging
import smtplib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template import Context
from django.template.loader import get_template
from django.utils import timezone

from worldseat.local import state

__all__ = [
    "Attachment",
    "Mail",
    "is_refused_for_good",
    "render_mail",
    "send_mail_later",
    "send_now",
    "site_url",
]

# File name, content, media type.
Attachment: TypeAlias = tuple[str, bytes, str]

# Names that no mail server has (RFC 2606, RFC 6761): a stampede's buyers live there.
_NOWHERE = (".invalid",)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Mail:
    """What a mail says."""

    subject: str
    text: str
    html: str


def send_mail_later(
    *,
    template: str,
    to: str,
    context: Mapping[str, Any],
    attachments: Sequence[Attachment] = (),
    reply_to: str = "",
) -> None:
    """Have a mail sent when the transaction around this has committed, or at once outside of one.

    `template` names templates/email/<template>.subject.txt, .txt and .html, which a worker renders
    when it sends; so `context` is JSON (ids and times as texts), and holds no secret that a broker
    should not see but links made for this mail. The templates know `site_url` too.

    When the broker is out of reach the mail is not sent, which is logged, and nothing is raised:
    what was committed stays.

    Raises TypeError for a context that is not JSON, TemplateDoesNotExist; at once, not later.
    """
    _check_templates(template)
    arguments = {
        "template": template,
        "to": to,
        "context": json.loads(json.dumps(context)),
        "attachments": [
            (name, base64.b64encode(content).decode(), kind) for name, content, kind in attachments
        ],
        "reply_to": reply_to,
        "message_id": uuid.uuid4().hex,
    }
    transaction.on_commit(partial(_queue, arguments))


def _check_templates(template: str) -> None:
    for suffix in ("subject.txt", "txt", "html"):
        get_template(f"email/{template}.{suffix}")


def _queue(arguments: Mapping[str, Any]) -> None:
    try:
        from worldseat.tasks import send_mail  # only here: Celery is large, and few processes mail

        send_mail.apply_async(kwargs=dict(arguments), retry=False)
    except Exception:
        # After a COMMIT, whatever the broker's client raises: what was committed stands, and its
        # answer must say so.
        _log.exception("The mail %s to %s was not sent.", arguments["template"], arguments["to"])


def is_refused_for_good(error: BaseException) -> bool:
    """Tell whether a mail server said 5xx: it would say so again (RFC 5321, 4.2.1)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    # A wrong password is the operator's to put right; until then the mail waits.
    known = isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPDataError)
    return known and getattr(error, "smtp_code", 0) >= 500


def send_now(
    *,
    template: str,
    to: str,
    context: Mapping[str, Any],
    attachments: Sequence[Attachment] = (),
    reply_to: str = "",
    message_id: str,
) -> bool:
    """Render and send a mail here and now; return whether anybody lives at the address.

    For tasks, outside of transactions. The same `message_id` (a word) in a second try lets mail
    programs show one mail. Raises OSError and smtplib.SMTPException.
    """
    if to.endswith(_NOWHERE):
        return False
    mail = render_mail(template=template, context=context)
    message = EmailMultiAlternatives(
        subject=mail.subject,
        body=mail.text,
        to=[to],
        reply_to=[reply_to] if reply_to else None,
        headers={
            "Message-ID": f"<{message_id}@{_domain()}>",
            "Auto-Submitted": "auto-generated",  # RFC 3834: no out-of-office answers to it
        },
    )
    message.attach_alternative(mail.html, "text/html")
    for name, content, kind in attachments:
        message.attach(name, content, kind)
    message.send()
    return True


def _domain() -> str:
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip("> ") or "localhost"


def render_mail(*, template: str, context: Mapping[str, Any]) -> Mail:
    """Render a mail's subject (one line), text and HTML; only the HTML is escaped."""
    values = {"site_url": site_url(), "year": timezone.now().year, **context}
    subject = _render(f"email/{template}.subject.txt", values, escape=False)
    values["subject"] = " ".join(subject.split())
    return Mail(
        subject=values["subject"],
        text=_render(f"email/{template}.txt", values, escape=False).strip() + "\n",
        html=_render(f"email/{template}.html", values, escape=True),
    )


def _render(name: str, values: Mapping[str, Any], *, escape: bool) -> str:
    # Django escapes HTML in whatever it renders, in plain texts too.
    template: Any = get_template(name)
    text: str = template.template.render(Context(dict(values), autoescape=escape))
    return text


def site_url() -> str:
    """Return the address of the site for links in mails, without a slash at the end: SITE_URL."""
    if settings.SITE_URL:
        return str(settings.SITE_URL)
    # The demo's web server may have got another port than its workers could know at start.
    return str((state.read() or {}).get("web_url") or "http://127.0.0.1:8000")
