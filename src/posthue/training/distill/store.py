"""The files of a distillation: one parquet per stage, what made it, and how many posts it kept.

RUN/stages/1-select.parquet, 1-select.json, 2-teach.parquet, …; RUN/stages.csv.

A stage is done when its json stands beside its parquet and names the same key. A key is a digest of the
stage's settings and of the key of the stage before, so that a changed recipe undoes what comes after the
change, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from posthue.data.duplicates.fingerprints import BYTES
from posthue.data.tables.writer import TableWriter
from posthue.files import for_arrow, write_csv, write_json
from posthue.labels import SENTIMENT

T = TypeVar("T")

STAGES = ("select", "teach", "filter", "dedup", "balance", "split")
BATCH_ROWS = 8192

#: What ``select`` writes; later stages add columns.
POSTS = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.string()),
        ("image_path", pa.string()),
        ("image_bytes", pa.binary()),
        ("fingerprint", pa.binary(BYTES)),
    ]
)
PROBABILITIES = [(label, pa.float32()) for label in SENTIMENT.labels]


@dataclass(slots=True)
class Kept:
    """How many posts a stage kept, per label where they have one, and why the others went."""

    total: int = 0
    labels: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)

    def add(self, rows: int, labels: np.ndarray | None = None) -> None:
        """Count rows; labels: their indices [rows]."""
        self.total += rows
        if labels is not None:
            counts = np.bincount(labels, minlength=len(SENTIMENT))
            for name, count in zip(SENTIMENT.labels, counts.tolist(), strict=True):
                self.labels[name] = self.labels.get(name, 0) + count

    def drop(self, reason: str, rows: int = 1) -> None:
        """Count rows that went."""
        if rows:
            self.dropped[reason] = self.dropped.get(reason, 0) + rows


def stage_key(before: str, settings: Mapping[str, Any]) -> str:
    """Return the key of a stage from the one before and its settings."""
    text = json.dumps([before, settings], sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=12).hexdigest()


class StageStore:
    """The stages in a run folder."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.folder = run / "stages"
        self.folder.mkdir(parents=True, exist_ok=True)

    def table(self, stage: str) -> Path:
        """Return the parquet file of a stage."""
        return self.folder / f"{STAGES.index(stage) + 1}-{stage}.parquet"

    def done(self, stage: str, key: str) -> Kept | None:
        """Return what a finished stage kept; None if it is not finished, or was made by other settings."""
        note = self.table(stage).with_suffix(".json")
        if not note.exists() or not self.table(stage).exists():
            return None
        values = json.loads(note.read_text(encoding="utf-8"))
        return Kept(**values["kept"]) if values.get("key") == key else None

    def begin(self, stage: str) -> None:
        """Forget a stage and those after it: their input is about to change."""
        for name in STAGES[STAGES.index(stage) :]:
            self.table(name).with_suffix(".json").unlink(missing_ok=True)
        for left in self.folder.glob(".posthue-*.part"):  # of a run that was killed
            left.unlink()

    def finish(self, stage: str, key: str, kept: Kept) -> None:
        """Note that a stage is finished; its parquet stands already."""
        values = {"stage": stage, "key": key, "kept": asdict(kept)}
        write_json(self.table(stage).with_suffix(".json"), values)

    def write_counts(self, rows: Sequence[tuple[str, Kept]]) -> Path:
        """Write RUN/stages.csv: stage,kept,negative,neutral,positive; no class before the teacher."""
        counts = [
            [stage, kept.total, *(kept.labels.get(label, "") for label in SENTIMENT.labels)]
            for stage, kept in rows
        ]
        return write_csv(
            self.run / "stages.csv", ["stage", "kept", *SENTIMENT.labels], counts, for_people=True
        )


def stream(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a stage's file, one in memory at a time."""
    with pq.ParquetFile(for_arrow(path)) as file:
        yield from file.iter_batches(batch_size=BATCH_ROWS, columns=columns and list(columns))


def chunks(items: Iterable[T], size: int = BATCH_ROWS) -> Iterator[list[T]]:
    """Yield lists of ``size`` items, the last one shorter."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def count_rows(path: Path) -> int:
    """Return the rows of a stage's file, from its footer."""
    return int(pq.read_metadata(for_arrow(path)).num_rows)


class StageWriter(TableWriter):
    """Writes a stage's parquet."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        super().__init__(path, overwrite=True)
        self._columns = schema

    def __enter__(self) -> StageWriter:
        super().__enter__()
        self.write(self._columns.empty_table())
        return self


def label_indices(batch: pa.RecordBatch) -> np.ndarray:
    """Return the indices [rows] of the column ``label``."""
    values = batch.column("label").to_pylist()
    return np.array([SENTIMENT.index(value) for value in values], dtype=np.int64)
