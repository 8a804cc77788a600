"""Fans confirm their address, choose a new password and log in: allauth's ways, in our words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from knox.models import get_token_model
from pytest_django import Settings

from accounts import adapters, emails
from accounts.models import User
from tests.helpers.api_calls import ApiAs
from tests.helpers.cast import PASSWORD, make_user

pytestmark = pytest.mark.django_db(transaction=True)

Mails = list[dict[str, Any]]
NEW = "a fresh horse battery"


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> Mails:
    """What would be sent."""
    sent: Mails = []
    for module in (adapters, emails):
        monkeypatch.setattr(module, "send_mail_later", lambda **mail: sent.append(mail))
    return sent


def link_of(mail: dict[str, Any]) -> str:
    return str(urlsplit(mail["context"]["url"]).path)


def log_in(client: Client, user: User) -> None:
    """Log in, and prove it again as for what is delicate."""
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})


def test_confirms_the_address_of_a_new_account(client: Client, mails: Mails) -> None:
    form = {"name": "Dora", "email": "dora@example.com", "password": PASSWORD, "next": "/orders/"}
    assert client.post("/accounts/register/", form)["Location"] == "/orders/"
    assert client.get("/orders/").status_code == 200, "she may buy at once"
    user = User.objects.get()
    assert not emails.is_confirmed(user)
    (mail,) = mails
    assert (mail["template"], mail["to"]) == ("confirm_email", "dora@example.com")
    assert "Confirm" in client.get(link_of(mail)).content.decode()
    assert not emails.is_confirmed(user), "mail scanners follow links"
    assert client.post(link_of(mail)).status_code == 302
    assert emails.is_confirmed(user)


def test_sends_the_link_to_who_registers_by_the_api(api: Any, mails: Mails) -> None:
    account = {"name": "Dora", "email": "dora@example.com", "password": PASSWORD}
    assert api.post("/api/v1/auth/register", account).status_code == 201
    assert api.post("/api/v1/auth/register", account).status_code == 400
    assert [mail["template"] for mail in mails] == ["confirm_email"]


def test_chooses_a_new_password(client: Client, fay: User, api_as: ApiAs, mails: Mails) -> None:
    old = api_as(fay)
    assert client.post("/accounts/password/reset/", {"email": fay.email}).status_code == 302
    (mail,) = mails
    assert (mail["template"], mail["to"]) == ("reset_password", fay.email)
    form = client.get(link_of(mail), follow=True)
    path = form.redirect_chain[-1][0]
    done = client.post(path, {"password1": NEW, "password2": NEW})
    assert done.status_code == 302
    fay.refresh_from_db()
    assert fay.check_password(NEW)
    assert old.get("/api/v1/me/").status_code == 401, "tokens end with the old password"
    assert not get_token_model().objects.exists()
    assert "Bad" in client.get(link_of(mail), follow=True).content.decode(), "once"


def test_does_not_tell_who_has_an_account(client: Client, fay: User, mails: Mails) -> None:
    answers = [
        client.post("/accounts/password/reset/", {"email": email}, follow=True).content
        for email in (fay.email, "nobody@example.com")
    ]
    assert [mail["to"] for mail in mails] == [fay.email]
    assert answers[0].replace(fay.email.encode(), b"") == answers[1].replace(
        b"nobody@example.com", b""
    )


def test_changes_the_address_once_the_new_one_is_confirmed(
    client: Client, fay: User, mails: Mails
) -> None:
    log_in(client, fay)
    change = {"email": "fay.new@example.com", "action_add": ""}
    assert "Confirm your present" in client.post("/accounts/email/", change, follow=True).text
    fay.refresh_from_db()
    assert (fay.email, mails) == ("fay@example.com", [])
    emails.mark_confirmed(fay)
    client.post("/accounts/email/", {"email": "Fay.New@Example.com", "action_add": ""})
    fay.refresh_from_db()
    assert fay.email == "fay@example.com"
    (mail,) = (each for each in mails if each["template"] == "confirm_email")
    assert mail["to"] == "fay.new@example.com"
    client.post(link_of(mail))
    fay.refresh_from_db()
    assert fay.email == "fay.new@example.com"
    assert [each.email for each in EmailAddress.objects.filter(user=fay)] == [fay.email]


def test_lets_nobody_try_all_passwords(client: Client, fay: User, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/5m/key"}
    for _ in range(3):
        client.post("/accounts/login/", {"login": fay.email, "password": "wrong"})
    client.post("/accounts/login/", {"login": fay.email, "password": PASSWORD})
    assert client.get("/orders/").status_code == 302


@pytest.mark.parametrize("fields", [{"is_simulated": True}, {"is_active": False}])
def test_keeps_out_who_may_not_log_in(client: Client, fields: dict[str, Any]) -> None:
    user = make_user("buyer", **fields)
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert client.get("/orders/").status_code == 302


def test_leads_on_to_this_site_only(client: Client, fay: User) -> None:
    form = {"login": fay.email, "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post("/accounts/login/", form)["Location"] == "/"


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/email/",
        "/accounts/password/change/",
        "/accounts/two-factor/",
        "/accounts/two-factor/totp/activate/",
        "/accounts/two-factor/webauthn/add/",
        "/accounts/reauthenticate/",
    ],
)
def test_draws_its_pages_as_ours(client: Client, fay: User, path: str) -> None:
    emails.mark_confirmed(fay)
    log_in(client, fay)
    page = client.get(path)
    assert page.status_code == 200, page
    assert "worldseat/style.css" in page.content.decode()
    assert "Menu:" not in page.content.decode()


def test_registers_where_allauth_would(client: Client) -> None:
    assert client.get("/accounts/signup/?next=/orders/")["Location"] == (
        "/accounts/register/?next=/orders/"
    )


def test_logs_out(client_as: Callable[[User], Client], fay: User) -> None:
    browser = client_as(fay)
    assert browser.post("/accounts/logout/").status_code == 302
    assert browser.get("/orders/").status_code == 302
