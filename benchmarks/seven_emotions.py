"""Seven emotions from unpaired texts and faces, fused late (recipes/seven-emotions.yaml).

    python benchmarks/seven_emotions.py --data DIR --model RUN7/bundle

Texts: GoEmotions' dev posts with one emotion; faces: FER2013's public_test. No post has both, so pairs are
made: every text gets a random face of the same emotion (seeded). That takes for granted that text and face
err independently, which those of one real post do not: the figures of pairs are an upper bound.
Rules, from the same two calibrated answers: ``bundle`` is what the model says of the pair; ``mean``;
``product``, of both and without the prior; ``text`` and ``image`` alone. Intervals: 95 %, 1,000 bootstrap
resamples of posts.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

import posthue
from _measuring import RESULTS, write_results
from posthue import Post, Prediction
from posthue.data.corpora import Example, load_corpus
from posthue.evaluation.metrics import measure
from posthue.labels import SCHEMES
from posthue.posts import Modality

SCHEME = "emotion"
LABELS = SCHEMES[SCHEME].labels


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--model", required=True, type=Path)
    parser.add_argument("--pairs", type=int, default=3000, help="at most")
    parser.add_argument("--seed", type=int, default=0, help="of the pairs")
    parser.add_argument("--output", type=Path, default=RESULTS / "seven_emotions.csv")
    options = parser.parse_args()
    texts = labelled("goemotions", "dev", options.data)
    faces = labelled("fer2013", "public_test", options.data)
    model = posthue.load(options.model)
    rows = []
    for name, found in (("texts", texts), ("faces", faces)):
        said = answers(list(model.predict_many(e.post for e in found)), None)
        rows.append(row(name, "bundle", found, said, options.seed))
    pairs = paired(texts, faces, options.pairs, random.Random(options.seed))
    predictions = list(model.predict_many(e.post for e in pairs))
    apart = {m: answers(predictions, m) for m in (Modality.TEXT, Modality.IMAGE)}
    prior = np.array(model.info.priors[SCHEME])
    for rule, said in {
        "text": apart[Modality.TEXT],
        "image": apart[Modality.IMAGE],
        "mean": apart[Modality.TEXT] + apart[Modality.IMAGE],
        "product": apart[Modality.TEXT] * apart[Modality.IMAGE] / prior,
        "bundle": answers(predictions, None),
    }.items():
        rows.append(row("pairs", rule, pairs, said, options.seed))
    write_results(options.output, rows)


def labelled(corpus: str, split: str, data: Path) -> list[Example]:
    """Return the posts of a split that have exactly one of the seven labels."""
    return [e for e in load_corpus(corpus, data).splits[split] if len(e.labels.get(SCHEME, ())) == 1]


def paired(
    texts: Sequence[Example], faces: Sequence[Example], most: int, draw: random.Random
) -> list[Example]:
    """Give texts, in a random order, a random face of the same emotion each."""
    by_label: dict[str, list[Example]] = {}
    for face in faces:
        by_label.setdefault(face.labels[SCHEME][0], []).append(face)
    some = draw.sample(list(texts), min(most, len(texts)))
    return [
        Example(Post(e.post.text, draw.choice(by_label[e.labels[SCHEME][0]]).post.image), e.labels)
        for e in some
    ]


def answers(predictions: Sequence[Prediction], modality: Modality | None) -> npt.NDArray[np.float64]:
    """Return the probabilities [n, labels] of whole posts, or of one modality of them."""
    predicted = [prediction[SCHEME] for prediction in predictions]
    maps = [one.probabilities if modality is None else one.by_modality[modality] for one in predicted]
    return np.array([[values[label] for label in LABELS] for values in maps])


def row(
    posts: str, rule: str, found: Sequence[Example], said: npt.NDArray[np.float64], seed: int
) -> Mapping[str, object]:
    """Return one line of the table."""
    true = np.array([LABELS.index(e.labels[SCHEME][0]) for e in found])
    measured = measure(true, said.argmax(1), len(LABELS))
    values = {
        f"{name}{part}": f"{getattr(measured[name], field):.4f}"
        for name in ("accuracy", "macro_f1")
        for part, field in (("", "value"), ("_low", "low"), ("_high", "high"))
    }
    return {"posts": posts, "rule": rule, "n": len(found), **values, "seed": seed}


if __name__ == "__main__":
    main()
