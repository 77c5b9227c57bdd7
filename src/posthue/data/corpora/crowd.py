"""Pictures labelled by a teacher that read their texts, as ``posthue distill`` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from posthue.data.corpora.base import CorpusInfo, Example, LazyExamples, Splits, register, wrong_folder
from posthue.files import for_arrow
from posthue.labels import SENTIMENT
from posthue.posts import Modality, Post

if TYPE_CHECKING:
    import pyarrow as pa

FILE = "crowd.parquet"
COLUMNS = ("id", "image_path", "image_bytes", "split", "label", *SENTIMENT.labels)

INFO = CorpusInfo(
    name="crowd",
    title="Pictures with the label of their text, given by a teacher (posthue distill)",
    folder="student",
    schemes=("sentiment",),
    modalities=(Modality.IMAGE,),
    layout=f"{FILE} with the columns {', '.join(COLUMNS)}",
    source="posthue distill RECIPE -o RUN writes it as RUN/student/crowd.parquet",
    licence="that of the posts",
    citation="Serra et al. 2023, arXiv 2304.14942",
)


@register(INFO, marks=(FILE,))
def read(folder: Path) -> Splits:
    """Read the splits train, val and test; every example has a hard label and the teacher's probabilities."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    table = pq.read_table(for_arrow(folder / FILE))
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise wrong_folder(INFO, folder, f"{FILE} has no column {', '.join(missing)}")
    splits = np.asarray(table.column("split").to_pylist())
    return {str(name): _examples(table, np.flatnonzero(splits == name)) for name in dict.fromkeys(splits)}


def _examples(table: pa.Table, rows: Any) -> LazyExamples:
    part = table.take(rows).combine_chunks()

    def make(row: int) -> Example:
        values = {name: part.column(name)[row].as_py() for name in COLUMNS}
        path = values["image_path"]
        post = Post(image=Path(path) if path else values["image_bytes"], id=values["id"])
        soft = tuple(values[label] for label in SENTIMENT.labels)
        return Example(post, {"sentiment": (values["label"],)}, soft={"sentiment": soft})

    return LazyExamples(len(part), make)
