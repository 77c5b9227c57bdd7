"""Draw the pictures of the example posts. The same pictures every time.

    python examples/make_pictures.py [FOLDER]     # FOLDER: src/posthue/examples/pictures

They are drawn with Pillow and numpy alone, so that posthue may ship them: no photograph is among them.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from drawing import faces, indoors, outdoors, trouble
from PIL import Image

FOLDER = Path(__file__).resolve().parent.parent / "src" / "posthue" / "examples" / "pictures"

SCENES: Mapping[str, Callable[[], Image.Image]] = {
    "sunset.jpg": outdoors.sunset,
    "flowers.jpg": outdoors.flowers,
    "rain.jpg": outdoors.rain,
    "storm.jpg": trouble.storm,
    "wreck.jpg": trouble.wreck,
    "birthday.jpg": indoors.birthday,
    "party.jpg": indoors.party,
    "plate.jpg": indoors.plate,
    "smile.jpg": faces.smile,
    "sorrow.png": faces.sorrow,
    "dog.jpg": faces.dog,
}
BROKEN = "broken.jpg"


MOST_BYTES = 36_000


def encode(image: Image.Image, name: str) -> bytes:
    """Return the file of a picture: PNG or, at the best quality that is small enough, JPEG."""
    if name.endswith(".png"):
        return _saved(image, "PNG", optimize=True)
    files = (_saved(image, "JPEG", quality=q, optimize=True, progressive=True) for q in range(86, 40, -4))
    return next(file for file in files if len(file) <= MOST_BYTES)


def _saved(image: Image.Image, kind: str, **options: int) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def draw(folder: Path) -> None:
    """Draw every scene into ``folder``, and cut one short: the picture that is broken on purpose."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, scene in SCENES.items():
        (folder / name).write_bytes(encode(scene(), name))
    sunset = (folder / "sunset.jpg").read_bytes()
    (folder / BROKEN).write_bytes(sunset[:400])


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
