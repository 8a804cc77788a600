"""`manage.py demo` tells: a purchase over its HTTP becomes a mail with tickets, and a webhook.

Nobody drains the outbox here but the demo's own worker and beat, through the regions' endpoints.
"""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.helpers.commands import interrupt, read_until
from tests.helpers.instances import Demo
from tests.helpers.waiting import wait_until
from tests.helpers.webhooks.receiver import receiver
from tests.local.site import Site
from worldseat.local import state

pytestmark = pytest.mark.timeout(600)  # it starts a dozen processes, on two cores

FAN, OWNER = "fan@worldseat.example", "owner@aurora-live.example"


def test_tells_of_purchases_with_a_worker_less_too_and_ends_by_ctrl_c(last_of_demo: Demo) -> None:
    demo, home = last_of_demo, last_of_demo.instance.home
    mails = re.escape(str(home / "mail"))
    assert re.search(rf"^ +Mails +{mails}$", demo.output, re.M), demo.output
    site = Site(demo.output)
    with receiver("whsec_" + "a" * 44) as shop:
        hook = site.ask("/organiser/webhooks/", {"url": shop.url}, of=OWNER)
        shop.secrets = [hook["secret"]]
        order = _buy(site)

        def is_told() -> bool:
            return any(each["data"]["order"]["id"] == order["id"] for each in shop.accepted)

        wait_until(is_told, what="the webhook")
        wait_until(lambda: bool(_mails(home / "mail")), what="the mail")
        assert shop.forged == 0

        _worker(demo, "us-east-1").kill()
        said = read_until(demo.process, "start the demo again")
        assert "worker-us-east-1 was killed by SIGKILL" in said
        assert site.get("/healthz")[0] == 200
        # The region that is left has both, and beat finds the rest.
        order = _buy(site)
        wait_until(is_told, what="the webhook, from the region that is left")
        wait_until(lambda: len(_mails(home / "mail")) == 2, what="the second mail")
    for mail in _mails(home / "mail"):
        assert mail["To"] == FAN
        (ticket,) = mail.iter_attachments()
        assert ticket.get_content_type() == "application/pdf"
        assert ticket.get_content().startswith(b"%PDF")
    assert order["reference"] in "".join(str(each["Subject"]) for each in _mails(home / "mail"))

    interrupt(demo.process)
    demo.process.communicate()
    assert demo.process.returncode == 0
    assert demo.instance.left_behind() == []
    assert state.read(home) is None


def _buy(site: Site) -> Any:
    """Have the fan buy a free seat of the gala."""
    event = site.ask("/events/?q=Winter+Gala", of=FAN)["results"][0]
    path = f"/events/{event['id']}"
    sections = site.ask(f"{path}/plan/", of=FAN)["sections"]
    seats = [s["id"] for part in sections for row in part["rows"] for s in row["seats"]]
    changed = site.ask(f"{path}/availability/", of=FAN)["changed"]
    gone = {each["seat"] for each in changed if each["status"] != "available"}
    free = next(each for each in seats if each not in gone)
    return site.ask(f"{path}/purchases/", {"seat": free}, of=FAN)


def _mails(folder: Path) -> list[EmailMessage]:
    """Return the mails with tickets; one that is being written has no end yet."""
    read = [
        message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in sorted(folder.glob("*.eml"))
    ]
    return [each for each in read if list(each.iter_attachments())]


def _worker(demo: Demo, region: str) -> psutil.Process:
    children = psutil.Process(demo.process.pid).children()
    (worker,) = [child for child in children if f"{region}@%h" in child.cmdline()]
    return worker
