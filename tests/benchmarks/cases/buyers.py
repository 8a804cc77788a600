"""One region's part of a herd: reads what to do, says "ready", waits for "go", tells figures."""

from __future__ import annotations

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from accounts.scopes import everywhere


def main() -> None:
    """Let the buyers loose, all at once, as many as there are threads."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "worldseat.settings")
    django.setup()
    asked = json.loads(sys.stdin.readline())
    threads = min(asked["threads"], len(asked["fans"]))
    ready = threading.Barrier(threads + 1)
    go = threading.Event()
    with ThreadPoolExecutor(threads, initializer=_arrive, initargs=(ready, go)) as pool:
        answers = pool.map(lambda fan: _buy(asked, fan), asked["fans"])
        ready.wait(timeout=60)
        print("ready", flush=True)
        sys.stdin.readline()
        go.set()
        told = list(answers)
    figures = [{"answer": answer, "attempts": attempts} for answer, attempts in told]
    print(json.dumps(figures), flush=True)


def _arrive(ready: threading.Barrier, go: threading.Event) -> None:
    """Connect, and wait for the others."""
    from django.db import connection

    connection.ensure_connection()
    ready.wait(timeout=60)
    go.wait(timeout=60)


def _buy(asked: dict[str, Any], fan: str) -> tuple[str, int]:
    from django.conf import settings
    from django.utils import timezone

    from sales.best_available.holding import BestHold, NoSeatsLeft, Wish, hold_best_available
    from worldseat.dsql.occ import tally

    with everywhere(), tally() as counted:
        try:
            held = hold_best_available(
                event_id=UUID(asked["event"]),
                wish=Wish(asked["quantity"]),
                fan_id=UUID(fan),
                region=settings.REGION,
                now=timezone.now(),
            )
        except NoSeatsLeft:
            answer = "none left"
        except Exception as error:  # each is counted by what it says
            answer = f"{type(error).__name__}: {error}".split("\n", 1)[0]
        else:
            assert isinstance(held, BestHold)
            answer = "together" if held.contiguous else "apart"
    return answer, counted.attempts


if __name__ == "__main__":
    main()
