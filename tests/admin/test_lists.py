"""A list of the admin counts no further than it may show, and acts on no more."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Organisation, User
from sales.models import Event, Venue

pytestmark = pytest.mark.django_db


def test_counts_no_further_than_it_may_show(client: Client, alice: User, event: Event) -> None:
    client.force_login(alice)
    with CaptureQueriesContext(connection) as asked:
        page = client.get(reverse("admin:sales_seat_changelist"), {"q": "Floor"})
    assert page.status_code == 200
    counts = [each["sql"] for each in asked if "COUNT(*)" in each["sql"]]
    assert counts
    assert all("LIMIT 5000" in each for each in counts)


def test_acts_on_no_more_than_it_may_show(
    client: Client, alice: User, acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    venues = [Venue.objects.create(organisation=acme, name=f"Hall {at}") for at in range(4)]
    data = {"action": "delete_selected", "post": "yes", "select_across": "1"}
    data["_selected_action"] = str(venues[0].pk)
    client.force_login(alice)
    monkeypatch.setattr("accounts.bounded_lists.MOST_LISTED", 3)
    client.post(reverse("admin:sales_venue_changelist"), data)
    assert Venue.objects.count() == 4
    monkeypatch.setattr("accounts.bounded_lists.MOST_LISTED", 5)
    client.post(reverse("admin:sales_venue_changelist"), data)
    assert not Venue.objects.exists()
