"""Stage 6: a stratified split into train, val and test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from posthue.data.splits.stratified import stratified_split
from posthue.training.distill.keep import LABELLED, Advance
from posthue.training.distill.recipe import SPLITS
from posthue.training.distill.store import Kept, StageWriter, label_indices, stream

SPLIT = pa.schema([*LABELLED, ("split", pa.string())])


def split_posts(
    source: Path, target: Path, fractions: Mapping[str, float], *, seed: int, advance: Advance
) -> Kept:
    """Write all posts with the name of their part."""
    labels = np.concatenate([np.zeros(0, np.int64), *(label_indices(b) for b in stream(source, ["label"]))])
    parts = stratified_split(labels.tolist(), {name: fractions[name] for name in SPLITS}, seed=seed)
    codes = np.zeros(len(labels), dtype=np.int64)
    for code, name in enumerate(SPLITS):
        codes[parts[name]] = code
    kept, start = Kept(), 0
    with StageWriter(target, SPLIT) as writer:
        for batch in stream(source):
            chosen = codes[start : start + batch.num_rows]
            start += batch.num_rows
            names = pa.array([SPLITS[code] for code in chosen], pa.string())
            writer.write(pa.RecordBatch.from_arrays([*batch.columns, names], schema=SPLIT))
            kept.add(batch.num_rows, label_indices(batch))
            advance(batch.num_rows)
    return kept


def part_counts(path: Path) -> dict[str, Kept]:
    """Return how many posts of each class each part has."""
    found = {name: Kept() for name in SPLITS}
    for batch in stream(path, ["label", "split"]):
        labels, names = label_indices(batch), np.asarray(batch.column("split").to_pylist())
        for name, kept in found.items():
            chosen = labels[names == name]
            kept.add(len(chosen), chosen)
    return found
