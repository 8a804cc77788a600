"""Every URL of the admin, by GET and POST, as every role: nothing of another organisation.

The URLs are those of the URL conf, so a page added tomorrow is walked too.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import Organisation, Role, User
from accounts.tenancy import roles_at_least
from accounts.tenant_admin import TenantAdmin
from sales.models import Event
from tests.helpers.admin_pages import one_of_each_kind
from tests.helpers.belongings import rows_of
from tests.helpers.cast import make_event, make_member, make_user
from tests.helpers.tenant_rows import SECRET

# A refusal dooms the outer transaction.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

# What a walk itself writes.
WRITTEN_BY_WALKING = {"django_session", "accounts_auditentry"}
NOT_WALKED = {"logout", "password_change"}

# What a list is asked for: its rows, and by whom others' rows are.
SEARCH = {"q": SECRET[:5], "all": ""}

Rows = dict[type[Model], Model]


def routes() -> Iterator[str]:
    """Yield the route of every pattern below /admin/."""
    root = next(
        each
        for each in get_resolver().url_patterns
        if isinstance(each, URLResolver) and str(each.pattern) == "admin/"
    )

    def below(resolver: URLResolver, before: str) -> Iterator[str]:
        for each in resolver.url_patterns:
            route = before + str(each.pattern)
            if isinstance(each, URLResolver):
                yield from below(each, route)
            elif isinstance(each, URLPattern) and each.name not in NOT_WALKED:
                yield route

    yield from below(root, "/admin/")


def paths(rows: Rows) -> Iterator[str]:
    """Yield a path for every pattern, with the row's id where one is asked for."""
    ids = {"/".join(label(type(row))): str(row.pk) for row in rows.values()}
    kind = str(ContentType.objects.get_for_model(Event).pk)
    for route in routes():
        if "(?P<app_label>" in route:
            yield from ("/admin/accounts/", "/admin/sales/")
        elif "(?P<url>" in route:
            yield "/admin/nothing"
        elif "<path:content_type_id>" in route:
            route = route.replace("<path:content_type_id>", kind)
            yield route.replace("<path:object_id>", str(rows[Event].pk))
        else:
            pk = ids.get("/".join(route.split("/")[2:4]), str(uuid4()))
            for part in ("<path:object_id>", "<id>", "<uuid:object_id>"):
                route = route.replace(part, pk)
            assert "<" not in route, "a kind of page that the walk does not know"
            yield route


def label(model: type[Model]) -> tuple[str, str]:
    """Return how the admin's paths name a model."""
    return model._meta.app_label, str(model._meta.model_name)


def is_list(path: str) -> bool:
    """Tell whether a path is a model's list."""
    return tuple(path.split("/")[2:4]) in {label(model) for model in admin.site._registry} and (
        path.count("/") == 4
    )


def fingerprint() -> dict[str, Any]:
    """Return a digest of every table but those that walking writes."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table not in WRITTEN_BY_WALKING:
                row = "coalesce(string_agg(t::text, '|' ORDER BY t::text), '')"
                cursor.execute(f'SELECT md5({row}) FROM "{table}" t')  # noqa: S608  # our tables
                found[table] = cursor.fetchone()
    return found


def fields_of(rows: Rows) -> dict[str, str]:
    """Return a form that names acme's rows by every name a field may have."""
    form = {"post": "yes", "action": "delete_selected", "name": "Mine", "_save": "Save"}
    form |= {str(model._meta.model_name): str(row.pk) for model, row in rows.items()}
    return form | {"organisation": str(rows[Organisation].pk), "email": "alice@example.com"}


def questions_of(path: str) -> list[dict[str, str]]:
    """Return what a list is asked about the rows of others; as a popup it is another page."""
    app, model = path.split("/")[2:4]
    path_to = getattr(admin.site._registry[apps.get_model(app, model)], "organisation_path", "")
    whose = {f"{path_to}__name__startswith": SECRET[:3]}
    return [{**SEARCH, "_popup": "1", "_to_field": "id"}, *([whose] if path_to else [])]


def asked(
    client: Client, rows: Rows, *, questions: bool, models: Collection[type[Model]] | None = None
) -> Iterator[tuple[str, Any]]:
    """Ask every URL by GET and POST, and yield the path and the answer; none may be a failure.

    With `models`, of the pages of models theirs alone.
    """
    left_out = {label(each) for each in admin.site._registry if models and each not in models}
    form, chosen = fields_of(rows), [str(row.pk) for row in rows.values()]
    every = {**form, "_selected_action": chosen, "select_across": "1"}
    client.raise_request_exception = False
    for path in paths(rows):
        if tuple(path.split("/")[2:4]) in left_out:
            continue
        asks: list[dict[str, str]] = [{}]
        if is_list(path):
            asks += questions_of(path) if questions else [SEARCH]
        answers = [(ask, client.get(path, ask)) for ask in asks]
        answers.append((form, client.post(path, every if is_list(path) else form)))
        for ask, answer in answers:
            assert answer.status_code < 500, (path, ask)
            yield path, answer


