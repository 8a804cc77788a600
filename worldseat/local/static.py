"""Whether the static files have to be collected again: 3 s of a processor, often for nothing."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]
_COLLECTED = _CHECKOUT / ".worldseat" / "static"  # STATIC_ROOT of settings.py
_STAMP = _CHECKOUT / ".worldseat" / "static.collected"


def are_current() -> bool:
    """Say whether what collectstatic made is still what it would make now."""
    try:
        return (_COLLECTED / "staticfiles.json").exists() and _STAMP.read_text() == _digest()
    except OSError:
        return False


def note_collected() -> None:
    """Remember what the files were made from. Call it when collectstatic has succeeded."""
    _STAMP.parent.mkdir(exist_ok=True)
    _STAMP.write_text(_digest())


def _digest() -> str:
    """Digest all that collectstatic goes by: the packages' files, ours, and what it is told."""
    digest = hashlib.sha256()
    for name in ("uv.lock", "worldseat/settings.py", "worldseat/static_files.py"):
        digest.update((_CHECKOUT / name).read_bytes())
    for path in sorted(_our_files()):
        digest.update(f"{path.relative_to(_CHECKOUT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _our_files() -> Iterator[Path]:
    for package in ("worldseat", "accounts", "sales"):
        yield from (p for p in (_CHECKOUT / package).glob("**/static/**/*") if p.is_file())
