"""What a fake camera sees: a video in which somebody holds a ticket's code up."""

from __future__ import annotations

from pathlib import Path

import segno

__all__ = ["film"]

WIDTH, HEIGHT = 640, 480
FRAMES = 5


def film(code: str, path: Path) -> Path:
    """Write a video (YUV4MPEG2) of a QR code and return its path; Chromium plays it in a loop."""
    rows = [bytes(0 if dark else 255 for dark in row) for row in segno.make(code).matrix]
    scale = HEIGHT * 3 // 4 // len(rows)
    side = scale * len(rows)
    left, top = (WIDTH - side) // 2, (HEIGHT - side) // 2
    white = b"\xeb" * WIDTH
    picture = [white] * top
    for row in rows:
        drawn = b"".join((b"\xeb" if dot else b"\x10") * scale for dot in row)
        picture += [white[:left] + drawn + white[left + side :]] * scale
    picture += [white] * (HEIGHT - len(picture))
    frame = b"FRAME\n" + b"".join(picture) + b"\x80" * (WIDTH * HEIGHT // 2)
    header = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420\n".encode()
    path.write_bytes(header + frame * FRAMES)
    return path
