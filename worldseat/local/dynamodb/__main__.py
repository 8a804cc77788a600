"""Serve DynamoDB for some regions in the foreground: `python -m worldseat.local.dynamodb`."""

import argparse
import asyncio
import json
import signal
from pathlib import Path

from worldseat.local import state
from worldseat.local.dynamodb.server import listen
from worldseat.local.dynamodb.tables import Tables


def main() -> None:
    """Read the arguments, serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m worldseat.local.dynamodb", description=__doc__)
    parser.add_argument("--regions", default="us-east-1,us-east-2", help="parted by commas")
    parser.add_argument("--lag-ms", type=int, default=100, help="from one region to another")
    parser.add_argument("--announce", type=Path, help="write the URLs to this file, as JSON")
    asyncio.run(_serve(parser.parse_args()))


async def _serve(options: argparse.Namespace) -> None:
    regions = options.regions.split(",")
    tables = Tables(regions, options.lag_ms / 1000)
    urls = {region: f"http://127.0.0.1:{await listen(tables, region)}" for region in regions}
    print(json.dumps(urls), flush=True)
    if options.announce:
        state.write_private(options.announce, json.dumps(urls))
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


if __name__ == "__main__":
    main()
