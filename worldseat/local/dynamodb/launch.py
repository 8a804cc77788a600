"""Start the regions' DynamoDB as a child."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from worldseat.local.processes import Program, Supervisor

_CHECKOUT = Path(__file__).resolve().parents[3]


def start(
    supervisor: Supervisor, scratch: Path, regions: Sequence[str], *, lag_ms: int
) -> dict[str, str]:
    """Start it, with its log in the directory `scratch`; return each region's URL.

    Raises ProgramFailed.
    """
    announcement = scratch / "dynamodb.json"
    announcement.unlink(missing_ok=True)
    words = ["-m", "worldseat.local.dynamodb", "--regions", ",".join(regions)]
    words += ["--lag-ms", str(lag_ms), "--announce", str(announcement)]
    program = Program(
        name="dynamodb",
        command=[sys.executable, *words],
        env=dict(os.environ),
        cwd=_CHECKOUT,
        log=scratch / "dynamodb.log",
    )
    supervisor.start(program, ready=announcement.exists)
    urls: dict[str, str] = json.loads(announcement.read_text())
    return urls
