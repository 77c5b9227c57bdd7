"""From corpora to Hugging Face datasets whose rows are posts with soft targets.

Columns: row (its own number), id (corpus/split/id of the post), text, image_path, image_bytes (each may be
null), length (tokens of the text, 0 without), small (whether the picture is brought to the small size),
weight, and per scheme ``labels_<scheme>``, a distribution over its labels (all zeros: no label).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from datasets import Dataset, Features, Value
from datasets import Sequence as ListOf
from PIL import Image

from posthue.data.corpora import Example, load_corpus
from posthue.data.splits.files import SPLIT_FILE, with_splits
from posthue.data.text import normalise_tweet
from posthue.errors import CorpusError, RecipeError
from posthue.labels import SCHEMES
from posthue.model.post_model import LABEL_PREFIX
from posthue.posts import Post
from posthue.training.datasets.unreadable import Row, Skipped, without_unreadable
from posthue.training.recipes.schema import Check, TrainingSource

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LoadedRows:
    """The rows of a source, and those that were left out because their picture is broken."""

    dataset: Dataset
    skipped: Sequence[Skipped] = ()


def features_of(schemes: Sequence[str]) -> Features:
    """Return the columns of a dataset for these schemes."""
    columns: dict[str, Any] = {
        "id": Value("string"),
        "text": Value("string"),
        "image_path": Value("string"),
        "image_bytes": Value("binary"),
        "length": Value("int32"),
        "small": Value("bool"),
        "weight": Value("float32"),
        "row": Value("int32"),
    }
    columns |= {LABEL_PREFIX + scheme: ListOf(Value("float32"), len(SCHEMES[scheme])) for scheme in schemes}
    return Features(columns)


def read_source(
    source: TrainingSource | Check,
    schemes: Sequence[str],
    data: str | Path,
    seed: int,
    *,
    cache: Path | None = None,
) -> LoadedRows:
    """Read one source of a recipe; every picture is decoded once to see that it can be.

    cache: folder in which is kept what was seen. Raises CorpusError for a split that is not there, or without
    a row that can be used.
    """
    examples = examples_of(source, data, seed)
    rows = (_row(e, source, schemes) for e in examples)
    posts = [row for row in rows if row["text"] is not None or _has_image(row)]
    if not posts:
        raise CorpusError(
            f"{source.corpus}, split {source.split}: no post with {' or '.join(source.modalities)}"
        )
    usable, skipped = without_unreadable(posts, f"{source.corpus}/{source.split}", cache=cache)
    if not usable:
        raise CorpusError(
            f"{source.corpus}, split {source.split}: none of its {len(posts):,} pictures can be decoded "
            f"({skipped[0].error}, say)"
        )
    return LoadedRows(Dataset.from_list(usable, features=features_of(schemes)), skipped)


def examples_of(source: TrainingSource | Check, data: str | Path, seed: int) -> list[Example]:
    """Read, cut to ``limit`` and pair the examples of one source."""
    examples = list(corpus_split(source.corpus, source.split, data))
    rng = np.random.default_rng(seed)
    if source.limit is not None and source.limit < len(examples):
        chosen = np.sort(rng.choice(len(examples), source.limit, replace=False))
        examples = [examples[i] for i in chosen]
    if source.pair_with:
        others = corpus_split(source.pair_with.corpus, source.pair_with.split, data)
        examples = list(_paired(examples, others, rng))
    return examples


def corpus_split(corpus: str, split: str, data: str | Path) -> Sequence[Example]:
    """Return one split of a corpus, its own or ``SPLIT@FILE``; raise CorpusError naming those there are."""
    split, _, file = split.partition(SPLIT_FILE)
    own = load_corpus(corpus, data)
    return (with_splits(own, file) if file else own).examples(split)


def post_of(row: Row) -> Post:
    """Return the post of a dataset row."""
    return Post(text=row["text"], image=row["image_path"] or row["image_bytes"])


def target_rows(dataset: Dataset, scheme: str) -> npt.NDArray[np.float32]:
    """Return the distributions over a scheme's labels [rows, labels]; zeros where a row has no label."""
    return np.asarray(dataset[LABEL_PREFIX + scheme][:], dtype=np.float32)


