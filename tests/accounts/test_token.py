"""Logging in gives a token, to who may have one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.utils import timezone
from knox.models import get_token_model
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tokens import issue_token, issue_tokens, revoke_tokens
from tests.helpers.api_calls import ApiAs, assert_problem
from tests.helpers.cast import PASSWORD, make_user

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/auth/token"
AuthToken = get_token_model()


def log_in(api: APIClient, email: str = "fay@example.com", password: str = PASSWORD) -> Any:
    return api.post(URL, {"email": email, "password": password})


def test_opens_the_api(api: APIClient, fay: User) -> None:
    answer = log_in(api, " FAY@Example.com ")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert set(answer.json()) == {"token", "expires_at"}
    expires_at = datetime.fromisoformat(answer.json()["expires_at"])
    assert timedelta(days=29) < expires_at - timezone.now() <= timedelta(days=30)
    assert answer.json()["expires_at"].endswith("Z")

    api.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['token']}")
    assert api.get("/api/v1/me/").json()["email"] == "fay@example.com"


def test_is_stored_as_a_hash_only(api: APIClient, fay: User) -> None:
    token = log_in(api).json()["token"]
    assert token not in str(AuthToken.objects.values().get())


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("fay@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("closed@example.com", PASSWORD),
        ("simulated@example.com", PASSWORD),
        ("no address", PASSWORD),
    ],
)
def test_is_refused_alike_whatever_is_wrong(
    api: APIClient, fay: User, monkeypatch: pytest.MonkeyPatch, email: str, password: str
) -> None:
    make_user("closed", is_active=False)
    make_user("simulated", is_simulated=True)
    hashed = 0
    encode = MD5PasswordHasher.encode

    def count(self: MD5PasswordHasher, password: str, salt: str) -> str:
        nonlocal hashed
        hashed += 1
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", count)
    answer = log_in(api, email, password)
    problem = assert_problem(answer, 401, "not-authenticated")
    assert problem["detail"] == "The e-mail address or the password is wrong."
    assert answer["WWW-Authenticate"] == "Bearer"
    assert hashed == 1, "a password is hashed each time, so that it takes as long"
    assert not AuthToken.objects.exists()


@pytest.mark.parametrize(
    "body", [{}, {"email": 1, "password": 1}, {"email": "a\0", "password": "x"}]
)
def test_says_what_is_missing(api: APIClient, body: dict[str, Any]) -> None:
    assert_problem(api.post(URL, body), 400, "invalid")


def test_ends_with_the_logout(api_as: ApiAs, fay: User) -> None:
    phone, laptop = api_as(fay), api_as(fay)
    assert phone.post("/api/v1/auth/logout").status_code == 204
    assert_problem(phone.get("/api/v1/me/"), 401, "not-authenticated")
    assert_problem(phone.post("/api/v1/auth/logout"), 401, "not-authenticated")
    assert laptop.get("/api/v1/me/").status_code == 200


def test_ends_when_it_expires(api_as: ApiAs, fay: User) -> None:
    api = api_as(fay)
    AuthToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    assert_problem(api.get("/api/v1/me/"), 401, "not-authenticated")


def test_ends_with_the_account(api_as: ApiAs, fay: User) -> None:
    api = api_as(fay)
    User.objects.update(is_active=False)
    assert_problem(api.get("/api/v1/me/"), 401, "not-authenticated")
    User.objects.update(is_active=True, is_simulated=True)
    assert_problem(api.get("/api/v1/me/"), 401, "not-authenticated")


def test_lets_a_simulated_buyer_in_with_her_own_kind_alone(api: APIClient, fay: User) -> None:
    buyer = make_user("buyer", is_simulated=True)
    tokens = issue_tokens(user_ids=[buyer.pk, fay.pk], now=timezone.now())

    def status(user: User) -> int:
        api.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens[user.pk]}")
        return api.get("/api/v1/me/").status_code

    assert (status(buyer), status(fay)) == (200, 401)
    revoke_tokens(tokens=list(tokens.values()))
    assert status(buyer) == 401


def test_is_forgotten_after_it_has_expired(fay: User, charlie: User) -> None:
    now = timezone.now()
    for user in (fay, charlie):
        issue_token(user_id=user.pk, now=now)
    AuthToken.objects.update(expiry=now)
    issue_token(user_id=fay.pk, now=now)
    assert AuthToken.objects.filter(user=fay).count() == 1
    assert AuthToken.objects.filter(user=charlie).count() == 1


def test_is_read_with_one_query(api_as: ApiAs, fay: User, django_assert_num_queries: Any) -> None:
    api, _ = api_as(fay), api_as(fay)
    with django_assert_num_queries(1):
        assert api.get("/api/v1/me/").status_code == 200
