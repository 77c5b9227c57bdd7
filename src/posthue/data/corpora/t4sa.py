"""T4SA and its balanced B-T4SA (Vadicamo et al. 2017): tweets labelled by a text classifier."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Set
from pathlib import Path, PurePosixPath

from posthue.data.corpora.base import CorpusInfo, Example, LazyExamples, Splits, register, wrong_folder
from posthue.data.corpora.reading import read_lines, read_rows, unknown_label
from posthue.errors import CorpusError
from posthue.labels import SENTIMENT
from posthue.posts import Modality, Post

_SOURCE = "http://www.t4sa.it (access on request)"
_CITATION = "Vadicamo et al. 2017, Cross-Media Learning for Image Sentiment Analysis in the Wild"
_TEXTS = "raw_tweets_text.csv"
_SCORES = "t4sa_text_sentiment.tsv"

T4SA = CorpusInfo(
    name="t4sa",
    title="T4SA, tweets with the scores of a text classifier",
    folder="t4sa",
    schemes=("sentiment",),
    modalities=(Modality.TEXT, Modality.IMAGE),
    layout=(
        f"{_SCORES} (TWID, NEG, NEU, POS) and {_TEXTS} (id, text); the pictures are used where there "
        "are lists t4sa_train.txt, t4sa_val.txt, t4sa_test.txt (path label)"
    ),
    source=_SOURCE,
    licence="research use",
    citation=_CITATION,
)
BALANCED = CorpusInfo(
    name="b-t4sa",
    title="B-T4SA, the balanced part of T4SA: 470,586 pictures",
    folder="b-t4sa",
    schemes=("sentiment",),
    modalities=(Modality.TEXT, Modality.IMAGE),
    layout=(
        "b-t4sa_train.txt, b-t4sa_val.txt, b-t4sa_test.txt (a line: path label, label 0 negative, 1 neutral, "
        f"2 positive), the pictures below data/; {_TEXTS} (id, text) there or one folder up for the texts"
    ),
    source=_SOURCE,
    licence="research use",
    citation=_CITATION,
)


@register(T4SA, marks=(_SCORES, "t4sa_train.txt"), also=("T4SA",))
def read_t4sa(folder: Path) -> Splits:
    """Read T4SA: by its picture lists where there are any, else its texts as one split, "all"."""
    listed = _read_lists(folder, "t4sa")
    return listed or {"all": _read_texts(folder)}


@register(
    BALANCED,
    marks=("b-t4sa_train.txt", "b-t4sa_val.txt", "b-t4sa_test.txt"),
    also=("b-t4sa_imgs", "B-T4SA", "t4sa/b-t4sa_imgs", "t4sa", "T4SA"),
)
def read_balanced(folder: Path) -> Splits:
    """Read B-T4SA: an example per picture, with its tweet's text where the texts are at hand."""
    return _read_lists(folder, "b-t4sa")


def _read_lists(folder: Path, prefix: str) -> dict[str, LazyExamples]:
    lists = {split: folder / f"{prefix}_{split}.txt" for split in ("train", "val", "test")}
    rows = {split: _read_list(path) for split, path in lists.items() if path.exists()}
    wanted = {_tweet_id(path) for paths, _ in rows.values() for path in paths}
    places = [path for path in (folder / _TEXTS, folder.parent / _TEXTS) if path.exists()]
    texts = _texts_of(places[0], wanted) if places and wanted else {}
    return {split: _listed(folder, paths, codes, texts) for split, (paths, codes) in rows.items()}


def _read_list(path: Path) -> tuple[list[str], array[int]]:
    paths: list[str] = []
    codes = array("b")
    for line, row in enumerate(read_lines(path), start=1):
        if not row.strip():
            continue
        image, _, code = row.strip().rpartition(" ")
        if not image:
            raise CorpusError(f"{path}, line {line}: expected path label and found {row!r}")
        if code not in {"0", "1", "2"}:
            raise unknown_label(code, ("0", "1", "2"), path, line)
        paths.append(image)
        codes.append(int(code))
    return paths, codes


def _listed(folder: Path, paths: list[str], codes: array[int], texts: Mapping[str, str]) -> LazyExamples:
    def make(row: int) -> Example:
        image = PurePosixPath(paths[row])
        post = Post(text=texts.get(_tweet_id(paths[row])), image=folder / image, id=image.stem)
        return Example(post, {"sentiment": (SENTIMENT.labels[codes[row]],)})

    return LazyExamples(len(paths), make)


def _tweet_id(image: str) -> str:
    """A picture is called by its tweet and a number: data/75801/758014713804587008-1.jpg."""
    return PurePosixPath(image).stem.partition("-")[0]


def _texts_of(path: Path, wanted: Set[str]) -> dict[str, str]:
    rows = read_rows(path, columns=("id", "text"))
    return {row["id"]: row["text"] for _, row in rows if row["id"] in wanted}


def _read_texts(folder: Path) -> LazyExamples:
    if not (folder / _TEXTS).exists():
        raise wrong_folder(T4SA, folder, f"{_TEXTS} is missing")
    labels = _read_scores(folder / _SCORES)
    texts = _texts_of(folder / _TEXTS, labels.keys())
    ids = list(texts)

    def make(row: int) -> Example:
        label = SENTIMENT.labels[labels[ids[row]]]
        return Example(Post(text=texts[ids[row]], id=ids[row]), {"sentiment": (label,)})

    return LazyExamples(len(ids), make)


def _read_scores(path: Path) -> dict[str, int]:
    labels = {}
    for line, row in read_rows(path, columns=("TWID", "NEG", "NEU", "POS"), delimiter="\t"):
        try:
            scores = [float(row[name]) for name in ("NEG", "NEU", "POS")]
        except ValueError:
            raise CorpusError(f"{path}, line {line}: NEG, NEU and POS are not all numbers") from None
        labels[row["TWID"]] = scores.index(max(scores))
    return labels
