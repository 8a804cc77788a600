"""The lists of the admin read what they show: keyset pages, searched and sorted in bounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.filters import AllValuesFieldListFilter
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.large_lists import LargeList
from accounts.models import Organisation, User
from accounts.tenancy import CHOSEN
from accounts.tenant_admin import TenantAdmin
from sales.models import Event, Order, OrderState, Seat, Venue
from tests.helpers.cast import make_event, make_fans, make_user

pytestmark = pytest.mark.django_db

Rows = dict[type[Model], Model]

# A page: the session, the user, who she is, the organisation, a page of keys, its rows, filters.
MOST_QUERIES = 14
# Whose rows are few in an organisation: venues, events, what an event is sold by. Django's own
# search reads them; every other list has to be a LargeList.
FEW = {
    *("Organisation", "Membership", "Invitation", "ApiKey", "Venue", "SeatingPlan", "Section"),
    *("Event", "PriceCategory", "PriceType", "PresaleCode", "WaitingRoom", "Waitlist"),
    *("Stampede", "StampedeRegion", "BulkJob", "WebhookEndpoint", "Mailing", "Scanner"),
}
# What an index answers.
BY_INDEX = {"exact", "startswith", "istartswith"}


def list_of(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def lists() -> list[tuple[type[Model], Any]]:
    return list(admin.site._registry.items())


@pytest.fixture
def root(client: Client, acme: Organisation) -> Client:
    """A superuser, who has entered acme and sees every list."""
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    session = client.session
    session[CHOSEN] = str(acme.pk)
    session.save()
    return client


def asked_of(client: Client, path: str, query: dict[str, str]) -> list[str]:
    """Return the statements of a page that has to answer."""
    with CaptureQueriesContext(connection) as asked:
        page = client.get(path, query)
    assert page.status_code == 200, (path, query, page.headers)
    return [each["sql"] for each in asked]


def questions(model: type[Model], each: Any, event: Event) -> Iterator[dict[str, str]]:
    """Yield what a list is asked: pages, every column, a search, an event."""
    yield {}
    yield {"q": "Floor", "p": "last", "_facets": "True", "all": ""}
    bounded = {}
    if isinstance(each, LargeList) and isinstance(each, TenantAdmin):
        bounded = {f"{each.bounded_by}__id__exact": str(event.pk), "q": "A-1"}
        if not each.lookup_allowed(*next(iter(bounded.items())), None):  # type: ignore[arg-type]
            bounded = {}
    yield {**bounded, "o": ".".join(f"-{at}" for at in range(len(each.list_display) + 1))}


@pytest.mark.timeout(600)
def test_no_list_counts_or_sorts_without_a_bound(root: Client, acmes_rows: Rows) -> None:
    event: Any = acmes_rows[Event]
    walked = 0
    for model, each in lists():
        for query in questions(model, each, event):
            statements = asked_of(root, list_of(model), query)
            assert len(statements) <= MOST_QUERIES, (model, query, statements)
            for sql in statements:
                about = f'FROM "{model._meta.db_table}"' in sql
                assert not ("COUNT(" in sql and "LIMIT" not in sql), (model, query, sql)
                assert "OFFSET" not in sql, (model, query, sql)
                assert "DISTINCT" not in sql, (model, query, sql)
                bounded = "LIMIT" in sql or '."id" IN (' in sql or " = '" in sql
                assert bounded or not about, (model, query, sql)
            walked += 1
    assert walked > 100


def test_every_list_has_few_rows_or_asks_indexes() -> None:
    for model, each in lists():
        name = model.__name__
        assert isinstance(each, LargeList) == (name not in FEW), name
        assert not any(
            isinstance(f, type) and issubclass(f, AllValuesFieldListFilter)
            for f in each.list_filter
        )
        if each.search_fields:
            assert not isinstance(each, LargeList) or each.search_help_text, name
        if isinstance(each, LargeList):
            lookups = {str(field).rpartition("__")[2] for field in each.search_fields}
            assert lookups <= BY_INDEX | {"subject_id"}, name  # an id, and nothing else


def shown(client: Client, model: type[Model], **query: str) -> list[Any]:
    return list(client.get(list_of(model), query).context["cl"].result_list)


def walked(client: Client, model: type[Model], **query: str) -> Iterator[list[Any]]:
    """Follow a list's own links to the end."""
    path = list_of(model) + "?" + "&".join(f"{k}={v}" for k, v in query.items())
    while True:
        page = client.get(path)
        yield list(page.context["cl"].result_list)
        found = re.search(r'href="([^"]*)" rel="next"', page.content.decode())
        if not found:
            return
        path = list_of(model) + found[1].replace("&amp;", "&")


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.audited_admin.AuditedAdmin.list_per_page", 5)


