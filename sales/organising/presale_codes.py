"""Presale codes for organisers: made in bulk, listed with what went under them, withdrawn.

What a code is good for is decided where it is used (`sales.codes`). A code that is withdrawn
opens nothing more; who holds seats under it pays them as before.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import Count, Q, QuerySet

from accounts.audit import record
from accounts.models import Role
from sales.back_office.exports import Cell, Columns, utc
from sales.idempotency import Answer, RequestKey, store_answer, stored_answer
from sales.models import (
    HeldSeat,
    HoldState,
    PresaleCode,
    PriceCategory,
    Ticket,
    TicketState,
)
from sales.organising.rights import managed_event
from worldseat.dsql.occ import occ_retry

__all__ = [
    "COLUMNS",
    "MOST_AT_ONCE",
    "BadCodes",
    "CodeLine",
    "CodePage",
    "CodeRules",
    "code_page",
    "code_rows",
    "make_codes",
    "open_by_code",
    "withdraw_codes",
]

# Under the rows that a transaction may change, and few enough to be read.
MOST_AT_ONCE = 2000
CODES_A_PAGE = 100
_ENDING = 8
# No I, L, O, U, 0, 1: codes are read out and typed. 30 characters, 8 of them: 39 bits.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

COLUMNS: Columns = (
    *("code", "category", "valid_from", "valid_until"),
    *("cap", "sold", "held", "withdrawn_at"),
)


class BadCodes(ValueError):
    """The codes cannot be made so. Nothing was changed."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True)
class CodeRules:
    """What each of some new codes is good for: a category or, without one, all that sell.

    `cap`: tickets that may go under each of them; None: any number.
    """

    valid_from: datetime
    valid_until: datetime
    cap: int | None = None
    category_id: UUID | None = None


@dataclass(frozen=True)
class CodeLine:
    """A code, how many valid tickets went under it, and how many seats are held under it now."""

    code: PresaleCode
    sold: int
    held: int


@dataclass(frozen=True)
class CodePage:
    """Some codes by their text; `following` is where the next page begins, empty on the last."""

    lines: Sequence[CodeLine]
    following: str


def make_codes(
    *,
    event_id: UUID,
    user: Any,
    text: str,
    number: int,
    rules: CodeRules,
    now: datetime,
    request: RequestKey | None = None,
) -> list[PresaleCode]:
    """Make one code that is `text`, or a number of codes that begin with it and end at random.

    Done once for a `request`; then nothing is returned. Raises EventNotFound, RoleTooLow,
    KeyReused, and BadCodes.
    """
    try:
        return _make(event_id, user, text.strip().upper(), number, rules, now, request)
    except IntegrityError:
        # Somebody else made it between the look and the write.
        raise BadCodes("text", "The event has such a code already.") from None


@occ_retry()
def _make(
    event_id: UUID,
    user: Any,
    text: str,
    number: int,
    rules: CodeRules,
    now: datetime,
    request: RequestKey | None,
) -> list[PresaleCode]:
    if request is not None and stored_answer(request, now=now) is not None:
        return []
    event = managed_event(event_id=event_id, user=user)
    category = _category(event_id, rules.category_id)
    made = [
        PresaleCode(
            event=event,
            category=category,
            code=each,
            valid_from=rules.valid_from,
            valid_until=rules.valid_until,
            cap=rules.cap,
        )
        for each in _texts(text, number)
    ]
    _validate(made)
    PresaleCode.objects.bulk_create(made)
    record(
        organisation_id=event.organisation_id,
        actor=user,
        action="codes.made",
        subject=event,
        changes={
            "code": [None, made[0].code if number == 1 else f"{text}…"],
            "number": [None, number],
            "cap": [None, rules.cap],
            "category": [None, category and category.name],
        },
        now=now,
    )
    if request is not None:
        store_answer(request, Answer(201, {"number": number}), now=now)
    return made


def _category(event_id: UUID, category_id: UUID | None) -> PriceCategory | None:
    if category_id is None:
        return None
    found = PriceCategory.objects.filter(event=event_id, pk=category_id).first()
    if found is None:
        raise BadCodes("category", "The event has no such category.")
    return found


def _texts(text: str, number: int) -> list[str]:
    """Return the texts of new codes, no two the same."""
    if not 1 <= number <= MOST_AT_ONCE:
        raise BadCodes("number", f"From 1 to {MOST_AT_ONCE:,} codes can be made at once.")
    if number == 1 and text:
        return [text]
    made: set[str] = set()
    while len(made) < number:
        made.add(text + "".join(secrets.choice(_ALPHABET) for _ in range(_ENDING)))
    return sorted(made)


