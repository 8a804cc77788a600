"""The test provider: no money moves, and what goes wrong is written in the token.

It remembers in Valkey, as a provider of its own would, so that a worker that is killed takes
nothing of it along. Each change is one atomic command, and the first one counts.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from uuid import UUID

import redis
from django.conf import settings

from sales.payments.protocol import Authorization, Refused, TimedOut

__all__ = ["SCRIPTS", "TestProvider", "remembered"]


@dataclass(frozen=True)
class Script:
    """What the provider does; the numbers count calls from the first one on."""

    lost: int = 0  # authorizations that never arrive
    unanswered: int = 0  # authorizations that are done, and whose answer is lost
    seconds: float = 0
    refused: str = ""
    captures_lost: int = 0
    refunds_unanswered: int = 0
    refund_refused: str = ""


# What stands for a card: it decides what happens.
SCRIPTS = {
    "tok_ok": Script(),
    "tok_slow": Script(seconds=0.1),
    "tok_refused": Script(refused="The card has no money."),
    "tok_timeout_then_ok": Script(lost=1),
    "tok_timeout": Script(lost=1_000_000),
    "tok_late": Script(unanswered=1),
    "tok_capture_late": Script(captures_lost=1),
    "tok_refund_late": Script(refunds_unanswered=1),
    "tok_refund_refused": Script(refund_refused="The card was closed."),
}

_KEPT_SECONDS = 7 * 24 * 3600


class TestProvider:
    """A provider that does what its token says."""

    __test__ = False  # for pytest
    staff_only = False

    def authorize(
        self, *, payment_id: UUID, amount_minor: int, currency: str, token: str
    ) -> Authorization:
        """Act on the token."""
        script = SCRIPTS.get(token)
        if script is None:
            raise Refused("There is no such test card.")
        asked = _count(payment_id, "asked")
        if asked <= script.lost:
            raise TimedOut
        time.sleep(script.seconds)
        _write_once(payment_id, "state", "refused" if script.refused else "authorized")
        _write_once(payment_id, "token", token)
        _write_once(payment_id, "amount", str(amount_minor))
        if asked <= script.unanswered:
            raise TimedOut
        return _found(payment_id)

    def lookup(self, *, payment_id: UUID) -> Authorization | None:
        """Look into the memory."""
        return _found(payment_id) if "state" in remembered(payment_id) else None

    def capture(self, *, payment_id: UUID, reference: str) -> None:
        """Capture, once."""
        _found(payment_id)
        if _count(payment_id, "captures_asked") <= _script(payment_id).captures_lost:
            raise TimedOut
        if _write_once(payment_id, "captured", "yes"):
            _count(payment_id, "captures")

    def void(self, *, payment_id: UUID) -> None:
        """Write it down: what comes later is refused."""
        _redis().hset(_key(payment_id), "state", "voided")

    def refund(
        self, *, refund_id: UUID, payment_id: UUID, reference: str, amount_minor: int
    ) -> str:
        """Give back, once for each refund; counts as `overdrawn` what was never captured."""
        script = _script(payment_id)
        if script.refund_refused:
            raise Refused(script.refund_refused)
        if _write_once(payment_id, f"refund:{refund_id}", str(amount_minor)):
            back = _count(payment_id, "refunded", amount_minor)
            memory = remembered(payment_id)
            if "captured" not in memory or back > int(memory["amount"]):
                _count(payment_id, "overdrawn")
        if _count(payment_id, "refunds_asked") <= script.refunds_unanswered:
            raise TimedOut
        return f"test-{refund_id.hex[:12]}"


def remembered(payment_id: UUID) -> dict[str, str]:
    """Return what the test provider knows of a payment: its state and counters, as texts."""
    found = _redis().hgetall(_key(payment_id))
    return {name.decode(): value.decode() for name, value in found.items()}  # type: ignore[union-attr] # the client also has an async face


def _found(payment_id: UUID) -> Authorization:
    memory = remembered(payment_id)
    if memory["state"] == "authorized":
        return Authorization(reference=f"test-{payment_id.hex[:12]}")
    refused = SCRIPTS[memory["token"]].refused if "token" in memory else ""
    raise Refused(refused or "The payment was voided.")


def _script(payment_id: UUID) -> Script:
    return SCRIPTS[remembered(payment_id)["token"]]


def _write_once(payment_id: UUID, field: str, value: str) -> bool:
    first = bool(_redis().hsetnx(_key(payment_id), field, value))
    _redis().expire(_key(payment_id), _KEPT_SECONDS)
    return first


def _count(payment_id: UUID, field: str, by: int = 1) -> int:
    return int(_redis().hincrby(_key(payment_id), field, by))


@functools.cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5)


def _key(payment_id: UUID) -> str:
    return f"worldseat:test-payment:{payment_id}"
