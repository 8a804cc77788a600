"""A code says which ticket it is, and nobody else can make one."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pytest_django import Settings

from sales.ticket_codes import BadCode, public_keys, read_code, sign_code

VERIFIER = Path(__file__).resolve().parents[2] / "docs" / "verify_ticket.py"
TICKET, EVENT = uuid4(), uuid4()


def sign(**changes: UUID | int) -> str:
    return sign_code(**{"ticket_id": TICKET, "event_id": EVENT, "issue": 3, **changes})  # type: ignore[arg-type] # a test's shorthand


def verify(folder: Path, code: str, *, refused: object = ()) -> subprocess.CompletedProcess[str]:
    """Run the guide's verifier, alone, with nothing but the public keys."""
    (folder / "keys.json").write_text(json.dumps({"keys": public_keys()}))
    (folder / "refused.json").write_text(json.dumps(list(refused)))  # type: ignore[call-overload] # a list or so
    return subprocess.run(
        [sys.executable, "-I", "-S", VERIFIER, "keys.json", "refused.json", str(EVENT), code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_says_what_was_signed() -> None:
    code = read_code(sign())
    assert (code.ticket_id, code.issue) == (TICKET, 3)
    assert code.is_for(EVENT)
    assert not code.is_for(uuid4())


def test_fits_a_small_qr_code_as_letters_and_digits() -> None:
    assert len(sign()) == 152
    assert set(sign()) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def test_is_read_as_people_type_it() -> None:
    typed = "\n".join(sign()[at : at + 8].lower() for at in range(0, 152, 8))
    assert read_code(f"  {typed} ").ticket_id == TICKET


def test_no_other_code_is_good() -> None:
    """Whatever is changed, in any of its bytes, and whatever is no code at all."""
    good = base64.b32decode(sign())
    for at in range(len(good)):
        wrong = bytes([*good[:at], good[at] ^ 1, *good[at + 1 :]])
        with pytest.raises(BadCode):
            read_code(base64.b32encode(wrong).decode())
    for text in (
        "",
        "A" * 152,
        "1" * 152,
        sign() + "A",
        sign()[:-8],
        "é" * 152,
        "\0" * 152,
        "\u017f" * 152,
    ):
        with pytest.raises(BadCode):
            read_code(text)


def test_the_newest_key_signs_and_the_older_ones_still_count(settings: Settings) -> None:
    old, new = secrets.token_bytes(32), secrets.token_bytes(32)
    settings.TICKET_KEYS = [old]
    before = sign()
    settings.TICKET_KEYS = [new, old]
    after = sign()
    assert before != after
    assert read_code(before) == read_code(after)
    settings.TICKET_KEYS = [new]
    assert read_code(after).ticket_id == TICKET
    with pytest.raises(BadCode):
        read_code(before)


def test_nothing_private_is_published(settings: Settings) -> None:
    private = base64.urlsafe_b64encode(settings.TICKET_KEYS[0]).decode().rstrip("=")
    (key,) = public_keys()
    assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}
    assert private not in key.values()


@pytest.mark.apart
def test_a_scanner_verifies_it_with_the_public_keys_alone(
    tmp_path: Path, settings: Settings
) -> None:
    settings.TICKET_KEYS = [secrets.token_bytes(32), secrets.token_bytes(32)]
    good = verify(tmp_path, sign())
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout) == {"ticket": str(TICKET), "issue": 3}
    elsewhere = verify(tmp_path, sign(event_id=uuid4()))
    assert (elsewhere.returncode, elsewhere.stdout) == (1, "refused: for another event\n")
    forged = bytearray(base64.b32decode(sign()))
    forged[8] ^= 1
    other = verify(tmp_path, base64.b32encode(forged).decode())
    assert (other.returncode, other.stdout) == (1, "refused: nobody signed this\n")


@pytest.mark.apart
def test_a_scanner_refuses_what_the_list_says(tmp_path: Path) -> None:
    listed = {"ticket": str(TICKET), "refused_at": "2026-11-25T20:00:00Z"}
    void = verify(tmp_path, sign(), refused=[{**listed, "state": "void", "issue": 3}])
    assert (void.returncode, void.stdout) == (1, "refused: void\n")
    older = verify(tmp_path, sign(), refused=[{**listed, "state": "valid", "issue": 4}])
    assert (older.returncode, older.stdout) == (1, "refused: reissued since\n")
    newest = verify(tmp_path, sign(issue=4), refused=[{**listed, "state": "valid", "issue": 4}])
    assert newest.returncode == 0


@pytest.mark.apart
def test_a_real_server_has_to_be_given_its_keys() -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": "dsql://admin@x.dsql.us-east-1.on.aws/postgres?region=us-east-1",
        "SECRET_KEY": "s" * 50,
    }

    def start(**more: str) -> str:
        command = [sys.executable, "-c", "import worldseat.settings"]
        environs = {**environment, **more}
        return subprocess.run(command, env=environs, capture_output=True, text=True).stderr

    new = secrets.token_urlsafe(32)
    assert not start(TICKET_KEYS=f"{new},{secrets.token_urlsafe(32)}")
    for bad in ("", "short", new[:-1], f"{new},{new}", f"{new},x"):
        assert "TICKET_KEYS is not set, or not" in start(TICKET_KEYS=bad), bad
