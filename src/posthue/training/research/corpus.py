"""A corpus as the research commands see it: labels, groups of near-duplicates, and cached features."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from posthue.baselines.vader import Lexicon, LexiconScores, Vader
from posthue.baselines.word_list import WordList
from posthue.data.corpora.base import require_split
from posthue.data.corpora.labelled import read_corpus
from posthue.data.duplicates.posts import group_posts
from posthue.data.text import normalise_tweet
from posthue.errors import CorpusError, RecipeError
from posthue.files import write_json
from posthue.labels import SCHEMES
from posthue.posts import Post
from posthue.training.features.encode import Encodings, FeatureView, encode_posts, encoder_digest
from posthue.training.features.post_features import PostFeatures
from posthue.training.recipes.folders import Folders
from posthue.training.recipes.schema import Stage
from posthue.training.research.candidates import LEXICON, Candidate, candidate_from_facts
from posthue.training.stages.build import build

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

    def lexicon(self, name: str) -> Lexicon:
        """Return the word list of this name, or VADER."""
        return Vader() if name == LEXICON else self.word_lists[name]

    def list_digests(self) -> dict[str, str]:
        """Return name → digest of the word lists, as ``parse_models`` wants them."""
        return {name: words.digest for name, words in self.word_lists.items()}


def restored(task: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a task that came as plain data: its source and its candidates made again."""
    source = dict(task["source"])
    source |= {name: Path(source[name]) for name in ("data", "models", "cache") if source[name] is not None}
    source["word_lists"] = {name: WordList(**words) for name, words in source["word_lists"].items()}
    models = [candidate_from_facts(facts) for facts in task["candidates"]]
    return {**task, "source": CorpusSource(**source), "candidates": models}


@dataclass(frozen=True, slots=True)
class Labelled:
    """The posts of some splits that have exactly one label.

    scheme, labels: its name and all its labels. true: the index of each post's label [n]. skipped: how
    many posts have none or several.
    """

    scheme: str
    labels: tuple[str, ...]
    posts: tuple[Post, ...]
    ids: tuple[str, ...]
    true: Ints
    splits: tuple[str, ...]
    skipped: int

    def rows(self, split: str) -> Ints:
        """Return the rows of one split."""
        return np.flatnonzero(np.array(self.splits, dtype=object) == split)


@dataclass(frozen=True, slots=True)
class EncodedCorpus:
    """The posts of a corpus, encoded. corrupted: the same features, of corrupted pictures, for some rows.

    encoders: modality → digest. lexicons: by name, those that a candidate asks for. contents: modality →
    digest of what was read.
    """

    posts: PostFeatures
    corrupted: PostFeatures | None
    encoders: Mapping[str, str]
    lexicons: Mapping[str, LexiconScores] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)


def load_labelled(
    source: CorpusSource, splits: Sequence[str] | None = None, *, named: Sequence[str] = ()
) -> Labelled:
    """Read splits of a corpus (all if None); raise CorpusError where there is nothing to learn from.

    named: further splits that have to be there.
    """
    read = read_corpus(source.corpus, source.data, scheme=source.scheme, splits=splits or ())
    for split in named:
        require_split(source.corpus, split, read.splits)
    scheme = read.require_scheme()
    rows = [row for row in read.rows if len(row.labels) == 1]
    return Labelled(
        scheme.name,
        scheme.labels,
        tuple(row.post for row in rows),
        tuple(str(i) if row.post.id is None else row.post.id for i, row in enumerate(rows)),
        np.array([scheme.index(row.labels[0]) for row in rows], dtype=np.int64),
        tuple(row.split for row in rows),
        len(read.rows) - len(rows),
    )


def check_apart(labelled: Labelled, corpus: str) -> None:
    """Raise CorpusError for a post that is there twice: it would be learned from and asked about."""
    counts = Counter(labelled.ids)
    post, count = counts.most_common(1)[0]
    if count > 1:
        where = sorted({s for i, s in zip(labelled.ids, labelled.splits, strict=True) if i == post})
        raise CorpusError(f"{corpus}: post {post!r} is there {count} times, in {' and '.join(where)}")


def check_labels(labelled: Labelled, rows: Ints, where: str, *, least: int = 2) -> None:
    """Raise CorpusError, before anything is trained, for posts that no classifier can learn from."""
    counts = Counter(labelled.labels[i] for i in labelled.true[rows])
    if not counts:
        raise CorpusError(f"{where}: no post has a label of {labelled.scheme}")
    if len(counts) == 1:
        raise CorpusError(f"{where}: every post is {next(iter(counts))!r}; a classifier wants two classes")
    label, count = min(counts.items(), key=lambda item: item[1])
    if count < least:
        posts = "post is" if count == 1 else "posts are"
        raise CorpusError(
            f"{where}: only {count} {posts} {label!r}, and at least {least} are needed; "
            "add posts of that class or leave it out"
        )


