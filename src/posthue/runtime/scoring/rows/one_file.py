"""The job behind ``posthue score``: a table in, the same rows with their results out, as a stream.

One row in, one row out, in the same order. A row that cannot be predicted has its ``error`` said and stops
nothing. The output appears complete or not at all, and memory does not grow with the number of rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from posthue.data.tables.columns import Columns
from posthue.data.tables.table import PostTable, RowBatch, open_table
from posthue.data.tables.writer import TableWriter
from posthue.posts import Post, Prediction
from posthue.runtime.classifier import PostClassifier
from posthue.runtime.scoring.rows.columns import empty_batch, input_columns, scored_batch
from posthue.runtime.scoring.rows.summary import ScoreSummary, ScoreTally

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ScoreSummary", "score_file", "scored_batches"]

BATCH_ROWS = 512


def score_file(
    source: str | Path,
    output: str | Path,
    classifier: PostClassifier,
    *,
    columns: Columns | None = None,
    encoding: str | None = None,
    batch_rows: int = BATCH_ROWS,
    overwrite: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
) -> ScoreSummary:
    """Predict every post of the table ``source`` and write ``output``, whose ending is its format.

    columns: which columns are id, text and image; found by their usual names where None.
    batch_rows: rows in memory at a time.
    progress: called first, and after each batch, with the rows done and the rows in all (None when unknown).

    Raises TableError when the table cannot be read, lacks its columns, or the output exists and is not to be
    overwritten; BundleError when the model fails. Rows that cannot be predicted raise nothing.
    """
    started = time.monotonic()
    table = open_table(source, columns=columns, batch_rows=batch_rows, encoding=encoding)
    tally = ScoreTally(classifier.schemes)
    total = table.count_rows() if progress else None
    with TableWriter(output, overwrite=overwrite) as writer:
        if progress:
            progress(0, total)
        for batch in scored_batches(table, table, classifier, tally, header=True):
            writer.write(batch)
            if progress:
                progress(tally.rows, total)
    return tally.summary(Path(output), time.monotonic() - started)


def scored_batches(
    table: PostTable,
    batches: Iterable[RowBatch],
    classifier: PostClassifier,
    tally: ScoreTally,
    *,
    header: bool,
) -> Iterator[pa.RecordBatch]:
    """Yield the output rows of batches of ``table``, counted by ``tally``.

    header: where there is no row at all, yield one empty batch, so that the output has its columns.
    """
    batch = RowBatch([], empty_batch(table.passthrough_schema), [])
    for batch in batches:
        predictions = predict_rows(classifier, batch.posts, batch.errors)
        tally.add(predictions)
        yield scored_batch(input_columns(table, batch), _ids(batch), predictions, classifier.schemes)
    if tally.rows == 0 and header:
        yield scored_batch(input_columns(table, batch), [], [], classifier.schemes)


def _ids(batch: RowBatch) -> list[str | None]:
    return [post.id for post in batch.posts]


def predict_rows(
    classifier: PostClassifier, posts: Sequence[Post], errors: Sequence[str | None]
) -> list[Prediction]:
    """Return one prediction per row, in order: of its post, or with the error that the row has already."""
    rows = list(zip(posts, errors, strict=True))
    predicted = classifier.predict_many(post for post, error in rows if error is None)
    return [next(predicted) if error is None else Prediction(id=post.id, error=error) for post, error in rows]
