from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crowd_factory import write_picture
from posthue.data.duplicates.fingerprints import (
    BYTES,
    as_words,
    fingerprint,
    fingerprints,
    near_groups,
)
from posthue.data.duplicates.hashing import count_bits
from posthue.errors import ImageError, InputError

PRINTS = np.random.default_rng(0).integers(0, 2**64, size=(400, 8), dtype=np.uint64)


def flipped(prints: np.ndarray, bits: int, seed: int = 1) -> np.ndarray:
    """Copies that differ in exactly so many bits."""
    rng, copies = np.random.default_rng(seed), prints.copy()
    for row in copies:
        for bit in rng.choice(512, bits, replace=False):
            row[bit // 64] ^= np.uint64(1 << int(bit % 64))
    return copies


def brute_force(prints: np.ndarray, distance: int) -> list[int]:
    groups = list(range(len(prints)))
    for i in range(len(prints)):
        for j in np.flatnonzero(count_bits(prints ^ prints[i]) <= distance):
            one, other = sorted((groups[i], groups[int(j)]))
            groups = [one if g == other else g for g in groups]
    return groups


def test_a_fingerprint_outlives_size_and_compression(tmp_path: Path) -> None:
    one = write_picture(tmp_path / "one.png", (40, 90, 200), 1, side=160)
    other = write_picture(tmp_path / "other.png", (40, 90, 200), 2, side=160)
    small = io.BytesIO()
    Image.open(one).resize((100, 100)).save(small, "JPEG", quality=60)
    first, again, third = (as_words(fingerprint(p)) for p in (one, small.getvalue(), other))
    assert len(fingerprint(one)) == BYTES
    assert count_bits(first ^ again)[0] <= 31
    assert count_bits(first ^ third)[0] > 120


def test_blank_pictures_have_one_fingerprint() -> None:
    shades = [fingerprint(np.full((30, 40, 3), shade, np.uint8)) for shade in (0, 130, 255)]
    assert len(set(shades)) == 1


def test_what_cannot_be_opened_has_none(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    good = write_picture(tmp_path / "good.png", (9, 9, 9), 3)
    found = list(fingerprints([tmp_path / "broken.jpg", None, good, tmp_path / "lost.png"]))
    assert found == [None, None, fingerprint(good), None]
    with pytest.raises(ImageError):
        fingerprint(tmp_path / "broken.jpg")


@pytest.mark.parametrize("distance", [0, 1, 12, 31])
def test_the_index_finds_what_all_pairs_find(distance: int) -> None:
    parts = [PRINTS[:150], *(flipped(PRINTS[:30], bits) for bits in (0, 1, 11, 12, 13, 31, 32))]
    prints = np.concatenate(parts)
    assert near_groups(prints, distance=distance).tolist() == brute_force(prints, distance)


def test_a_chain_is_one_group_and_the_first_stands_for_it() -> None:
    start = PRINTS[:1]
    middle = flipped(start, 30)
    end = flipped(middle, 30, seed=2)
    prints = np.concatenate([PRINTS[1:5], end, start, middle])
    assert count_bits(start ^ end)[0] > 31
    assert near_groups(prints).tolist() == [0, 1, 2, 3, 4, 4, 4]


def test_a_picture_that_thousands_post_is_one_group() -> None:
    prints = np.concatenate(
        [np.repeat(PRINTS[:1], 3000, axis=0), flipped(np.repeat(PRINTS[:1], 200, axis=0), 9)]
    )
    assert set(near_groups(prints).tolist()) == {0}


def test_no_pictures_and_no_such_distance() -> None:
    assert near_groups(PRINTS[:0]).tolist() == []
    with pytest.raises(InputError, match="0 to 31 bits"):
        near_groups(PRINTS, distance=32)
