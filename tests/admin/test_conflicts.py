"""Admin saves and actions survive conflicts; what does not settle is told on a page, 503."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from sales.admin.venues import VenueAdmin
from sales.models import Event, Venue
from tests.helpers.databases import url_of
from worldseat.dsql.occ import OutcomeUnknown

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alices(client: Client, alice: User) -> Client:
    client.force_login(alice)
    client.raise_request_exception = False
    return client


@pytest.fixture
def rival_writes(event: Event) -> Iterator[Callable[[], None]]:
    """Another session, which changes the event's venue and commits."""
    url = url_of(str(connection.settings_dict["NAME"]))
    with psycopg.connect(url, autocommit=True) as session:

        def write() -> None:
            session.execute(
                "UPDATE sales_venue SET city = city || 'x' WHERE id = %s", [event.venue_id]
            )

        yield write


def between(
    monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], None], times: int
) -> list[int]:
    """Let somebody act after the row was read and before it is written, so many times."""
    real, runs = getattr(VenueAdmin, name), []

    def disturbed(self: Any, request: Any, *args: Any) -> Any:
        runs.append(1)
        if len(runs) <= times:
            act()
        return real(self, request, *args)

    monkeypatch.setattr(VenueAdmin, name, disturbed)
    return runs


def save(client: Client, event: Event) -> Any:
    form = {"name": "Shed", "city": "Porto", "time_zone": "UTC"}
    return client.post(
        reverse("admin:sales_venue_change", args=[event.venue_id]), form, follow=False
    )


def test_a_save_goes_on_after_a_conflict_and_is_told_once(
    alices: Client,
    event: Event,
    rival_writes: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    instant_retries: None,
) -> None:
    runs = between(monkeypatch, "save_model", rival_writes, 2)
    assert save(alices, event).status_code == 302
    assert len(runs) == 3
    assert Venue.objects.get(pk=event.venue_id).name == "Shed"
    assert AuditEntry.objects.filter(action="venue.changed").count() == 1
    # The city that the log calls the old one is what the last attempt found.
    assert AuditEntry.objects.get().changes["city"] == ["xx", "Porto"]
    page = alices.get(reverse("admin:sales_venue_changelist")).content.decode()
    assert page.count("was changed successfully") == 1


def test_a_save_that_does_not_settle_is_told_and_changes_nothing(
    alices: Client,
    event: Event,
    rival_writes: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    instant_retries: None,
) -> None:
    between(monkeypatch, "save_model", rival_writes, 10_000)
    response = save(alices, event)
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert "<strong>Nothing was changed.</strong>" in response.content.decode()
    assert Venue.objects.get(pk=event.venue_id).name == event.venue.name
    assert not AuditEntry.objects.exists()


def test_an_action_goes_on_after_a_conflict(
    alices: Client,
    event: Event,
    rival_writes: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    instant_retries: None,
) -> None:
    empty = Venue.objects.create(organisation=event.organisation, name="Empty")
    url = url_of(str(connection.settings_dict["NAME"]))

    def write() -> None:
        with psycopg.connect(url, autocommit=True) as session:
            session.execute("UPDATE sales_venue SET city = 'x' WHERE id = %s", [empty.pk])

    runs = between(monkeypatch, "delete_queryset", write, 1)
    data = {"action": "delete_selected", "post": "yes", "_selected_action": str(empty.pk)}
    response = alices.post(reverse("admin:sales_venue_changelist"), data)
    assert response.status_code == 302
    assert len(runs) == 2
    assert not Venue.objects.filter(pk=empty.pk).exists()
    assert AuditEntry.objects.filter(action="venue.deleted").count() == 1


def test_an_unknown_outcome_is_told_as_one(
    alices: Client, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: Any) -> None:
        raise OutcomeUnknown("the line is dead")

    monkeypatch.setattr(VenueAdmin, "save_model", lost)
    response = save(alices, event)
    assert response.status_code == 503
    assert "We do not know whether it was saved" in response.content.decode()


@pytest.mark.parametrize("path", ["/", "/events/{event}/", "/admin/", "/organise/"])
def test_a_page_that_does_not_settle_is_no_500(
    alices: Client, event: Event, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def conflict(*_: Any, **__: Any) -> None:
        raise OperationalError("(OC001)") from psycopg.errors.SerializationFailure("(OC001)")

    for view in (
        "sales.views.events.render",
        "sales.views.organise.start.render",
        "worldseat.admin.WorldSeatAdminSite.each_context",
    ):
        monkeypatch.setattr(view, conflict)
    response = alices.get(path.format(event=event.pk))
    assert response.status_code == 503
    assert response["Retry-After"]
    assert "Nothing was changed" in response.content.decode()
