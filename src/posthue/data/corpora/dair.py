"""dair-ai/emotion, also called CARER (Saravia et al. 2018): tweets in six emotions."""

from __future__ import annotations

from pathlib import Path

from posthue.data.corpora.base import CorpusInfo, Example, Splits, register
from posthue.data.corpora.reading import mapped_label, read_lines
from posthue.errors import CorpusError
from posthue.posts import Modality, Post

INFO = CorpusInfo(
    name="dair-emotion",
    title="dair-ai/emotion (CARER), six emotions",
    folder="dair-emotion",
    schemes=("emotion",),
    modalities=(Modality.TEXT,),
    layout="train.txt, val.txt, test.txt, a line each: text;label",
    source="https://github.com/dair-ai/emotion_dataset",
    licence="research and education only",
    citation="Saravia et al. 2018, CARER: Contextualized Affect Representations for Emotion Recognition",
)

#: Love is joy in GoEmotions' published map to Ekman, and so it is here.
_EMOTIONS = {**{e: e for e in ("anger", "fear", "joy", "sadness", "surprise")}, "love": "joy"}


@register(INFO, marks=("train.txt", "val.txt", "test.txt"), also=("emotion_dataset", "carer"))
def read(folder: Path) -> Splits:
    """Read the files; love becomes joy, empty lines are skipped."""
    return {
        split: _read_split(folder / f"{split}.txt", split)
        for split in ("train", "val", "test")
        if (folder / f"{split}.txt").exists()
    }


def _read_split(path: Path, split: str) -> list[Example]:
    return [
        _example(row, f"{split}-{line}", path, line)
        for line, row in enumerate(read_lines(path), start=1)
        if row.strip()
    ]


def _example(row: str, post_id: str, path: Path, line: int) -> Example:
    text, semicolon, label = row.rpartition(";")
    if not semicolon:
        raise CorpusError(f"{path}, line {line}: expected text;label")
    return Example(Post(text=text, id=post_id), {"emotion": (mapped_label(_EMOTIONS, label, path, line),)})
