"""Mails to fans are sent, each until a server takes it; to all of an event in batches."""

from __future__ import annotations

import logging
import random
import smtplib
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from sales.models import Mailing, Order, OrderMail, OrderMailState, OrderState, Refund
from sales.order_mail import compose
from worldseat.dsql.occ import occ_retry
from worldseat.mail import is_refused_for_good, send_now

__all__ = ["send_mails", "write_mailings"]

# A batch of mails to all holders, in one transaction.
_WRITTEN_AT_ONCE = 500
_CLAIMED_AT_ONCE = 5
# Longer than it takes to render and send as many (settings.EMAIL_TIMEOUT is 20 s).
_LEASE = timedelta(minutes=3)
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=15), timedelta(hours=1)
# A day and a half.
_MOST_ATTEMPTS = 40
_RUN_SECONDS = 25.0

_log = logging.getLogger(__name__)


def write_mailings(*, clock: Callable[[], datetime] = timezone.now) -> int:
    """Write the mails of what all holders of an event are told; return how many.

    A batch and the place it came to commit together: who is killed in between, or runs beside
    another, writes nobody a second one.
    """
    written = 0
    for mailing_id in Mailing.objects.filter(done_at__isnull=True).values_list("pk", flat=True):
        while number := _write_batch(mailing_id=mailing_id, now=clock()):
            written += number
    return written


@occ_retry(repeatable=True)
def _write_batch(*, mailing_id: UUID, now: datetime) -> int:
    """Write the next batch; return how many mails, 0 when it was the last one."""
    mailing = Mailing.objects.select_related("happened").get(pk=mailing_id)
    if mailing.done_at is not None:
        return 0
    orders = _orders_to_tell(mailing)[:_WRITTEN_AT_ONCE]
    OrderMail.objects.bulk_create(
        [
            OrderMail(
                happened_id=mailing.happened_id,
                order_id=order_id,
                template="event_changed",
                due_at=now,
                created_at=now,
            )
            for order_id in orders
        ]
    )
    if orders:
        mailing.last_order_id = orders[-1]
        mailing.orders += len(orders)
    else:
        mailing.done_at = now
    mailing.save(update_fields=["last_order_id", "orders", "done_at"])
    return len(orders)


def _orders_to_tell(mailing: Mailing) -> list[UUID]:
    """Return one paid order of each fan, along the primary key.

    Also one whose money went back since: an event that is cancelled may be refunded at once.
    """
    refunds = Refund.objects.filter(
        order_id=OuterRef("pk"), created_at__gte=mailing.happened.created_at
    )
    paid = Order.objects.filter(
        Q(state=OrderState.PAID) | Q(Exists(refunds), state=OrderState.CANCELLED),
        event_id=mailing.event_id,
    )
    earlier = paid.filter(fan_id=OuterRef("fan_id"), pk__lt=OuterRef("pk"))
    found = paid.filter(~Exists(earlier), fan__is_simulated=False).order_by("pk")
    if mailing.last_order_id:
        found = found.filter(pk__gt=mailing.last_order_id)
    return list(found.values_list("pk", flat=True)[:_WRITTEN_AT_ONCE])


def send_mails(*, clock: Callable[[], datetime] = timezone.now) -> int:
    """Send the mails that are due, for some seconds; return how many were taken."""
    until, sent = clock() + timedelta(seconds=_RUN_SECONDS), 0
    while clock() < until and (claimed := _claim(now=clock())):
        for each in claimed:
            sent += _send(each, clock)
    return sent


@occ_retry(repeatable=True)
def _claim(*, now: datetime) -> list[OrderMail]:
    """Lease some mails that are due to this worker."""
    due = OrderMail.objects.filter(state=OrderMailState.PENDING, due_at__lte=now)
    related = due.select_related("happened", "order__event__venue")
    claimed = list(related.order_by("due_at")[:_CLAIMED_AT_ONCE])
    for each in claimed:
        each.attempts += 1
        each.due_at = now + _LEASE
    if claimed:
        OrderMail.objects.bulk_update(claimed, ["attempts", "due_at"])
    return claimed


def _send(mail: OrderMail, clock: Callable[[], datetime]) -> bool:
    try:
        if composed := compose(mail):
            send_now(
                template=composed.template,
                to=composed.to,
                context=composed.context,
                attachments=composed.attachments,
                message_id=mail.pk.hex,
            )
    except Exception as error:
        trace = None if isinstance(error, OSError | smtplib.SMTPException) else error
        _log.warning("Mail %s was not taken: %s", mail.pk, error, exc_info=trace)
        over = is_refused_for_good(error) or mail.attempts >= _MOST_ATTEMPTS
        state = OrderMailState.FAILED if over else OrderMailState.PENDING
        wait = min(_FIRST_WAIT * 2 ** min(mail.attempts - 1, 12), _LONGEST_WAIT)
        due = clock() + wait * random.uniform(0.8, 1.2)  # noqa: S311 # no secret
        _note(mail_id=mail.pk, state=state, due=due, now=clock())
        return False
    _note(mail_id=mail.pk, state=OrderMailState.SENT, due=mail.due_at, now=clock())
    return True


@occ_retry(repeatable=True)
def _note(*, mail_id: UUID, state: OrderMailState, due: datetime, now: datetime) -> None:
    """Write down what became of a mail, unless somebody else has sent it meanwhile."""
    pending = OrderMail.objects.filter(pk=mail_id, state=OrderMailState.PENDING)
    if state == OrderMailState.SENT:
        pending.update(state=state, sent_at=now)
    else:
        pending.update(state=state, due_at=due)
