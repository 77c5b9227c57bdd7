"""Keep validation unseen: training rows that repeat a validation text or picture, or nearly, are left out.

Near is as in posthue.data.duplicates.texts (most words and word pairs the same) and
posthue.data.duplicates.images (a perceptual hash that differs in few bits).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from pathlib import Path

from datasets import Dataset

from posthue.data.duplicates.images import near_known
from posthue.data.duplicates.picture_facts import PictureFacts
from posthue.data.duplicates.texts import text_groups
from posthue.data.images.decode import image_digest
from posthue.data.images.spec import SMALL_SIDE
from posthue.data.text import count_words, normalise_tweet
from posthue.errors import ImageError
from posthue.files import write_csv
from posthue.training.datasets.rows import post_of
from posthue.training.datasets.unreadable import Row, facts_of_rows

#: Shorter texts ("thank you") repeat by chance and are no leak.
FEWEST_WORDS = 4
#: Tiny pictures are mostly faces, which are all alike: they must be nearer.
_DISTANCE, _SMALL_DISTANCE = 6, 2
_COLUMNS = ["id", "text", "image_path", "image_bytes"]


@dataclass(frozen=True, slots=True)
class Leak:
    """A training row that validation has, too.

    row: its number. kind: text, picture, near text or near picture. id: its name. repeats: that of the
    validation post.
    """

    row: int
    kind: str
    id: str
    repeats: str


def keep_clean(dataset: Dataset, leaks: Iterable[Leak]) -> Dataset:
    """Return the rows that are no leaks."""
    leaked = {leak.row for leak in leaks}
    return dataset.select([row for row in range(len(dataset)) if row not in leaked])


def find_leaks(dataset: Dataset, validation: Iterable[Dataset], *, cache: Path | None = None) -> list[Leak]:
    """Return the rows that repeat a validation post, in their order, each for its first reason.

    cache: folder in which is kept what is known of pictures.
    """
    rows = list(dataset.select_columns(_COLUMNS))
    seen = list(chain.from_iterable(each.select_columns(_COLUMNS) for each in validation))
    if not rows or not seen:
        return []
    leaks: dict[int, Leak] = {}
    reasons = {
        "exact": _same(rows, seen),
        "near text": _near_texts(rows, seen),
        "near picture": _near_pictures(rows, seen, cache),
    }
    for kind, pairs in reasons.items():
        for row, (place, exact) in pairs.items():
            leaks.setdefault(row, Leak(row, exact or kind, rows[row]["id"], seen[place]["id"]))
    return [leaks[row] for row in sorted(leaks)]


def write_leaks(path: Path, leaks: Sequence[Leak]) -> None:
    """Write which rows were left out, and why."""
    write_csv(
        path,
        ("id", "kind", "repeats"),
        [(leak.id, leak.kind, leak.repeats) for leak in leaks],
        for_people=False,
    )


#: Training row -> the validation row that it repeats, and how exactly ("" for nearly).
_Pairs = dict[int, tuple[int, str]]


def _same(rows: Sequence[Row], seen: Sequence[Row]) -> _Pairs:
    known: dict[bytes, int] = {}
    for place, row in enumerate(seen):
        for key in _keys(row):
            known.setdefault(key, place)
    hits = ((i, key) for i, row in enumerate(rows) for key in _keys(row) if key in known)
    return {i: (known[key], "text" if key[:1] == b"t" else "picture") for i, key in reversed(list(hits))}


def _near_texts(rows: Sequence[Row], seen: Sequence[Row]) -> _Pairs:
    """A group of near texts that has a validation text has it first."""
    texts = [
        row["text"] if count_words(row["text"] or "") >= FEWEST_WORDS else None for row in (*seen, *rows)
    ]
    groups = text_groups(texts)[len(seen) :]
    return {i: (first, "") for i, first in enumerate(groups) if first < len(seen)}


def _near_pictures(rows: Sequence[Row], seen: Sequence[Row], cache: Path | None) -> _Pairs:
    own, known = (facts_of_rows(each, cache=cache) for each in (rows, seen))
    small = near_known(_hashes(own, 0), _hashes(known, 0), max_distance=_SMALL_DISTANCE)
    large = near_known(_hashes(own, SMALL_SIDE + 1), _hashes(known, SMALL_SIDE + 1), max_distance=_DISTANCE)
    nearest = [max(pair) for pair in zip(small, large, strict=True)]
    return {i: (place, "") for i, place in enumerate(nearest) if place >= 0}


def _hashes(facts: Sequence[PictureFacts | None], least_side: int) -> list[int | None]:
    return [fact.hash if fact is not None and fact.side >= least_side else None for fact in facts]


def _keys(row: Row) -> Iterable[bytes]:
    """Name the contents of a row."""
    post = post_of(row)
    if post.text and count_words(post.text) >= FEWEST_WORDS:
        yield b"t" + blake2b(normalise_tweet(post.text).lower().encode(), digest_size=16).digest()
    if post.image is not None:
        with suppress(ImageError):
            yield b"i" + image_digest(post.image)
