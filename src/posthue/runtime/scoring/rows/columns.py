"""The columns that ``posthue score`` writes, in their order.

``id``; the input's other columns as they came, text and image path among them (embedded pictures are left
out); then per label scheme its label and the probability of each of
its labels (``sentiment``, ``sentiment_negative``, …); ``text_share``, ``image_share`` and ``mixed`` of the
bundle's first scheme (sentiment, where the bundle has it); ``error``, empty for a row that was predicted.
An input column that has the name of an output column is written as ``<name>_input``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from posthue.data.tables.cells import TablePath
from posthue.data.tables.readers.base import string_array
from posthue.labels import LabelScheme
from posthue.posts import Modality, Prediction
from posthue.runtime.scoring.rows.summary import main_scheme

if TYPE_CHECKING:
    from posthue.data.tables.table import PostTable, RowBatch

    Schemes = Mapping[str, LabelScheme]


def output_names(schemes: Schemes) -> list[str]:
    """Return the names of the columns that scoring adds, in their order, ``id`` first."""
    found = ["id"]
    for name, scheme in schemes.items():
        found += [name, *(f"{name}_{label}" for label in scheme.labels)]
    return [*found, "text_share", "image_share", "mixed", "error"]


def passthrough_names(names: Sequence[str], schemes: Schemes) -> list[str]:
    """Return the names under which input columns are written; no two output columns are called the same.

    >>> passthrough_names(["likes", "error"], {})
    ['likes', 'error_input']
    """
    reserved = set(output_names(schemes))
    taken = reserved | set(names)
    found = []
    for name in names:
        new = name
        while new in taken if new != name else new in reserved:
            new += "_input"
        taken.add(new)
        found.append(new)
    return found


def input_columns(table: PostTable, batch: RowBatch) -> list[tuple[str, pa.Array]]:
    """Return what is written of the input's columns, in their order: all but the id and embedded pictures."""
    others = iter(batch.passthrough.columns)
    found: list[tuple[str, pa.Array]] = []
    for field in table.schema:
        if field.name == table.columns.id:
            continue
        if field.name == table.columns.text:
            found.append((field.name, string_array([post.text for post in batch.posts])))
        elif field.name == table.columns.image:
            if is_text(field.type):
                found.append((field.name, string_array(_image_paths(table, batch))))
        else:
            found.append((field.name, next(others)))
    return found


def _image_paths(table: PostTable, batch: RowBatch) -> list[str | None]:
    """The image paths as a table has them; of a folder of pictures, from that folder on."""
    folder = os.path.join(table.path, "")  # noqa: PTH118  (a Path drops the last separator)
    found: list[str | None] = []
    for post in batch.posts:
        if isinstance(post.image, TablePath):
            found.append(post.image.written)
        else:
            found.append(post.image.removeprefix(folder) if isinstance(post.image, str) else None)
    return found


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds text, and so paths of pictures rather than pictures."""
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    types = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_of(plain) for is_of in types)


def scored_batch(
    inputs: Sequence[tuple[str, pa.Array]],
    ids: Sequence[str | None],
    predictions: Sequence[Prediction],
    schemes: Schemes,
) -> pa.RecordBatch:
    """Return the output rows of one batch: the input's columns between ``id`` and the results."""
    results = result_columns(predictions, schemes)
    names = ["id", *passthrough_names([name for name, _ in inputs], schemes), *results]
    arrays = [string_array(ids), *(column for _, column in inputs), *results.values()]
    return pa.RecordBatch.from_arrays(arrays, names=names)


def result_columns(predictions: Sequence[Prediction], schemes: Schemes) -> dict[str, pa.Array]:
    """Return the result columns by name; every one is null in the row of a post that was not predicted."""
    found: dict[str, pa.Array] = {}
    for name, scheme in schemes.items():
        predicted = [p.schemes.get(name) for p in predictions]
        found[name] = pa.array([j and j.label for j in predicted], pa.string())
        for label in scheme.labels:
            found[f"{name}_{label}"] = _floats(
                [None if j is None else j.probabilities[label] for j in predicted]
            )
    main = main_scheme(schemes)
    shown = [p.schemes.get(main) for p in predictions]
    for modality in Modality:
        found[f"{modality}_share"] = _floats(
            [None if j is None else j.shares.get(modality, 0.0) for j in shown]
        )
    found["mixed"] = pa.array([None if j is None else j.mixed for j in shown], pa.bool_())
    found["error"] = pa.array([_printable(p.error) for p in predictions], pa.string())
    return found


def _floats(values: Sequence[float | None]) -> pa.Array:
    return pa.array(values, pa.float32())


def _printable(error: str | None) -> str | None:
    """An error may quote a file's name, and a name may hold bytes that are no text."""
    if error is None:
        return None
    return " ".join(error.encode("utf-8", "replace").decode("utf-8").split())


def empty_batch(schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch without rows."""
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
