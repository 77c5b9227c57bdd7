"""One run: train a candidate on some posts, answer others under every condition, calibrated.

The epoch and the temperatures come from an inner validation part of the training posts, split anew for each
seed, with near-duplicates on one side. The posts that are answered have no part in any choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import process_time
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from posthue.baselines.tfidf import stacked
from posthue.baselines.vader import LexiconScores
from posthue.data.splits.stratified import stratified_split
from posthue.evaluation.calibration import fit_temperature
from posthue.evaluation.runs import Answers, Run
from posthue.model.fusion.late import LateFusion, tune_late_weight
from posthue.numbers import softmax
from posthue.posts import State
from posthue.training.features.post_features import SHOWN
from posthue.training.research.candidates import LEXICON, WORDS, Candidate
from posthue.training.research.corpus import Labelled
from posthue.training.research.heads import PostFeatures, TrainedHead, head_logits, threads, train_head, views

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
#: From a condition, positions among its posts, and their rows in the corpus, to probabilities.
Answer: TypeAlias = Callable[["Condition", Ints, Ints], Floats]

#: Share of the training posts on which the epoch and the temperatures are chosen.
INNER = 0.15


@dataclass(frozen=True, slots=True)
class TrialData:
    """What every run of a command shares.

    groups: of near-duplicates [n]. lexicons: by name. counted: what counted words said, by training rows,
    seed and lexicons: runs of several models ask for the same.
    """

    labelled: Labelled
    posts: PostFeatures
    groups: Sequence[int]
    lexicons: Mapping[str, LexiconScores] = field(default_factory=dict)
    counted: dict[tuple[bytes, int, tuple[str, ...]], Floats] = field(default_factory=dict)

    @property
    def sizes(self) -> dict[str, int]:
        """Scheme → number of labels."""
        return {self.labelled.scheme: len(self.labelled.labels)}


@dataclass(frozen=True, slots=True)
class Condition:
    """Posts as they are shown. present: bool [n, 2]; posts whose row is all False are not asked about."""

    name: str
    posts: PostFeatures
    present: Tensor
    state: State = State.BOTH


def inner_split(material: TrialData, rows: Ints, seed: int) -> tuple[Ints, Ints]:
    """Split training rows into those to learn from and those to choose on."""
    parts = stratified_split(
        material.labelled.true[rows].tolist(),
        {"train": 1 - INNER, "validation": INNER},
        seed=seed,
        groups=[material.groups[i] for i in rows],
    )
    return rows[parts["train"]], rows[parts["validation"]]


def conditions(posts: PostFeatures, corrupted: PostFeatures | None = None) -> list[Condition]:
    """List the conditions under which there is anything to ask of these posts."""
    found = [
        Condition(state.value, posts, posts.present & torch.tensor(mask), state)
        for state, mask in zip(State, SHOWN, strict=True)
    ]
    if corrupted is not None:
        with_image = corrupted.present & corrupted.present[:, 1:]
        found.append(Condition("corrupted", corrupted, with_image))
    return [condition for condition in found if bool(condition.present.any())]


def fit(
    material: TrialData,
    candidate: Candidate,
    train: Ints,
    seed: int,
    report: Callable[[int, float], None] | None = None,
) -> tuple[TrainedHead, dict[str, float]]:
    """Train a candidate on some rows; return the head and its temperature for each modality state."""
    return fit_seen(material, candidate, seen_by(candidate, material), train, seed, report)


def fit_seen(
    material: TrialData,
    candidate: Candidate,
    posts: PostFeatures,
    train: Ints,
    seed: int,
    report: Callable[[int, float], None] | None = None,
) -> tuple[TrainedHead, dict[str, float]]:
    """Do what ``fit`` does, on posts as the candidate sees them."""
    learn, choose = (posts.select(rows) for rows in inner_split(material, train, seed))
    dims = [values.shape[1] if values is not None else None for values in (posts.text, posts.image)]
    with threads(1):
        head = train_head(
            lambda: candidate.make(dims[0], dims[1], material.sizes),
            _usable(learn),
            _usable(choose),
            candidate.settings,
            seed=seed,
            report=report,
        )
        if isinstance(head.fusion, LateFusion) and head.fusion.rule == "tuned":
            _tune_share(head.fusion, choose)
        return head, _temperatures(head, choose, material.labelled.scheme)


def run_trial(
    material: TrialData,
    candidate: Candidate,
    train: Ints,
    asked: Sequence[Condition],
    rows: Ints,
    *,
    part: int,
    seed: int,
    facts: Mapping[str, object],
) -> Run:
    """Train a candidate on rows ``train`` and answer rows ``rows`` under the conditions.

    A post of which the candidate is shown nothing gets the class prior of the training posts.
    """
    started = process_time()
    labelled = material.labelled
    answer, about = _ANSWERS.get(candidate.kind, _trained)(material, candidate, train, seed)
    prior = np.bincount(labelled.true[train], minlength=len(labelled.labels)) / len(train)
    found = {}
    for condition in asked:
        shown = condition.present.any(1).numpy()
        able = (condition.present & _able(candidate)).any(1).numpy()
        probabilities = np.tile(prior, (len(rows), 1))
        if able.any():
            probabilities[able] = answer(condition, np.flatnonzero(able), rows[able])
        ids = tuple(labelled.ids[i] for i in rows[shown])
        found[condition.name] = Answers(ids, labelled.true[rows[shown]], probabilities[shown])
    about = {"seconds": process_time() - started, **about}
    return Run(candidate.name, part, labelled.labels, found, {**facts, **about})


def _trained(
    material: TrialData, candidate: Candidate, train: Ints, seed: int
) -> tuple[Answer, dict[str, Any]]:
    """Train a candidate; return how it answers, and what is to be known of its training."""
    beside = _beside(material, candidate, train, seed)
    posts = narrowed(candidate, replace(material.posts, extra=beside))
    head, temperatures = fit_seen(material, candidate, posts, train, seed)
    scheme = material.labelled.scheme

    def answer(condition: Condition, index: Ints, rows: Ints) -> Floats:
        extra = beside[torch.from_numpy(rows)] if beside is not None else None
        posts = narrowed(candidate, replace(condition.posts.select(index), extra=extra))
        with threads(1):
            logits = head_logits(head.fusion, posts, condition.present[index] & _able(candidate))[scheme]
        state = candidate.modality or condition.state
        return softmax(logits, _temperature(temperatures, state))

    return answer, {"epoch": head.epoch, "temperatures": temperatures, "losses": head.losses}


def _beside(material: TrialData, candidate: Candidate, train: Ints, seed: int) -> Tensor | None:
    """Return what stands beside the vectors of all texts [n, k]: the lexicon's features, counted words'."""
    found = [torch.from_numpy(material.lexicons[name].features) for name in candidate.lexicons]
    if candidate.words:
        said = np.log(_counted(material, candidate, train, seed))
        found.append(torch.from_numpy(said - said.mean(1, keepdims=True)).float())
    return torch.cat(found, 1) if found else None


def _counted(material: TrialData, candidate: Candidate, train: Ints, seed: int) -> Floats:
    """Return the probabilities by counted words, of every post [n, labels], from models without it."""
    key = (train.tobytes(), seed, tuple(candidate.lexicons))
    if key not in material.counted:
        labelled = material.labelled
        extra = [material.lexicons[name].features.astype(np.float64) for name in candidate.lexicons]
        found = stacked(
            [post.text or "" for post in labelled.posts],
            labelled.true,
            len(labelled.labels),
            train,
            material.groups,
            seed=seed,
            extra=np.concatenate(extra, axis=1) if extra else None,
        )
        material.counted[key] = np.clip(found, 1e-6, 1.0)
    return material.counted[key]


def _words(
    material: TrialData, candidate: Candidate, train: Ints, seed: int
) -> tuple[Answer, dict[str, Any]]:
    """Return how counted words answer; the temperature is fitted on posts that they did not learn from."""
    return _known(material, np.log(_counted(material, candidate, train, seed)), train)


def _lexicon(
    material: TrialData, candidate: Candidate, train: Ints, seed: int
) -> tuple[Answer, dict[str, Any]]:
    """Return how a lexicon answers, with a temperature fitted on the training posts."""
    (name,) = candidate.lexicons
    probabilities = material.lexicons[name].probabilities.astype(np.float64)
    return _known(material, np.log(np.clip(probabilities, 1e-12, 1.0)), train)


def _known(material: TrialData, logits: Floats, train: Ints) -> tuple[Answer, dict[str, Any]]:
    """Answer with the logits of every post [n, labels], at a temperature fitted on the training texts."""
    posts = material.labelled.posts
    some = np.array([i for i in train if posts[i].text], dtype=np.int64)
    temperature = fit_temperature(logits[some], material.labelled.true[some])

    def answer(condition: Condition, index: Ints, rows: Ints) -> Floats:
        return softmax(logits[rows], temperature)

    return answer, {"epoch": 0, "temperatures": {"text": temperature}, "losses": ()}


#: Kind of candidate → how it comes to answer; the others are trained.
_ANSWERS = {LEXICON: _lexicon, WORDS: _words}


def _temperature(temperatures: Mapping[str, float], state: str) -> float:
    """A unimodal model's inner validation knows one state only, that of its whole posts."""
    return temperatures.get(state, temperatures.get("both", 1.0))


