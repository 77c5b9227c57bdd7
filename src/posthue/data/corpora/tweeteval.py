"""TweetEval (Barbieri et al. 2020): sentiment, and emotion mapped to Ekman's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from posthue.data.corpora.base import CorpusInfo, Example, Splits, register
from posthue.data.corpora.reading import mapped_label, one_label, read_lines
from posthue.errors import CorpusError
from posthue.posts import Modality, Post

_LAYOUT = (
    "SPLIT_text.txt and SPLIT_labels.txt, a tweet a line, for train, val, test; mapping.txt (id TAB label)"
)
_SOURCE = "https://github.com/cardiffnlp/tweeteval, folder datasets/"
_CITATION = (
    "Barbieri et al. 2020, TweetEval: Unified Benchmark and Comparative Evaluation for Tweet Classification"
)

SENTIMENT = CorpusInfo(
    name="tweeteval-sentiment",
    title="TweetEval sentiment (SemEval-2017 task 4A)",
    folder="tweeteval/sentiment",
    schemes=("sentiment",),
    modalities=(Modality.TEXT,),
    layout=_LAYOUT,
    source=_SOURCE,
    licence="research use, terms of Twitter",
    citation=_CITATION,
)
EMOTION = CorpusInfo(
    name="tweeteval-emotion",
    title="TweetEval emotion (SemEval-2018 task 1), four emotions",
    folder="tweeteval/emotion",
    schemes=("emotion",),
    modalities=(Modality.TEXT,),
    layout=_LAYOUT,
    source=_SOURCE,
    licence="research use, terms of Twitter",
    citation=_CITATION,
)

_MARKS = ("train_text.txt", "val_text.txt", "test_text.txt")
_POLARITIES = {label: label for label in ("negative", "neutral", "positive")}
#: Optimism is joy in GoEmotions' published map to Ekman, and so it is here.
_EMOTIONS = {"anger": "anger", "joy": "joy", "optimism": "joy", "sadness": "sadness"}


@register(
    SENTIMENT,
    marks=_MARKS,
    also=("tweeteval/datasets/sentiment", "datasets/sentiment", "sentiment"),
)
def read_sentiment(folder: Path) -> Splits:
    """Read TweetEval's sentiment folder."""
    return _read(folder, "sentiment", _POLARITIES)


@register(
    EMOTION,
    marks=_MARKS,
    also=("tweeteval/datasets/emotion", "datasets/emotion", "emotion"),
)
def read_emotion(folder: Path) -> Splits:
    """Read TweetEval's emotion folder; optimism becomes joy."""
    return _read(folder, "emotion", _EMOTIONS)


def _read(folder: Path, scheme: str, names: Mapping[str, str]) -> Splits:
    codes = _codes(folder / "mapping.txt", names)
    return {
        split: _read_split(folder, split, scheme, codes)
        for split in ("train", "val", "test")
        if (folder / f"{split}_text.txt").exists()
    }


def _codes(mapping: Path, names: Mapping[str, str]) -> dict[str, str]:
    if not mapping.exists():
        return {str(code): label for code, label in enumerate(names.values())}
    codes = {}
    for line, row in enumerate(read_lines(mapping), start=1):
        code, _, name = row.partition("\t")
        codes[code.strip()] = mapped_label(names, name, mapping, line)
    return codes


def _read_split(folder: Path, split: str, scheme: str, codes: Mapping[str, str]) -> list[Example]:
    texts, labels = folder / f"{split}_text.txt", folder / f"{split}_labels.txt"
    if not labels.exists():
        raise CorpusError(f"{labels} is missing beside {texts.name}")
    rows, marks = read_lines(texts), read_lines(labels)
    if len(rows) != len(marks):
        raise CorpusError(f"{texts} has {len(rows)} lines and {labels.name} has {len(marks)}")
    return [
        Example(
            Post(text=text, id=f"{split}-{line}"),
            one_label(scheme, mapped_label(codes, mark, labels, line), labels, line),
        )
        for line, (text, mark) in enumerate(zip(rows, marks, strict=True), start=1)
    ]
