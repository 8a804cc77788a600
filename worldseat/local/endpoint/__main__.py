"""Run one region's endpoint in the foreground: `python -m worldseat.local.endpoint`."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from dataclasses import fields
from pathlib import Path

from worldseat.local import state
from worldseat.local.endpoint import identity
from worldseat.local.endpoint.backend import Address, connect
from worldseat.local.endpoint.catalog import CatalogVersion, install
from worldseat.local.endpoint.control import ControlServer
from worldseat.local.endpoint.jobs import Jobs
from worldseat.local.endpoint.launch import BACKEND_VARIABLE
from worldseat.local.endpoint.limits import Limits
from worldseat.local.endpoint.region import Region
from worldseat.local.endpoint.server import Server
from worldseat.local.endpoint.session import Session
from worldseat.local.endpoint.wire import Refusal
from worldseat.local.endpoint.wounds import Wounds


def main() -> None:
    """Read the arguments, serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m worldseat.local.endpoint", description=__doc__)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument(
        "--backend-url",
        default=os.environ.get(BACKEND_VARIABLE),
        help=f"the PostgreSQL behind: postgres://user:password@host:port/name; default: "
        f"${BACKEND_VARIABLE}, which hides the password from other users",
    )
    parser.add_argument("--home", type=Path, default=state.directory(), help="state directory")
    parser.add_argument("--port", type=int, default=0, help="0: any")
    parser.add_argument("--control-port", type=int, default=0, help="0: any")
    parser.add_argument("--json", action="store_true", help="say what a client needs, as JSON")
    parser.add_argument("--announce", type=Path, help="write the same JSON to this file")
    for limit in fields(Limits):
        option = f"--limit-{limit.name.replace('_', '-')}"
        parser.add_argument(option, type=type(limit.default), default=limit.default)
    options = parser.parse_args()
    if not options.backend_url:
        parser.error(f"name the PostgreSQL with --backend-url or {BACKEND_VARIABLE}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    limits = Limits(**{f.name: getattr(options, f"limit_{f.name}") for f in fields(Limits)})
    try:
        asyncio.run(_serve(options, limits))
    except (OSError, Refusal, RuntimeError, ValueError) as error:
        sys.exit(f"The endpoint of {options.region} has not started: {error}")


async def _serve(options: argparse.Namespace, limits: Limits) -> None:
    region = await _region(options, limits)
    server = Server(region)
    port = server.listen(options.port)
    control_port = await ControlServer(region, server).listen(options.control_port)
    description = describe(region.identity, region.name, port, control_port)
    print(json.dumps(description) if options.json else _said(description), flush=True)
    if options.announce:
        _announce(options.announce, json.dumps(description))
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    await server.close()


async def _region(options: argparse.Namespace, limits: Limits) -> Region:
    kept = identity.load(options.home, [options.region])
    address = Address.from_url(options.backend_url)
    first = await connect(address, {})
    await install(first)
    first.close()
    catalog = CatalogVersion(kept.directory / "catalog")
    sessions: dict[int, Session] = {}
    wounds = Wounds(address, sessions)
    region = Region(
        name=options.region,
        identity=kept,
        backend=address,
        limits=limits,
        catalog=catalog,
        jobs=Jobs(address, catalog, wounds),
        wounds=wounds,
        sessions=sessions,
    )
    region.jobs.start()
    await region.wounds.start()
    return region


def describe(
    kept: identity.Identity, region: str, port: int, control_port: int
) -> dict[str, object]:
    """Return what a client needs to connect, sign and control."""
    return {
        "region": region,
        "host": kept.host(region),
        "hostaddr": "127.0.0.1",
        "port": port,
        "sslrootcert": str(kept.root),
        "database_url": kept.database_url(region, port),
        "environment": kept.environment(),
        "arn": kept.arn,
        "control_url": f"http://127.0.0.1:{control_port}",
        "control_secret": kept.control_secret,
    }


def _announce(file: Path, text: str) -> None:
    """Write in one step, for this user only: it holds secrets."""
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    new.replace(file)


def _said(description: dict[str, object]) -> str:
    environment = description["environment"]
    assert isinstance(environment, dict)  # noqa: S101 - made above
    lines = [f"# {description['host']}", f"export DATABASE_URL='{description['database_url']}'"]
    return "\n".join([*lines, *(f"export {name}={value}" for name, value in environment.items())])


if __name__ == "__main__":
    main()
