"""The walk through the API in docs/ works as it says, and leaves nothing out.

Its answers are the examples of the API's description: WORLDSEAT_RECORD=1 writes them anew.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from jsonschema import Draft202012Validator
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient

from accounts.models import User
from sales.models import Event, Scan, Ticket
from sales.waiting_room.rooms import RoomRules, set_room
from sales.waitlist import WaitlistRules, set_waitlist
from tests.helpers.cast import PASSWORD, make_event
from tests.helpers.invariants import broken_invariants
from worldseat.api.schema_hooks import EXAMPLES

WALK = Path(__file__).resolve().parent.parent / "docs" / "api_walk.py"
# Longer lists say no more.
LONGEST_LIST = 2
LONGEST_ROW = 12

# Stampedes need workers; their examples are written by hand.
NOT_WALKED = "/api/v1/stampedes/"

Answers = dict[str, dict[str, Any]]


def walk(api_url: str, *, staff: str, manager: str) -> Answers:
    """Take the walk; return the first answer of each operation: request -> status -> body."""
    spec = importlib.util.spec_from_file_location("api_walk", WALK)
    assert spec
    assert spec.loader
    script: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    answers: Answers = {}

    class Recorded(script.Client):  # type: ignore[misc] # a script has no types
        def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
            answer = super().ask(method, path, body, **options)
            told = answers.setdefault(f"{method} /api/v1{path.partition('?')[0]}", {})
            told.setdefault(str(options["expect"]), answer)
            return answer

    script.API, script.Client = api_url, Recorded
    script.walk("opening night", staff, PASSWORD, manager, PASSWORD)
    return answers


@pytest.mark.django_db(transaction=True)
def test_walks_through_the_whole_api(
    live_server: LiveServer, api: APIClient, event: Event, alice: User, bob: User
) -> None:
    Event.objects.update(fans_cancel_until=event.starts_at)
    rules = RoomRules(is_on=True, opens_at=event.on_sale_at, rate_per_minute=60)
    set_room(event_id=event.pk, rules=rules, now=timezone.now())
    sold_out = make_event(event.organisation, name="Sold Out Show")
    sold_out.seats.update(status="sold")
    waitlist = WaitlistRules(is_on=True)
    set_waitlist(event_id=sold_out.pk, rules=waitlist, now=timezone.now())
    answers = walk(f"{live_server.url}/api/v1", staff=bob.email, manager=alice.email)
    assert Scan.objects.filter(outcome="admitted").count() == 1
    assert Ticket.objects.filter(event=event, state="valid").count() == 3
    assert not broken_invariants(event_id=event.pk, now=timezone.now())
    schema = api.get("/api/v1/schema/").json()
    examples = _by_operation(schema, answers)
    for name, told in examples.items():
        for status, body in told.items():
            _check(schema, name, status, body)
    if os.environ.get("WORLDSEAT_RECORD"):
        known = {**json.loads(EXAMPLES.read_text()), **examples}
        EXAMPLES.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n")


def _by_operation(schema: dict[str, Any], answers: Answers) -> Answers:
    """Return the answers of success in JSON by operation, of which none may be without one."""
    found: Answers = {}
    for path, operations in schema["paths"].items():
        for method in operations if not path.startswith(NOT_WALKED) else ():
            name = f"{method.upper()} {path}"
            pattern = re.sub(r"{\w+}", "[^/]+", name)
            asked = [each for each in answers if re.fullmatch(pattern, each)]
            assert asked, f"the walk leaves {name} out"
            told = {
                status: _shortened(body)
                for each in asked
                for status, body in answers[each].items()
                if status < "300" and isinstance(body, dict)
            }
            if told:
                found[name] = told
    return found


def _shortened(body: Any) -> Any:
    if isinstance(body, dict):
        return {name: _shortened(each) for name, each in body.items()}
    if not isinstance(body, list):
        return body
    # A row of plain values is read by its length.
    plain = not any(isinstance(each, (dict, list)) for each in body) and len(body) <= LONGEST_ROW
    return [_shortened(each) for each in (body if plain else body[:LONGEST_LIST])]


def _check(schema: dict[str, Any], name: str, status: str, body: Any) -> None:
    method, path = name.split()
    response = schema["paths"][path][method.lower()]["responses"][status]
    whole = {
        **response["content"]["application/json"]["schema"],
        "components": schema["components"],
    }
    errors = [error.message for error in Draft202012Validator(whole).iter_errors(body)]
    assert not errors, (name, status, errors)


def test_every_answer_has_an_example_that_fits(api: APIClient) -> None:
    schema = api.get("/api/v1/schema/").json()
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                for kind, content in response.get("content", {}).items():
                    if kind == "application/json":
                        (example,) = content["examples"].values()
                        _check(schema, f"{method} {path}", status, example["value"])