def _validate(made: Sequence[PresaleCode]) -> None:
    """Look at the longest fields and the times of the first: they all have the same."""
    first = made[0]
    if first.valid_until <= first.valid_from:
        raise BadCodes("valid_until", "A code has to end after it starts.")
    if first.cap is not None and first.cap < 1:
        raise BadCodes("cap", "At least one ticket; leave it out for any number.")
    try:
        first.clean_fields(exclude=["event", "category"])
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise BadCodes("text" if field == "code" else field, messages[0]) from None
    there = PresaleCode.objects.filter(event=first.event, code__in=[each.code for each in made])
    if taken := there.values_list("code", flat=True).first():
        raise BadCodes("text", f"The event has the code {taken} already.")


@occ_retry(repeatable=True)
def code_page(
    *,
    event_id: UUID,
    user: Any,
    now: datetime,
    words: str = "",
    after: str = "",
    limit: int = CODES_A_PAGE,
) -> CodePage:
    """Return codes of an event that begin with some words, `after` a code, by their text.

    Raises EventNotFound, and RoleTooLow below the box office: a code lets its reader buy.
    """
    event = managed_event(event_id=event_id, user=user, role=Role.BOX_OFFICE)
    codes = PresaleCode.objects.filter(event=event).select_related("category")
    if words.strip():
        codes = codes.filter(code__startswith=words.strip().upper())
    found = list(codes.filter(code__gt=after).order_by("code")[: limit + 1])
    following = found[limit - 1].code if len(found) > limit else ""
    return CodePage(_counted(found[:limit], now), following)


def _counted(codes: Sequence[PresaleCode], now: datetime) -> list[CodeLine]:
    """Count what went under codes: `used` is kept for those with a cap only, and rounded up."""
    tickets = Ticket.objects.filter(code__in=codes, state=TicketState.VALID)
    keeps = Q(hold__state=HoldState.PAYING) | Q(
        hold__state=HoldState.ACTIVE, hold__expires_at__gt=now
    )
    held = HeldSeat.objects.filter(keeps, hold__code__in=codes)
    sold_by, held_by = _by(tickets, "code_id"), _by(held, "hold__code_id")
    return [CodeLine(each, sold_by.get(each.pk, 0), held_by.get(each.pk, 0)) for each in codes]


def _by(rows: QuerySet[Any], field: str) -> dict[UUID, int]:
    return dict(rows.order_by().values_list(field).annotate(number=Count("pk")))


def code_rows(*, event_id: UUID, user: Any, now: datetime) -> Iterator[Sequence[Cell]]:
    """Yield the rows of COLUMNS for all codes of an event; raises as `code_page` does."""
    page = code_page(event_id=event_id, user=user, now=now)
    while True:
        for line in page.lines:
            code = line.code
            yield (
                code.code,
                code.category.name if code.category else None,
                utc(code.valid_from),
                utc(code.valid_until),
                code.cap,
                line.sold,
                line.held,
                utc(code.disabled_at),
            )
        if not page.following:
            return
        page = code_page(event_id=event_id, user=user, now=now, after=page.following)


@occ_retry(repeatable=True)
def withdraw_codes(
    *, event_id: UUID, user: Any, code_ids: Sequence[UUID], withdrawn: bool, now: datetime
) -> int:
    """Withdraw some of an event's codes, or let them be good again; return how many changed.

    Ids that are no codes of the event's change nothing. Raises EventNotFound and RoleTooLow.
    """
    event = managed_event(event_id=event_id, user=user)
    codes = PresaleCode.objects.filter(event=event, pk__in=code_ids[:MOST_AT_ONCE])
    codes = codes.filter(disabled_at__isnull=withdrawn)
    texts = sorted(codes.values_list("code", flat=True))
    if not texts:
        return 0
    changed = codes.update(disabled_at=now if withdrawn else None)
    record(
        organisation_id=event.organisation_id,
        actor=user,
        action="codes.withdrawn" if withdrawn else "codes.renewed",
        subject=event,
        changes={"codes": ", ".join(texts), "number": changed},
        now=now,
    )
    return changed


@occ_retry(repeatable=True)
def open_by_code(
    *, event_id: UUID, user: Any, category_ids: Sequence[UUID], now: datetime
) -> list[PriceCategory]:
    """Sell these categories under a code only, all others of the event to everybody.

    What is held keeps. Return the categories that changed. Raises EventNotFound, RoleTooLow.
    """
    event = managed_event(event_id=event_id, user=user)
    changed = []
    for category in event.categories.all():
        wanted = category.pk in category_ids
        if category.code_required == wanted:
            continue
        category.code_required = wanted
        category.save(update_fields=["code_required"])
        record(
            organisation_id=event.organisation_id,
            actor=user,
            action="category.changed",
            subject=category,
            changes={"code_required": [not wanted, wanted]},
            now=now,
        )
        changed.append(category)
    return changed
