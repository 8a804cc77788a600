"""The connection on which an endpoint looks things up, for all its sessions."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

from worldseat.local.endpoint.backend import Address
from worldseat.local.endpoint.wounds import Wounds


def test_a_question_given_up_does_not_answer_the_next(backend_url: str) -> None:
    """A watch is cancelled half way at the end of each DDL; whether a role is granted comes next.

    Read as the answer to that, it refused a role that had just been granted.
    """

    async def ask() -> list[list[str | None]]:
        wounds = Wounds(Address.from_url(backend_url), {})
        await wounds.rows("SELECT 1")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await wounds.rows("SELECT 'given up' FROM pg_sleep(0.2)")
        return await wounds.rows("SELECT 'granted'")

    # In a thread of its own: a browser of another test may leave a loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(asyncio.run, ask()).result() == [["granted"]]
