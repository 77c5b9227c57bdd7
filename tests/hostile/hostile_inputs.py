"""Posts that somebody's social media will hold one day: broken, huge, odd or meant to do harm."""

from __future__ import annotations

import gzip
import io
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Case:
    """One post. error: what its error says, "" where it must be predicted, None where either will do."""

    name: str
    text: str = ""
    image: str = ""
    error: str | None = ""


def make_cases(folder: Path) -> list[Case]:
    """Write the pictures into ``folder`` and return every case, image paths relative to it."""
    return [*picture_cases(folder), *path_cases(folder), *text_cases()]


def picture_cases(folder: Path) -> list[Case]:
    """Cases of a picture alone, by what is in the file."""
    cases = []
    for name, (make, error) in PICTURES.items():
        (folder / name).write_bytes(make())
        cases.append(Case(name, image=name, error=error))
    return cases


def path_cases(folder: Path) -> list[Case]:
    """Cases whose path is the trouble."""
    (folder / "a_folder.jpg").mkdir()
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    (folder / "dangling.jpg").symlink_to(folder / "nothing")
    os.mkfifo(folder / "pipe.jpg")
    with (folder / "sparse.jpg").open("wb") as sparse:
        sparse.truncate(40 * 2**30)
    odd_names = ["with space.png", "-dash.png", "сміх 😀.png", "new\nline.png", 'quo"te,.png', "%s{0}.png"]
    for name in odd_names:
        (folder / name).write_bytes(encoded("PNG"))
    return [
        *(Case(f"name {name!r}", image=name) for name in odd_names),
        Case("a folder", image="a_folder.jpg", error="a folder, not a picture"),
        Case("the folder itself", image=".", error="a folder, not a picture"),
        Case("missing", image="missing.jpg", error="no such file"),
        Case("missing, text beside it", text="happy", image="missing.jpg", error="no such file"),
        Case("link to itself", image="loop.jpg", error="not a usable path"),
        Case("link to nothing", image="dangling.jpg", error="no such file"),
        Case("pipe", image="pipe.jpg", error="not a regular file"),
        Case("device", image="/dev/zero", error="not a regular file"),
        Case("40 GiB", image="sparse.jpg", error="larger than"),
        Case("NUL in the path", image="a\0b.jpg", error="not a usable path"),
        Case("lone surrogate in the path", image="\udcff.jpg", error="no such file|not a usable path"),
        Case("endless path", image="x" * 100_000, error="not a usable path"),
        Case("link to the web", image="https://example.org/a.jpg", error="links are not fetched"),
        Case("file link", image="file:///etc/passwd", error="no such file"),
        Case("passwords", image="../../../../../../../../etc/passwd", error="not a picture|no such file"),
        Case("path of white space", image="  \t ", error="neither text nor image"),
    ]


