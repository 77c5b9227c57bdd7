"""FER2013 (Goodfellow et al. 2013): grey faces of 48 x 48 pixels, seven emotions; parquet or Kaggle's csv."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from posthue.data.corpora.base import CorpusInfo, Example, LazyExamples, Splits, register
from posthue.data.corpora.reading import EMOTION_NAMES, mapped_label, read_rows
from posthue.errors import CorpusError
from posthue.posts import Modality, Post

INFO = CorpusInfo(
    name="fer2013",
    title="FER2013, faces in seven emotions",
    folder="fer2013",
    schemes=("emotion",),
    modalities=(Modality.IMAGE,),
    layout=(
        "train.parquet, public_test.parquet, private_test.parquet (image, label), "
        "or Kaggle's fer2013.csv or icml_face_data.csv (emotion, pixels, Usage)"
    ),
    source=(
        "https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge"
    ),
    licence="research use",
    citation="Goodfellow et al. 2013, Challenges in Representation Learning",
)

_SIDE = 48
_CSVS = ("fer2013.csv", "icml_face_data.csv")
_KAGGLE = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")
_EMOTIONS = {**EMOTION_NAMES, **{str(number): name for number, name in enumerate(_KAGGLE)}}
_SPLITS = {"training": "train", "train": "train", "publictest": "public_test", "privatetest": "private_test"}


@register(INFO, marks=("*.parquet", "data/*.parquet", *_CSVS), also=("FER2013", "fer2013/fer2013"))
def read(folder: Path) -> Splits:
    """Read the parquet files, or the csv. Examples are made, and a csv's faces encoded, when asked for."""
    parquets = sorted(folder.glob("*.parquet")) or sorted(folder.glob("data/*.parquet"))
    if parquets:
        return _read_parquets(parquets)
    return _read_csv(next(folder / name for name in _CSVS if (folder / name).exists()))


def _read_parquets(paths: list[Path]) -> Splits:
    faces: dict[str, list[bytes]] = {}
    labels: dict[str, list[str]] = {}
    for path in paths:
        split = _split_name(re.sub(r"-\d+-of-\d+$", "", path.stem))
        for row, (image, label) in enumerate(_parquet_rows(path), start=1):
            faces.setdefault(split, []).append(image)
            labels.setdefault(split, []).append(mapped_label(_EMOTIONS, str(label), path, row))
    return {split: _lazy(faces[split].__getitem__, labels[split], split) for split in faces}


def _parquet_rows(path: Path) -> Iterator[tuple[bytes, object]]:
    from posthue.data.tables.table import read_table  # noqa: PLC0415  loads pyarrow

    for batch in read_table(path):
        if not {"image", "label"} <= set(batch.schema.names):
            names = ", ".join(batch.schema.names)
            raise CorpusError(f"{path} needs the columns image and label; it has {names}")
        images = (
            image["bytes"] if isinstance(image, dict) else image for image in batch["image"].to_pylist()
        )
        yield from zip(images, batch["label"].to_pylist(), strict=True)


def _lazy(face: Callable[[int], bytes], labels: list[str], split: str) -> LazyExamples:
    def make(row: int) -> Example:
        return Example(Post(image=face(row), id=f"{split}-{row + 1}"), {"emotion": (labels[row],)})

    return LazyExamples(len(labels), make)


def _read_csv(path: Path) -> Splits:
    faces: dict[str, bytearray] = {}
    labels: dict[str, list[str]] = {}
    for line, row in read_rows(path, columns=("emotion", "pixels", "usage")):
        split = _split_name(row["usage"].strip())
        labels.setdefault(split, []).append(mapped_label(_EMOTIONS, row["emotion"], path, line))
        faces.setdefault(split, bytearray()).extend(_pixels(row["pixels"], path, line))
    return {split: _lazy(_encoder(faces[split]), labels[split], split) for split in labels}


def _pixels(text: str, path: Path, line: int) -> bytes:
    try:
        values = bytes(map(int, text.split()))
    except ValueError:
        raise CorpusError(f"{path}, line {line}: pixels are not numbers from 0 to 255") from None
    if len(values) != _SIDE * _SIDE:
        raise CorpusError(f"{path}, line {line}: {len(values)} pixels, expected {_SIDE} x {_SIDE}")
    return values


def _encoder(faces: bytearray) -> Callable[[int], bytes]:
    """Return what encodes a face as PNG: the pixels, 2,304 bytes a face, are all that is kept."""
    pixels = np.frombuffer(faces, dtype=np.uint8).reshape(-1, _SIDE, _SIDE)

    def encode(row: int) -> bytes:
        from PIL import Image  # noqa: PLC0415

        buffer = io.BytesIO()
        Image.fromarray(pixels[row]).save(buffer, format="PNG")
        return buffer.getvalue()

    return encode


def _split_name(name: str) -> str:
    return _SPLITS.get(re.sub(r"[^a-z]", "", name.lower()), name.lower())
