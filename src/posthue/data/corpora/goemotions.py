"""GoEmotions (Demszky et al. 2020): Reddit comments in 28 emotions, mapped to Ekman's, or in these
already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from posthue.data.corpora.base import CorpusInfo, Example, Splits, register
from posthue.data.corpora.reading import read_lines, unknown_label
from posthue.errors import CorpusError
from posthue.labels import EMOTION, GOEMOTIONS_TO_EMOTION
from posthue.posts import Modality, Post

#: The order of the label ids when no list of labels lies beside the tables (the authors' emotions.txt).
GOEMOTIONS_ORDER = (
    *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion"),
    *("curiosity", "desire", "disappointment", "disapproval", "disgust", "embarrassment", "excitement"),
    *("fear", "gratitude", "grief", "joy", "love", "nervousness", "optimism"),
    *("pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral"),
)

INFO = CorpusInfo(
    name="goemotions",
    title="GoEmotions, 28 emotions mapped to Ekman's",
    folder="goemotions",
    schemes=("emotion",),
    modalities=(Modality.TEXT,),
    layout="train.tsv, dev.tsv, test.tsv (text TAB label ids with commas TAB id); labels.txt or emotions.txt",
    source="https://github.com/google-research/google-research/tree/master/goemotions/data",
    licence="Apache-2.0",
    citation="Demszky et al. 2020, GoEmotions: A Dataset of Fine-Grained Emotions",
)


@register(INFO, marks=("train.tsv", "dev.tsv", "test.tsv"), also=("goemotions-ekman", "goemotions/data"))
def read(folder: Path) -> Splits:
    """Read the tables; a comment with several emotions keeps them all, each mapped label once."""
    codes = _codes(folder)
    return {
        split: _read_split(folder / f"{split}.tsv", codes)
        for split in ("train", "dev", "test")
        if (folder / f"{split}.tsv").exists()
    }


def _codes(folder: Path) -> Sequence[str]:
    for listing in (folder / "labels.txt", folder / "emotions.txt"):
        if listing.exists():
            return [_mapped(name, listing, n) for n, name in enumerate(read_lines(listing), start=1)]
    return [GOEMOTIONS_TO_EMOTION[name] for name in GOEMOTIONS_ORDER]


def _mapped(name: str, path: Path, line: int) -> str:
    name = name.strip().lower()
    if name not in GOEMOTIONS_TO_EMOTION:
        raise unknown_label(name, GOEMOTIONS_ORDER, path, line)
    return GOEMOTIONS_TO_EMOTION[name]


def _read_split(path: Path, codes: Sequence[str]) -> list[Example]:
    return [_example(row, codes, path, n) for n, row in enumerate(read_lines(path), start=1) if row.strip()]


def _example(row: str, codes: Sequence[str], path: Path, line: int) -> Example:
    try:
        text, marks, post_id = row.rsplit("\t", 2)
    except ValueError:
        raise CorpusError(f"{path}, line {line}: expected text TAB label ids TAB id") from None
    labels = {_label(mark.strip(), codes, path, line) for mark in marks.split(",")}
    ordered = tuple(label for label in EMOTION.labels if label in labels)
    return Example(Post(text=text, id=post_id.strip()), {"emotion": ordered})


def _label(mark: str, codes: Sequence[str], path: Path, line: int) -> str:
    if not mark.isdecimal() or int(mark) >= len(codes):
        raise unknown_label(mark, [str(code) for code in range(len(codes))], path, line)
    return codes[int(mark)]
