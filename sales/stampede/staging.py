"""What a contender needs beside the workers, started for as long as a command runs.

worldseat.local is imported when it is needed: a deployment does not have what it stands in with.
"""

from __future__ import annotations

import http.client
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings

from sales.stampede.contenders import Unavailable

__all__ = ["controls", "staged"]

Addresses = dict[str, Mapping[str, str]]

_WEB = "http"
_DYNAMODB = frozenset({"dynamodb-mrec", "dynamodb-mrec-conditional", "dynamodb-mrsc-conditional"})
_START_SECONDS = 60.0
_WEB_PORT = 8100


@contextmanager
def staged(
    names: Collection[str], regions: Sequence[str], *, lag_ms: int, aws: bool
) -> Iterator[Addresses]:
    """Start a web server in each region and a DynamoDB, as far as the contenders need them.

    Yields each contender's addresses by region. Raises Unavailable where one does not start.
    """
    from worldseat.local.processes import ProgramFailed, Supervisor

    addresses: Addresses = {}
    with TemporaryDirectory(prefix="worldseat-stampede-") as scratch, Supervisor() as supervisor:
        home = Path(scratch)
        (home / "logs").mkdir()
        try:
            if _WEB in names:
                addresses[_WEB] = _start_web(supervisor, home, regions)
            if not aws and (wanted := _DYNAMODB.intersection(names)):
                from worldseat.local.dynamodb import launch

                urls = launch.start(supervisor, home, regions, lag_ms=lag_ms)
                addresses |= dict.fromkeys(wanted, urls)
        except ProgramFailed as error:
            raise Unavailable(str(error)) from error
        yield addresses


def _start_web(supervisor: Any, home: Path, regions: Sequence[str]) -> dict[str, str]:
    """Start a web server in each region, against the region's own database."""
    from worldseat.local import ports
    from worldseat.local.programs import Programs

    environment = {
        **os.environ,
        "HTTPS_ONLY": "false",
        "SECRET_KEY": settings.SECRET_KEY,
        "REDIS_URL": settings.REDIS_URL,
        # Its log is what a buyer would not read either.
        "LOG_LEVEL": "WARNING",
    }
    programs = Programs(home, environment, _database_url_in)
    urls = {}
    for region in regions:
        _, port = ports.start_on_free_port(
            supervisor,
            partial(_web, programs, region),
            preferred=_WEB_PORT,
            ready_on=lambda port: partial(_is_healthy, port),
            deadline=_START_SECONDS,
        )
        urls[region] = f"http://127.0.0.1:{port}"
    return urls


def _web(programs: Any, region: str, port: int) -> Any:
    return programs.web(port, region)


def _database_url_in(region: str) -> str:
    """Return the database of a region: the local endpoint's, or the one that we were given."""
    if given := os.environ.get("DATABASE_URL"):
        return given
    described = _local_regions().get(region, {})
    return str(described.get("database_url", ""))


def _local_regions() -> Mapping[str, Mapping[str, Any]]:
    from worldseat.local import state

    found: Mapping[str, Mapping[str, Any]] = (state.read() or {}).get("regions", {})
    return found


def controls(regions: Sequence[str]) -> dict[str, Any]:
    """Return the control of each local endpoint; raises Unavailable where there are none."""
    described = _local_regions()
    if missing := [region for region in regions if "control_url" not in described.get(region, {})]:
        raise Unavailable(
            f"Faults come from the local endpoints, and none runs for {', '.join(missing)}: start "
            f"`manage.py local` or the demo."
        )
    from worldseat.local.endpoint.control import Control

    return {
        region: Control(described[region]["control_url"], described[region]["control_secret"])
        for region in regions
    }


def _is_healthy(port: int) -> bool:
    # Not urllib, which would ask the proxy that the environment may name.
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        asking.request("GET", "/healthz")
        return asking.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asking.close()
