"""A second factor is asked for by the page and by the API, and may be required of members."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from knox.models import get_token_model
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import AuditEntry, Organisation, Role, User
from accounts.tenancy import organisations_of
from accounts.two_factor import may_switch_off
from tests.accounts.second_factor import code_of, switch_on, wrong_codes
from tests.helpers.api_calls import ApiAs, assert_problem
from tests.helpers.api_keys import make_key, with_key
from tests.helpers.cast import PASSWORD, make_member

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "/api/v1/auth/token"
FAY = {"email": "fay@example.com", "password": PASSWORD}
LOGIN = {"login": "fay@example.com", "password": PASSWORD}
ClientAs = Callable[[User], Client]


def log_in(api: APIClient, **more: Any) -> Any:
    return api.post(TOKEN, {**FAY, **more})


def test_is_asked_for_by_the_api(api: APIClient, fay: User) -> None:
    secret, recovery = switch_on(fay)
    told = assert_problem(log_in(api), 401, "second-factor-required")
    assert "code" in told["detail"]
    (wrong,) = wrong_codes(secret, 1)
    assert_problem(log_in(api, code=wrong), 401, "not-authenticated")
    assert not get_token_model().objects.exists()
    code = code_of(secret)
    assert log_in(api, code=code).status_code == 200
    assert_problem(log_in(api, code=code), 401, "not-authenticated")  # each is good once
    assert log_in(api, code=recovery[0]).status_code == 200
    assert_problem(log_in(api, code=recovery[0]), 401, "not-authenticated")


def test_tells_nothing_to_who_has_not_the_password(api: APIClient, fay: User) -> None:
    switch_on(fay)
    answer = api.post(TOKEN, {**FAY, "password": "wrong"})
    assert_problem(answer, 401, "not-authenticated")


def test_lets_nobody_try_all_codes(api: APIClient, fay: User, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/h/key"}
    secret, _ = switch_on(fay)
    for code in wrong_codes(secret, 3):
        assert log_in(api, code=code).status_code == 401
    assert log_in(api, code=code_of(secret)).status_code == 401


def test_is_asked_for_by_the_page(client: Client, fay: User) -> None:
    secret, _ = switch_on(fay)
    asked = client.post("/accounts/login/", {**LOGIN, "next": "/orders/"})
    assert asked["Location"] == "/accounts/two-factor/authenticate/"
    assert client.get("/orders/").status_code == 302, "not logged in yet"
    done = client.post(asked["Location"], {"code": code_of(secret)})
    assert done["Location"] == "/orders/"
    assert client.get("/orders/").status_code == 200


def test_is_asked_for_before_the_admin_too(client: Client, alice: User) -> None:
    switch_on(alice)
    asked = client.get("/admin/", follow=True)
    assert asked.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    posted = client.post(
        "/admin/login/", {"username": alice.email, "password": PASSWORD}, follow=True
    )
    assert posted.redirect_chain[-1][0].startswith("/accounts/login/")
    assert client.get("/admin/").status_code == 302


def test_is_set_up_on_the_page(client: Client, fay: User) -> None:
    client.post("/accounts/login/", LOGIN)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/two-factor/totp/activate/").content.decode()
    found = re.search(r'value="([A-Z2-7]{32})"', page)
    assert found
    done = client.post("/accounts/two-factor/totp/activate/", {"code": code_of(found[1])})
    assert done.status_code == 302
    kept = Authenticator.objects.get(user=fay, type="totp")
    assert found[1] not in str(kept.data), "stored encrypted"


@pytest.fixture
def strict(acme: Organisation, alice: User) -> Organisation:
    """Acme, which requires it; Alice has it."""
    switch_on(alice)
    Organisation.objects.filter(pk=acme.pk).update(requires_two_factor=True)
    acme.refresh_from_db()
    return acme


def test_is_required_of_members(
    strict: Organisation, alice: User, bob: User, client_as: ClientAs, api_as: ApiAs
) -> None:
    assert list(organisations_of(alice)) == [strict]
    assert not organisations_of(bob).exists()
    for path in ("/admin/", "/admin/sales/event/", "/organise/", "/door/"):
        assert client_as(bob).get(path).get("Location") == "/accounts/two-factor/", path
        assert client_as(alice).get(path).status_code == 200
    keys = "/api/v1/organiser/scan/keys/"
    refused = assert_problem(api_as(bob).get(keys), 403, "permission-denied")
    assert "Acme requires two-factor sign-in" in refused["detail"]
    session = assert_problem(client_as(bob).get(keys), 403, "permission-denied")
    assert session["detail"] == refused["detail"]
    assert api_as(alice).get(keys).status_code == 200
    switch_on(bob)
    assert api_as(bob).get(keys).status_code == 200
    assert client_as(bob).get("/admin/").status_code == 200


def test_is_not_required_of_api_keys(strict: Organisation, now: Any) -> None:
    api = with_key(make_key(strict, now, "scan")[1])
    assert api.get("/api/v1/organiser/scan/keys/").status_code == 200


def test_is_not_required_of_fans(strict: Organisation, bob: User, client_as: ClientAs) -> None:
    assert client_as(bob).get("/orders/").status_code == 200


def test_cannot_lock_the_owner_out(acme: Organisation, alice: User, client_as: ClientAs) -> None:
    page, browser = "/accounts/people/acme/two-factor/", client_as(alice)
    assert browser.post(page, {"require": "yes"})["Location"] == "/accounts/two-factor/"
    acme.refresh_from_db()
    assert not acme.requires_two_factor
    switch_on(alice)
    assert browser.post(page, {"require": "yes"})["Location"] == "/accounts/people/acme/"
    acme.refresh_from_db()
    assert acme.requires_two_factor
    assert AuditEntry.objects.get().changes == {"requires_two_factor": [False, True]}


def test_is_the_owners_to_require(acme: Organisation, client_as: ClientAs, charlie: User) -> None:
    manager = make_member("mia", acme, Role.MANAGER)
    switch_on(manager)
    switch_on(charlie)
    page = "/accounts/people/acme/two-factor/"
    assert client_as(manager).post(page, {"require": "yes"}).status_code == 403
    assert client_as(charlie).post(page, {"require": "yes"}).status_code == 404
    acme.refresh_from_db()
    assert not acme.requires_two_factor


def test_cannot_be_switched_off_where_it_is_required(
    strict: Organisation, alice: User, client: Client
) -> None:
    factor = Authenticator.objects.get(user=alice, type="totp")
    assert not may_switch_off(authenticator=factor)
    Organisation.objects.update(requires_two_factor=False)
    assert may_switch_off(authenticator=factor)
