"""The corpus of an experiment: where its posts come from, their labels, and whether they can be learned."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from posthue.baselines.word_list import WordList
from posthue.data.corpora.base import require_split
from posthue.data.corpora.labelled import read_corpus
from posthue.data.text import normalise_tweet
from posthue.errors import CorpusError
from posthue.posts import Post

Ints = npt.NDArray[np.int64]

TEXT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
IMAGE_ENCODER = "google/mobilenet_v2_1.0_224"
CACHE = ".posthue-features"


@dataclass(frozen=True, slots=True)
class CorpusSource:
    """Where posts and features come from.

    corpus, data: as everywhere. scheme: of the labels; the corpus's first if None. text, image: encoders, by
    Hub id, folder, or the folder of a trained model. models: local copies. cache: of the features.
    word_lists: by name; read once, so that every process has the same.
    """

    corpus: str
    data: Path
    scheme: str | None = None
    text: str = TEXT_ENCODER
    image: str = IMAGE_ENCODER
    models: Path | None = None
    cache: Path = Path(CACHE)
    word_lists: Mapping[str, WordList] = field(default_factory=dict)

    def list_digests(self) -> dict[str, str]:
        """Return name → digest of the word lists, as ``parse_models`` wants them."""
        return {name: words.digest for name, words in self.word_lists.items()}


@dataclass(frozen=True, slots=True)
class LabelledCorpus:
    """The posts of some splits of a corpus that have exactly one label.

    scheme, labels: its name and all its labels. true: the index of each post's label [n]. splits: of each
    post. skipped: how many posts have none or several.
    """

    name: str
    scheme: str
    labels: tuple[str, ...]
    posts: tuple[Post, ...]
    ids: tuple[str, ...]
    true: Ints
    splits: tuple[str, ...]
    skipped: int

    def __len__(self) -> int:
        return len(self.posts)

    def rows(self, split: str) -> Ints:
        """Return the rows of one split."""
        return np.flatnonzero(np.array(self.splits, dtype=object) == split)

    def digest(self, contents: Mapping[str, str]) -> str:
        """Name the posts, their labels and what was read of them: what finished runs depend on."""
        digest = blake2b("-".join(contents.values()).encode(), digest_size=12)
        digest.update(json.dumps([self.scheme, self.ids, self.splits]).encode())
        digest.update(self.true.tobytes())
        for post in self.posts:
            digest.update(normalise_tweet(post.text or "").encode() + b"\0")
        return digest.hexdigest()


def read_posts(
    source: CorpusSource, splits: Sequence[str] | None = None, *, named: Sequence[str] = ()
) -> LabelledCorpus:
    """Read splits of a corpus (all if None); raise CorpusError for one that is not there.

    named: further splits that have to be there.
    """
    read = read_corpus(source.corpus, source.data, scheme=source.scheme, splits=splits or ())
    for split in named:
        require_split(source.corpus, split, read.splits)
    scheme = read.require_scheme()
    rows = [row for row in read.rows if len(row.labels) == 1]
    return LabelledCorpus(
        source.corpus,
        scheme.name,
        scheme.labels,
        tuple(row.post for row in rows),
        tuple(str(i) if row.post.id is None else row.post.id for i, row in enumerate(rows)),
        np.array([scheme.index(row.labels[0]) for row in rows], dtype=np.int64),
        tuple(row.split for row in rows),
        len(read.rows) - len(rows),
    )


def require_single(corpus: LabelledCorpus) -> None:
    """Raise CorpusError for a post that is there twice: it would be in training and in evaluation."""
    counts = Counter(corpus.ids)
    post, count = counts.most_common(1)[0]
    if count > 1:
        where = sorted({s for i, s in zip(corpus.ids, corpus.splits, strict=True) if i == post})
        raise CorpusError(f"{corpus.name}: post {post!r} is there {count} times, in {' and '.join(where)}")


def require_classes(corpus: LabelledCorpus, split: str | None = None, *, least: int = 2) -> None:
    """Raise CorpusError, before anything is trained, for posts that no classifier can learn from.

    split: look at this one only. least: posts of each class.
    """
    where = corpus.name if split is None else f"{corpus.name}, split {split}"
    rows = slice(None) if split is None else corpus.rows(split)
    counts = Counter(corpus.labels[i] for i in corpus.true[rows])
    if not counts:
        raise CorpusError(f"{where}: no post has a label of {corpus.scheme}")
    if len(counts) == 1:
        raise CorpusError(f"{where}: every post is {next(iter(counts))!r}; a classifier wants two classes")
    label, count = min(counts.items(), key=lambda item: item[1])
    if count < least:
        posts = "post is" if count == 1 else "posts are"
        raise CorpusError(
            f"{where}: only {count} {posts} {label!r}, and at least {least} are needed; "
            "add posts of that class or leave it out"
        )
