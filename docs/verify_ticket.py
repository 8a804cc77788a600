"""Check a ticket's code with the public keys alone: plain Python, nothing to install.

    verify_ticket.py keys.json refused.json EVENT CODE

keys.json is the answer of /api/v1/organiser/scan/keys/, refused.json the `results` of
/api/v1/organiser/events/{id}/refused-tickets/. Prints the ticket and its issue, or why not (and
exits with 1). A door also has to remember whom it has let in.
"""

import base64
import hashlib
import json
import pathlib
import sys
import uuid

# Ed25519 as RFC 8032, section 6 has it. Slow (milliseconds), not for secrets: it only verifies.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(a, b):
    """Add two points (x, y, z, t)."""
    e = (a[1] - a[0]) * (b[1] - b[0])
    f = (a[1] + a[0]) * (b[1] + b[0])
    g, h = 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    e, f, g, h = (f - e) % P, (h - g) % P, (h + g) % P, (f + e) % P
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number, point):
    """Multiply a point."""
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = add(total, point)
        point, number = add(point, point), number >> 1
    return total


def point_of(raw):
    """Return the point that 32 bytes stand for, None for bytes that stand for none."""
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def is_signed(public, message, signature):
    """Tell whether the owner of a public key signed a message."""
    key, r, s = point_of(public), point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    left, right = times(s, BASE), add(r, times(int.from_bytes(digest, "little") % ORDER, key))
    return not any((left[i] * right[2] - right[i] * left[2]) % P for i in (0, 1))


def verify(text, keys, refused, event):
    """Return the ticket's id and its issue; raises ValueError, which says why not."""
    raw = base64.b32decode("".join(text.split()).upper())
    payload, signature = raw[:31], raw[31:]
    if len(raw) != 95 or payload[0] != 1:
        raise ValueError("not a ticket's code")
    key = next((key for key in keys if key["kid"] == payload[1:5].hex()), None)
    public = base64.urlsafe_b64decode(key["x"] + "=") if key else b""
    if key is None or not is_signed(public, b"worldseat-ticket\n" + payload, signature):
        raise ValueError("nobody signed this")
    ticket, issue = str(uuid.UUID(bytes=payload[5:21])), int.from_bytes(payload[29:31], "big")
    if payload[21:29] != uuid.UUID(event).bytes[8:]:
        raise ValueError("for another event")
    listed = next((each for each in refused if each["ticket"] == ticket), None)
    if listed and listed["state"] == "void":
        raise ValueError("void")
    if listed and issue < listed["issue"]:
        raise ValueError("reissued since")
    return {"ticket": ticket, "issue": issue}


if __name__ == "__main__":
    keys, refused = (json.loads(pathlib.Path(name).read_text()) for name in sys.argv[1:3])
    try:
        print(json.dumps(verify(sys.argv[4], keys["keys"], refused, sys.argv[3])))
    except ValueError as error:
        print(f"refused: {error}")
        sys.exit(1)
