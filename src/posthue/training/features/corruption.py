"""Pictures that are there but say little: blurred, noisy and half covered.

The condition "corrupted" of a comparison: does a fusion notice that a picture is worthless (Duong et al.
2017 ask this of a missing one)? The corruption of a picture is fixed by its content, so it is the same in
every run.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

#: Part of the name of the feature stores; change it with anything below.
CORRUPTION = "corrupted1"
BLUR = 1 / 25  # radius, as a share of the picture's side
NOISE = 64.0  # standard deviation, of 255
COVERED = 0.5  # share of the picture under a grey box


def corrupt(image: npt.NDArray[np.uint8], digest: bytes) -> npt.NDArray[np.uint8]:
    """Return a picture [side, side, 3] blurred, with noise, and half covered by a grey box.

    digest: of the picture's content; it seeds the noise and the place of the box.
    """
    rng = np.random.default_rng(np.frombuffer(digest, np.uint32))
    height, width = image.shape[:2]
    blurred = Image.fromarray(image).filter(ImageFilter.GaussianBlur(BLUR * height))
    pixels = np.asarray(blurred, np.float32) + rng.normal(0, NOISE, image.shape).astype(np.float32)
    tall, wide = round(height * COVERED**0.5), round(width * COVERED**0.5)
    top, left = rng.integers(0, height - tall + 1), rng.integers(0, width - wide + 1)
    pixels[top : top + tall, left : left + wide] = 128
    return pixels.clip(0, 255).astype(np.uint8)
