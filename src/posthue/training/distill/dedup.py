"""Stage 4: near-duplicate pictures, within the crowd and against benchmarks, go; the first of each stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from posthue.data.corpora import load_corpus
from posthue.data.duplicates.fingerprints import BYTES, as_words, fingerprints, near_groups
from posthue.training.distill.keep import LABELLED
from posthue.training.distill.recipe import Dedup
from posthue.training.distill.store import Kept, StageWriter, label_indices, stream

if TYPE_CHECKING:
    from posthue.posts import ImageSource

_ABSENT = bytes(BYTES)

FATES = ("kept", "the picture cannot be opened", "near a picture of a benchmark", "near an earlier picture")


def dedup_posts(
    source: Path, target: Path, settings: Dedup, data: Path, advance: Callable[[int], None]
) -> Kept:
    """Write the posts whose picture is near no earlier one and near none of the benchmarks.

    In memory are 64 bytes per picture and the index over them. Posts whose picture cannot be opened go, too;
    posts without a picture, where such were selected, stay.
    """
    known = [p for p in fingerprints(_benchmark_pictures(settings.against, data)) if p is not None]
    found: list[bytes] = []
    readable: list[bool] = []
    for batch in stream(source, ["image_path", "image_bytes", "fingerprint"]):
        made = list(_fingerprints(batch, settings.workers))
        found.append(b"".join(p or _ABSENT for p in made))
        readable += [p is not None for p in made]
        advance(batch.num_rows)
    prints = as_words(b"".join(found))
    fates = _fates(as_words(b"".join(known)), prints, np.asarray(readable, dtype=bool), settings.distance)
    return _write(source, target, prints, fates)


def _fates(known: np.ndarray, prints: np.ndarray, readable: np.ndarray, distance: int) -> np.ndarray:
    """Return what becomes of each row: one of FATES by its index [rows]."""
    rows = np.flatnonzero(readable)
    groups = near_groups(np.concatenate([known, prints[rows]]), distance=distance)[len(known) :]
    fates = np.full(len(prints), FATES.index("the picture cannot be opened"))
    fates[rows] = np.where(
        groups == np.arange(len(rows)) + len(known), 0, FATES.index("near an earlier picture")
    )
    fates[rows[groups < len(known)]] = FATES.index("near a picture of a benchmark")
    return fates


def _write(source: Path, target: Path, prints: np.ndarray, fates: np.ndarray) -> Kept:
    kept, start = Kept(), 0
    with StageWriter(target, LABELLED) as writer:
        for batch in stream(source):
            rows = slice(start, start := start + batch.num_rows)
            pictures = np.asarray(_has_picture(batch), dtype=bool)
            fate = np.where(pictures, fates[rows], 0)
            for number, reason in enumerate(FATES[1:], start=1):
                kept.drop(reason, int((fate == number).sum()))
            part = _with_prints(batch, prints[rows], pictures).filter(pa.array(fate == 0))
            writer.write(part)
            kept.add(part.num_rows, label_indices(part))
    return kept


def _with_prints(batch: pa.RecordBatch, prints: np.ndarray, pictures: np.ndarray) -> pa.RecordBatch:
    """Put the fingerprints into their column, so that they need not be made again."""
    raw = [row.tobytes() if there else None for row, there in zip(prints, pictures, strict=True)]
    index = batch.schema.get_field_index("fingerprint")
    columns = [*batch.columns]
    columns[index] = pa.array(raw, pa.binary(BYTES))
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _fingerprints(batch: pa.RecordBatch, workers: int) -> Iterator[bytes | None]:
    """Yield what the table says, else make it from the picture."""
    given, paths, raw = (
        batch.column(name).to_pylist() for name in ("fingerprint", "image_path", "image_bytes")
    )
    sources: list[ImageSource | None] = [
        None if print_ is not None else path or content
        for print_, path, content in zip(given, paths, raw, strict=True)
    ]
    if not any(source is not None for source in sources):
        yield from given
        return
    made = fingerprints(sources, workers=workers)
    for print_, new in zip(given, made, strict=True):
        yield new if print_ is None else print_


def _has_picture(batch: pa.RecordBatch) -> list[bool]:
    names = ("image_path", "image_bytes", "fingerprint")
    columns = [batch.column(name).is_valid().to_pylist() for name in names]
    return [any(values) for values in zip(*columns, strict=True)]


def _benchmark_pictures(names: Sequence[str], data: Path) -> Iterator[ImageSource | None]:
    for entry in names:
        name, _, wanted = entry.partition(":")
        corpus = load_corpus(name, data)
        for split in [wanted] if wanted else corpus.splits:
            yield from (example.post.image for example in corpus.examples(split))
