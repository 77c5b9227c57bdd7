"""Stage 3: the hard pseudo-label is the argmax, kept only if its probability is above its class's threshold.

Stage 5: balance, by undersampling to the smallest class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from posthue.errors import InputError
from posthue.labels import SENTIMENT
from posthue.training.distill.store import Kept, StageWriter, label_indices, stream
from posthue.training.distill.teach import TAUGHT, Floats, probabilities_of

Advance = Callable[[int], None]
LABELLED = pa.schema([*TAUGHT, ("label", pa.string())])


def confident(probabilities: Floats, keep: Mapping[str, float]) -> np.ndarray:
    """Return which rows of [n, 3] have a largest probability strictly above the threshold of its class.

    A class without a threshold keeps all. Compared in float32, as the probabilities are stored, so that a
    probability that equals its threshold is not above it.
    """
    thresholds = np.array([keep.get(label, -1.0) for label in SENTIMENT.labels], dtype=np.float32)
    chosen: np.ndarray = probabilities.max(axis=1) > thresholds[probabilities.argmax(axis=1)]
    return chosen


def filter_posts(source: Path, target: Path, keep: Mapping[str, float], advance: Advance) -> Kept:
    """Write the posts of which the teacher is sure enough, with their label."""
    kept = Kept()
    with StageWriter(target, LABELLED) as writer:
        for batch in stream(source):
            found = probabilities_of(batch)
            chosen, labels = confident(found, keep), found.argmax(axis=1)
            part = batch.filter(pa.array(chosen))
            names = pa.array([SENTIMENT.labels[i] for i in labels[chosen]], pa.string())
            writer.write(pa.RecordBatch.from_arrays([*part.columns, names], schema=LABELLED))
            kept.add(part.num_rows, labels[chosen])
            kept.drop("the teacher is not sure enough", batch.num_rows - part.num_rows)
            advance(batch.num_rows)
    return kept


def balance_posts(
    source: Path, target: Path, *, undersample: bool, least: int, seed: int, advance: Advance
) -> Kept:
    """Write as many posts of each class as the smallest has, drawn with a seed; or all of them.

    Raises InputError for a class of fewer than ``least``.
    """
    labels = np.concatenate([np.zeros(0, np.int64), *(label_indices(b) for b in stream(source, ["label"]))])
    counts = np.bincount(labels, minlength=len(SENTIMENT))
    if counts.min() < least:
        told = ", ".join(f"{n:,} {label}" for label, n in zip(SENTIMENT.labels, counts, strict=True))
        raise InputError(
            f"too few posts are left to learn from: {told}; at least {least} of each are wanted (lower the "
            "thresholds of keep, or `least`)"
        )
    chosen = _drawn(labels, int(counts.min()), seed) if undersample else np.ones(len(labels), dtype=bool)
    return write_chosen(source, target, LABELLED, chosen, "undersampled", advance)


def write_chosen(
    source: Path, target: Path, schema: pa.Schema, chosen: np.ndarray, reason: str, advance: Advance
) -> Kept:
    """Write the labelled rows where ``chosen`` [rows] holds; the others went for ``reason``."""
    kept, start = Kept(), 0
    with StageWriter(target, schema) as writer:
        for batch in stream(source):
            part = batch.filter(pa.array(chosen[start : start + batch.num_rows]))
            start += batch.num_rows
            writer.write(part)
            kept.add(part.num_rows, label_indices(part))
            advance(batch.num_rows)
    kept.drop(reason, start - kept.total)
    return kept


def _drawn(labels: np.ndarray, number: int, seed: int) -> np.ndarray:
    """Choose ``number`` rows of each class."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(labels), dtype=bool)
    for label in range(len(SENTIMENT)):
        chosen[rng.permutation(np.flatnonzero(labels == label))[:number]] = True
    return chosen