def single_labels(dataset: Dataset, scheme: str) -> tuple[Ints, Ints]:
    """Return (rows, labels) of the rows that have exactly one label in a scheme."""
    targets = target_rows(dataset, scheme)
    rows = np.flatnonzero(targets.max(axis=1) > 0.999)
    return rows, targets[rows].argmax(axis=1)


def distribution(labels: Mapping[str, tuple[str, ...]], scheme: str) -> list[float]:
    """Spread one unit of mass evenly over an example's labels; zeros when it has none in this scheme."""
    known = SCHEMES[scheme]
    target = [0.0] * len(known)
    for label in labels.get(scheme, ()):
        target[known.index(label)] += 1.0 / len(labels[scheme])
    return target


def post_row(post: Post, name: str, targets: Mapping[str, Sequence[float]], *, weight: float = 1.0) -> Row:
    """Return a row; ``prepare`` fills in what depends on a processor. targets: scheme → distribution."""
    image = post.image
    return {
        "id": name,
        "text": post.text if normalise_tweet(post.text or "") else None,
        "image_path": str(image) if isinstance(image, (str, Path)) else None,
        "image_bytes": image if isinstance(image, bytes) else None,
        "length": 0,
        "small": False,
        "weight": weight,
        "row": 0,
        **{LABEL_PREFIX + scheme: list(target) for scheme, target in targets.items()},
    }


def _row(example: Example, source: TrainingSource | Check, schemes: Sequence[str]) -> Row:
    read = {name: getattr(example.post, name) for name in source.modalities}
    return post_row(
        Post(**read),
        f"{source.corpus}/{source.split}/{example.post.id}",
        {scheme: _target(example, source, scheme) for scheme in schemes},
        weight=source.weight if isinstance(source, TrainingSource) else 1.0,
    )


def _target(example: Example, source: TrainingSource | Check, scheme: str) -> list[float]:
    if source.targets == "soft":
        return list(example.soft.get(scheme, (0.0,) * len(SCHEMES[scheme])))
    return distribution(_labels(example, source), scheme)


def _labels(example: Example, source: TrainingSource | Check) -> Mapping[str, tuple[str, ...]]:
    if source.targets == "post":
        return example.labels
    if source.targets != "own" or len(source.modalities) != 1:
        raise RecipeError("targets is 'post', 'soft', or 'own' with modalities naming one modality")
    return example.text_labels if source.modalities[0] == "text" else example.image_labels


def _has_image(row: Row) -> bool:
    return row["image_path"] is not None or row["image_bytes"] is not None


def _paired(
    examples: list[Example], others: Sequence[Example], rng: np.random.Generator
) -> Iterator[Example]:
    """Give each text a random picture that carries the same single label; texts without a match go alone."""
    pictures: dict[tuple[str, str], list[int]] = {}
    for i, other in enumerate(others):
        for scheme, labels in other.labels.items():
            pictures.setdefault((scheme, labels[0]), []).append(i)
    for example in examples:
        keys = [(s, labels[0]) for s, labels in example.labels.items() if len(labels) == 1]
        matches = next((pictures[key] for key in keys if key in pictures), None)
        if matches is None:
            yield example
            continue
        picture = others[matches[rng.integers(len(matches))]].post.image
        yield Example(Post(example.post.text, picture, example.post.id), example.labels)


def is_small(row: Row, small_size: int | None) -> bool:
    """Whether the picture of a row is brought to the small size; False without a picture or if unreadable."""
    if small_size is None or not _has_image(row):
        return False
    try:
        with Image.open(row["image_path"] or io.BytesIO(row["image_bytes"])) as image:
            return max(image.size) <= small_size
    except (OSError, ValueError):
        return False