def encode_corpus(
    source: CorpusSource, labelled: Labelled, candidates: Sequence[Candidate], corrupted: Ints | None = None
) -> EncodedCorpus:
    """Encode what the candidates read, from the cache where it is there.

    corrupted: rows whose pictures are read once more, corrupted. Raises CorpusError if a modality that a
    candidate wants is missing in every post.
    """
    wanted = {m for c in candidates if c.trained for m in c.modalities}
    for c in candidates:
        if c.kind == LEXICON and labelled.scheme != "sentiment":
            raise RecipeError(f"{c.name} tells sentiment only, and these labels are of {labelled.scheme!r}")
    check_present(labelled, candidates)
    names = {name for c in candidates for name in c.lexicons}
    lexicons = {name: _said(name, source.lexicon(name), labelled) for name in sorted(names)}
    reads = any("text" in c.modalities for c in candidates)
    if not wanted:  # counting needs no encoder
        return EncodedCorpus(_features(labelled, {}, texts=reads), None, {}, lexicons)
    stage = Stage(
        "encoders",
        (),
        (),
        text=source.text if "text" in wanted else None,
        image=source.image if "image" in wanted else None,
        fusion="joint" if len(wanted) == 2 else "single",
        freeze=("text", "image"),
    )
    built = build(stage, (labelled.scheme,), Folders(Path(), source.data, source.models))
    model, processor = built.model, built.processor
    sequences = any(c.wants_sequences() for c in candidates)
    found = {
        m: encode_posts(
            model,
            processor,
            labelled.posts,
            FeatureView(m, sequences=sequences, skip_broken=True),
            source.cache,
        )
        for m in sorted(wanted)
    }
    _require_readable(found, source)
    posts = _features(labelled, found, texts=reads)
    again = None
    if corrupted is not None and "image" in wanted:
        view = FeatureView("image", corrupted=True, sequences=sequences, skip_broken=True)
        some = [labelled.posts[i] for i in corrupted]
        images = encode_posts(model, processor, some, view, source.cache)
        again = replace(
            posts.select(corrupted), image=torch.from_numpy(images.pooled), image_sequence=images.sequence
        )
    digests = {m: encoder_digest(model, processor, m) for m in sorted(wanted)}
    return EncodedCorpus(posts, again, digests, lexicons, {m: found[m].content for m in sorted(wanted)})


def _said(name: str, lexicon: Lexicon, labelled: Labelled) -> LexiconScores:
    texts = [post.text or "" for post in labelled.posts]
    said = lexicon.predict(texts)
    if isinstance(lexicon, WordList) and not said.features[:, 1:3].any():  # how many words it found
        raise RecipeError(
            f"word list {name!r}: none of {len(texts)} texts has a word of it; is it a list of words and "
            "scores in their language? (docs/data.md)"
        )
    return said


def check_present(labelled: Labelled, candidates: Sequence[Candidate]) -> None:
    """Raise CorpusError if a candidate reads a modality that no post has."""
    for candidate in candidates:
        for modality in candidate.modalities:
            if not any(modality in post.modalities for post in labelled.posts):
                raise CorpusError(
                    f"model {candidate.name!r} reads {modality}s, and no post has one: "
                    "leave it out of --candidate"
                )


def near_groups(labelled: Labelled, encoded: EncodedCorpus, cache: Path) -> list[int]:
    """Return the groups of near-duplicates, from the cache if these posts were grouped before."""
    digest = blake2b(encoded.contents.get("image", "").encode(), digest_size=12)
    for post in labelled.posts:
        digest.update(
            f"{post.id}\0{post.text}\0{post.image if isinstance(post.image, (str, Path)) else ''}\0".encode()
        )
    path = cache / f"groups-{digest.hexdigest()}.json"
    try:
        groups: list[int] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        groups = group_posts(labelled.posts)
        write_json(path, groups)
    return groups


def fingerprint(labelled: Labelled, encoded: EncodedCorpus) -> str:
    """Name the posts and their labels, and of what was encoded the content: what finished runs depend on."""
    digest = blake2b("-".join(encoded.contents.values()).encode(), digest_size=12)
    digest.update(json.dumps([labelled.scheme, labelled.ids, labelled.splits]).encode())
    digest.update(labelled.true.tobytes())
    for post in labelled.posts:
        digest.update(normalise_tweet(post.text or "").encode() + b"\0")
    return digest.hexdigest()


def _require_readable(found: Mapping[str, Encodings], source: CorpusSource) -> None:
    for modality, encodings in found.items():
        if not encodings.present.any():
            raise CorpusError(
                f"{source.corpus}: none of its {len(encodings.present)} {modality}s can be read; "
                "are they where its layout says? (docs/data.md)"
            )


def _features(labelled: Labelled, found: Mapping[str, Encodings], *, texts: bool) -> PostFeatures:
    """Put the posts together. texts: whether a text is there to be read though it is not encoded."""
    count = len(SCHEMES[labelled.scheme])
    with_text = np.array([texts and "text" in post.modalities for post in labelled.posts])
    rest = {"text": with_text, "image": np.zeros(len(labelled.posts), dtype=bool)}
    present = [found[m].present if m in found else rest[m] for m in ("text", "image")]
    text, image = found.get("text"), found.get("image")
    return PostFeatures(
        text=torch.from_numpy(text.pooled) if text else None,
        image=torch.from_numpy(image.pooled) if image else None,
        present=torch.from_numpy(np.stack(present, axis=1)),
        targets={labelled.scheme: torch.from_numpy(np.eye(count, dtype=np.float32)[labelled.true])},
        text_sequence=text.sequence if text else None,
        image_sequence=image.sequence if image else None,
    )
