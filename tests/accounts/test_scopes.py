"""A tenant's model answers in a scope only, with the rows of that scope."""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, models
from django.http import HttpRequest, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from accounts import scopes
from accounts.models import Organisation, TenantModel, User
from sales.models import Event, Seat, Venue
from tests.helpers.cast import make_event
from worldseat import edge
from worldseat.celery import app

pytestmark = pytest.mark.django_db

# Models of ours whose rows belong to no tenant, and why.
NOBODYS = {
    "accounts.User": "fans buy from all organisations, members may work for several",
    "accounts.GuestUser": "a user, as somebody who has only named its address",
    "accounts.ApiKeyUser": "a user; the key it stands for belongs to an organisation",
    "accounts.Organisation": "the tenants themselves: scopes are made of them",
    "accounts.Membership": "who works for whom: scopes are made of it",
    "sales.StoredAnswer": "belongs to the fan who asked",
}


# Tasks that ask no tenant's model: they send what they are given.
TOUCH_NO_TENANT = {"worldseat.send_mail"}


def ours() -> Iterator[type[models.Model]]:
    for label in ("accounts", "sales"):
        yield from apps.get_app_config(label).get_models()


def tenants() -> list[type[TenantModel]]:
    return [each for each in ours() if issubclass(each, TenantModel)]


def test_every_model_of_ours_is_a_tenants_or_says_why_not() -> None:
    others = {each._meta.label for each in ours() if not issubclass(each, TenantModel)}
    assert others == set(NOBODYS)


@pytest.mark.parametrize("model", tenants(), ids=lambda model: model._meta.label)
def test_raises_in_no_scope(model: Any) -> None:
    with scopes.outside():
        for ask in (model.objects.all, model.objects.count, model.objects.first):
            with pytest.raises(scopes.NoScope, match="in_organisations"):
                ask()
        assert not model.objects.none()


@pytest.mark.parametrize("model", tenants(), ids=lambda model: model._meta.label)
def test_knows_its_organisation_and_can_be_filtered(model: Any, rival: Organisation) -> None:
    assert model.organisation_path().endswith("organisation")
    with scopes.in_organisations(rival.pk):
        assert not model.objects.exists()


def test_sees_the_rows_of_the_scope_alone(
    acmes_rows: dict[type[models.Model], models.Model], acme: Organisation, rival: Organisation
) -> None:
    for model, row in acmes_rows.items():
        if not issubclass(model, TenantModel):
            continue
        with scopes.in_organisations(acme.pk):
            assert model.objects.filter(pk=row.pk).exists(), model
        with scopes.in_organisations(acme.pk, rival.pk):
            assert model.objects.filter(pk=row.pk).exists(), model
        with scopes.in_organisations(rival.pk):
            assert not model.objects.filter(pk=row.pk).exists(), model
        with scopes.in_organisations():
            assert not model.objects.filter(pk=row.pk).exists(), model
        with scopes.in_scope_of(model, row.pk):
            assert scopes.current() == scopes.Scope(frozenset([acme.pk])), model


def test_related_managers_ask_for_a_scope_too(event: Event, rival: Organisation) -> None:
    with scopes.outside(), pytest.raises(scopes.NoScope):
        event.seats.count()
    with scopes.in_organisations(rival.pk):
        assert not event.seats.exists()
    with scopes.in_organisations(event.organisation_id):
        assert event.seats.exists()


def test_rows_in_hand_lead_on_without_a_scope(seat: Seat) -> None:
    found = Seat.objects.get(pk=seat.pk)
    with scopes.outside():
        assert found.event.venue.name
        found.accessible = True
        found.save()
        found.refresh_from_db()
    venue = Venue.objects.create(organisation=found.event.organisation, name="Empty")
    with scopes.outside():
        venue.delete()


