"""The organisers' pages of seats and jobs: who may see and do what."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from sales.models import BulkJob, Event, PriceCategory, Seat, SeatStatus
from sales.organising.operations import Operation
from tests.helpers.bulk_jobs import plan, start

pytestmark = pytest.mark.django_db(transaction=True)

ClientAs = Callable[[User], Client]


def page(name: str, of: Event | BulkJob) -> str:
    return reverse(f"sales:organise-{name}", args=[of.pk])


@pytest.fixture
def job(event: Event, alice: User, seats: list[Seat]) -> BulkJob:
    return plan(event, alice, Operation(kind="block", reason="Camera"), seats[:2])


def test_is_closed_to_other_organisations(
    client_as: ClientAs, charlie: User, event: Event, job: BulkJob
) -> None:
    charlies = client_as(charlie)
    for address in (page("seats", event), page("job", job), page("job-progress", job)):
        assert charlies.get(address).status_code == 404
    for address in (
        page("find-seats", event),
        page("preview", event),
        page("categories", event),
        page("job-start", job),
        page("job-stop", job),
        page("job-discard", job),
    ):
        assert charlies.post(address).status_code == 404
    assert charlies.get(page("job-results", job)).status_code == 404
    assert BulkJob.objects.get().state == "preview"


def test_lets_the_box_office_look_only(
    client_as: ClientAs, bob: User, event: Event, job: BulkJob
) -> None:
    bobs = client_as(bob)
    shown = bobs.get(page("seats", event)).content.decode()
    assert "Managers change seats" in shown
    for address in (page("preview", event), page("categories", event), page("job-start", job)):
        assert bobs.post(address).status_code == 403
    assert not Seat.objects.exclude(status=SeatStatus.AVAILABLE).exists()


def test_is_closed_to_fans_and_visitors(
    client: Client, client_as: ClientAs, fay: User, event: Event
) -> None:
    assert client.get(page("seats", event)).status_code == 302
    assert client_as(fay).get(page("seats", event)).status_code == 403


def test_says_at_the_field_what_is_wrong(client_as: ClientAs, alice: User, event: Event) -> None:
    alices = client_as(alice)
    answer = alices.post(page("preview", event), {"kind": "block", "rows": "A"})
    assert answer.status_code == 400
    assert "Give a reason" in answer.content.decode()
    answer = alices.post(page("preview", event), {"kind": "release", "rows": "Z-A"})
    assert "backwards" in answer.content.decode()
    answer = alices.post(page("preview", event), {"kind": "release"})
    assert "No seat is selected" in answer.content.decode()


def test_downloads_what_came_of_each_seat(client_as: ClientAs, alice: User, job: BulkJob) -> None:
    start(job, alice)
    answer = client_as(alice).get(page("job-results", job))
    text = answer.getvalue().decode()
    assert text.splitlines()[0] == "section,row,number,outcome,reason,seat"
    assert "Floor,A,1,changed,," in text


def test_discards_a_preview(client_as: ClientAs, alice: User, job: BulkJob) -> None:
    answer = client_as(alice).post(page("job-discard", job))
    assert answer.headers["Location"] == page("seats", job.event or Event())
    assert not BulkJob.objects.exists()


def test_adds_a_category(client_as: ClientAs, alice: User, event: Event) -> None:
    new = {"name": "Lounge", "price": "120.50", "color": "#112233"}
    client_as(alice).post(page("categories", event), new)
    made = PriceCategory.objects.get(event=event, name="Lounge")
    assert (made.price_minor, made.color) == (12050, "#112233")
    again = client_as(alice).post(page("categories", event), new, follow=True)
    assert "of this name already" in again.content.decode()
    assert PriceCategory.objects.filter(name="Lounge").count() == 1
