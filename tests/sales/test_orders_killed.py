"""Servers killed in the middle of orders: the repeat with the same key ends in the one order."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from knox.models import get_token_model

from accounts.models import User
from sales.models import Event, Order, Payment
from tests.helpers.cast import make_event, make_fans
from tests.helpers.crew import servers
from tests.helpers.payments import assert_sound, captures, hold, settle_later
from tests.helpers.servers import REGIONS
from worldseat.local import ports
from worldseat.local.processes import Program, Supervisor

# A worker is forked anew for each kill, and on a machine that is busy that takes its time.
pytestmark = [pytest.mark.apart, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

# So many of them in the middle of an order; there are more kills if these were not.
HITS = 3
MOST_ORDERS = 60
# The slow one takes a tenth of a second longer: there the kill comes mostly in time.
CARDS = ("tok_slow", "tok_ok")
_CHECKOUT = Path(__file__).resolve().parents[2]


class Server:
    """A web server of one worker process, which is forked anew when it was killed.

    gunicorn, which goes on however often that is; the product's own gives up in a crash loop.
    """

    def __init__(self, port: int, master: psutil.Process) -> None:
        self.url = f"http://127.0.0.1:{port}/api/v1"
        self._master = master

    def kill(self) -> None:
        """End the worker as `kill -9` does."""
        for worker in self._master.children():
            worker.send_signal(signal.SIGKILL)


@pytest.fixture
def server(tmp_path: Path, transactional_db: None) -> Iterator[Server]:
    """The product's web server, on the test's own database."""
    if os.environ.get(REGIONS):
        pytest.skip("the tests' database is behind endpoints")
    port = ports.choose(18200)
    words = ["-m", "gunicorn", "tests.sales.preloaded", "--bind", f"127.0.0.1:{port}", "--preload"]
    words += ["--worker-class", "gthread", "--workers", "1", "--threads", "4"]
    program = Program(
        name="web",
        command=[sys.executable, *words],
        env={**os.environ, **servers(), "REDIS_URL": os.environ["REDIS_URL"]},
        cwd=_CHECKOUT,
        log=tmp_path / "web.log",
        grace=2.0,
    )
    with Supervisor() as supervisor:
        child = supervisor.start(program)
        supervisor.wait_until(child, lambda: _answers(port), deadline=60)
        yield Server(port, psutil.Process(child.pid))


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/v1/events/", timeout=5).is_success
    except httpx.TransportError:
        return False


def order(server: Server, held: Any, token: str, *, card: str) -> httpx.Response:
    return httpx.post(
        f"{server.url}/orders/",
        json={"hold": str(held.pk), "payment": {"provider": "test", "token": card}},
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": f"order of {held.pk}"},
        timeout=20,
    )


def repeat(server: Server, held: Any, token: str, *, card: str) -> httpx.Response:
    """Ask until somebody answers, as a client does."""
    until = time.monotonic() + 30
    while True:
        try:
            answer = order(server, held, token, card=card)
        except httpx.TransportError:
            assert time.monotonic() < until
            time.sleep(0.02)
            continue
        if answer.status_code != 503:
            return answer


@pytest.mark.parametrize("kills", [6, pytest.param(20, marks=pytest.mark.full)])
def test_ends_in_the_one_order(server: Server, event: Event, kills: int) -> None:
    rush = make_event(event.organisation, rows="ABCDEF", seats_a_row=20)
    seats = list(rush.seats.in_order())
    # Chance for a test, to be repeated.
    chance, made, lost, seconds = random.Random(20), 0, 0, dict.fromkeys(CARDS, 0.0)
    for number, fan in enumerate(make_fans(MOST_ORDERS)):
        if number >= len(CARDS) + kills and lost >= HITS:
            break
        made += 1
        held, token = hold(seats[2 * number : 2 * number + 2], fan), _token(fan)
        card = CARDS[number % 2]
        began = time.monotonic()
        if not seconds[card]:
            assert order(server, held, token, card=card).status_code == 201
            seconds[card] = time.monotonic() - began
            continue
        killing = threading.Timer(chance.uniform(0, seconds[card]), server.kill)
        killing.start()
        try:
            first = order(server, held, token, card=card)
        except httpx.TransportError:
            lost += 1
        else:
            assert first.status_code == 201, first.text
            # How long one takes on this machine, now.
            seconds[card] = time.monotonic() - began
        killing.join()
        again = repeat(server, held, token, card=card)
        assert again.status_code == 201, again.text
        assert repeat(server, held, token, card=card).json() == again.json()
    assert lost >= HITS, f"{lost} of {made} orders were hit"
    settle_later()
    assert Order.objects.filter(state="paid").count() == Order.objects.count() == made
    assert [captures(each) for each in Payment.objects.all()] == [1] * made
    assert_sound(rush)


def _token(fan: User) -> str:
    _, token = get_token_model().objects.create(user=fan)
    return str(token)
