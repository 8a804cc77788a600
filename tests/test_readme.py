"""What the README tells a reader to type works as it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from sales.models import Event, Ticket

pytestmark = pytest.mark.apart

README = Path(__file__).resolve().parent.parent / "README.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README's example is for curl")
@pytest.mark.django_db(transaction=True)
def test_buys_a_ticket_by_curl(live_server: LiveServer, event: Event) -> None:
    (example,) = re.findall(r"```sh\n(API=.*?)```", README.read_text(), re.DOTALL)
    again = example.strip().rpartition("\n\n")[2]
    done = subprocess.run(
        ["bash", "-euc", example + again],
        env={**os.environ, "API": f"{live_server.url}/api/v1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("HTTP/1.1 201") == 2, done.stdout
    assert done.stdout.count("Idempotency-Replayed: true") == 1
    assert Ticket.objects.filter(event=event).count() == 1
