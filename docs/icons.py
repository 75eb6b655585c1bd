"""Draws the console's icons for phones: the mark, white on green, inside the circle that every phone leaves uncut.

    python docs/icons.py

No library for pictures: a PNG is a header, rows of pixels and zlib (RFC 2083, https://www.rfc-editor.org/rfc/rfc2083).
"""

from __future__ import annotations

import struct
import zlib
from math import hypot
from pathlib import Path

STATIC = Path(__file__).parent.parent / "handlers" / "console" / "static"
GREEN, WHITE = (0x1F, 0x61, 0x55), (0xFF, 0xFF, 0xFF)
SIZES = (192, 512)
SCALE = 0.62  # of the icon's width; phones may cut what lies outside 0.8


def cover(distance: float, radius: float, pixel: float) -> float:
    """How much of a pixel lies inside a circle: 1 inside, 0 outside, between on the edge."""
    return min(1.0, max(0.0, (radius - distance) / pixel + 0.5))


def ink(x: float, y: float, pixel: float) -> float:
    """How white the mark is at a point of its own 32 by 32 field, as static/mark.svg draws it."""
    left = hypot(x - 12, y - 16)
    ring = cover(left, 10.25, pixel) - cover(left, 7.75, pixel)
    moon = cover(hypot(x - 20, y - 16), 9, pixel) - cover(left, 9, pixel)
    return max(0.0, min(1.0, max(ring, moon)))


def png(size: int) -> bytes:
    """The icon, `size` pixels wide and high."""
    pixel = 32 / (size * SCALE)
    rows = bytearray()
    for row in range(size):
        rows.append(0)  # no filter
        for column in range(size):
            x, y = ((place + 0.5 - size / 2) * pixel + 16 for place in (column, row))
            share = ink(x, y, pixel)
            rows += bytes(round(g + (w - g) * share) for g, w in zip(GREEN, WHITE, strict=True))

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


if __name__ == "__main__":
    for each in SIZES:
        (STATIC / f"icon-{each}.png").write_bytes(png(each))
