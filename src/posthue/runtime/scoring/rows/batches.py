"""One callable for whoever deals out batches of rows: Arrow tables of posts in, the rows with results out.

>>> scorer = BatchScorer()                                                        # doctest: +SKIP
>>> scorer(pa.table({"id": ["1"], "text": ["what a day"]}))["sentiment"]          # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from posthue.data.tables.cells import id_of, image_of, text_of, values_of
from posthue.data.tables.columns import Columns
from posthue.data.tables.picture_columns import pictures_in
from posthue.posts import Post
from posthue.runtime.classifier import load
from posthue.runtime.scoring.rows.columns import is_text, scored_batch
from posthue.runtime.scoring.rows.one_file import predict_rows

if TYPE_CHECKING:
    from posthue.data.tables.table import PostTable, RowBatch
    from posthue.runtime.backends.devices import Device
    from posthue.runtime.inference.engine import OnBadImage

#: Columns that ``staged`` adds: what a reader of ours found in a row, whatever the file was.
ROW, TEXT, PATH, BYTES, ERROR = (f"_posthue_{name}" for name in ("row", "text", "path", "bytes", "error"))
_HIDDEN = (ROW, TEXT, PATH, BYTES, ERROR)


class BatchScorer:
    """Loads a bundle once and predicts tables of posts. Its settings are plain data.

    model: the bundle's folder, or ``default``. id_column, text_column, image_column: found by their
    usual names where None; an empty name: there is none. folder: what relative image paths start from.
    """

    def __init__(
        self,
        *,
        model: str = "default",
        id_column: str | None = None,
        text_column: str | None = None,
        image_column: str | None = None,
        folder: str = ".",
        on_bad_image: OnBadImage = "error",
        threads: int | None = 1,
        device: Device = "auto",
    ) -> None:
        self._columns = Columns(id=id_column, text=text_column, image=image_column)
        self._folder = Path(folder)
        self._classifier = load(model, threads=threads, device=device, on_bad_image=on_bad_image)

    def __call__(self, table: pa.Table) -> pa.Table:
        """Return the same rows as ``posthue score`` writes them; raise TableError without text and image."""
        names = [name for name in table.column_names if name not in _HIDDEN]
        columns = self._columns.resolve(names, pictures_in(table))
        posts, errors = self._posts(table, columns)
        predictions = predict_rows(self._classifier, posts, errors)
        found = scored_batch(
            _input_columns(table, columns), [post.id for post in posts], predictions, self._classifier.schemes
        )
        done = pa.Table.from_batches([found])
        return done.append_column(ROW, table[ROW]) if ROW in table.column_names else done

    def _posts(self, table: pa.Table, columns: Columns) -> tuple[list[Post], list[str | None]]:
        ids = [id_of(value) for value in _values(table, columns.id)]
        if ROW in table.column_names:
            texts, paths, pictures = (table[name].to_pylist() for name in (TEXT, PATH, BYTES))
            images = [
                path if picture is None else picture for path, picture in zip(paths, pictures, strict=True)
            ]
            posts = [Post(*found) for found in zip(texts, images, ids, strict=True)]
            return posts, table[ERROR].to_pylist()
        texts = [text_of(value) for value in _values(table, columns.text)]
        images = [image_of(value, self._folder) for value in _values(table, columns.image)]
        return [Post(*found) for found in zip(texts, images, ids, strict=True)], [None] * len(ids)


def staged(
    batch: RowBatch, inputs: Sequence[tuple[str, pa.Array]], table: PostTable, start: int
) -> pa.RecordBatch:
    """Return the rows of a batch, the first of them row ``start``, as a BatchScorer takes them anywhere."""
    images = [post.image for post in batch.posts]
    hidden = {
        ROW: pa.array(range(start, start + len(images)), pa.int64()),
        TEXT: pa.array([post.text for post in batch.posts], pa.string()),
        PATH: pa.array([str(i) if isinstance(i, str | Path) else None for i in images], pa.string()),
        BYTES: pa.array([i if isinstance(i, bytes) else None for i in images], pa.large_binary()),
        ERROR: pa.array(batch.errors, pa.string()),
    }
    key = table.columns.id or "id"
    shown = {key: pa.array([post.id for post in batch.posts], pa.string()), **dict(inputs)}
    if table.columns.image is not None and table.columns.image not in shown:  # embedded: say that it is there
        shown[table.columns.image] = pa.nulls(len(images), pa.binary())
    return pa.RecordBatch.from_pydict(shown | hidden)


def _input_columns(table: pa.Table, columns: Columns) -> list[tuple[str, pa.Array]]:
    """What is written of the input: all but the id, embedded pictures, and what ``staged`` added."""
    left_out = {columns.id, *_HIDDEN}
    if columns.image is not None and not is_text(table.schema.field(columns.image).type):
        left_out.add(columns.image)
    return [(name, table[name].combine_chunks()) for name in table.column_names if name not in left_out]


def _values(table: pa.Table, name: str | None) -> list[object]:
    return [None] * table.num_rows if name is None else values_of(table[name])
