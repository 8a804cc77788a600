"""Registering makes an account, once for each address."""

from __future__ import annotations

import json
import threading
from functools import partial
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.users import EmailTaken, WeakPassword, log_in, register
from tests.helpers.api_calls import assert_problem
from tests.helpers.cast import PASSWORD, at_once, make_user
from tests.helpers.purchases import meeting_at

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/auth/register"
DORA = {"email": "dora@example.com", "password": PASSWORD, "name": "Dora"}


def test_makes_an_account(api: APIClient) -> None:
    answer = api.post(URL, DORA)
    assert answer.status_code == 201
    user = User.objects.get()
    assert answer.json() == {
        "id": str(user.pk),
        "email": "dora@example.com",
        "name": "Dora",
        "date_joined": user.date_joined.isoformat().replace("+00:00", "Z"),
    }
    assert user.check_password(PASSWORD)
    assert (user.is_staff, user.is_superuser, user.is_simulated) == (False, False, False)
    assert log_in(email="dora@example.com", password=PASSWORD) == user


def test_knows_an_address_however_it_is_written(api: APIClient) -> None:
    assert api.post(URL, {**DORA, "email": "  Dora@EXAMPLE.com "}).status_code == 201
    assert User.objects.get().email == "dora@example.com"
    problem = assert_problem(api.post(URL, {**DORA, "email": "DORA@example.com"}), 400, "invalid")
    assert list(problem["errors"]) == ["email"]
    assert User.objects.count() == 1


@pytest.mark.django_db  # no transaction is opened
@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"email": "no address"}, ["email"]),
        ({"email": ""}, ["email"]),
        ({"email": None}, ["email"]),
        ({"email": ["a@example.com"]}, ["email"]),
        ({"email": "x" * 250 + "@example.com"}, ["email"]),
        ({"email": "a\0@example.com"}, ["email"]),
        ({"password": "short"}, ["password"]),
        ({"password": "1234567890123"}, ["password"]),
        ({"password": "password123"}, ["password"]),
        ({"password": "dora@example.com"}, ["password"]),
        ({"password": 12345678901234}, ["password"]),
        ({"password": "x" * 1025}, ["password"]),
        ({"password": "\ud800" * 12}, ["password"]),
        ({"name": "x" * 201}, ["name"]),
        ({"name": {}}, ["name"]),
        ({"name": "a\0b"}, ["name"]),
        ({"name": ""}, ["name"]),
        ({"is_staff": True}, ["is_staff"]),
        ({"email": "x", "name": ""}, ["email", "name"]),
    ],
)
def test_says_what_is_wrong_with_each_field(
    api: APIClient, changes: dict[str, Any], fields: list[str]
) -> None:
    body = json.dumps({**DORA, **changes})
    answer = api.post(URL, body, content_type="application/json")
    problem = assert_problem(answer, 400, "invalid")
    assert list(problem["errors"]) == fields
    assert all(problem["errors"][field][0] for field in fields)
    assert not User.objects.exists()


@pytest.mark.django_db  # no transaction is opened
def test_needs_every_field(api: APIClient) -> None:
    problem = assert_problem(api.post(URL, {}), 400, "invalid")
    assert list(problem["errors"]) == ["email", "password", "name"]


def test_needs_no_good_token(api: APIClient) -> None:
    api.credentials(HTTP_AUTHORIZATION="Bearer stale")
    assert api.post(URL, DORA).status_code == 201


def test_makes_one_account_of_two_at_the_same_instant() -> None:
    """Both have looked for the address before either inserts it."""
    both_have_looked = threading.Barrier(2)

    def post() -> Any:
        api = APIClient()
        return meeting_at(
            partial(both_have_looked.wait, 30),
            'INSERT INTO "accounts_user"',
            partial(api.post, URL, DORA),
        )

    answers: list[Any] = at_once([post, post])
    assert sorted(answer.status_code for answer in answers) == [201, 400]
    refused = next(answer for answer in answers if answer.status_code == 400)
    assert list(assert_problem(refused, 400, "invalid")["errors"]) == ["email"]
    assert User.objects.count() == 1


def test_raises_what_is_wrong() -> None:
    make_user("dora")
    with pytest.raises(EmailTaken):
        register(**DORA)
    with pytest.raises(WeakPassword) as error:
        register(email="eve@example.com", password="eve", name="Eve")
    assert len(error.value.messages) >= 1
    assert User.objects.count() == 1
