"""A ticket over the API: shown, drawn, reissued; one's own alone."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Role, User
from sales.models import Event, Seat, Ticket, TicketState
from sales.ticket_codes import read_code
from sales.tickets import LAST_ISSUE
from tests.helpers.admission import make_ticket
from tests.helpers.api_calls import ApiAs, assert_problem
from tests.helpers.cast import make_member

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ticket(seat: Seat, fay: User, event: Event) -> Ticket:
    event.venue.time_zone, event.venue.city = "Europe/Brussels", "Bruxelles"
    event.venue.save()
    event.starts_at = datetime(2027, 1, 1, 19, tzinfo=UTC)
    event.save()
    return make_ticket(seat, fay)


def url(ticket: Ticket, rest: str = "") -> str:
    return f"/api/v1/tickets/{ticket.pk}/{rest}"


def void(ticket: Ticket) -> None:
    Ticket.objects.filter(pk=ticket.pk).update(state=TicketState.VOID, voided_at=timezone.now())


def drawn(answer: Any) -> tuple[str, list[str]]:
    """Return the text of a PDF's only page, and the QR codes a scanner finds on it."""
    assert answer["Content-Type"] == "application/pdf"
    (page,) = pypdfium2.PdfDocument(io.BytesIO(answer.content))
    found = zxingcpp.read_barcodes(page.render(scale=2).to_pil())
    return page.get_textpage().get_text_range(), [each.text for each in found]


def test_shows_it(api_as: ApiAs, fay: User, ticket: Ticket) -> None:
    answer = api_as(fay).get(url(ticket))
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-store"
    told = answer.json()
    assert read_code(told["code"]).ticket_id == ticket.pk
    assert told["holder"] == {"name": "Fay", "email": "fay@example.com"}
    assert told["event"]["venue"]["time_zone"] == "Europe/Brussels"
    assert (told["seat"]["label"], told["state"], told["issue"]) == ("A-1", "valid", 1)


def test_draws_it(api_as: ApiAs, fay: User, ticket: Ticket) -> None:
    """What a scanner reads off the paper is the code; the rest is there for people."""
    User.objects.filter(pk=fay.pk).update(name="Ζωή Дмитриевна Nguyễn 山")
    api = api_as(fay)
    answer = api.get(url(ticket, "ticket.pdf"))
    assert answer["Cache-Control"] == "private, no-store"
    text, codes = drawn(answer)
    assert codes == [api.get(url(ticket)).json()["code"]]
    for fact in (
        ticket.event.name,
        "Friday, 1 January 2027, 20:00 CET",
        ", Bruxelles",
        "Floor",
        "45.00 EUR",
        "Ζωή Дмитриевна",
        "Nguyễn ▯",
        ticket.order.reference,
        codes[0][:38],
    ):
        assert fact in text, fact


def test_draws_its_qr_code(api_as: ApiAs, fay: User, ticket: Ticket) -> None:
    answer = api_as(fay).get(url(ticket, "qr.svg"))
    assert answer["Content-Type"] == "image/svg+xml"
    assert answer["Cache-Control"] == "private, no-store"
    assert answer.content.startswith(b"<svg ")


def test_a_void_one_says_so_and_has_no_code(api_as: ApiAs, fay: User, ticket: Ticket) -> None:
    void(ticket)
    api = api_as(fay)
    assert api.get(url(ticket)).json()["code"] is None
    assert_problem(api.get(url(ticket, "qr.svg")), 409, "ticket-void")
    assert_problem(api.post(url(ticket, "reissue/")), 409, "ticket-void")
    text, codes = drawn(api.get(url(ticket, "ticket.pdf")))
    assert "VOID" in text
    assert not codes


def test_gets_a_new_code(api_as: ApiAs, fay: User, bob: User, ticket: Ticket) -> None:
    before = api_as(fay).get(url(ticket)).json()["code"]
    by_fan = api_as(fay).post(url(ticket, "reissue/"))
    assert by_fan["Cache-Control"] == "private, no-store"
    by_box_office = api_as(bob).post(url(ticket, "reissue/"))
    codes = [before, by_fan.json()["code"], by_box_office.json()["code"]]
    assert [read_code(code).issue for code in codes] == [1, 2, 3]
    assert api_as(fay).get(url(ticket)).json()["code"] == codes[-1]


def test_not_without_end(api_as: ApiAs, fay: User, ticket: Ticket) -> None:
    Ticket.objects.update(issue=LAST_ISSUE)
    assert_problem(api_as(fay).post(url(ticket, "reissue/")), 409, "reissue-limit")


def test_is_nobody_elses(
    api: APIClient, api_as: ApiAs, alice: User, charlie: User, ticket: Ticket
) -> None:
    viewer = make_member("vera", ticket.event.organisation, Role.VIEWER)
    for other in (charlie, viewer):
        for rest in ("", "qr.svg", "ticket.pdf"):
            assert_problem(api_as(other).get(url(ticket, rest)), 404, "not-found")
        assert_problem(api_as(other).post(url(ticket, "reissue/")), 404, "not-found")
    assert_problem(api.get(url(ticket)), 401, "not-authenticated")
    ticket.refresh_from_db()
    assert ticket.issue == 1
    assert api_as(alice).get(url(ticket)).status_code == 200
