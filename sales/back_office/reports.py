"""What an event took, by day, category and price type: to the cent what the ledger says.

The ledger has a line an order and an event of its life; the report needs tickets. So each line of
the ledger is told by tickets here:

- a sale is the tickets that were written at its instant;
- an exchange takes the old ticket's price away from its category, and adds the new one's;
- a refund goes, to the cent, to the tickets that went void with it, by what they had cost; money
  that goes back alone, to the tickets that were valid then.

Days are UTC. All is read in one snapshot, the ledger's sum too, and `difference_minor` says how far
they are apart: 0, unless there is a fault (`manage.py check_books` looks closer).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import TruncDay

from sales.models import LedgerEntry, Refund, Ticket
from worldseat.dsql.occ import occ_retry

__all__ = ["Amounts", "Key", "Report", "apportion", "report_of"]


class Key(NamedTuple):
    """What a line of the report is about."""

    day: date
    category: str
    price_type: str
    currency: str


@dataclass
class Amounts:
    """Tickets, and money in minor units: what was asked for (of it fees), and what went back."""

    sold: int = 0
    returned: int = 0
    gross_minor: int = 0
    fees_minor: int = 0
    refunds_minor: int = 0

    @property
    def net_minor(self) -> int:
        """What is left."""
        return self.gross_minor - self.refunds_minor

    def add(self, other: Amounts) -> None:
        """Add another one's numbers."""
        self.sold += other.sold
        self.returned += other.returned
        self.gross_minor += other.gross_minor
        self.fees_minor += other.fees_minor
        self.refunds_minor += other.refunds_minor


@dataclass(frozen=True)
class Report:
    """The lines, by day, category and price type, and what the ledger says (minor units)."""

    lines: dict[Key, Amounts] = field(default_factory=dict)
    ledger_minor: int = 0

    def total(self) -> Amounts:
        """Add all lines up."""
        return _sum(self.lines.values())

    @property
    def difference_minor(self) -> int:
        """How far lines and ledger are apart; 0, unless there is a fault."""
        return self.total().net_minor - self.ledger_minor

    def by_day(self) -> dict[date, Amounts]:
        """Add the lines of each day up."""
        return self._by("day")

    def by_category(self) -> dict[tuple[str, str], Amounts]:
        """Add the lines of each category and price type up."""
        found: dict[tuple[str, str], Amounts] = {}
        for key, amounts in sorted(self.lines.items(), key=lambda line: line[0][1:]):
            found.setdefault((key.category, key.price_type), Amounts()).add(amounts)
        return found

    def _by(self, name: str) -> dict[date, Amounts]:
        found: dict[date, Amounts] = {}
        for key, amounts in sorted(self.lines.items()):
            found.setdefault(getattr(key, name), Amounts()).add(amounts)
        return found


def _sum(amounts: Iterable[Amounts]) -> Amounts:
    total = Amounts()
    for each in amounts:
        total.add(each)
    return total


@occ_retry(repeatable=True)
def report_of(*, event_id: UUID) -> Report:
    """Return the report of an event, from one snapshot.

    Says nothing of who may see it: that is the caller's.
    """
    lines: defaultdict[Key, Amounts] = defaultdict(Amounts)
    for key, amounts in _sales(event_id):
        lines[key].add(amounts)
    for file in _files(event_id):
        for key, amounts in file.moves():
            lines[key].add(amounts)
    said = LedgerEntry.objects.filter(event=event_id).aggregate(sum=Sum("amount_minor"))
    return Report(dict(sorted(lines.items())), said["sum"] or 0)


def _sales(event_id: UUID) -> Iterator[tuple[Key, Amounts]]:
    """Yield what was sold, added up by the database."""
    tickets = Ticket.objects.filter(event=event_id).order_by()
    groups = tickets.values_list(
        TruncDay("created_at", tzinfo=UTC), "seat__category__name", "price_type", "currency"
    ).annotate(
        number=Count("pk"), gross=Sum(F("price_minor") + F("fee_minor")), fees=Sum("fee_minor")
    )
    for day, category, price_type, currency, number, gross, fees in groups:
        amounts = Amounts(sold=number, gross_minor=int(gross), fees_minor=int(fees))
        yield Key(day.date(), category, price_type, currency), amounts


