"""`manage.py demo` tells: a purchase over its HTTP becomes a mail with tickets, and a webhook.

Nobody drains the outbox here but the demo's own worker and beat, through the regions' endpoints.
"""

from __future__ import annotations

import http.client
import json
import re
import secrets
import subprocess
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.helpers.commands import interrupt, read_until
from tests.helpers.waiting import wait_until
from tests.helpers.webhooks.receiver import receiver

pytestmark = pytest.mark.timeout(600)  # it starts a dozen processes, on two cores

FAN, OWNER = "fan@worldseat.example", "owner@aurora-live.example"


def test_tells_the_fan_and_the_organisation_of_a_purchase(
    manage: Callable[..., subprocess.Popen[str]], home: Path, left_behind: Callable[[], list[str]]
) -> None:
    process = manage("demo", "--buyers", "4", WEBHOOK_PRIVATE_NETWORKS="127.0.0.1/32")
    output = read_until(process, "Serving")
    assert re.search(rf"^ +Mails +{re.escape(str(home / 'mail'))}$", output, re.M), output
    site = _Site(output)
    with receiver("whsec_" + "a" * 44) as shop:
        hook = site.ask("/organiser/webhooks/", {"url": shop.url}, of=OWNER)
        shop.secrets = [hook["secret"]]
        order = _buy(site)

        def is_told() -> bool:
            return any(each["data"]["order"]["id"] == order["id"] for each in shop.accepted)

        wait_until(is_told, what="the webhook")
        wait_until(lambda: bool(_mails(home / "mail")), what="the mail")
        assert shop.forged == 0

        # The same with a worker less: the region that is left has both, and beat finds the rest.
        _kill_worker(process, "us-east-1")
        order = _buy(site)
        wait_until(is_told, what="the webhook, from the region that is left")
        wait_until(lambda: len(_mails(home / "mail")) == 2, what="the second mail")
    for mail in _mails(home / "mail"):
        assert mail["To"] == FAN
        (ticket,) = mail.iter_attachments()
        assert ticket.get_content_type() == "application/pdf"
        assert ticket.get_content().startswith(b"%PDF")
    assert order["reference"] in "".join(str(each["Subject"]) for each in _mails(home / "mail"))

    interrupt(process)
    process.communicate()
    assert left_behind() == []


def _buy(site: _Site) -> Any:
    """Have the fan buy a free seat of the gala."""
    event = site.ask("/events/?q=Winter+Gala", of=FAN)["results"][0]
    path = f"/events/{event['id']}"
    sections = site.ask(f"{path}/plan/", of=FAN)["sections"]
    seats = [s["id"] for part in sections for row in part["rows"] for s in row["seats"]]
    changed = site.ask(f"{path}/availability/", of=FAN)["changed"]
    gone = {each["seat"] for each in changed if each["status"] != "available"}
    free = next(each for each in seats if each not in gone)
    return site.ask(f"{path}/purchases/", {"seat": free}, of=FAN)


class _Site:
    """The demo's API, as it says where it is and who may log in."""

    def __init__(self, output: str) -> None:
        (self._port,) = re.findall(r"API docs +http://127\.0\.0\.1:(\d+)/", output)
        self._passwords = dict(re.findall(r"(\S+@\S+) +(demo-\S+)", output))
        self._tokens: dict[str, str] = {}

    def ask(self, path: str, body: Any = None, *, of: str = "") -> Any:
        """Return what is answered to a GET, or with a body to a POST."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(8)}
        if of:
            headers["Authorization"] = f"Bearer {self._token(of)}"
        connection = http.client.HTTPConnection("127.0.0.1", int(self._port), timeout=60)
        try:
            method, sent = ("GET", None) if body is None else ("POST", json.dumps(body))
            connection.request(method, f"/api/v1{path}", sent, headers)
            answer = connection.getresponse()
            said = answer.read()
            assert answer.status in (200, 201), said
            return json.loads(said)
        finally:
            connection.close()

    def _token(self, email: str) -> str:
        if email not in self._tokens:
            asked = {"email": email, "password": self._passwords[email]}
            self._tokens[email] = self.ask("/auth/token", asked)["token"]
        return self._tokens[email]


def _mails(folder: Path) -> list[EmailMessage]:
    """Return the mails with tickets; one that is being written has no end yet."""
    read = [
        message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in sorted(folder.glob("*.eml"))
    ]
    return [each for each in read if list(each.iter_attachments())]


def _kill_worker(demo: subprocess.Popen[str], region: str) -> None:
    children = psutil.Process(demo.pid).children()
    (worker,) = [child for child in children if f"{region}@%h" in child.cmdline()]
    worker.kill()
