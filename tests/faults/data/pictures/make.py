"""Makes one small picture of every kind, and what Pillow sees in each: python3 make.py (Pillow 12 or later, numpy).

`expected.json`: file -> [channels, height, width, values of pixels, height first], what is transparent laid on white, turned
as EXIF says; 16 bits as v / 257. `masks.json`: file -> the values that `numpy.array(Image.open(file))` has.
"""
import io, json, struct, zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

here = Path(__file__).parent
expected, masks = {}, {}
H, W = 3, 5


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(name, samples, bits, color, before=b"", behind=b"", interlaced=False):
    """Writes what Pillow cannot: samples [height, width, channels] of `bits` bits, also interlaced."""
    samples = np.asarray(samples)
    height, width, channels = samples.shape

    def lines(part):
        out = b""
        for row in part:
            text = "".join(format(int(v), f"0{bits}b") for v in row.reshape(-1))
            text += "0" * (-len(text) % 8)
            out += b"\0" + int(text, 2).to_bytes(len(text) // 8, "big")
        return out

    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        data = b"".join(lines(samples[y::dy, x::dx]) for x, y, dx, dy in passes if samples[y::dy, x::dx].size)
    else:
        data = lines(samples)
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, int(interlaced))
    body = chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(data)) + behind + chunk(b"IEND", b"")
    (here / name).write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def note(name, values):
    values = np.asarray(values)
    values = values.reshape(*values.shape[:2], -1)
    expected[name] = [values.shape[2], values.shape[0], values.shape[1], values.reshape(-1).round().astype(int).tolist()]


