"""A ticket lets one person in, once, whoever scans it, wherever, and however many at once."""

from __future__ import annotations

import threading
from collections import Counter
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from sales.idempotency import Answer, Keyed, RequestKey
from sales.models import Event, Scan, ScanOutcome, Seat, Ticket, TicketState
from sales.scanning import Verdict
from sales.ticket_codes import read_code, sign_code
from sales.tickets import TicketNotFound, TicketUsed, TicketVoid, code_of, reissue
from tests.helpers.admission import make_ticket, scan
from tests.helpers.cast import at_once, make_event
from tests.helpers.lost_commits import first_commit, lose_the_answer
from tests.helpers.purchases import meeting_at

pytestmark = pytest.mark.django_db(transaction=True)

WRITES_THE_TICKET = 'UPDATE "sales_ticket"'
GATES = 8


@pytest.fixture
def ticket(seat: Seat, fay: User) -> Ticket:
    return make_ticket(seat, fay)


def outcome(verdict: Any) -> str:
    assert isinstance(verdict, Verdict), verdict
    return str(verdict.scan.outcome)


def test_admits_once_and_says_where_and_when(ticket: Ticket, bob: User) -> None:
    first = scan(ticket, bob, gate="West")
    second = scan(ticket, bob, gate="East")
    assert [outcome(first), outcome(second)] == ["admitted", "already-admitted"]
    assert isinstance(second, Verdict)
    assert second.admission is not None
    assert second.admission.gate == "West"
    ticket.refresh_from_db()
    assert ticket.admitted_at == second.admission.scanned_at


def test_admits_one_of_many_gates_at_once(ticket: Ticket, bob: User) -> None:
    """All have read that nobody came in with it before any of them writes."""
    all_have_read = threading.Barrier(GATES)
    wait = partial(all_have_read.wait, 60)
    verdicts = at_once(
        [
            partial(
                meeting_at, wait, WRITES_THE_TICKET, partial(scan, ticket, bob, gate=f"Gate {each}")
            )
            for each in range(GATES)
        ]
    )
    assert Counter(map(outcome, verdicts)) == {"admitted": 1, "already-admitted": GATES - 1}
    (admitted,) = Scan.objects.filter(outcome=ScanOutcome.ADMITTED)
    assert {each.admission.gate for each in verdicts if each.admission} == {admitted.gate}  # type: ignore[union-attr] # as asserted
    assert Scan.objects.count() == GATES


def test_the_database_refuses_a_second_admission_too(ticket: Ticket, bob: User) -> None:
    scan(ticket, bob)
    row = Scan.objects.get()
    row.pk = uuid4()
    with pytest.raises(IntegrityError, match="one_admission_a_ticket"), transaction.atomic():
        row.save(force_insert=True)


@pytest.mark.usefixtures("instant_retries")
def test_knows_its_own_admission_again_when_the_answer_was_lost(ticket: Ticket, bob: User) -> None:
    with first_commit(lose_the_answer):
        verdict = scan(ticket, bob)
    assert outcome(verdict) == "admitted"
    assert Scan.objects.count() == 1


def keyed(by: User) -> Keyed[Verdict]:
    request = RequestKey(fan_id=by.pk, key="gate-1-scan-7", fingerprint="f" * 64)
    return Keyed(request, render=lambda verdict: Answer(200, {"outcome": outcome(verdict)}))


def test_repeated_with_its_key_it_answers_the_same(ticket: Ticket, bob: User) -> None:
    assert outcome(scan(ticket, bob, keyed=keyed(bob))) == "admitted"
    assert scan(ticket, bob, keyed=keyed(bob)) == Answer(200, {"outcome": "admitted"})
    assert outcome(scan(ticket, bob)) == "already-admitted"


def test_the_same_key_twice_at_once_is_one_admission(ticket: Ticket, bob: User) -> None:
    both_have_read = threading.Barrier(2)
    call = partial(scan, ticket, bob, keyed=keyed(bob))
    verdicts = at_once(
        [partial(meeting_at, partial(both_have_read.wait, 60), WRITES_THE_TICKET, call)] * 2
    )
    assert {type(each) for each in verdicts} == {Verdict, Answer}, verdicts
    assert Answer(200, {"outcome": "admitted"}) in verdicts
    assert Scan.objects.count() == 1


