"""Whatever is sent to the API, as its schema has it or not, the answer is one that the schema has.

schemathesis makes the requests out of the schema alone; this test puts the ids of things that are
there into half of them, or all it would see is 404. `make fuzz` sends many more, and others each
time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies as st
from knox.models import get_token_model
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from accounts.models import Organisation, User
from sales.holds import Wanted, hold_seats
from sales.models import Hold, Seat
from sales.tickets import code_of
from tests.helpers.admission import make_ticket
from tests.helpers.cast import make_event
from worldseat.wsgi import application

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(3600)]

# Requests to an operation, of each kind; more, and at random, for `make fuzz`.
MORE = int(os.environ.get("WORLDSEAT_FUZZ", "0"))
SETTINGS = hypothesis.settings(
    max_examples=MORE or 3,
    derandomize=not MORE,
    database=None,
    deadline=None,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)

# Fields that may be left out; what a fuzzer puts there never fits the seat.
FITTING = {"price_type", "code"}

Known = dict[str, list[Any]]


@pytest.fixture
def known(acme: Organisation, fay: User, now: datetime) -> Known:
    """What there is, by the names of parameters and fields that ask for it."""
    event = make_event(acme, rows="ABCDEFGHIJ", seats_a_row=20, limit_per_fan=1000)
    seats = list(event.seats.in_order().select_related("event", "category"))
    tickets = [make_ticket(seat, fay) for seat in seats[:4]]
    ids = [str(seat.pk) for seat in seats]
    holds = [_hold(seat, fay, now) for seat in seats[4:20]]
    return {
        "event_id": [str(event.pk)],
        "event": [str(event.pk)],
        "seat": ids,
        "seats": [ids[at : at + 2] for at in range(0, 200, 2)],
        "hold_id": holds,
        "hold": holds,
        "order_id": [str(ticket.order_id) for ticket in tickets],
        "ticket_id": [str(ticket.pk) for ticket in tickets],
        "payment": [{"provider": "test", "token": token} for token in ("tok_ok", "tok_refused")],
        "tickets": [[str(ticket.pk)] for ticket in tickets],
        "code": [code_of(ticket) for ticket in tickets],
    }


def _hold(seat: Seat, fan: User, now: datetime) -> str:
    held = hold_seats(
        event_id=seat.event_id,
        wanted=[Wanted(seat.pk)],
        fan_id=fan.pk,
        region="us-east-1",
        now=now,
    )
    assert isinstance(held, Hold)
    return str(held.pk)


def test_answers_as_described(
    subtests: pytest.Subtests, known: Known, fay: User, bob: User
) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema/", application)
    operations: Iterable[Any] = schema.get_all_operations()
    for found in operations:
        operation = found.ok()
        users = [bob, bob, fay] if "/organiser/" in operation.path else [fay, bob]
        with subtests.test(operation.label):
            for mode in GenerationMode:
                _probe(operation, mode, known, users)


def _probe(operation: Any, mode: GenerationMode, known: Known, users: list[User]) -> None:
    @SETTINGS
    @hypothesis.given(operation.as_strategy(mode), st.data())
    def probe(case: Any, data: st.DataObject) -> None:
        if mode is GenerationMode.POSITIVE and data.draw(st.booleans(), "of what there is"):
            _fill(case, known, lambda rows: data.draw(st.sampled_from(rows)))
        user = data.draw(st.sampled_from(users), "who")
        _, token = get_token_model().objects.create(user=user)
        case.call_and_validate(
            headers={"Authorization": f"Bearer {token}"},
            # A request may fit the schema and still ask for what cannot be had.
            excluded_checks=[positive_data_acceptance],
        )

    probe()


def _fill(case: Any, known: Known, choose: Callable[[list[Any]], Any]) -> None:
    """Put things that are there into a request's path and body."""
    # Sorted: a set's order is another one in each process, and with it what the seed draws.
    for name in sorted(set(case.path_parameters or {}) & set(known)):
        case.path_parameters[name] = choose(known[name])
    if isinstance(case.body, dict):
        left_out = set() if case.path.endswith("/scan/") else FITTING
        case.body = {name: each for name, each in case.body.items() if name not in left_out}
        for name in sorted(set(case.body) & set(known)):
            case.body[name] = choose(known[name])
