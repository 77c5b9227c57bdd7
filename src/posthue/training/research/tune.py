"""Search the settings of one model on inner validation parts, and write them down as a recipe.

OUT/settings.json · study.db; posthue.insight.compare.report writes the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from posthue.errors import RecipeError
from posthue.evaluation.metrics import METRICS, confusion, from_confusion
from posthue.evaluation.runs import claim
from posthue.training.features.groups import near_groups
from posthue.training.research.candidates import Candidate
from posthue.training.research.corpus import CorpusSource, read_posts, require_classes
from posthue.training.research.encoding import encode
from posthue.training.research.fitting import TrialData, features_for, fit, inner_split
from posthue.training.research.heads import mean_over_states
from posthue.training.research.search_space import suggest
from posthue.training.research.study import FinishedTrial, Study, load_optuna


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched. metric: to maximise, on inner validation. splits: inner parts that are averaged.

    validate: the split that the recipe names for choosing the epoch; the search itself never reads it.
    """

    source: CorpusSource
    candidate: Candidate
    trials: int = 50
    train: str = "train"
    validate: str = "dev"
    metric: str = "weighted_f1"
    splits: int = 2
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TuneResult:
    """A finished search.

    best: the model with the settings of the best trial; value, parameters: of that trial.
    importance: setting → its share in the spread of the values, as far as it can be told.
    """

    search: Search
    scheme: str
    best: Candidate
    value: float
    parameters: Mapping[str, Any]
    trials: Sequence[FinishedTrial]
    importance: Mapping[str, float]

    @property
    def pruned(self) -> int:
        """How many of the trials were ended early."""
        return sum(trial.value is None for trial in self.trials)


def tune(search: Search, out: Path) -> TuneResult:
    """Make the trials that are missing of the study in the folder ``out``."""
    load_optuna()
    _check(search)
    data = _data(search)
    settings = {"train": search.train, "candidate": search.candidate.facts(), "metric": search.metric}
    claim(out, data.purpose("tune", **settings, splits=search.splits, seed=search.seed))
    study = Study(out, seed=search.seed)
    study.run(partial(_objective, search, data), search.trials)
    return _result(search, data.corpus.scheme, study)


def _data(search: Search) -> TrialData:
    source = search.source
    corpus = read_posts(source, (search.train,), named=(search.validate,))  # the recipe names it
    require_classes(corpus, search.train)
    encoded = encode(source, corpus, [search.candidate])
    return TrialData(corpus, encoded, near_groups(corpus.posts, encoded.pictures, source.cache))


def _objective(search: Search, data: TrialData, trial: Any) -> float:
    """Train with what the trial suggests; return the metric on inner validation, mean over the splits."""
    candidate = suggest(trial, search.candidate)
    rows, values = np.arange(len(data.corpus)), []
    posts = features_for(candidate, data.encoded.features)
    for split in range(search.splits):
        report = partial(_report, trial) if split == 0 else None
        head, _ = fit(data, candidate, rows, seed=split, report=report)
        _, choose = inner_split(data, rows, split)
        # whole posts, text alone and image alone weigh as in the choice of the epoch
        values.append(mean_over_states(head.fusion, posts.select(choose), partial(_measure, search.metric)))
    return float(np.mean(values))


def _report(trial: Any, epoch: int, loss: float) -> None:
    trial.report(-loss, epoch)
    if trial.should_prune():
        raise load_optuna().TrialPruned


def _measure(metric: str, logits: npt.NDArray[np.float32], targets: Tensor) -> float:
    counts = confusion(targets.argmax(1).numpy(), logits.argmax(1), logits.shape[1])
    return float(from_confusion(counts)[metric])


def _result(search: Search, scheme: str, study: Study) -> TuneResult:
    trials = study.finished()
    value, number = max((trial.value, -trial.number) for trial in trials if trial.value is not None)
    parameters = next(trial.parameters for trial in trials if trial.number == -number)
    best = suggest(study.optuna.trial.FixedTrial(parameters), search.candidate)
    return TuneResult(search, scheme, best, value, parameters, trials, study.importance())


def recipe_text(result: TuneResult) -> str:
    """Return a recipe for ``posthue train`` with the best settings, as YAML."""
    import yaml  # noqa: PLC0415

    search, candidate, source = result.search, result.best, result.search.source
    fields = asdict(candidate.settings)
    rate = fields.pop("learning_rate")
    stage = {
        "name": "head",
        "text": source.text if "text" in candidate.modalities else None,
        "image": source.image if "image" in candidate.modalities else None,
        "fusion": candidate.kind,
        "fusion_options": dict(candidate.options),
        "freeze": list(candidate.modalities),
        **fields,
        "head_learning_rate": rate,
        "schedule": "cosine",
        "augment": False,
        "train": [{"corpus": source.corpus, "split": search.train}],
        "validate": [{"corpus": source.corpus, "split": search.validate, "metric": search.metric}],
    }
    recipe = {"name": f"{source.corpus}-{candidate.kind}", "schemes": [result.scheme], "stages": [stage]}
    head = (
        f"# Found by posthue tune: {search.metric} {result.value:.4f} on inner validation parts of\n"
        f"# {source.corpus}, split {search.train}; {len(result.trials)} trials of {candidate.name}, "
        f"seed {search.seed}.\n"
        f"# The epoch is chosen on {search.validate}: change that if you measure on it.\n"
    )
    body: str = yaml.safe_dump(recipe, sort_keys=False)
    return head + body


def _check(search: Search) -> None:
    if not search.candidate.trained:
        raise RecipeError(f"model {search.candidate.name!r} has nothing to tune")
    if search.candidate.lexicons or search.candidate.words:
        raise RecipeError(
            f"{search.candidate.name}: a recipe cannot name the features of lexicon or words; tune without"
        )
    if search.metric not in METRICS:
        raise RecipeError(f"--metric {search.metric!r} is not one of {', '.join(METRICS)}")
    if search.trials < 1 or search.splits < 1:
        raise RecipeError("--trials and --splits are at least 1")
