"""The API describes itself, completely and truly."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.urls import URLPattern, URLResolver
from rest_framework.test import APIClient

from accounts.models import User
from sales.models import Event, Seat
from tests.helpers.api_calls import ApiAs, assert_problem, buy
from worldseat.api import urls
from worldseat.api.errors import NothingHere
from worldseat.api.problems import MEDIA_TYPE


@pytest.fixture
def schema(api: APIClient) -> dict[str, Any]:
    answer = api.get("/api/v1/schema/")
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


def test_is_valid_and_without_a_warning(tmp_path: Any) -> None:
    target = tmp_path / "schema.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(target))
    assert target.read_text().startswith("openapi: 3.1")


def test_has_every_path(schema: dict[str, Any]) -> None:
    described = {path.replace("{", "<").replace("}", ">") for path in schema["paths"]}
    assert described == {
        "/api/" + path
        for path in _paths(urls.urlpatterns)
        if path not in ("v1/schema/", "v1/docs/")
    }


def _paths(patterns: list[Any], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for pattern in patterns:
        path = prefix + str(pattern.pattern).replace("<uuid:", "<")
        if isinstance(pattern, URLResolver):
            found |= _paths(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            view = getattr(pattern.callback, "view_class", None)
            found |= set() if view is NothingHere else {path}
    return found


def test_describes_the_problems_of_every_operation(schema: dict[str, Any]) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            assert "503" in responses, (method, path)
            refused = {status: each for status, each in responses.items() if status >= "400"}
            for status, response in refused.items():
                assert list(response["content"]) == [MEDIA_TYPE], (method, path, status)
                assert response["content"][MEDIA_TYPE]["examples"], (method, path, status)


def test_refers_to_nothing_that_is_not_there(schema: dict[str, Any]) -> None:
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(schema)))
    assert named == set(schema["components"]["schemas"]), "named, or else there without a use"


def test_says_what_a_request_may_hold(schema: dict[str, Any]) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            for content in operation.get("requestBody", {"content": {}})["content"].values():
                assert content.get("examples"), (method, path)
                name = content["schema"]["$ref"].rpartition("/")[2]
                fields = schema["components"]["schemas"][name]
                assert fields["additionalProperties"] is False, (method, path)


@pytest.mark.django_db(transaction=True)
def test_refuses_parameters_that_are_not_there(
    api_as: ApiAs, alice: User, schema: dict[str, Any]
) -> None:
    for path, operations in schema["paths"].items():
        for method in operations:
            api = api_as(alice)
            url = re.sub(r"{\w+}", str(uuid4()), path) + "?nonsense=1"
            problem = assert_problem(getattr(api, method)(url), 400, "invalid")
            assert list(problem["errors"]) == ["nonsense"], (method, path)


def test_describes_the_purchase(schema: dict[str, Any]) -> None:
    operation = schema["paths"]["/api/v1/events/{event_id}/purchases/"]["post"]
    key = next(each for each in operation["parameters"] if each["name"] == "Idempotency-Key")
    assert (key["in"], key["required"]) == ("header", True)
    assert {"token": []} in operation["security"]
    assert operation["requestBody"]["content"]["application/json"]["examples"]
    statuses = "201 400 401 403 404 409 413 415 422 429 503"
    assert list(operation["responses"]) == statuses.split()
    conflict = operation["responses"]["409"]["content"][MEDIA_TYPE]["examples"]
    assert {each["value"]["code"] for each in conflict.values()} == {"seat-taken", "not-on-sale"}
    assert schema["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


@pytest.mark.django_db(transaction=True)
def test_tells_the_truth(
    api_as: ApiAs, fay: User, event: Event, seat: Seat, schema: dict[str, Any]
) -> None:
    """What is answered fits what is described, each field of it."""
    from jsonschema import Draft202012Validator

    api = api_as(fay)
    sold = buy(api, event, seat)
    answers = {
        ("post", "/api/v1/events/{event_id}/purchases/"): sold,
        ("get", "/api/v1/orders/{order_id}/"): api.get(f"/api/v1/orders/{sold.json()['id']}/"),
        ("get", "/api/v1/orders/"): api.get("/api/v1/orders/"),
        ("get", "/api/v1/events/"): api.get("/api/v1/events/"),
        ("get", "/api/v1/events/{event_id}/"): api.get(f"/api/v1/events/{event.pk}/"),
        ("get", "/api/v1/events/{event_id}/plan/"): api.get(f"/api/v1/events/{event.pk}/plan/"),
        ("get", "/api/v1/events/{event_id}/availability/"): api.get(
            f"/api/v1/events/{event.pk}/availability/"
        ),
        ("get", "/api/v1/me/"): api.get("/api/v1/me/"),
    }
    refused = buy(api, event, seat, key="other")
    for (method, path), answer in [
        *answers.items(),
        (("post", "/api/v1/events/{event_id}/purchases/"), refused),
    ]:
        described = schema["paths"][path][method]["responses"][str(answer.status_code)]
        found = described["content"][answer["Content-Type"]]["schema"]
        whole = {**found, "components": schema["components"]}
        errors = [error.message for error in Draft202012Validator(whole).iter_errors(answer.json())]
        assert not errors, (method, path, errors)


def test_has_a_page_that_loads_nothing_from_elsewhere(api: APIClient) -> None:
    page = api.get("/api/v1/docs/", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert page["Content-Type"].startswith("text/html")
    text = page.content.decode()
    assert "/static/drf_spectacular_sidecar/swagger-ui-dist" in text
    assert "https://" not in text
    assert "/api/v1/schema/" in text
