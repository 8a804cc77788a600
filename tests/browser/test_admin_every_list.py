"""A list and its forms of each kind of admin, by axe, as a superuser.

The lists are those of the admin's registry: a kind that is registered tomorrow is looked at too.
`make test-all` looks at every list.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.core.cache import cache
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse
from knox.models import get_token_model
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Organisation, User
from accounts.scopes import everywhere
from accounts.tenancy import CHOSEN
from sales.models import StoredAnswer
from tests.helpers.accessibility import KNOWN, complaints, load_axe
from tests.helpers.admin_pages import one_of_each_kind
from tests.helpers.cast import make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(1200)]


@pytest.fixture
def root(acmes_rows: dict[type[Model], Model], fay: User, now: datetime) -> User:
    """Whoever runs the platform; besides acme's rows there is one of each kind of its own."""
    get_token_model().objects.create(user=fay, expiry=timedelta(hours=1))
    EmailAddress.objects.create(user=fay, email="another@example.com")
    Authenticator.objects.create(user=fay, type=Authenticator.Type.TOTP, data={"secret": "x"})
    StoredAnswer.objects.create(fan=fay, key="k", fingerprint="f" * 64, status=200, created_at=now)
    return make_user("root", is_staff=True, is_superuser=True)


@pytest.fixture
def page(
    browser: Browser, live_server: LiveServer, root: User, acme: Organisation
) -> Iterator[Page]:
    """The superuser's browser, who has entered acme."""
    cache.clear()
    client = Client()
    client.force_login(root)
    session = client.session
    session[CHOSEN] = str(acme.pk)
    session.save()
    context = browser.new_context(base_url=live_server.url, service_workers="block")
    load_axe(context)
    cookie = {"name": "sessionid", "value": str(session.session_key), "url": live_server.url}
    context.add_cookies([cookie])  # type: ignore[list-item] # a cookie's names
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    yield opened
    context.close()


def pages(root: User, acme: Organisation, models: Collection[type[Model]]) -> Iterator[str]:
    """Yield each model's list, its form for a new row if it has one, and the form of a row."""
    request = RequestFactory().get("/")
    request.user = root
    request.session = {CHOSEN: str(acme.pk)}  # type: ignore[assignment] # what is asked of one
    for model in models:
        owner = admin.site._registry[model]
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row = model._base_manager.order_by("pk").first()
        assert row, f"{model._meta.label}: make a row of it above"
        yield reverse(f"{name}_changelist")
        yield reverse(f"{name}_change", args=[row.pk])
        if owner.has_add_permission(request):
            yield reverse(f"{name}_add")


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.full)])
def test_lists_and_forms(page: Page, root: User, acme: Organisation, every: bool) -> None:
    models = list(admin.site._registry) if every else one_of_each_kind()
    with everywhere():
        walked = list(pages(root, acme, models))
    wrong: list[str] = []
    for path in walked:
        answer = page.goto(path)
        assert answer
        assert answer.ok, (path, answer.status)
        expect(page.locator("h1").first).to_be_visible()
        found = [f"{path} {each}" for each in complaints(page, known=KNOWN, quick=True)]
        print(*found, sep="\n")  # as it goes: there are many pages
        wrong += found
    print(f"{len(walked)} pages")
    assert not "\n".join(wrong)
