"""How many statements PostgreSQL is sent meanwhile: counted in its own log."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from tests.benchmarks.stage import Stage

__all__ = ["count", "statements_of"]

_MARK = "bench:"
# Sessions take a setting up with their next command, once the signal has reached them.
_HEARD = 0.5


def statements_of(stage: Stage, database: str, work: Callable[[], object]) -> int:
    """Do some work and return how many statements a database was sent for it, COMMIT included."""
    log = stage.home / "logs" / "postgres.log"
    stage.execute(f"ALTER SYSTEM SET log_line_prefix = '{_MARK}%d '")
    stage.execute("ALTER SYSTEM SET log_statement = 'all'")
    try:
        stage.execute("SELECT pg_reload_conf()")
        time.sleep(_HEARD)
        before = log.stat().st_size
        work()
        with log.open("rb") as file:
            file.seek(before)
            return count(file.read().decode(errors="replace"), database)
    finally:
        stage.execute("ALTER SYSTEM RESET log_statement")
        stage.execute("ALTER SYSTEM RESET log_line_prefix")
        stage.execute("SELECT pg_reload_conf()")
        time.sleep(_HEARD)


def count(log: str, database: str) -> int:
    """Return how many statements of a database a log tells of, by either of the protocols."""
    line = rf"^{_MARK}{re.escape(database)} LOG:  (?:statement|execute [^:\n]+): "
    return len(re.findall(line, log, re.M))
