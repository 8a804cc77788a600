"""Nothing is lost when a process is killed between a commit and its delivery."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from sales.models import Order, OutboxEvent, Seat, WebhookDelivery
from tests.helpers.crew import servers
from tests.helpers.payments import paid
from tests.helpers.webhooks.receiver import Receiver
from tests.helpers.webhooks.telling import tell

pytestmark = [pytest.mark.apart, pytest.mark.django_db(transaction=True)]


def run_until_killed(script: str) -> None:
    """Run a script in a process of its own, which kills itself as `kill -9` does."""
    begin = "import os, django\ndjango.setup()\nfrom accounts.scopes import everywhere\n"
    script = textwrap.indent(textwrap.dedent(script), "    ")
    done = subprocess.run(
        [sys.executable, "-c", f"{begin}with everywhere():\n{script}"],
        env={
            **os.environ,
            **servers(),
            "DJANGO_SETTINGS_MODULE": "worldseat.settings",
            "WEBHOOK_PRIVATE_NETWORKS": "127.0.0.1/32",
        },
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_by_whoever_sold_before_a_word_was_sent(shop: Receiver, seat: Seat, fay: User) -> None:
    run_until_killed(f"""
        from django.utils import timezone
        from sales import outbox, purchases
        outbox.wake = lambda: os.kill(os.getpid(), 9)
        purchases.purchase(
            event_id="{seat.event_id}", seat_id="{seat.pk}", fan_id="{fay.pk}",
            region="us-east-1", now=timezone.now(),
        )
    """)
    order = Order.objects.get()
    assert shop.seen == []
    tell()
    (message,) = shop.accepted
    assert message["data"]["order"]["id"] == str(order.pk)


def test_by_whoever_drained_before_it_committed(shop: Receiver, seat: Seat, fay: User) -> None:
    paid([seat], fay)
    run_until_killed("""
        from sales.telling import draining
        draining.Mailing.objects.bulk_create = lambda rows: os.kill(os.getpid(), 9)
        draining.drain()
    """)
    assert OutboxEvent.objects.get().drained_at is None
    tell()
    assert len(shop.accepted) == 1


def test_by_whoever_delivered_before_it_was_written_down(
    shop: Receiver, seat: Seat, fay: User
) -> None:
    paid([seat], fay)
    run_until_killed("""
        from sales.telling import delivering, draining
        delivering._record = lambda **_: os.kill(os.getpid(), 9)
        draining.drain()
        delivering.deliver()
    """)
    delivery = WebhookDelivery.objects.get()
    assert delivery.leased
    assert timezone.now() < delivery.due_at < timezone.now() + timedelta(minutes=2)
    assert tell() == 0  # it is leased
    WebhookDelivery.objects.update(due_at=timezone.now())  # the lease is over
    assert tell() == 1
    # At least once, under one id: the receiver can tell.
    assert len(shop.accepted) == 2
    assert len(set(shop.ids())) == 1
