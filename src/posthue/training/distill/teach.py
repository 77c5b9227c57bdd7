"""Stage 2: what the teacher says of each text. The teacher is frozen; it sees no picture and no label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from posthue.labels import SENTIMENT
from posthue.training.distill.store import POSTS, PROBABILITIES, Kept, StageWriter, stream

Floats = npt.NDArray[np.float32]
TAUGHT = pa.schema([*POSTS, *PROBABILITIES])


class TextTeacher(Protocol):
    """Predicts texts."""

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Return [texts, 3] in the order negative, neutral, positive; NaN where a text cannot be
        predicted."""


def teach(source: Path, target: Path, teacher: TextTeacher, advance: Callable[[int], None]) -> Kept:
    """Write the posts with the teacher's probabilities; return how many it labels how by argmax."""
    kept = Kept()
    with StageWriter(target, TAUGHT) as writer:
        for batch in stream(source):
            found = teacher.probabilities(batch.column("text").to_pylist())
            good = np.isfinite(found).all(axis=1)
            kept.drop("the teacher could not predict it", int((~good).sum()))
            part = batch.filter(pa.array(good))
            columns = [pa.array(column, pa.float32()) for column in found[good].T]
            writer.write(pa.RecordBatch.from_arrays([*part.columns, *columns], schema=TAUGHT))
            kept.add(int(good.sum()), found[good].argmax(axis=1))
            advance(batch.num_rows)
    return kept


def probabilities_of(batch: pa.RecordBatch) -> Floats:
    """Return the teacher's probabilities [rows, 3] of a batch."""
    return np.stack([batch.column(label).to_numpy() for label in SENTIMENT.labels], axis=1)