def seen(name):
    """As Pillow shows it on white."""
    picture = ImageOps.exif_transpose(Image.open(here / name))
    gray = picture.mode in ("1", "L", "LA")
    if picture.mode in ("LA", "RGBA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    note(name, np.array(picture.convert("L" if gray else "RGB")))


def over(values, alpha, most):
    return (np.asarray(values) * alpha + most * (most - alpha)) / most / (most / 255)


y, x = np.mgrid[:H, :W]
gray = (y * W + x) * 17
colour = np.stack([gray, 255 - gray, (gray * 3) % 256], 2)
alpha = np.where(x < 2, 0, np.where(x < 4, 128, 255))
wide = 1000 + 4000 * y + 37 * x
wide_colour = np.stack([wide, 65535 - wide, wide * 2], 2)
wide_alpha = np.where(x < 2, 0, np.where(x < 4, 30000, 65535))

# Gray.
png("gray-1.png", (x + y)[..., None] % 2, 1, 0); seen("gray-1.png")
png("gray-2.png", (x + y)[..., None] % 4, 2, 0); note("gray-2.png", (x + y) % 4 * 85)
png("gray-4.png", gray[..., None] // 17, 4, 0); note("gray-4.png", gray)
Image.fromarray(gray.astype("u1")).save(here / "gray-8.png"); seen("gray-8.png")
png("gray-16.png", wide[..., None], 16, 0); note("gray-16.png", wide / 257)
Image.fromarray(np.stack([gray, alpha], 2).astype("u1"), "LA").save(here / "gray-alpha-8.png"); seen("gray-alpha-8.png")
png("gray-alpha-16.png", np.stack([wide, wide_alpha], 2), 16, 4); note("gray-alpha-16.png", over(wide, wide_alpha, 65535))
png("gray-transparent.png", gray[..., None], 8, 0, before=chunk(b"tRNS", struct.pack(">H", 17))); seen("gray-transparent.png")
png("gray-interlaced.png", gray[..., None], 8, 0, interlaced=True); seen("gray-interlaced.png")
# Colour.
Image.fromarray(colour.astype("u1")).save(here / "colour-8.png"); seen("colour-8.png")
png("colour-16.png", wide_colour, 16, 2); note("colour-16.png", wide_colour / 257)
Image.fromarray(np.dstack([colour, alpha]).astype("u1"), "RGBA").save(here / "colour-alpha-8.png"); seen("colour-alpha-8.png")
png("colour-alpha-16.png", np.dstack([wide_colour, wide_alpha]), 16, 6)
note("colour-alpha-16.png", over(wide_colour, wide_alpha[..., None], 65535))
png("colour-transparent.png", colour, 8, 2, before=chunk(b"tRNS", struct.pack(">HHH", *colour[1, 1]))); seen("colour-transparent.png")
png("colour-interlaced.png", colour, 8, 2, interlaced=True); seen("colour-interlaced.png")
# Palettes of 8 and of 2 bits, one with transparent colours.
palette = chunk(b"PLTE", bytes(v for i in range(16) for v in (i * 16, 255 - i * 16, i * 7)))
png("palette-8.png", gray[..., None] // 17, 8, 3, before=palette); seen("palette-8.png")
small = chunk(b"PLTE", bytes([0, 0, 0, 255, 0, 0, 0, 255, 0, 9, 9, 255]))
png("palette-2.png", (x + y)[..., None] % 4, 2, 3, before=small); seen("palette-2.png")
png("palette-transparent.png", gray[..., None] // 17, 8, 3, before=palette + chunk(b"tRNS", bytes([0, 128, 255, 0])))
seen("palette-transparent.png")
png("palette-gray.png", (x + y)[..., None] % 2, 1, 3, before=chunk(b"PLTE", bytes([40, 40, 40, 90, 90, 90]))); seen("palette-gray.png")
# Two pictures of which the first is read.
frames = [Image.fromarray(colour.astype("u1")), Image.fromarray((255 - colour).astype("u1"))]
frames[0].save(here / "animated.png", save_all=True, append_images=frames[1:]); seen("animated.png")

# Orientations: a dark corner at the top left as stored.
corner = np.full((16, 24), 200, "u1"); corner[:8, :8] = 40
for number in range(1, 9):
    exif = Image.Exif(); exif[0x112] = number
    Image.fromarray(corner).save(here / f"turned-{number}.jpg", exif=exif, quality=95); seen(f"turned-{number}.jpg")
exif = Image.Exif(); exif[0x112] = 6
Image.fromarray(gray.astype("u1")).save(here / "turned-6.png", exif=exif); seen("turned-6.png")
big = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
png("turned-6-behind.png", gray[..., None], 8, 0, behind=chunk(b"eXIf", big)); note("turned-6-behind.png", np.rot90(gray, -1))
exif[0x112] = 9
Image.fromarray(corner).save(here / "turned-9.jpg", exif=exif, quality=95); note("turned-9.jpg", np.array(Image.open(here / "turned-9.jpg")))

# JPEG: flat blocks, so that decoders agree.
blocks = np.zeros((16, 32, 3), "u1")
blocks[:, :16], blocks[:, 16:] = (200, 40, 90), (30, 160, 220)
rgb = Image.fromarray(blocks)
rgb.save(here / "colour.jpg", quality=95); seen("colour.jpg")
rgb.save(here / "progressive.jpg", quality=95, progressive=True); seen("progressive.jpg")
rgb.save(here / "rgb.jpg", quality=95, keep_rgb=True); seen("rgb.jpg")
rgb.convert("CMYK").save(here / "cmyk.jpg", quality=95); seen("cmyk.jpg")
rgb.convert("L").save(here / "gray.jpg", quality=95); seen("gray.jpg")

# Masks: one value per pixel, a palette's index.
for name in ("gray-8.png", "gray-16.png", "palette-8.png", "palette-2.png", "palette-transparent.png"):
    masks[name] = np.array(Image.open(here / name)).reshape(-1).astype(int).tolist()
png("mask-gray-alpha.png", np.stack([gray, gray * 0 + 255], 2), 8, 4); masks["mask-gray-alpha.png"] = gray.reshape(-1).tolist()
png("mask-colour.png", np.stack([gray] * 3, 2), 8, 2); masks["mask-colour.png"] = gray.reshape(-1).tolist()
png("mask-turned.png", (gray // 17)[..., None], 8, 3, before=palette + chunk(b"eXIf", big))
masks["mask-turned.png"] = np.rot90(gray // 17, -1).reshape(-1).tolist()

(here / "expected.json").write_text(json.dumps(expected) + "\n")
(here / "masks.json").write_text(json.dumps(masks) + "\n")