class _Sold(NamedTuple):
    """A ticket of an order of which something came back."""

    order: UUID
    created_at: datetime
    voided_at: datetime | None
    category: str
    price_type: str
    currency: str
    price_minor: int
    fee_minor: int

    @property
    def total_minor(self) -> int:
        return self.price_minor + self.fee_minor

    def key(self, at: datetime) -> Key:
        return Key(at.astimezone(UTC).date(), self.category, self.price_type, self.currency)


class _Back(NamedTuple):
    """What went back of an order at an instant, and what the tickets of it had cost."""

    at: datetime
    amount_minor: int
    tickets_minor: int


@dataclass
class _File:
    """An order of which something came back: all of its tickets, all of its refunds."""

    tickets: list[_Sold] = field(default_factory=list)
    backs: list[_Back] = field(default_factory=list)

    def moves(self) -> Iterator[tuple[Key, Amounts]]:
        """Yield what exchanges and refunds change."""
        first = min(ticket.created_at for ticket in self.tickets)
        # An order sells once; a ticket that is younger came in exchange.
        exchanged = {t.created_at: t for t in self.tickets if t.created_at > first}
        for ticket in self.tickets:
            if (at := ticket.voided_at) is None:
                continue
            if at in exchanged:
                taken = Amounts(
                    sold=-1, gross_minor=-ticket.total_minor, fees_minor=-ticket.fee_minor
                )
                yield ticket.key(at), taken
            else:
                yield ticket.key(at), Amounts(returned=1)
        for back in self.backs:
            if new := exchanged.get(back.at):
                # The prices tell the difference already; what was kept of it is not given back.
                kept = Amounts(refunds_minor=back.amount_minor - back.tickets_minor)
                yield new.key(back.at), kept
            else:
                yield from self._refunded(back)

    def _refunded(self, back: _Back) -> Iterator[tuple[Key, Amounts]]:
        with_it = [ticket for ticket in self.tickets if ticket.voided_at == back.at]
        valid = [
            ticket
            for ticket in self.tickets
            if ticket.created_at <= back.at
            and (ticket.voided_at is None or ticket.voided_at > back.at)
        ]
        of = with_it or valid or self.tickets
        shares = apportion(back.amount_minor, [ticket.total_minor for ticket in of])
        for ticket, share in zip(of, shares, strict=True):
            yield ticket.key(back.at), Amounts(refunds_minor=share)


def apportion(amount: int, weights: Sequence[int]) -> list[int]:
    """Share an amount out by weights, to the unit: the largest remainders get what is left.

    Weights that are all nothing count alike.
    """
    weights = weights if any(weights) else [1] * len(weights)
    total = sum(weights)
    shares = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda at: (-(amount * weights[at] % total), at))
    for at in by_remainder[: amount - sum(shares)]:
        shares[at] += 1
    return shares


def _files(event_id: UUID) -> Iterable[_File]:
    """Read the orders of an event of which something came back."""
    refunds = Refund.objects.filter(order__event=event_id)
    void = Ticket.objects.filter(event=event_id, voided_at__isnull=False)
    tickets = Ticket.objects.filter(
        Q(order__in=refunds.values("order")) | Q(order__in=void.values("order")), event=event_id
    ).order_by("seat__position", "pk")
    files: defaultdict[UUID, _File] = defaultdict(_File)
    columns = ("order", "created_at", "voided_at", "seat__category__name", "price_type", "currency")
    for row in tickets.values_list(*columns, "price_minor", "fee_minor"):
        files[row[0]].tickets.append(_Sold(*row))
    amounts = refunds.order_by("created_at").values_list("order", "created_at")
    for order, at, amount, worth in amounts.annotate(Sum("amount_minor"), Sum("tickets_minor")):
        files[order].backs.append(_Back(at, int(amount), int(worth)))
    return files.values()