def leaks_of(client: Client, rows: Rows, *, questions: bool = False) -> list[str]:
    """Ask every URL; return the paths whose answers say something of acme's."""
    return [
        path
        for path, answer in asked(client, rows, questions=questions)
        if SECRET.lower() in text_of(answer).lower()
    ]


def text_of(answer: Any) -> str:
    """Return what an answer says."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return str(body.decode("utf-8", "replace"))


@pytest.fixture
def rows(acmes_rows: Rows, alice: User) -> Rows:
    """Acme's rows; alice's account is one, and its name says SECRET too."""
    User.objects.filter(pk=alice.pk).update(name=SECRET)
    return {**acmes_rows, User: alice}


def test_the_walk_has_every_model_and_kind_of_page() -> None:
    walked = set(routes())
    for model in admin.site._registry:
        base = "/admin/{}/{}/".format(*label(model))
        for page in ("", "add/", "<path:object_id>/change/", "<path:object_id>/history/"):
            assert base + page in walked, base + page


def test_shows_and_changes_nothing_of_another_organisation(
    client: Client, rows: Rows, charlie: User
) -> None:
    client.force_login(charlie)
    before = fingerprint()
    assert not leaks_of(client, rows, questions=True)
    assert fingerprint() == before


@pytest.mark.parametrize("who", ["nobody", "a fan", "a scanner of acme's"])
def test_lets_nobody_in_who_is_no_organiser(
    client: Client, rows: Rows, acme: Organisation, fay: User, who: str
) -> None:
    if who != "nobody":
        client.force_login(fay if who == "a fan" else make_member("door", acme, Role.SCANNER))
    before = fingerprint()
    assert not leaks_of(client, rows)
    assert fingerprint() == before


# Every model, or one of each kind of admin.
WALKED = [None, pytest.param("every", marks=pytest.mark.full)]


@pytest.mark.parametrize("walked", WALKED)
@pytest.mark.parametrize("role", [Role.MANAGER, Role.OWNER])
def test_who_runs_it_meets_no_failure(
    client: Client, rows: Rows, acme: Organisation, role: Role, walked: str | None
) -> None:
    client.force_login(make_member("runs-it", acme, role))
    models = None if walked else one_of_each_kind()
    answers = asked(client, rows, questions=False, models=models)
    told = [answer.status_code for _, answer in answers]
    assert told.count(200) > 30


def test_the_owner_never_changes_what_is_others(
    client: Client, rows: Rows, acme: Organisation, rival: Organisation, charlie: User
) -> None:
    """Ids of rival's in the forms and the paths of her own admin."""
    event = make_event(rival, name="Rival's")
    seat = event.seats.first()
    assert event.plan
    assert seat
    theirs = [rival, event, event.venue, event.plan, seat, seat.category, charlie]
    mixed = {**rows, **{type(row): row for row in theirs}}
    client.force_login(make_member("owns", acme, Role.OWNER))
    before = rows_of(rival)
    answers = asked(client, mixed, questions=False)
    assert not [path for path, answer in answers if "Rival's" in html.unescape(text_of(answer))]
    assert rows_of(rival) == before


def test_shows_superusers_no_rows_of_an_organisation_they_have_not_entered(
    client: Client, rows: Rows
) -> None:
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    # They see which organisations and users there are.
    Organisation.objects.update(name="Acme")
    User.objects.filter(name=SECRET).update(name="Alice")
    client.raise_request_exception = False
    for path in paths(rows):
        answer = client.get(path)
        assert answer.status_code < 500, path
        assert SECRET.lower() not in text_of(answer).lower(), path


@pytest.mark.parametrize("walked", WALKED)
@pytest.mark.parametrize("role", [Role.VIEWER, Role.BOX_OFFICE])
def test_who_may_only_look_changes_nothing_and_sees_what_her_role_may(
    client: Client, rows: Rows, acme: Organisation, role: Role, walked: str | None
) -> None:
    client.force_login(make_member(role.value, acme, role))
    shut = {
        model
        for model, each in admin.site._registry.items()
        if not isinstance(each, TenantAdmin) or role not in roles_at_least(each.view_role)
    }
    closed = set(map(label, shut))
    models = None if walked else {*shut, *one_of_each_kind()}
    before, refused = fingerprint(), 0
    for path, answer in asked(client, rows, questions=False, models=models):
        if tuple(path.split("/")[2:4]) in closed:
            assert answer.status_code in {302, 403, 404}, path
            assert SECRET.lower() not in text_of(answer).lower(), path
            refused += 1
    assert refused
    assert fingerprint() == before
