"""Every URL of the admin, by GET and POST, as every role: nothing of another organisation.

The URLs are those of the URL conf, so a page added tomorrow is walked too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import Membership, Organisation, Role, User
from tests.admin.conftest import SECRET
from tests.cast import make_member, make_user

pytestmark = pytest.mark.django_db(transaction=True)  # a refusal dooms the outer transaction

# What a walk itself writes.
WRITTEN_BY_WALKING = {"django_session", "accounts_auditentry"}
NOT_WALKED = {"logout", "password_change"}

QUERIES: tuple[dict[str, str], ...] = (
    {},
    {"q": SECRET[:5], "all": ""},
    {"venue__organisation__name__startswith": SECRET[:3]},
    {"event__organisation__name__startswith": SECRET[:3]},
    {"organisation__name__startswith": SECRET[:3]},
    {"e": "1"},
    {"_popup": "1", "_to_field": "id"},
)


def patterns() -> Iterator[tuple[URLPattern, str]]:
    """Yield every pattern below /admin/ with its route."""
    root = next(
        each
        for each in get_resolver().url_patterns
        if isinstance(each, URLResolver) and str(each.pattern) == "admin/"
    )

    def walk(resolver: URLResolver, before: str) -> Iterator[tuple[URLPattern, str]]:
        for each in resolver.url_patterns:
            route = before + str(each.pattern)
            if isinstance(each, URLResolver):
                yield from walk(each, route)
            elif each.name not in NOT_WALKED:
                yield each, route

    yield from walk(root, "/admin/")


def paths(rows: dict[type[Model], Model]) -> list[str]:
    """Return the path of every pattern, with each row's id where one is asked for."""
    ids = {row._meta.label_lower.replace(".", "/"): str(row.pk) for row in rows.values()}
    found = []
    for _, route in patterns():
        label = "/".join(route.split("/")[2:4])
        pk = ids.get(label, str(uuid4()))
        for part in ("<path:object_id>", "<id>", "<path:content_type_id>", "<uuid:object_id>"):
            route = route.replace(part, pk)
        route = route.replace("^", "").replace("$", "").replace("\\Z", "")
        if "(?P" in route or "<" in route:
            route = "/admin/" + pk
        found.append(route)
    return found


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


def fields_of(rows: dict[type[Model], Model]) -> dict[str, str]:
    """Return a form that names acme's rows by every name a field may have."""
    form = {"post": "yes", "action": "delete_selected", "name": "Mine", "_save": "Save"}
    form |= {row._meta.model_name or "": str(row.pk) for row in rows.values()}
    return form | {
        "organisation": next(str(row.pk) for row in rows.values() if isinstance(row, Organisation)),
        "email": "alice@example.com",
    }


def walk(client: Client, rows: dict[type[Model], Model], *, reads: bool = False) -> None:
    """Ask every URL by GET and POST; nothing of acme may be in an answer, nothing may change."""
    before, form = fingerprint(), fields_of(rows)
    chosen = [str(row.pk) for row in rows.values()]
    client.raise_request_exception = False
    for path in paths(rows):
        queries = QUERIES if path.endswith("/") and path.count("/") == 4 else QUERIES[:1]
        for query in queries:
            response = client.get(path, query)
            assert response.status_code < 500, (path, query)
            if not reads:
                text = _text(response)
                assert SECRET.lower() not in text.lower(), (path, query)
        for posted in (form, {**form, "_selected_action": chosen, "select_across": "1"}):
            response = client.post(path, posted)
            assert response.status_code < 500, path
            if not reads:
                assert SECRET.lower() not in _text(response).lower(), path
    assert fingerprint() == before


def _text(response: Any) -> str:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return str(body.decode("utf-8", "replace"))


def test_the_walk_has_every_model_and_kind_of_page() -> None:
    routes = {route for _, route in patterns()}
    for model in admin.site._registry:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for page in ("", "add/", "<path:object_id>/change/", "<path:object_id>/history/"):
            assert base + page in routes or "<id>" in str(routes), base + page
    assert apps.is_installed("sales")


@pytest.mark.parametrize(
    "who", ["owner", "box_office", "nobody", "fan", "superuser", "staff of two"]
)
def test_shows_and_changes_nothing_of_another_organisation(
    client: Client,
    acmes_rows: dict[type[Model], Model],
    rival: Organisation,
    charlie: User,
    who: str,
) -> None:
    if who == "owner":
        client.force_login(charlie)
    elif who == "box_office":
        client.force_login(make_member("till", rival, Role.BOX_OFFICE))
    elif who == "fan":
        client.force_login(make_user("fan"))
    elif who == "superuser":
        client.force_login(make_user("root", is_staff=True, is_superuser=True))
        skip_where_superusers_look(client, acmes_rows)
        return
    elif who == "staff of two":
        third = Organisation.objects.create(name="Third", slug="third")
        Membership.objects.create(organisation=third, user=charlie, role=Role.MANAGER)
        client.force_login(charlie)
    walk(client, acmes_rows)


def skip_where_superusers_look(client: Client, rows: dict[type[Model], Model]) -> None:
    """A superuser in no organisation: he sees their names, and none of their rows."""
    Organisation.objects.update(name="Acme")
    client.raise_request_exception = False
    for path in paths(rows):
        assert SECRET not in _text(client.get(path)), path


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BOX_OFFICE, Role.SCANNER])
def test_who_may_only_look_changes_nothing_of_her_own(
    client: Client, acmes_rows: dict[type[Model], Model], acme: Organisation, role: Role
) -> None:
    client.force_login(make_member(role.value, acme, role))
    walk(client, acmes_rows, reads=True)
