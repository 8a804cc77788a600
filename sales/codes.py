"""Presale codes: who has one may buy before the on-sale, or in a category of its own.

A cap is held as the limits are (`sales.limits`): every sale under a capped code writes the
code's row, whose `used` is never too low, and what the code has sold is counted anew when the
cap would be passed. A code without a cap is only read, so its buyers do not meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F
from django.db.models.functions import Greatest

from sales.events import NotOnSale, check_on_sale
from sales.models import (
    KEEPS_SEATS,
    Event,
    EventState,
    HeldSeat,
    Hold,
    HoldState,
    PresaleCode,
    Seat,
    Ticket,
    TicketState,
)

__all__ = [
    "CodeExhausted",
    "CodeRequired",
    "check_code",
    "find_code",
    "give_back_code",
    "opened_by_codes",
    "use_code",
]

# How many expired holds are ended at once to make room under a cap.
EXPIRED_AT_ONCE = 500


class CodeRequired(Exception):
    """These seats are sold only under a presale code that is valid for them now."""


class CodeExhausted(Exception):
    """As many tickets were sold under the code as it allows."""

    def __init__(self, code: PresaleCode) -> None:
        super().__init__(f"The code {code.code} is good for {code.cap} tickets, and they are gone.")
        self.code = code


def find_code(event: Event, text: str, *, now: datetime) -> PresaleCode | None:
    """Return the code a fan typed, or None for none; raises CodeRequired unless it is valid now.

    Capitals do not matter, nor does space around it.
    """
    wanted = text.strip().upper()
    if not wanted:
        return None
    code = PresaleCode.objects.filter(event=event, code=wanted).first()
    if code is None:
        raise CodeRequired("The event has no such code.")
    if code.disabled_at is not None:
        raise CodeRequired("The code was withdrawn.")
    if not code.valid_from <= now < code.valid_until:
        raise CodeRequired("The code is not valid at this time.")
    return code


def check_code(
    event: Event, seats: Sequence[Seat], code: PresaleCode | None, *, now: datetime
) -> None:
    """Raise NotOnSale or CodeRequired unless these seats sell now, under this code.

    Before the on-sale a valid code opens the sale of the seats it is good for.
    """
    good_for = [code is not None and code.category_id in (None, seat.category_id) for seat in seats]
    if code is not None and not all(good_for):
        raise CodeRequired(f"The code {code.code} is not good for all of these seats.")
    if event.on_sale_at > now and event.state == EventState.PUBLISHED and code is not None:
        check_on_sale(event, now=event.on_sale_at)
    else:
        _check_on_sale_or_presale(event, now=now)
    if code is None and any(seat.category.code_required for seat in seats):
        raise CodeRequired("Some of these seats are sold only under a presale code.")


def _check_on_sale_or_presale(event: Event, *, now: datetime) -> None:
    """Raise NotOnSale, or CodeRequired where a code would open the sale."""
    try:
        check_on_sale(event, now=now)
    except NotOnSale:
        early = now < event.on_sale_at and event.state == EventState.PUBLISHED
        if early and opened_by_codes(event, now=now):
            raise CodeRequired("Until the on-sale, seats are sold only under a code.") from None
        raise


def opened_by_codes(event: Event, *, now: datetime) -> bool:
    """Tell whether some code of an event is good now."""
    valid = PresaleCode.objects.filter(event=event, valid_from__lte=now, valid_until__gt=now)
    return bool(event.plan_id) and valid.filter(disabled_at=None).exists()


def use_code(code: PresaleCode | None, seats: int, *, now: datetime) -> None:
    """Count some more seats under a code, in the transaction of the sale; raises CodeExhausted."""
    if code is None or code.cap is None:
        return
    if code.used + seats > code.cap:
        code.used = _seats_under(code, now=now)
        if code.used + seats > code.cap:
            raise CodeExhausted(code)
    code.used += seats
    # Naive like the sale of a seat: whoever read the same `used` wrote the same row.
    code.save(update_fields=["used"])


def give_back_code(code: PresaleCode | None, seats: int) -> None:
    """Count some seats under a code less, in the transaction that frees them."""
    if code is not None and code.cap is not None:
        PresaleCode.objects.filter(pk=code.pk).update(used=Greatest(F("used") - seats, 0))


def _seats_under(code: PresaleCode, *, now: datetime) -> int:
    """Count the valid tickets and held seats under a code, after ending expired holds of it."""
    holds = Hold.objects.filter(code=code, state__in=KEEPS_SEATS)
    expired = list(holds.filter(expires_at__lte=now).values_list("pk", flat=True)[:EXPIRED_AT_ONCE])
    Hold.objects.filter(pk__in=expired).update(state=HoldState.EXPIRED)
    tickets = Ticket.objects.filter(code=code, state=TicketState.VALID)
    return tickets.count() + HeldSeat.objects.filter(hold__in=holds).count()