def text_cases() -> list[Case]:
    """Cases of a text alone."""
    predicted = {
        "one letter": "a",
        "only emoji": "😂😂👩‍👩‍👧‍👦🏳️‍🌈",
        "only a link": "https://t.co/abc",
        "only a mention": "@anna",
        "only punctuation": "?!?!…",
        "right to left": "יום נפלא مرحبا بالعالم",
        "bidi controls": "\u202ehappy\u202c \u2066sad\u2069 \u200f",
        "zero width": "ha\u200bp\u200dp\ufeffy",
        "NUL inside": "happy\0day",
        "control characters": "\x1b[31mhappy\x07\x08\x7f\x85",
        "lone surrogate": "happy \ud83d day \ude00",
        "lines": "happy\nday\r\nand\rnight\u2028and\u2029more\x0bor\x0cless",
        "quotes": '""happy"", "day" \'\' "',
        "commas and tabs": "a,b,,\tc;d|e",
        "megabyte, one word": "x" * MEGABYTE,
        "megabyte of words": "happy " * (MEGABYTE // 6),
        "megabyte of entities": "&amp;" * (MEGABYTE // 5),
        "megabyte of nested entities": "&" + "amp;" * (MEGABYTE // 4),
        "megabyte of escapes": "\\ud83d\\ude02" * (MEGABYTE // 12),
        "megabyte of marks": "e" + "\u0301" * (MEGABYTE // 2),
        "megabyte of quotes": '"' * MEGABYTE,
        "megabyte of mentions": "@a " * (MEGABYTE // 3),
        "escape of half an emoji": "happy \\ud83d",
        "escape of NUL": "happy \\u0000 &#0; &#xD800; &#x110000;",
        "formula": "=cmd|' /C calc'!A0",
        "markup": "<script>alert(1)</script>",
        "special tokens": "[CLS] [SEP] [PAD] [MASK] [UNK] <s> </s>",
        "noncharacters": "happy \ufffe \uffff \U0010ffff \ue000",
        "words for nothing": "NaN",
        "rich markup": "[bold red]happy[/]",
        "stacked marks": "h̶̡a̸͜p̵͝p̷y̴" * 500,
        "old and new scripts": "𓀀𓂀 𝓱𝓪𝓹𝓹𝔂 ⠓⠁⠏⠏⠽ ㋛ 🫨",
    }
    nothing = {
        "nothing": "",
        "spaces": "   ",
        "every white space": " \t\u00a0\u2003\u3000\u1680",
        "only controls": "\x01\x02\x1b",
    }
    either = {"only zero width": "\u200b\u200d\u2060", "only lone surrogates": "\ud83d\ud83d"}
    return [
        *(Case(name, text=text) for name, text in predicted.items()),
        *(Case(name, text=text, error="neither text nor image") for name, text in nothing.items()),
        *(Case(name, text=text, error=None) for name, text in either.items()),
    ]


def picture(mode: str = "RGB", size: tuple[int, int] = (60, 40)) -> Image.Image:
    """Noise, so that a cut file is truly cut."""
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(noise).convert(mode)


def encoded(kind: str, mode: str = "RGB", size: tuple[int, int] = (60, 40), **options: object) -> bytes:
    """A picture as the bytes of a file."""
    held = io.BytesIO()
    picture(mode, size).save(held, kind, **options)
    return held.getvalue()


def animated(kind: str) -> bytes:
    """Three frames."""
    frames = [Image.new("RGB", (60, 40), colour) for colour in ("red", "lime", "blue")]
    held = io.BytesIO()
    frames[0].save(held, kind, save_all=True, append_images=frames[1:], duration=50)
    return held.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of(width: int, height: int, *extra: bytes, data: bytes = b"") -> bytes:
    """A PNG of these declared dimensions, with chunks before its data."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    packed = chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + packed + chunk(b"IEND", b"")


def jpeg_of(width: int, height: int) -> bytes:
    """A JPEG whose frame header lies about its dimensions."""
    content = encoded("JPEG")
    frame = content.index(b"\xff\xc0")
    return content[: frame + 5] + struct.pack(">HH", height, width) + content[frame + 9 :]


def png_with_damage() -> bytes:
    content = bytearray(encoded("PNG"))
    middle = content.index(b"IDAT") + 2000
    content[middle : middle + 40] = bytes(40)
    return bytes(content)


def text_bomb() -> bytes:
    """A PNG whose comment unpacks to 100 MB."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(MEGABYTE)) for _ in range(100)) + packer.flush()
    return png_of(1, 1, chunk(b"zTXt", b"Comment\0\0" + packed), data=bytes(4))


def sixteen_bits() -> bytes:
    held = io.BytesIO()
    Image.fromarray(np.linspace(0, 65535, 2400).reshape(40, 60).astype(np.uint16)).save(held, "PNG")
    return held.getvalue()


def floats() -> bytes:
    held = io.BytesIO()
    values = np.array([[np.nan, np.inf, -np.inf, 0.5]] * 4, dtype=np.float32)
    Image.fromarray(values).save(held, "TIFF")
    return held.getvalue()


def rotated(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded("JPEG", exif=exif)


def transparent_palette() -> bytes:
    held = io.BytesIO()
    picture("P").save(held, "PNG", transparency=0)
    return held.getvalue()


DAMAGED = "damaged or truncated"
NO_PICTURE = "not a picture"
BOMB = "more than the limit"
PICTURES: dict[str, tuple[Callable[[], bytes], str | None]] = {
    "plain.jpg": (lambda: encoded("JPEG"), ""),
    "empty.jpg": (bytes, "empty"),
    "one_byte.jpg": (lambda: b"\xff", NO_PICTURE),
    "magic_only.jpg": (lambda: b"\xff\xd8\xff", DAMAGED),
    "cut.jpg": (lambda: encoded("JPEG", size=(400, 300))[:9000], DAMAGED),
    "cut.png": (lambda: encoded("PNG")[:3000], DAMAGED),
    "cut.gif": (lambda: encoded("GIF")[:1200], DAMAGED),
    "cut.webp": (lambda: encoded("WEBP")[:400], DAMAGED),
    "cut_header.png": (lambda: encoded("PNG")[:20], DAMAGED),
    "damaged.png": (png_with_damage, DAMAGED),
    "no_data.png": (lambda: png_of(60, 40), DAMAGED),
    "noise_after_magic.jpg": (lambda: b"\xff\xd8\xff\xe0" + os.urandom(5000), None),
    "png.jpg": (lambda: encoded("PNG"), ""),
    "jpeg.gif": (lambda: encoded("JPEG"), ""),
    "bomb.png": (lambda: png_of(100_000, 100_000), BOMB),
    "widest.png": (lambda: png_of(2**31 - 1, 2**31 - 1), f"{BOMB}|{DAMAGED}"),
    "bomb.jpg": (lambda: jpeg_of(65_500, 65_500), BOMB),
    "bomb.gif": (lambda: b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\0\0\0;", f"{BOMB}|{DAMAGED}"),
    "text_bomb.png": (text_bomb, None),
    "no_pixels.png": (lambda: png_of(0, 0), f"{DAMAGED}|no pixels"),
    "no_height.jpg": (lambda: jpeg_of(60, 0), f"{DAMAGED}|no pixels"),
    "cmyk.jpg": (lambda: encoded("JPEG", "CMYK"), ""),
    "grey.jpg": (lambda: encoded("JPEG", "L"), ""),
    "progressive.jpg": (lambda: encoded("JPEG", progressive=True), ""),
    "bits16.png": (sixteen_bits, ""),
    "palette.png": (transparent_palette, ""),
    "grey_alpha.png": (lambda: encoded("PNG", "LA"), ""),
    "alpha.webp": (lambda: encoded("WEBP", "RGBA"), ""),
    "one_bit.png": (lambda: encoded("PNG", "1"), ""),
    "floats.tiff": (floats, ""),
    "lab.tiff": (lambda: encoded("TIFF", "LAB"), ""),
    "picture.bmp": (lambda: encoded("BMP"), ""),
    "picture.ico": (lambda: encoded("ICO", "RGBA"), ""),
    "animated.gif": (lambda: animated("GIF"), ""),
    "animated.webp": (lambda: animated("WEBP"), ""),
    "animated.png": (lambda: animated("PNG"), ""),
    "rotated.jpg": (lambda: rotated(6), ""),
    "turned_to_9.jpg": (lambda: rotated(9), ""),
    "broken_exif.jpg": (lambda: encoded("JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"), ""),
    "1x1.png": (lambda: encoded("PNG", size=(1, 1)), ""),
    "1x10000.png": (lambda: encoded("PNG", size=(1, 10_000)), ""),
    "10000x1.jpg": (lambda: encoded("JPEG", size=(10_000, 1)), ""),
    "tail.jpg": (lambda: encoded("JPEG") + b"PK\x03\x04" + bytes(5000), ""),
    "text.jpg": (lambda: b"happy day\n" * 100, NO_PICTURE),
    "picture.svg": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>', NO_PICTURE),
    "page.html": (lambda: b"<!doctype html><title>404</title>", NO_PICTURE),
    "html.jpg": (lambda: b"<!doctype html><title>404</title>", NO_PICTURE),
    "program.eps": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", NO_PICTURE),
    "document.pdf": (lambda: b"%PDF-1.7\n", NO_PICTURE),
    "zip.jpg": (lambda: b"PK\x05\x06" + bytes(18), NO_PICTURE),
    "packed.jpg": (lambda: gzip.compress(encoded("JPEG")), NO_PICTURE),
    "zeros.jpg": (lambda: bytes(10_000), NO_PICTURE),
    "video.mp4": (lambda: b"\0\0\0\x18ftypmp42" + bytes(100), NO_PICTURE),
    "no_avif.avif": (lambda: b"\0\0\0\x1cftypavif" + bytes(100), f"{NO_PICTURE}|{DAMAGED}"),
}
