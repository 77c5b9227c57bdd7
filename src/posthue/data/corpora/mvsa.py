"""MVSA-Single and MVSA-Multiple (Niu et al. 2016): tweets with a picture, each modality labelled on its own.

One label per post is made by the rule of Xu & Mao 2017 (MultiSentiNet): per modality the majority of the
annotators; equal labels stay; a polar and a neutral one give the polar one; opposite ones drop the post.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from posthue.data.corpora.base import CorpusInfo, Example, Splits, register
from posthue.data.corpora.reading import one_label, read_lines, read_text
from posthue.errors import CorpusError
from posthue.posts import Modality, Post

_SOURCE = "https://mcrlab.net/research/mvsa-sentiment-analysis-on-multi-view-social-data/"
_CITATION = (
    "Niu et al. 2016, Sentiment Analysis on Multi-View Social Data; label rule: Xu & Mao 2017, MultiSentiNet"
)
_LAYOUT = "data/ID.jpg, data/ID.txt, labelResultAll.txt ({}); splits.json (split -> ids) where there is one"

SINGLE = CorpusInfo(
    name="mvsa-single",
    title="MVSA-Single, one annotator",
    folder="mvsa-single",
    schemes=("sentiment",),
    modalities=(Modality.TEXT, Modality.IMAGE),
    layout=_LAYOUT.format("ID TAB text,image"),
    source=_SOURCE,
    licence="research use",
    citation=_CITATION,
)
MULTIPLE = CorpusInfo(
    name="mvsa-multiple",
    title="MVSA-Multiple, three annotators",
    folder="mvsa-multiple",
    schemes=("sentiment",),
    modalities=(Modality.TEXT, Modality.IMAGE),
    layout=_LAYOUT.format("ID TAB text,image TAB text,image TAB text,image"),
    source=_SOURCE,
    licence="research use",
    citation=_CITATION,
)

_LABELS: Final = "labelResultAll.txt"


@register(SINGLE, marks=(_LABELS,), also=("MVSA_Single", "MVSA-Single", "MVSA-single", "MVSA"))
def read_single(folder: Path) -> Splits:
    """Read MVSA-Single."""
    return _read(folder, annotators=1)


@register(MULTIPLE, marks=(_LABELS,), also=("MVSA", "MVSA_Multiple", "MVSA-Multiple", "MVSA-multiple"))
def read_multiple(folder: Path) -> Splits:
    """Read MVSA-Multiple."""
    return _read(folder, annotators=3)


def majority(labels: Sequence[str]) -> str | None:
    """Return the label that more than half of the annotators gave, or None.

    >>> majority(("positive", "neutral", "positive"))
    'positive'
    """
    label, votes = Counter(labels).most_common(1)[0]
    return label if 2 * votes > len(labels) else None


def combine(text: str, image: str) -> str | None:
    """Return the post's label from its modalities' (Xu & Mao 2017), or None where they are opposite.

    >>> combine("neutral", "positive")
    'positive'
    """
    polar = {text, image} - {"neutral"}
    if len(polar) == 2:
        return None
    return polar.pop() if polar else "neutral"


def post_of(folder: Path, post_id: str) -> Post:
    """Return the post ``post_id`` of an MVSA folder. Its text is None when there is no file of it."""
    path = folder / "data" / f"{post_id}.txt"
    text = read_text(path, "gb18030").strip("\r\n") if path.exists() else None
    return Post(text=text, image=folder / "data" / f"{post_id}.jpg", id=post_id)


def by_split(examples: Mapping[str, Example], known: Container[str], *folders: Path) -> Splits:
    """Return the examples by the ids in splits.json, of the first folder that has one, else as "all".

    An id that is known but has no example (its labels were opposite) is passed over; examples that no split
    names become the split "rest".
    """
    listing = next((f / "splits.json" for f in folders if (f / "splits.json").exists()), None)
    if listing is None:
        return {"all": list(examples.values())}
    ids = _split_ids(listing, known)
    splits = {split: [examples[i] for i in named if i in examples] for split, named in ids.items()}
    taken = {i for named in ids.values() for i in named}
    rest = [example for i, example in examples.items() if i not in taken]
    return {**splits, "rest": rest} if rest else splits


def _read(folder: Path, *, annotators: int) -> Splits:
    table = dict(_rows(folder / _LABELS, annotators))
    labelled = {i: (text, image, combine(text, image)) for i, (text, image) in table.items()}
    examples = {
        i: _example(folder, i, text, image, label) for i, (text, image, label) in labelled.items() if label
    }
    return by_split(examples, table, folder)


def _rows(path: Path, annotators: int) -> Iterator[tuple[str, tuple[str, str]]]:
    for line, row in enumerate(read_lines(path), start=1):
        post_id, *votes = row.strip().split("\t")
        if post_id in {"", "ID"}:
            continue
        if len(votes) != annotators:
            raise CorpusError(f"{path}, line {line}: {len(votes)} annotators, expected {annotators}")
        pairs = [_pair(vote, path, line) for vote in votes]
        text, image = (majority(column) for column in zip(*pairs, strict=True))
        if text and image:
            yield post_id, (text, image)


def _pair(vote: str, path: Path, line: int) -> tuple[str, str]:
    text, comma, image = (part.strip() for part in vote.partition(","))
    if not comma:
        raise CorpusError(f"{path}, line {line}: expected text,image and found {vote!r}")
    for label in (text, image):
        one_label("sentiment", label, path, line)
    return text, image


def _example(folder: Path, post_id: str, text: str, image: str, label: str) -> Example:
    return Example(
        post_of(folder, post_id),
        {"sentiment": (label,)},
        text_labels={"sentiment": (text,)},
        image_labels={"sentiment": (image,)},
    )


def _split_ids(path: Path, known: Container[str]) -> dict[str, list[str]]:
    try:
        listing = {split: [str(i) for i in ids] for split, ids in json.loads(read_text(path)).items()}
    except (ValueError, AttributeError, TypeError):
        raise CorpusError(f"{path} must be a JSON object of split name -> list of ids") from None
    for split, ids in listing.items():
        if ids and not any(i in known for i in ids):
            raise CorpusError(f"{path}: none of the {len(ids)} ids of {split!r} is among the labelled posts")
    return listing
