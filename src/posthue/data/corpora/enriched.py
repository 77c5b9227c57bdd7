"""The "enriched" MVSA-Single (Mohammed & Aleqabie 2022): labels that a sentiment tool made from the captions.

The pictures are those of MVSA-Single. The labels agree with people's on about half of the posts, so a figure
on them says how well a model imitates the tool, not how well it reads posts.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from posthue.data.corpora.base import CorpusInfo, Example, Splits, register, wrong_folder
from posthue.data.corpora.mvsa import by_split
from posthue.data.corpora.reading import one_label, read_rows
from posthue.errors import CorpusError, MissingExtraError
from posthue.posts import Modality, Post

INFO = CorpusInfo(
    name="mvsa-enriched",
    title="MVSA-Single with labels made from the captions",
    folder="mvsa-enriched",
    schemes=("sentiment",),
    modalities=(Modality.TEXT, Modality.IMAGE),
    layout=(
        "LabeledText.xlsx or LabeledText.csv (File Name, Caption, LABEL), and the pictures ID.jpg in data/ "
        "or images/, or in data/ of a folder mvsa-single beside this one"
    ),
    source="the article's data page (search: LabeledText.xlsx MVSA); pictures: https://mcrlab.net/research/",
    licence="research use",
    citation="Mohammed & Aleqabie 2022; pictures: Niu et al. 2016",
)

_COLUMNS = ("File Name", "Caption", "LABEL")
_OWN = ("data", "images")
_SIBLINGS = ("mvsa-single", "MVSA_Single", "MVSA-Single", "MVSA")


@register(INFO, marks=("LabeledText.xlsx", "LabeledText.csv"), also=("MVSA-enriched", "MVSA_enriched"))
def read(folder: Path) -> Splits:
    """Read the table. Its splits are those of splits.json, its own or MVSA-Single's, else one, "all"."""
    siblings = (folder.absolute().parent / name / "data" for name in _SIBLINGS)
    places = (*(folder / name for name in _OWN), *siblings)
    pictures = next((place for place in places if place.is_dir()), None)
    if pictures is None:
        raise wrong_folder(INFO, folder, "the pictures are in none of the places where they may be")
    table = next(path for path in (folder / "LabeledText.xlsx", folder / "LabeledText.csv") if path.exists())
    rows = _read_xlsx(table) if table.suffix == ".xlsx" else _read_csv(table)
    examples = {
        post_id: Example(
            Post(text=caption or None, image=pictures / f"{post_id}.jpg", id=post_id),
            one_label("sentiment", label.strip().lower(), table, line),
        )
        for line, post_id, caption, label in rows
    }
    return by_split(examples, examples, folder, pictures.parent)


def _read_csv(path: Path) -> Iterator[tuple[int, str, str, str]]:
    for line, row in read_rows(path, columns=_COLUMNS):
        yield line, Path(row["File Name"].strip()).stem, row["Caption"], row["LABEL"]


def _read_xlsx(path: Path) -> Iterator[tuple[int, str, str, str]]:
    try:
        openpyxl: Any = import_module("openpyxl")
    except ImportError:
        raise MissingExtraError("openpyxl", "train") from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, KeyError, openpyxl.utils.exceptions.InvalidFileException):
        raise CorpusError(f"{path} is not an Excel file") from None
    try:
        yield from _sheet_rows(path, book.worksheets[0].iter_rows(values_only=True))
    finally:
        book.close()


def _sheet_rows(path: Path, rows: Iterator[tuple[object, ...]]) -> Iterator[tuple[int, str, str, str]]:
    header = [str(cell or "").strip().lower() for cell in next(rows, ())]
    missing = [name for name in _COLUMNS if name.lower() not in header]
    if missing:
        raise CorpusError(f"{path} has no column {missing[0]!r}; its columns are {', '.join(header)}")
    where = [header.index(name.lower()) for name in _COLUMNS]
    for line, row in enumerate(rows, start=2):
        name, caption, label = (str(row[i] if row[i] is not None else "") for i in where)
        if name or caption or label:
            yield line, Path(name.strip()).stem, caption, label
