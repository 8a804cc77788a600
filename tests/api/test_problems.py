"""Whatever goes wrong is told as problem+json, and nothing else is told."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import OperationalError, ProgrammingError, connection
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from sales.models import Event
from tests.helpers.api_calls import ApiAs, assert_problem
from worldseat.api.problems import TITLES

pytestmark = pytest.mark.django_db

REGISTER = "/api/v1/auth/register"


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "",
        "nonsense",
        b"\xff\xfe",
        '{"email": NaN}',
        "[" * 100_000,
        '{"email": ' + "9" * 10_000 + "}",
        '{"email": "a@example.com",}',
        "\0",
    ],
)
def test_tells_of_a_body_that_is_no_json(api: APIClient, body: Any) -> None:
    answer = api.post(REGISTER, body, content_type="application/json")
    assert assert_problem(answer, 400, "invalid")["errors"]
    assert not User.objects.exists()


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "x" * 300])
def test_tells_of_a_body_of_another_kind(api: APIClient, kind: str) -> None:
    answer = api.post(REGISTER, b"email=a", content_type=kind)
    assert_problem(answer, 415, "unsupported-media-type")


def test_tells_of_a_body_that_is_too_large(api: APIClient) -> None:
    body = b'{"name": "' + b"x" * 1024 * 1024 + b'"}'
    answer = api.post(REGISTER, body, content_type="application/json")
    assert_problem(answer, 413, "body-too-large")


@pytest.mark.parametrize("method", ["put", "patch", "delete", "get"])
def test_tells_of_a_method_that_is_not_allowed(api: APIClient, method: str) -> None:
    answer = getattr(api, method)(REGISTER)
    assert_problem(answer, 405, "method-not-allowed")
    assert "POST" in answer["Allow"]


@pytest.mark.parametrize("method", ["get", "post", "delete"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/v2/events/",
        "/api/v1/nothing",
        "/api/v1/events/1/",
        "/api/v1/events/not-a-uuid/plan/",
        f"/api/v1/events/{UUID(int=1)}/nothing/",
        "/api/v1/events/%00/",
        "/api/v1/events/../../etc/passwd",
    ],
)
def test_tells_of_a_path_that_is_not_there(api: APIClient, method: str, path: str) -> None:
    assert_problem(getattr(api, method)(path), 404, "not-found")


def test_names_the_path_that_was_meant(api: APIClient) -> None:
    problem = assert_problem(api.get("/api/v1/events"), 404, "not-found")
    assert "Did you mean /api/v1/events/?" in problem["detail"]
    problem = assert_problem(api.post("/api/v1/auth/token/"), 404, "not-found")
    assert "Did you mean /api/v1/auth/token?" in problem["detail"]


@pytest.mark.django_db(transaction=True)
def test_tells_of_an_unknown_id(api: APIClient) -> None:
    for path in ("", "plan/", "availability/"):
        assert_problem(api.get(f"/api/v1/events/{uuid4()}/{path}"), 404, "not-found")


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer x", "Bearer a b", "Bearer \xff\xfe", "Bearer a\0b", "Bearer " + "x" * 9000],
)
def test_tells_of_a_bad_token(api: APIClient, header: str) -> None:
    answer = api.get("/api/v1/me/", headers={"Authorization": header})
    assert_problem(answer, 401, "not-authenticated")
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", [None, "Basic YTpi", "Token x", ""])
def test_tells_that_a_token_is_needed(api: APIClient, header: str | None) -> None:
    headers = None if header is None else {"Authorization": header}
    answer = api.get("/api/v1/orders/", headers=headers)
    assert_problem(answer, 401, "not-authenticated")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_tells_a_page_that_forgot_its_csrf_token(fay: User, event: Event) -> None:
    page = Client(enforce_csrf_checks=True)
    page.force_login(fay)
    assert page.get("/api/v1/me/").status_code == 200
    url = f"/api/v1/events/{event.pk}/purchases/"
    answer = page.post(url, {"seat": "x"}, content_type="application/json")
    assert_problem(answer, 403, "permission-denied")


def test_tells_of_a_host_that_is_not_ours(api: APIClient) -> None:
    answer = api.get("/api/v1/events/", headers={"Host": "evil.example"})
    assert_problem(answer, 400, "invalid")
    assert "evil" not in answer.content.decode()


@pytest.mark.parametrize("debug", [True, False])
def test_says_nothing_of_a_bug_but_logs_it(
    api: APIClient,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    debug: bool,
) -> None:
    def fail(**_: Any) -> None:
        raise ProgrammingError('relation "secret" does not exist')

    settings.DEBUG = debug
    monkeypatch.setattr("sales.api.plans.head_of", fail)
    api.raise_request_exception = False
    answer = api.get(f"/api/v1/events/{uuid4()}/plan/")
    assert_problem(answer, 500, "internal-error")
    assert "secret" not in answer.content.decode()
    logged = [each for each in caplog.records if each.levelno == logging.ERROR and each.exc_info]
    assert "secret" in str(logged[0].exc_info)


def test_says_busy_when_a_list_meets_a_changed_schema(
    api_as: ApiAs, fay: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OC001 can hit any statement, of a read too."""
    cause = psycopg.errors.SerializationFailure("schema has been updated (OC001)")

    def fail(*_: Any) -> None:
        raise OperationalError(*cause.args) from cause

    api = api_as(fay)
    monkeypatch.setattr("sales.models.OrderQuerySet.of", fail)
    answer = api.get("/api/v1/orders/")
    assert_problem(answer, 503, "busy")
    assert answer["Retry-After"] == "1"


@pytest.mark.django_db(transaction=True)
def test_says_busy_when_the_database_is_out_of_reach(
    api: APIClient, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "PORT", "9")
    answer = api.get(f"/api/v1/events/{event.pk}/")
    monkeypatch.undo()
    assert_problem(answer, 503, "busy")


def test_answers_json_whatever_is_asked_for(api: APIClient, event: Event) -> None:
    for accept in ("text/html", "application/problem+json", "nonsense", "image/png;q=0.5"):
        answer = api.get("/api/v1/events/", headers={"Accept": accept})
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/json"


def test_has_a_title_for_each_code() -> None:
    assert all(title and code == code.lower() for code, title in TITLES.items())