def seen_by(candidate: Candidate, material: TrialData) -> PostFeatures:
    """Return the posts as a candidate without anything beside the text sees them."""
    return narrowed(candidate, replace(material.posts, extra=None))


def narrowed(candidate: Candidate, posts: PostFeatures) -> PostFeatures:
    """Leave the modality out that a candidate does not read; put in what stands beside the text."""
    return (posts.only(candidate.modality) if candidate.modality else posts).with_extra()


def _able(candidate: Candidate) -> Tensor:
    return torch.tensor([m in candidate.modalities for m in ("text", "image")])


def _usable(posts: PostFeatures) -> PostFeatures:
    """Leave posts out of which nothing can be read."""
    able = torch.tensor([posts.text is not None, posts.image is not None])
    return posts.select((posts.present & able).any(1).nonzero().squeeze(1).numpy())


def _temperatures(head: TrainedHead, posts: PostFeatures, scheme: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for state, (present, rows) in zip(State, views(posts), strict=True):
        if not bool(rows.any()):
            continue
        some = posts.select(rows.nonzero().squeeze(1).numpy())
        logits = head_logits(head.fusion, some, present[rows])[scheme]
        found[state] = fit_temperature(logits, some.targets[scheme].argmax(1).numpy())
    return found


def _tune_share(fusion: LateFusion, posts: PostFeatures) -> None:
    """Choose the text's share of a late fusion on the posts that have both modalities."""
    both = posts.select(posts.present.all(1).nonzero().squeeze(1).numpy())
    if not len(both):
        return
    shown = [
        head_logits(fusion, both, both.present & torch.tensor(mask))
        for mask in ([True, False], [False, True])
    ]
    for scheme, targets in both.targets.items():
        share = tune_late_weight(shown[0][scheme], shown[1][scheme], targets.argmax(1).numpy())
        fusion.set_text_share(scheme, share)
