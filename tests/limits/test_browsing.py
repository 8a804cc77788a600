"""A flood of browsers takes no thread from who buys: BROWSING_AT_ONCE, on a real web server."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from accounts.models import User
from sales.models import Seat, Ticket
from tests.helpers.databases import waiting_for
from tests.helpers.http_requests import LIST, ask, is_up, token_of
from tests.helpers.servers import database_url_in
from tests.helpers.waiting import wait_until
from worldseat.local import ports
from worldseat.local.processes import Supervisor
from worldseat.local.programs import Programs

pytestmark = [pytest.mark.apart, pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]

THREADS = 16  # of a web server of one region, as worldseat.local.programs starts it


@contextmanager
def web_server(home: Path, **more: str) -> Iterator[int]:
    """Run a web server on the test's database; yield its port."""
    (home / "logs").mkdir()
    url = database_url_in("us-east-1", connection.settings_dict["NAME"])
    environment = {**os.environ, "SECRET_KEY": settings.SECRET_KEY, "HTTPS_ONLY": "off", **more}
    programs = Programs(home, environment, lambda region: url)
    with Supervisor() as supervisor:
        _, port = ports.start_on_free_port(
            supervisor,
            lambda port: programs.web(port, "us-east-1"),
            preferred=18080,
            ready_on=lambda port: partial(is_up, port),
            deadline=120,
        )
        yield port


@contextmanager
def flood(port: int) -> Iterator[list[Future[tuple[int, bytes]]]]:
    """Have more browsers than there are threads ask for what takes until the block is left."""
    with (
        ThreadPoolExecutor(2 * THREADS) as pool,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        # The list of events reads the venues, and a sale does not.
        cursor.execute("LOCK TABLE sales_venue IN ACCESS EXCLUSIVE MODE")
        yield [pool.submit(ask, port, LIST) for _ in range(2 * THREADS)]


def test_leaves_threads_to_who_buys(tmp_path: Path, fay: User, seat: Seat) -> None:
    token, path = token_of(fay), f"/api/v1/events/{seat.event_id}/purchases/"
    with web_server(tmp_path, BROWSING_AT_ONCE=str(THREADS - 2)) as port:
        with flood(port) as asked:
            status, said = ask(port, path, token=token, body={"seat": str(seat.pk)})
            assert status == 201, said
            # Those beyond are sent away at once, while the others still wait.
            sent_away = list(islice(as_completed(asked, timeout=60), THREADS + 2))
            assert {each.result()[0] for each in sent_away} == {503}
        answered = Counter(each.result()[0] for each in asked)
        assert answered == {200: THREADS - 2, 503: THREADS + 2}
        refused = next(each.result()[1] for each in asked if each.result()[0] == 503)
        assert b"buying goes on" in refused
        # The flood is over: all may browse again.
        assert ask(port, LIST)[0] == 200
    assert Ticket.objects.get().fan == fay


def test_without_it_a_flood_keeps_buyers_waiting(tmp_path: Path, fay: User, seat: Seat) -> None:
    """Why there is such a setting: else a purchase waits for a thread behind browsers."""
    token, path = token_of(fay), f"/api/v1/events/{seat.event_id}/purchases/"
    with web_server(tmp_path, BROWSING_AT_ONCE="0") as port, flood(port) as asked:
        wait_until(lambda: waiting_for("sales_venue") == THREADS, what="all threads to wait")
        with pytest.raises(TimeoutError):
            ask(port, path, token=token, body={"seat": str(seat.pk)}, timeout=3)
        assert not any(each.done() for each in asked)
