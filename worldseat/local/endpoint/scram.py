"""The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), to log in to the PostgreSQL behind."""

import base64
import functools
import hashlib
import hmac
import secrets


class Exchange:
    """One log-in: `first`, then `final` with what the server answered."""

    def __init__(self, password: str) -> None:
        self._password = password
        self._bare = f"n=,r={secrets.token_urlsafe(18)}"

    def first(self) -> bytes:
        """Return the client's first message."""
        return f"n,,{self._bare}".encode()

    def final(self, server_first: bytes) -> bytes:
        """Return the proof of the password."""
        words = dict(part.split("=", 1) for part in server_first.decode().split(","))
        salted = _salted(self._password, base64.b64decode(words["s"]), int(words["i"]))
        without_proof = f"c=biws,r={words['r']}"
        signed = f"{self._bare},{server_first.decode()},{without_proof}".encode()
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()


# The server's salt is the same at each log-in, and the 4096 rounds cost two milliseconds.
@functools.lru_cache(maxsize=8)
def _salted(password: str, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
