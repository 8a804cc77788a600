"""The walk through the API in docs/ works as it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient

from accounts.models import User
from sales.models import Event, Scan, Ticket
from tests.cast import PASSWORD
from tests.sales.invariants import broken_invariants

WALK = Path(__file__).resolve().parent.parent / "docs" / "api_walk.py"

pytestmark = pytest.mark.django_db(transaction=True)


def test_walks_through_the_whole_api(
    live_server: LiveServer, api: APIClient, event: Event, bob: User
) -> None:
    Event.objects.update(fans_cancel_until=event.starts_at)
    done = subprocess.run(
        [sys.executable, WALK, "opening night"],
        env={**os.environ, "API": f"{live_server.url}/api/v1", "STAFF": f"{bob.email}:{PASSWORD}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert Scan.objects.filter(outcome="admitted").count() == 1
    assert Ticket.objects.filter(event=event, state="valid").count() == 2
    assert not broken_invariants(event_id=event.pk, now=timezone.now())
    described: dict[str, Any] = api.get("/api/v1/schema/").json()["paths"]
    walked = set(re.findall(r"(GET|POST|DELETE) +(/\S*?)(?:\?\S*)?  ->", done.stdout))
    missed = {
        f"{method.upper()} {path}"
        for path, operations in described.items()
        for method in operations
        if not any(
            method.upper() == verb and re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), f"/api/v1{at}")
            for verb, at in walked
        )
    }
    assert not missed, "operations that the walk leaves out"