@pytest.mark.usefixtures("short_pages")
@pytest.mark.parametrize("query", [{}, {"status__exact": "available"}, {"q": "Floor"}])
def test_the_links_lead_through_all_rows_once(
    client_as: Callable[[User], Client], alice: User, event: Event, query: dict[str, str]
) -> None:
    client = client_as(alice)
    make_event(event.organisation)
    pages = list(walked(client, Seat, **query))
    found = [row.pk for page in pages for row in page]
    assert len(found) == len(set(found)) == 24
    assert [len(page) for page in pages] == [5, 5, 5, 5, 4]


@pytest.mark.usefixtures("short_pages")
def test_one_events_seats_are_in_the_plans_order_and_sort_by_any_column(
    client_as: Callable[[User], Client], alice: User, event: Event
) -> None:
    client, one = client_as(alice), {"event__id__exact": str(event.pk)}
    labels = [row.label for page in walked(client, Seat, **one) for row in page]
    assert labels == [f"{row}-{number}" for row in "AB" for number in range(1, 7)]
    prices = [
        row.category.price_minor for page in walked(client, Seat, **one, o="5.2") for row in page
    ]
    assert prices == [2500] * 6 + [4500] * 6
    # Not narrowed to one event: the click is not obeyed, since all would have to be sorted.
    assert shown(client, Seat, o="-5") == shown(client, Seat)


@pytest.mark.usefixtures("short_pages")
@pytest.mark.parametrize("cursor", ["2", "x" * 3000, "0", "\0", "WyJhZnRlciJd:abc", "é:ü"])
def test_a_forged_cursor_shows_the_first_page_and_says_so(
    client_as: Callable[[User], Client], alice: User, event: Event, cursor: str
) -> None:
    client = client_as(alice)
    page = client.get(list_of(Seat), {"p": cursor, "q": "Floor"})
    assert page.status_code == 200
    assert "this is the first page" in page.content.decode()
    assert list(page.context["cl"].result_list) == shown(client, Seat, q="Floor")


@pytest.mark.usefixtures("short_pages")
def test_anothers_cursor_leads_to_ones_own_rows(
    client_as: Callable[[User], Client], alice: User, charlie: User, event: Event
) -> None:
    make_event(charlie.memberships.get().organisation)
    page = client_as(alice).get(list_of(Seat))
    found = client_as(charlie).get(list_of(Seat), {"p": page.context["cl"].page.following})
    assert {row.event.organisation.name for row in found.context["cl"].result_list} <= {"Rival"}
    assert event.name not in found.content.decode()


@pytest.mark.usefixtures("short_pages")
def test_a_popup_stays_one_from_page_to_page(
    client_as: Callable[[User], Client], alice: User, event: Event
) -> None:
    client = client_as(alice)
    page = client.get(list_of(Seat), {"_popup": "1", "_to_field": "id"})
    query = page.context["cl"].ways[2][1]
    assert "_popup=1" in query
    assert len(client.get(list_of(Seat) + query).context["cl"].result_list) == 5


def test_finds_orders_and_tickets_by_what_they_begin_with(
    client_as: Callable[[User], Client], alice: User, event: Event, now: datetime
) -> None:
    client = client_as(alice)
    first, second = make_fans(2)
    User.objects.filter(pk=first.pk).update(name="Ada Lovelace", email="ada@example.com")
    User.objects.filter(pk=second.pk).update(name="Bela Novak", email="bela@example.com")
    sold: dict[str, Any] = {"event": event, "state": OrderState.PAID, "total_minor": 1}
    sold |= {"currency": "EUR", "region": "us-east-1", "created_at": now}
    one, two = (Order.objects.create(fan=fan, **sold) for fan in (first, second))
    for term in (one.reference[:6], one.reference.lower(), "ADA@", "ada l", "lovel", str(one.pk)):
        assert shown(client, Order, q=term) == [one], term
    assert shown(client, Order, q="novak") == [two]
    for nothing in ("velace", "xample", "%", "_"):
        assert shown(client, Order, q=nothing) == [], nothing


