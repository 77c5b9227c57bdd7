"""One run: train a candidate on some posts, predict others under every condition, calibrated.

The posts that are predicted have no part in any choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import process_time
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from posthue.baselines.tfidf import stacked
from posthue.evaluation.calibration import fit_temperature
from posthue.evaluation.runs import Answers, Run
from posthue.numbers import softmax
from posthue.posts import State
from posthue.training.features.post_features import SHOWN, PostFeatures
from posthue.training.research.candidates import LEXICON, WORDS, Candidate
from posthue.training.research.fitting import TrialData, features_for, fit
from posthue.training.research.heads import head_logits, threads

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RunSplit:
    """Rows to train on and rows to predict. part: its number, a seed or a fold."""

    part: int
    seed: int
    train: Ints
    test: Ints


@dataclass(frozen=True, slots=True)
class Condition:
    """Posts as they are shown. present: bool [n, 2]; posts whose row is all False are left out."""

    name: str
    posts: PostFeatures
    present: Tensor
    state: State = State.BOTH


#: From a condition, positions among its posts, and their rows in the corpus, to probabilities.
Predict: TypeAlias = Callable[[Condition, Ints, Ints], Floats]


def run_trial(data: TrialData, candidate: Candidate, split: RunSplit) -> Run:
    """Train a candidate and predict under every condition.

    A post of which the candidate is shown nothing gets the class prior of the training posts.
    """
    started = process_time()
    corpus = data.corpus
    predict, about = _PREDICTORS.get(candidate.kind, _trained)(data, candidate, split)
    prior = np.bincount(corpus.true[split.train], minlength=len(corpus.labels)) / len(split.train)
    answers = {}
    for condition in _conditions(data, split):
        shown = condition.present.any(1).numpy()
        able = (condition.present & _able(candidate)).any(1).numpy()
        probabilities = np.tile(prior, (len(split.test), 1))
        if able.any():
            probabilities[able] = predict(condition, np.flatnonzero(able), split.test[able])
        rows = split.test[shown]
        ids = tuple(corpus.ids[i] for i in rows)
        answers[condition.name] = Answers(ids, corpus.true[rows], probabilities[shown])
    facts = {"candidate": candidate.facts(), "seconds": process_time() - started, **about}
    return Run(candidate.name, split.part, corpus.labels, answers, facts)


def _conditions(data: TrialData, split: RunSplit) -> list[Condition]:
    """List the conditions under which there is anything to predict."""
    posts, corrupted = data.encoded.features.select(split.test), data.encoded.corrupted
    conditions = [
        Condition(state.value, posts, posts.present & torch.tensor(mask), state)
        for state, mask in zip(State, SHOWN, strict=True)
    ]
    if corrupted is not None:
        with_image = corrupted.present & corrupted.present[:, 1:]
        conditions.append(Condition("corrupted", corrupted, with_image))
    return [condition for condition in conditions if bool(condition.present.any())]


def _trained(data: TrialData, candidate: Candidate, split: RunSplit) -> tuple[Predict, Mapping[str, Any]]:
    """Train a candidate; return how it predicts, and what is to be known of its training."""
    beside = _beside(data, candidate, split)
    head, temperatures = fit(data, candidate, split.train, seed=split.seed, extra=beside)

    def predict(condition: Condition, index: Ints, rows: Ints) -> Floats:
        extra = beside[torch.from_numpy(rows)] if beside is not None else None
        posts = features_for(candidate, condition.posts.select(index), extra)
        with threads(1):
            logits = head_logits(head.fusion, posts, condition.present[index] & _able(candidate))
        state = candidate.modality or condition.state
        # a unimodal model's inner validation knows one state only, that of its whole posts
        temperature = temperatures.get(state, temperatures.get(State.BOTH, 1.0))
        return softmax(logits[data.corpus.scheme], temperature)

    return predict, {"epoch": head.epoch, "temperatures": temperatures, "losses": head.losses}


def _beside(data: TrialData, candidate: Candidate, split: RunSplit) -> Tensor | None:
    """Return what stands beside the vectors of all texts [n, k]: features of lexicons, counted words'."""
    lexicons = data.encoded.lexicons
    columns = [torch.from_numpy(lexicons[name].features) for name in candidate.lexicons]
    if candidate.words:
        logs = np.log(_counted(data, candidate, split))
        columns.append(torch.from_numpy(logs - logs.mean(1, keepdims=True)).float())
    return torch.cat(columns, 1) if columns else None


def _counted(data: TrialData, candidate: Candidate, split: RunSplit) -> Floats:
    """Return the probabilities by counted words, of every post [n, labels], from models without it."""
    key = (split.train.tobytes(), split.seed, tuple(candidate.lexicons))
    if key not in data.counted:
        corpus, lexicons = data.corpus, data.encoded.lexicons
        extra = [lexicons[name].features.astype(np.float64) for name in candidate.lexicons]
        probabilities = stacked(
            [post.text or "" for post in corpus.posts],
            corpus.true,
            len(corpus.labels),
            split.train,
            data.groups,
            seed=split.seed,
            extra=np.concatenate(extra, axis=1) if extra else None,
        )
        data.counted[key] = np.clip(probabilities, 1e-6, 1.0)
    return data.counted[key]


def _words(data: TrialData, candidate: Candidate, split: RunSplit) -> tuple[Predict, Mapping[str, Any]]:
    """Return how counted words predict; the temperature is fitted on posts that they did not learn from."""
    return _known(data, np.log(_counted(data, candidate, split)), split)


def _lexicon(data: TrialData, candidate: Candidate, split: RunSplit) -> tuple[Predict, Mapping[str, Any]]:
    """Return how a lexicon predicts, with a temperature fitted on the training posts."""
    (name,) = candidate.lexicons
    probabilities = data.encoded.lexicons[name].probabilities.astype(np.float64)
    return _known(data, np.log(np.clip(probabilities, 1e-12, 1.0)), split)


def _known(data: TrialData, logits: Floats, split: RunSplit) -> tuple[Predict, Mapping[str, Any]]:
    """Predict with the logits of every post [n, labels], at a temperature fitted on the training texts."""
    corpus = data.corpus
    some = np.array([i for i in split.train if corpus.posts[i].text], dtype=np.int64)
    temperature = fit_temperature(logits[some], corpus.true[some])

    def predict(condition: Condition, index: Ints, rows: Ints) -> Floats:
        return softmax(logits[rows], temperature)

    return predict, {"epoch": 0, "temperatures": {"text": temperature}, "losses": ()}


#: Kind of candidate → how it comes to predict; the others are trained.
_PREDICTORS = {LEXICON: _lexicon, WORDS: _words}


def _able(candidate: Candidate) -> Tensor:
    return torch.tensor([m in candidate.modalities for m in ("text", "image")])
