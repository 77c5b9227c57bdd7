"""Everything that the models of an experiment read of its posts: features of encoders, scores of lexicons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from posthue.baselines.vader import LexiconScores, Vader
from posthue.errors import CorpusError, RecipeError
from posthue.training.features.encode import Encodings, encode_posts
from posthue.training.features.encoders import load_encoder
from posthue.training.features.inputs import FeatureView
from posthue.training.features.post_features import PostFeatures
from posthue.training.research.candidates import LEXICON, Candidate
from posthue.training.research.corpus import CorpusSource, LabelledCorpus

Ints = npt.NDArray[np.int64]

CORRUPTED = "corrupted"


@dataclass(frozen=True, slots=True)
class EncodedCorpus:
    """The posts of a corpus, encoded.

    corrupted: the same features with corrupted pictures, of some rows. lexicons: by name, those that a
    candidate reads. encoders: modality → digest. contents: modality → digest of what was read.
    """

    features: PostFeatures
    corrupted: PostFeatures | None
    lexicons: Mapping[str, LexiconScores]
    encoders: Mapping[str, str]
    contents: Mapping[str, str]

    @property
    def pictures(self) -> str:
        """Digest of the pictures that were read; empty where none was."""
        return self.contents.get("image", "")


def encode(
    source: CorpusSource,
    corpus: LabelledCorpus,
    candidates: Sequence[Candidate],
    corrupted: Ints | None = None,
) -> EncodedCorpus:
    """Encode what the candidates read, from the cache where it is there. Counting needs no encoder.

    corrupted: rows whose pictures are read once more, corrupted. Raises CorpusError if a modality that a
    candidate wants is missing in every post, or cannot be read in any.
    """
    _check(corpus, candidates)
    lexicons = _lexicons(source, corpus, candidates)
    modalities = sorted({m for c in candidates if c.trained for m in c.modalities})
    view = FeatureView(sequences=any(c.wants_sequences() for c in candidates), skip_broken=True)
    reads = {m: (m, corpus.posts, view) for m in modalities}
    if corrupted is not None and "image" in modalities:
        reads[CORRUPTED] = ("image", tuple(corpus.posts[i] for i in corrupted), replace(view, corrupted=True))
    encoders = {
        m: load_encoder(m, getattr(source, m), models=source.models, data=source.data) for m in modalities
    }
    encodings = {
        name: encode_posts(encoders[modality], posts, wanted, source.cache)
        for name, (modality, posts, wanted) in reads.items()
    }
    _require_readable(corpus, encodings)
    features = _features(corpus, encodings, texts=any("text" in c.modalities for c in candidates))
    return EncodedCorpus(
        features,
        None if corrupted is None else _corrupted(features.select(corrupted), encodings),
        lexicons,
        {m: encoder.digest for m, encoder in encoders.items()},
        {m: encodings[m].content for m in modalities},
    )


def _check(corpus: LabelledCorpus, candidates: Sequence[Candidate]) -> None:
    for candidate in candidates:
        if candidate.kind == LEXICON and corpus.scheme != "sentiment":
            raise RecipeError(
                f"{candidate.name} tells sentiment only, and these labels are of {corpus.scheme!r}"
            )
        for modality in candidate.modalities:
            if not any(modality in post.modalities for post in corpus.posts):
                raise CorpusError(
                    f"model {candidate.name!r} reads {modality}s, and no post has one: "
                    "leave it out of --candidate"
                )


def _require_readable(corpus: LabelledCorpus, encodings: Mapping[str, Encodings]) -> None:
    for modality, encoded in encodings.items():
        if modality != CORRUPTED and not encoded.present.any():
            raise CorpusError(
                f"{corpus.name}: none of its {len(encoded.present)} {modality}s can be read; "
                "are they where its layout says? (docs/data.md)"
            )


def _features(corpus: LabelledCorpus, encodings: Mapping[str, Encodings], *, texts: bool) -> PostFeatures:
    """Put the posts together. texts: whether a text is there to be read though it is not encoded."""
    with_text = np.array([texts and "text" in post.modalities for post in corpus.posts])
    rest = {"text": with_text, "image": np.zeros(len(corpus), dtype=bool)}
    present = [encodings[m].present if m in encodings else rest[m] for m in ("text", "image")]
    text, image = encodings.get("text"), encodings.get("image")
    targets = np.eye(len(corpus.labels), dtype=np.float32)[corpus.true]
    return PostFeatures(
        text=torch.from_numpy(text.pooled) if text else None,
        image=torch.from_numpy(image.pooled) if image else None,
        present=torch.from_numpy(np.stack(present, axis=1)),
        targets={corpus.scheme: torch.from_numpy(targets)},
        text_sequence=text.sequence if text else None,
        image_sequence=image.sequence if image else None,
    )


def _corrupted(features: PostFeatures, encodings: Mapping[str, Encodings]) -> PostFeatures | None:
    if CORRUPTED not in encodings:
        return None
    images = encodings[CORRUPTED]
    return replace(features, image=torch.from_numpy(images.pooled), image_sequence=images.sequence)


def _lexicons(
    source: CorpusSource, corpus: LabelledCorpus, candidates: Sequence[Candidate]
) -> dict[str, LexiconScores]:
    texts = [post.text or "" for post in corpus.posts]
    scores = {}
    for name in sorted({name for candidate in candidates for name in candidate.lexicons}):
        lexicon = Vader() if name == LEXICON else source.word_lists[name]
        scores[name] = lexicon.predict(texts)
        if name != LEXICON and not scores[name].features[:, 1:3].any():  # how many words it has
            raise RecipeError(
                f"word list {name!r}: none of {len(texts)} texts has a word of it; is it a list of words and "
                "scores in their language? (docs/data.md)"
            )
    return scores