def test_finds_seats_by_their_name_in_the_plan_and_in_one_event_by_label(
    client_as: Callable[[User], Client], alice: User, event: Event
) -> None:
    client, one = client_as(alice), {"event__id__exact": str(event.pk)}
    make_event(event.organisation)
    assert len(shown(client, Seat, q="Floor-B-2")) == 2
    assert shown(client, Seat, q="B-2") == []
    for term, number in (("b-2", 1), ("B", 6), ("floor", 12), ("Floor-A", 6)):
        assert len(shown(client, Seat, q=term, **one)) == number, term
    for odd in ("nonsense", "0"):
        assert client.get(list_of(Seat), {"event__id__exact": odd, "q": "A"}).status_code in {
            200,
            302,
        }


@pytest.mark.parametrize(
    ("model", "lookup", "index"),
    [
        (User, "email__startswith", "accounts_user_email"),
        (User, "name__istartswith", "user_name"),
        (User, "name__last_word__istartswith", "user_last_name"),
        (Order, "reference__startswith", "sales_order_reference"),
    ],
)
def test_an_index_answers(db: None, model: type[Model], lookup: str, index: str) -> None:
    rows = model._base_manager.filter(**{lookup: "ada"}).values("pk")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # few rows: it would not bother
    plan = rows.explain()
    assert index in plan, plan
    assert "Index Cond" in plan, plan


def test_acts_on_the_rows_that_are_ticked_on_any_page(
    client_as: Callable[[User], Client],
    alice: User,
    acme: Organisation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("accounts.audited_admin.AuditedAdmin.list_per_page", 2)
    for at in range(5):
        Venue.objects.create(organisation=acme, name=f"Hall {at}")
    client = client_as(alice)
    page = client.get(list_of(Venue))
    query = page.context["cl"].ways[2][1]
    ticked = client.get(list_of(Venue) + query).context["cl"].result_list
    data = {"action": "delete_selected", "post": "yes", "_selected_action": [str(ticked[0].pk)]}
    client.post(list_of(Venue) + query, data)
    assert not Venue.objects.filter(pk=ticked[0].pk).exists()
    assert Venue.objects.count() == 4
    assert "Select all 4 venues" in client.get(list_of(Venue)).content.decode()


def test_acts_on_no_more_than_its_bound(
    client: Client, alice: User, acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    venues = [Venue.objects.create(organisation=acme, name=f"Hall {at}") for at in range(4)]
    data = {"action": "delete_selected", "post": "yes", "select_across": "1"}
    data["_selected_action"] = str(venues[0].pk)
    client.force_login(alice)
    monkeypatch.setattr("accounts.bounded_lists.MOST_AT_ONCE", 3)
    client.post(reverse("admin:sales_venue_changelist"), data)
    assert Venue.objects.count() == 4
    monkeypatch.setattr("accounts.bounded_lists.MOST_AT_ONCE", 5)
    client.post(reverse("admin:sales_venue_changelist"), data)
    assert not Venue.objects.exists()


@pytest.mark.usefixtures("short_pages")
def test_rows_can_be_edited_in_the_list(
    client_as: Callable[[User], Client],
    alice: User,
    acme: Organisation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(type(admin.site._registry[Venue]), "list_editable", ("city",))
    for at in range(7):
        Venue.objects.create(organisation=acme, name=f"Hall {at}", city="Porto")
    client = client_as(alice)
    query = client.get(list_of(Venue)).context["cl"].ways[2][1]
    page = client.get(list_of(Venue) + query)
    rows = list(page.context["cl"].formset.queryset)
    assert [row.name for row in rows] == ["Hall 5", "Hall 6"]
    data = {"form-TOTAL_FORMS": "2", "form-INITIAL_FORMS": "2", "_save": "Save"}
    for number, row in enumerate(rows):
        data |= {f"form-{number}-id": str(row.pk), f"form-{number}-city": f"Faro {number}"}
    client.post(list_of(Venue) + query, data)
    cities = list(Venue.objects.order_by("name").values_list("city", flat=True))
    assert cities == ["Porto"] * 5 + ["Faro 0", "Faro 1"]
