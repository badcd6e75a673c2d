"""Draws 900 gray PNG pictures of 24 x 24 pixels, each with one shape, and their masks, into shapes/.

labels.csv has, for every picture, its file, the shape's name and area, and the file of its mask. Only
Python's standard library is needed.
"""

import csv
import pathlib
import random
import struct
import zlib

SIDE = 24
draw = random.Random(1)
folder = pathlib.Path("shapes")
folder.mkdir(exist_ok=True)


def png(path, pixels):
    """An 8-bit gray PNG."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + bytes(row) for row in pixels)
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


INSIDE = {
    "circle": lambda x, y, r: x * x + y * y <= r * r,
    "square": lambda x, y, r: abs(x) <= r * 0.9 and abs(y) <= r * 0.9,
    "cross": lambda x, y, r: min(abs(x), abs(y)) <= r * 0.35 and max(abs(x), abs(y)) <= r,
}

with open("labels.csv", "w", newline="") as file:
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["file", "shape", "area", "mask"])
    for number in range(900):
        shape, radius = draw.choice(list(INSIDE)), draw.uniform(3.5, 9)
        x, y = (draw.uniform(radius, SIDE - radius) for _ in range(2))
        mask = [[int(INSIDE[shape](i - x, j - y, radius)) for i in range(SIDE)] for j in range(SIDE)]
        light = draw.uniform(90, 200)
        picture = [[min(255, max(0, round(light * cell + draw.gauss(40, 25)))) for cell in row] for row in mask]
        name = f"{number:03}"
        png(folder / f"{name}.png", picture)
        png(folder / f"{name}_mask.png", mask)
        table.writerow([f"{name}.png", shape, sum(map(sum, mask)), f"{name}_mask.png"])
