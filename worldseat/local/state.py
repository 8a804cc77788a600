"""What runs for this checkout: one instance at a time, and where it is found.

The state directory (`.worldseat` beside manage.py, or WORLDSEAT_STATE_DIR) holds everything that
the embedded servers keep. Whoever runs them holds a lock on it; the kernel drops that lock when its
process ends in whatever way, so what `local.json` says is believed only while the lock is held.
"""

import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_CHECKOUT = Path(__file__).resolve().parents[2]
_STATE = "local.json"
_LOCK = "local.lock"
# A reader holds the lock for an instant to test it; a starter must not take that for an owner.
_READER_SECONDS = 0.5


class AlreadyRunning(Exception):
    """The servers of this state directory are running already."""

    def __init__(self, home: Path, owner: str, state: Mapping[str, Any] | None) -> None:
        self.home = home
        self.state = state
        address = (state or {}).get("web_url") or (state or {}).get("database_url")
        where = f", at {address}" if address else ", still starting"
        super().__init__(
            f"This checkout's servers are running already: process {owner}{where}. "
            f"Nothing was started. Stop that one first, with Ctrl-C or `kill {owner}`."
        )


class StateDirectoryUnusable(Exception):
    """The state directory cannot be written."""

    def __init__(self, home: Path, error: OSError) -> None:
        self.home = home
        super().__init__(
            f"Cannot write {error.filename or home} ({error.strerror}). Nothing was started. If "
            f"another user made it, run as that user or delete {home} (it holds nothing but local "
            f"demo and test data); or set WORLDSEAT_STATE_DIR to another directory."
        )


def directory() -> Path:
    """Return the state directory of this checkout, which may not exist yet."""
    given = os.environ.get("WORLDSEAT_STATE_DIR")
    return Path(given).absolute() if given else _CHECKOUT / ".worldseat"


@contextlib.contextmanager
def claimed(home: Path) -> Iterator[None]:
    """Own the state directory, made if need be, until the block is left.

    Raises AlreadyRunning if another process owns it, StateDirectoryUnusable if it cannot be
    written.
    """
    try:
        (home / "logs").mkdir(parents=True, exist_ok=True)
        lock = (home / _LOCK).open("a+")
    except OSError as error:
        raise StateDirectoryUnusable(home, error) from error
    with lock:
        if not _locked(lock.fileno(), patience=_READER_SECONDS):
            lock.seek(0)
            raise AlreadyRunning(home, lock.read().strip() or "unknown", read(home))
        (home / _STATE).unlink(missing_ok=True)  # what a killed owner left
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield
        finally:
            (home / _STATE).unlink(missing_ok=True)
            lock.truncate(0)


def write(home: Path, state: Mapping[str, Any]) -> None:
    """Say where the running servers are, to this user only: the addresses hold passwords."""
    write_private(home / _STATE, json.dumps(dict(state), indent=2) + "\n")


def read(home: Path | None = None) -> dict[str, Any] | None:
    """Return what the running instance wrote, None if there is none.

    Keys: `database_url`, `redis_url`, `secret_key`, `pid`, `ports`, and `web_url` when a web server
    runs. What a dead instance left behind does not count.
    """
    home = home or directory()
    try:
        with (home / _LOCK).open() as lock:
            if _locked(lock.fileno(), mode=fcntl.LOCK_SH):
                return None
        state = json.loads((home / _STATE).read_text())
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) else None


def kept_secret(path: Path) -> str:
    """Return the secret stored at `path` (mode 0600), making it on the first call."""
    with contextlib.suppress(FileNotFoundError):
        if stored := path.read_text().strip():
            return stored
    write_private(path, secrets.token_urlsafe(32))
    return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone can read (0600); a reader sees the old or the new text."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def _locked(descriptor: int, *, mode: int = fcntl.LOCK_EX, patience: float = 0.0) -> bool:
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.02)
        else:
            return True