def test_changes_nothing_out_of_scope(event: Event, rival: Organisation) -> None:
    with scopes.in_organisations(rival.pk):
        assert Event.objects.update(name="Mine") == 0
        assert Seat.objects.filter(event=event).update(status="blocked") == 0
        assert Venue.objects.all().delete()[0] == 0
    assert Event.objects.get(pk=event.pk).name == event.name


def test_a_lock_in_scope_writes_the_row_alone(event: Event, acme: Organisation) -> None:
    with scopes.in_organisations(acme.pk), CaptureQueriesContext(connection) as asked:
        list(Seat.objects.select_for_update().filter(event=event))
    (query,) = [each["sql"] for each in asked if "FOR UPDATE" in each["sql"]]
    assert "JOIN" not in query


def test_threads_do_not_inherit_a_scope() -> None:
    seen: list[scopes.Scope | None] = []
    thread = threading.Thread(target=lambda: seen.append(scopes.current()))
    thread.start()
    thread.join()
    assert seen == [None]


def seen_by(path: str) -> scopes.Scope | None:
    """Return the scope that a request to a path begins in."""
    seen: list[scopes.Scope | None] = []

    def answer(request: HttpRequest) -> StreamingHttpResponse:
        seen.append(scopes.current())
        return StreamingHttpResponse([])

    edge.scope(answer)(RequestFactory().get(path))
    return seen[0]


def test_a_request_enters_its_own_scope_whatever_the_thread_was_in(acme: Organisation) -> None:
    assert settings.MIDDLEWARE.index("worldseat.edge.scope") < settings.MIDDLEWARE.index(
        "django.contrib.sessions.middleware.SessionMiddleware"
    )
    for entered in (scopes.outside(), scopes.in_organisations(acme.pk)):
        with entered:
            before = scopes.current()
            assert seen_by("/") == seen_by("/api/v1/events/") == scopes.Scope()
            assert seen_by("/admin/") == scopes.Scope(frozenset())
            assert scopes.current() == before


def test_the_admin_sees_the_users_organisations(
    client: Client, alice: User, event: Event, rival: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(rival)
    client.force_login(alice)
    seen: list[Any] = []
    from sales.admin.events import EventAdmin

    def look(*_: Any) -> Any:
        seen.append(scopes.current())
        return Event.objects.all()

    monkeypatch.setattr(EventAdmin, "get_queryset", look)
    with scopes.everywhere():
        assert client.get("/admin/sales/event/").status_code == 200
    assert set(seen) == {scopes.Scope(frozenset([event.organisation_id]))}


def test_what_is_streamed_is_made_in_the_scope_of_its_request(event: Event) -> None:
    def answer(request: HttpRequest) -> StreamingHttpResponse:
        scopes.narrow([event.organisation_id])
        return StreamingHttpResponse(str(Seat.objects.count()) for _ in range(2))

    response = edge.scope(answer)(RequestFactory().get("/"))
    assert isinstance(response, StreamingHttpResponse)
    with scopes.outside():
        told = [bytes(chunk) for chunk in response]
    assert told == [b"12", b"12"]


def test_a_task_begins_in_no_scope() -> None:
    seen: list[Any] = []

    @app.task(name="tests.looks")
    def looks() -> None:
        seen.append(scopes.current())

    with scopes.everywhere():
        looks()
    assert seen == [None]
    app.tasks.pop("tests.looks")


def test_every_task_enters_a_scope() -> None:
    app.loader.import_default_modules()
    ours = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
    assert "sales.tidy_holds" in ours
    for name in set(ours) - TOUCH_NO_TENANT:
        # `run` keeps its decorators, so the source is looked at whole.
        source = inspect.getsource(inspect.unwrap(ours[name].run))
        assert re.search(r"\b(everywhere|in_scope_of|in_organisations)\(", source), name


def test_costs_a_fan_no_query(client: Client, event: Event) -> None:
    with CaptureQueriesContext(connection) as asked:
        client.get(f"/api/v1/events/{event.pk}/")
    assert not [each for each in asked if "membership" in each["sql"]]
