"""Become another program that cannot outlive its parent.

Run as a script (`python -I -S tether.py ...`), not imported: it sets up the process it runs in and
then replaces itself by the program. subprocess's own `preexec_fn` could do the same, but is unsafe
in a parent with threads, and our parents (pytest, Django) have them.
"""

import argparse
import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Sequence

# linux/prctl.h, linux/capability.h
_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAP_DAC_OVERRIDE = 1
_CAP_SETPCAP = 8
_LINUX_CAPABILITY_VERSION_3 = 0x20080522


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _keep_access_to_files(libc: ctypes.CDLL) -> None:
    """Carry root's way into closed directories over setuid and exec.

    A checkout in a home directory with mode 0700 is the usual case for root, and the account that
    the server runs as cannot enter it. The other way out, opening up every directory above the
    checkout, would change the machine of whoever tries this project.
    """
    _hold(libc, _CAP_DAC_OVERRIDE, _CAP_SETPCAP)
    # Or access(2), which PostgreSQL asks about its own files, would not count capabilities.
    bits = libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    _checked(bits, "prctl(PR_SET_SECUREBITS)")
    _hold(libc, _CAP_DAC_OVERRIDE)
    raised = libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)
    _checked(raised, "prctl(PR_CAP_AMBIENT_RAISE)")


def _hold(libc: ctypes.CDLL, *capabilities: int) -> None:
    """Keep these capabilities and give up every other."""
    header = _CapabilityHeader(_LINUX_CAPABILITY_VERSION_3, 0)
    bits = sum(1 << number for number in capabilities)
    data = (_CapabilityData * 2)(_CapabilityData(bits, bits, bits), _CapabilityData(0, 0, 0))
    _checked(libc.capset(ctypes.byref(header), ctypes.byref(data)), "capset")


def _become(account: str, reach: Sequence[str], libc: ctypes.CDLL) -> None:
    entry = pwd.getpwnam(account)
    on_linux = sys.platform == "linux"
    if on_linux:
        _checked(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl(PR_SET_KEEPCAPS)")
    os.initgroups(account, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    blocked = [path for path in reach if not os.access(path, os.X_OK)]
    if not blocked:
        return
    try:
        if not on_linux:
            raise PermissionError("no capabilities on this system")
        _keep_access_to_files(libc)
    except OSError as error:
        sys.exit(
            f"The account {account} cannot reach {blocked[0]} ({error}). Root may not run this "
            f"server itself: move the checkout where every user can enter, or run as an ordinary "
            f"user."
        )


def _die_with(parent: int, death_signal: int, libc: ctypes.CDLL) -> None:
    """Have the kernel send `death_signal` when the parent's thread that started us ends.

    Must come after setuid, which clears it (prctl(2)). Other systems have no such thing: there the
    parent's own clean-up is all there is.
    """
    if sys.platform == "linux":
        _checked(libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before the line above
        sys.exit("the parent process has gone")


def _reset_signals() -> None:
    """Undo what Python, `nohup` or a shell's `&` ignore, since exec passes ignored signals on."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)


def main() -> None:
    """Set this process up as the arguments say and exec the program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--death-signal", type=int, required=True)
    parser.add_argument("--account", help="the account to become; only root can")
    parser.add_argument(
        "--reach", action="append", default=[], help="a path the account must reach"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = [word for word in options.command[:1] if word != "--"] + options.command[1:]

    libc = ctypes.CDLL(None, use_errno=True)
    if options.account:
        _become(options.account, [command[0], *options.reach], libc)
    _die_with(options.parent, options.death_signal, libc)
    _reset_signals()
    os.execv(command[0], command)  # noqa: S606  replacing ourselves is the point


if __name__ == "__main__":
    main()
