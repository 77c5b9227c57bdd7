"""Fit a candidate to some posts: the epoch and the temperatures come from an inner validation part of them.

The part is split anew for each seed, stratified, with near-duplicates on one side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from posthue.data.splits.stratified import stratified_split
from posthue.evaluation.calibration import fit_temperature
from posthue.model.fusion.late import Known, tune_shares
from posthue.posts import State
from posthue.training.features.post_features import PostFeatures, views
from posthue.training.research.candidates import Candidate
from posthue.training.research.corpus import LabelledCorpus
from posthue.training.research.encoding import EncodedCorpus
from posthue.training.research.heads import TrainedHead, head_logits, threads, train_head

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: Share of the training posts on which the epoch and the temperatures are chosen.
INNER = 0.15


@dataclass(frozen=True, slots=True)
class TrialData:
    """What all runs of an experiment share.

    groups: of near-duplicates [n]. counted: probabilities by counted words, by training rows, seed and
    lexicons: runs of several models want the same.
    """

    corpus: LabelledCorpus
    encoded: EncodedCorpus
    groups: Sequence[int]
    counted: dict[tuple[bytes, int, tuple[str, ...]], Floats] = field(default_factory=dict)

    def purpose(self, command: str, **settings: object) -> dict[str, object]:
        """Return what every run of a command depends on; models and seeds may be added later."""
        return {
            "command": command,
            "corpus": self.corpus.name,
            "scheme": self.corpus.scheme,
            "encoders": dict(self.encoded.encoders),
            "posts": self.corpus.digest(self.encoded.contents),
            **settings,
        }


def inner_split(data: TrialData, rows: Ints, seed: int) -> tuple[Ints, Ints]:
    """Split training rows into those to learn from and those to choose on."""
    parts = stratified_split(
        data.corpus.true[rows].tolist(),
        {"train": 1 - INNER, "validation": INNER},
        seed=seed,
        groups=[data.groups[i] for i in rows],
    )
    return rows[parts["train"]], rows[parts["validation"]]


def features_for(candidate: Candidate, posts: PostFeatures, extra: Tensor | None = None) -> PostFeatures:
    """Return posts as a candidate reads them. extra: what stands beside the vectors of their texts [n, k]."""
    posts = replace(posts, extra=extra)
    return (posts.only(candidate.modality) if candidate.modality else posts).with_extra()


def fit(
    data: TrialData,
    candidate: Candidate,
    rows: Ints,
    *,
    seed: int,
    extra: Tensor | None = None,
    report: Callable[[int, float], None] | None = None,
) -> tuple[TrainedHead, dict[str, float]]:
    """Train a candidate on some rows; return the head and its temperature for each modality state.

    extra: see ``features_for``. report: see ``train_head``.
    """
    posts = features_for(candidate, data.encoded.features, extra)
    learn, choose = (posts.select(part) for part in inner_split(data, rows, seed))
    text_dim, image_dim = (
        None if values is None else values.shape[1] for values in (posts.text, posts.image)
    )
    sizes = {scheme: values.shape[1] for scheme, values in posts.targets.items()}
    with threads(1):
        head = train_head(
            lambda: candidate.make(text_dim, image_dim, sizes),
            _usable(learn),
            _usable(choose),
            candidate.settings,
            seed=seed,
            report=report,
        )
        _tune(head, choose)
        return head, _temperatures(head, choose)


def _usable(posts: PostFeatures) -> PostFeatures:
    """Leave posts out of which nothing can be read."""
    able = torch.tensor([posts.text is not None, posts.image is not None])
    return posts.select((posts.present & able).any(1).nonzero().squeeze(1).numpy())


def _tune(head: TrainedHead, posts: PostFeatures) -> None:
    """Choose the text's share of a late fusion on the posts that have both modalities."""
    both = posts.select(posts.present.all(1).nonzero().squeeze(1).numpy())

    def alone(seen: State) -> dict[str, Known]:
        present = both.present & torch.tensor([seen == State.TEXT, seen == State.IMAGE])
        logits = head_logits(head.fusion, both, present)
        return {scheme: (logits[scheme], rows.argmax(1).numpy()) for scheme, rows in both.targets.items()}

    if len(both):
        tune_shares(head.fusion, alone)


def _temperatures(head: TrainedHead, posts: PostFeatures) -> dict[str, float]:
    temperatures: dict[str, float] = {}
    for state, (present, rows) in zip(State, views(posts), strict=True):
        if not bool(rows.any()):
            continue
        some = posts.select(rows.nonzero().squeeze(1).numpy())
        ((scheme, logits),) = head_logits(head.fusion, some, present[rows]).items()
        temperatures[state] = fit_temperature(logits, some.targets[scheme].argmax(1).numpy())
    return temperatures