def test_a_void_ticket_admits_nobody(ticket: Ticket, bob: User) -> None:
    code = read_code(code_of(ticket))
    Ticket.objects.update(state=TicketState.VOID, voided_at=timezone.now())
    assert outcome(scan(ticket, bob, code=code)) == "void"
    assert not Ticket.objects.filter(admitted_at__isnull=False).exists()


def test_is_either_voided_or_used_never_both(ticket: Ticket, bob: User) -> None:
    """What voids a ticket writes its row, as the scan does: one of the two loses."""
    both_have_read = threading.Barrier(2)

    def void() -> int:
        return Ticket.objects.filter(state=TicketState.VALID, admitted_at__isnull=True).update(
            state=TicketState.VOID
        )

    def meet(call: Any) -> Any:
        return meeting_at(partial(both_have_read.wait, 60), WRITES_THE_TICKET, call)

    at_once([partial(meet, partial(scan, ticket, bob)), partial(meet, void)])
    ticket.refresh_from_db()
    used = Scan.objects.filter(outcome=ScanOutcome.ADMITTED).exists()
    assert used == (ticket.admitted_at is not None)
    assert used != (ticket.state == TicketState.VOID)


def test_a_reissued_ticket_admits_with_its_new_code_alone(
    ticket: Ticket, fay: User, bob: User
) -> None:
    old = read_code(code_of(ticket))
    new = reissue(ticket_id=ticket.pk, user=fay, now=timezone.now())
    assert outcome(scan(ticket, bob, code=old)) == "superseded"
    assert outcome(scan(new, bob)) == "admitted"
    assert outcome(scan(ticket, bob, code=old)) == "superseded"
    with pytest.raises(TicketUsed):
        reissue(ticket_id=ticket.pk, user=fay, now=timezone.now())


def test_a_reissue_and_a_scan_at_once_agree(ticket: Ticket, fay: User, bob: User) -> None:
    """The old code admits or the ticket is reissued; never both."""
    both_have_read = threading.Barrier(2)

    def meet(call: Any) -> Any:
        return meeting_at(partial(both_have_read.wait, 60), WRITES_THE_TICKET, call)

    again = partial(reissue, ticket_id=ticket.pk, user=fay, now=timezone.now())
    told = at_once([partial(meet, partial(scan, ticket, bob)), partial(meet, again)])
    ticket.refresh_from_db()
    if outcome(told[0]) == "admitted":
        assert isinstance(told[1], TicketUsed)
        assert ticket.issue == 1
    else:
        assert outcome(told[0]) == "superseded"
        assert (ticket.issue, ticket.admitted_at) == (2, None)


def test_another_event_of_ours_is_said_and_logged(ticket: Ticket, event: Event, bob: User) -> None:
    other = make_event(event.organisation)
    assert outcome(scan(ticket, bob, event_id=other.pk)) == "other-event"
    assert Scan.objects.get().event == event
    assert outcome(scan(ticket, bob, event_id=event.pk)) == "admitted"


def test_nobody_else_may_scan_it(
    ticket: Ticket, bob: User, fay: User, charlie: User, rival: Any
) -> None:
    for other in (fay, charlie):
        with pytest.raises(TicketNotFound):
            scan(ticket, other)
    with pytest.raises(LookupError):
        scan(ticket, bob, event_id=make_event(rival).pk)
    assert not Scan.objects.exists()


def test_a_code_for_an_event_that_is_not_the_tickets_is_unknown(ticket: Ticket, bob: User) -> None:
    code = read_code(sign_code(ticket_id=ticket.pk, event_id=uuid4(), issue=1))
    with pytest.raises(TicketNotFound):
        scan(ticket, bob, code=code)


def test_a_void_ticket_has_no_code(ticket: Ticket, fay: User) -> None:
    Ticket.objects.update(state=TicketState.VOID)
    ticket.refresh_from_db()
    with pytest.raises(TicketVoid):
        code_of(ticket)
    with pytest.raises(TicketVoid):
        reissue(ticket_id=ticket.pk, user=fay, now=timezone.now())
