"""Limits on how often somebody may ask: GCRA in Valkey, all that a request needs in one round trip.

The generic cell rate algorithm keeps one number a bucket, when it will be full again, and lets
through `number` requests at once and then one each `seconds / number`. The script runs atomically:
of two requests that meet at the last place one gets it. Looking at several buckets (a fan's, her
address's), it takes from all of them or from none.

Browsing and buying have buckets of their own, so that no amount of the one uses up the other.

Without Valkey everybody is let through: a limit that cannot be counted stops no sale. Who finds it
gone waits a quarter of a second at most, and the next ones not at all (worldseat.valkey).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import redis
from django.conf import settings

from worldseat.valkey import Breaker, KeptConnections

__all__ = ["Check", "Policy", "Verdict", "policy", "take"]

_KEY = "worldseat:throttle"
_breaker = Breaker()

# KEYS: the buckets. ARGV: for each, how many in how many microseconds. Returns whether it may,
# which bucket is the tightest, what is left in it, microseconds until it is full, and until it
# has room.
_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local allowed, tightest, least, full, wait = 1, 1, nil, 0, 0
local ends = {}
for i, key in ipairs(KEYS) do
  local number, period = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local step = period / number
  local ending = math.max(tonumber(redis.call('GET', key) or now), now)
  local after = ending + step
  local over = after - now - period
  local left = math.floor((period - (after - now)) / step + 0.000001)
  if over > 0.5 then
    if allowed == 1 or over > wait then
      tightest, full, wait = i, ending - now, over
    end
    allowed, least = 0, 0
  elseif allowed == 1 and (least == nil or left < least) then
    tightest, least, full = i, left, after - now
  end
  ends[i] = after
end
if allowed == 1 then
  for i, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.0f', ends[i]), 'PX', math.ceil((ends[i] - now) / 1000))
  end
end
return {allowed, tightest, least, math.ceil(full), math.ceil(wait)}
"""
_SHA = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Policy:
    """How many requests in how many seconds."""

    name: str
    number: int
    seconds: int

    @property
    def header(self) -> str:
        """The policy as RateLimit-Policy tells it."""
        return f'"{self.name}";q={self.number};w={self.seconds}'


@dataclass(frozen=True)
class Check:
    """A bucket: of a policy, and whose. `whose` may be personal: only its hash is stored."""

    policy: Policy
    whose: str

    @property
    def key(self) -> str:
        """The bucket's key in Valkey."""
        digest = hashlib.blake2b(self.whose.encode(), digest_size=16).hexdigest()
        return f"{_KEY}:{self.policy.name}:{digest}"


@dataclass(frozen=True)
class Verdict:
    """Whether a request may go on, and what its client is told of the tightest bucket."""

    allowed: bool
    policies: Sequence[Policy]
    tightest: Policy
    left: int
    full_in_seconds: int
    wait_seconds: int

    def headers(self) -> dict[str, str]:
        """Return Retry-After and RateLimit as draft-ietf-httpapi-ratelimit-headers has it."""
        seconds = self.full_in_seconds if self.allowed else self.wait_seconds
        told = {
            "RateLimit-Policy": ", ".join(each.header for each in self.policies),
            "RateLimit": f'"{self.tightest.name}";r={self.left};t={seconds}',
        }
        return told if self.allowed else {**told, "Retry-After": str(self.wait_seconds)}


def policy(name: str) -> Policy | None:
    """Return a policy as the settings have it, None where it is switched off."""
    found = settings.THROTTLES.get(name)
    return Policy(name, *found) if found and settings.THROTTLING else None


def take(wanted: Sequence[tuple[str, str]]) -> Verdict | None:
    """Take one request from each bucket (policy's name, whose), or from none.

    None: nothing is limited here, or Valkey is out of reach.
    """
    checks = [Check(found, whose) for name, whose in wanted if (found := policy(name))]
    if not checks or _breaker.is_open:
        return None
    arguments = [
        each for check in checks for each in (check.policy.number, check.policy.seconds * 1_000_000)
    ]
    try:
        answered = _run(len(checks), *[check.key for check in checks], *arguments)
    except (redis.RedisError, OSError) as error:
        _breaker.trip(error)
        return None
    allowed, tightest, left, full, wait = answered
    return Verdict(
        allowed=bool(allowed),
        policies=[check.policy for check in checks],
        tightest=checks[tightest - 1].policy,
        left=left,
        full_in_seconds=math.ceil(full / 1_000_000),
        wait_seconds=max(1, math.ceil(wait / 1_000_000)),
    )


def _run(*arguments: Any) -> Any:
    """Run the script: one round trip, or two where this server has not seen it yet."""
    server = _server(settings.REDIS_URL)
    try:
        return server.ask("EVALSHA", _SHA, *arguments)
    except redis.exceptions.NoScriptError:
        return server.ask("EVAL", _SCRIPT, *arguments)


@cache
def _server(url: str) -> KeptConnections:
    return KeptConnections(url, connect_seconds=0.25, seconds=0.25)
