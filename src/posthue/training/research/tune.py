"""Search the settings of one model on an inner validation part (Akiba et al. 2019, Optuna).

OUT/settings.json · study.db (SQLite; several processes may work on it); posthue.insight.compare.report
writes the rest.

A process holds the lock of its file in OUT/workers for as long as it lives, so a trial whose process was
killed is known at once, put aside, and made again with the same draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from secrets import token_hex
from time import sleep
from typing import Any

import numpy as np

from posthue.errors import MissingExtraError, RecipeError
from posthue.evaluation.metrics import METRICS, confusion, from_confusion
from posthue.locks import is_locked, lock
from posthue.training.research.candidates import Candidate
from posthue.training.research.corpus import (
    CorpusSource,
    EncodedCorpus,
    Labelled,
    check_labels,
    encode_corpus,
    fingerprint,
    load_labelled,
    near_groups,
)
from posthue.training.research.heads import STATE_WEIGHTS, PostFeatures, head_logits, views
from posthue.training.research.search_space import suggest
from posthue.training.research.sweep import claim
from posthue.training.research.trial import TrialData, fit, inner_split, seen_by

STUDY = "posthue"
#: Trials drawn at random before the sampler follows what it has seen.
STARTUP = 10
_WAIT = 0.5  # seconds, for the last trials of other processes


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
class FinishedTrial:
    """A trial of a search. state: complete or pruned. value: of the metric; None for a pruned one."""

    state: str
    value: float | None
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TuneResult:
    """A finished search.

    best: the model with the settings of the best trial; value, parameters: of that trial.
    importance: setting → its share in the spread of the values, as far as it can be told.
    """

    search: Search
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
    optuna = _optuna()
    _check(search)
    source = search.source
    labelled = load_labelled(source, (search.train,), named=(search.validate,))  # the recipe names it
    rows = np.arange(len(labelled.posts))
    check_labels(labelled, rows, f"{source.corpus}, split {search.train}")
    encoded = encode_corpus(source, labelled, [search.candidate])
    claim(out, _purpose(search, labelled, encoded))
    material = TrialData(labelled, encoded.posts, near_groups(labelled, encoded, source.cache))
    storage = _storage(optuna, out)
    with _worker(out) as worker:
        while (trial := _next(optuna, storage, search, out, worker)) is not None:
            _answer(optuna, storage, out, trial, partial(_objective, search, material, rows))
    return _result(optuna, _study(optuna, storage), search)


def _objective(search: Search, material: TrialData, rows: np.ndarray, trial: Any) -> float:
    """Train with what the trial suggests; return the metric on inner validation, mean over the splits."""
    candidate = suggest(trial, search.candidate)
    values = []
    for split in range(search.splits):
        report = partial(_report, trial) if split == 0 else None
        head, _ = fit(material, candidate, rows, split, report)
        _, choose = inner_split(material, rows, split)
        values.append(_score(head.fusion, seen_by(candidate, material).select(choose), search.metric))
    return float(np.mean(values))


def _report(trial: Any, epoch: int, loss: float) -> None:
    trial.report(-loss, epoch)
    if trial.should_prune():
        raise _optuna().TrialPruned


def _score(fusion: Any, posts: PostFeatures, metric: str) -> float:
    """Return the metric over whole posts, text alone and image alone, weighted as the epoch's choice is."""
    both = posts.text is not None and posts.image is not None
    total = weight = 0.0
    for (present, shown), share in list(zip(views(posts), STATE_WEIGHTS, strict=True))[: 3 if both else 1]:
        if not bool(shown.any()):
            continue
        some = posts.select(shown.nonzero().squeeze(1).numpy())
        for scheme, logits in head_logits(fusion, some, present[shown]).items():
            true = some.targets[scheme].argmax(1).numpy()
            counts = confusion(true, logits.argmax(1), logits.shape[1])
            total += share * float(from_confusion(counts)[metric])
            weight += share
    return total / weight


def _next(optuna: Any, storage: Any, search: Search, out: Path, worker: str) -> Any:
    """Claim the next trial, or return None when there are enough; wait for those of other processes."""
    while True:
        with lock(out / "lock", wait=True):
            study = _study(optuna, storage)
            _put_aside_dead(optuna, study, out)
            finished, running = _finished(optuna, study), _running(optuna, study)
            if len(finished) >= search.trials:
                return None
            if len(finished) + len(running) < search.trials:
                study.sampler = optuna.samplers.TPESampler(
                    seed=search.seed + 7919 * (len(finished) + len(running)), n_startup_trials=STARTUP
                )
                trial = study.ask()
                trial.set_user_attr("worker", worker)
                return trial
        sleep(_WAIT)


def _answer(optuna: Any, storage: Any, out: Path, trial: Any, objective: Callable[[Any], float]) -> None:
    answer: dict[str, Any]
    try:
        answer = {"values": objective(trial)}
    except optuna.TrialPruned:
        answer = {"state": optuna.trial.TrialState.PRUNED}
    with lock(
        out / "lock", wait=True
    ):  # a trial that ended while another process counts would be counted nowhere
        _study(optuna, storage).tell(trial.number, **answer)


def _put_aside_dead(optuna: Any, study: Any, out: Path) -> None:
    for trial in _running(optuna, study):
        worker = trial.user_attrs.get("worker")
        if worker is None or not is_locked(out / "workers" / worker):
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)


def _finished(optuna: Any, study: Any) -> list[Any]:
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    return list(study.get_trials(deepcopy=False, states=states))


def _running(optuna: Any, study: Any) -> list[Any]:
    return list(study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)))


@contextmanager
def _worker(out: Path) -> Iterator[str]:
    name = token_hex(8)
    try:
        with lock(out / "workers" / name):
            yield name
    finally:
        (out / "workers" / name).unlink(missing_ok=True)


def _storage(optuna: Any, out: Path) -> Any:
    with lock(out / "lock", wait=True):
        url = f"sqlite:///{(out / 'study.db').absolute()}"
        return optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 120}})


def _study(optuna: Any, storage: Any) -> Any:
    pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=3)
    return optuna.create_study(
        study_name=STUDY, storage=storage, direction="maximize", pruner=pruner, load_if_exists=True
    )


def _result(optuna: Any, study: Any, search: Search) -> TuneResult:
    trials = _finished(optuna, study)
    complete = [t for t in trials if t.value is not None and t.state == optuna.trial.TrialState.COMPLETE]
    values = {t.number: t.value for t in complete}  # a pruned trial's is the last that it reported
    best = max(complete, key=lambda t: (t.value, -t.number))
    candidate = suggest(optuna.trial.FixedTrial(best.params), search.candidate)
    rows = [FinishedTrial(t.state.name.lower(), values.get(t.number), t.params) for t in trials]
    importance = _importance(optuna, study, complete)
    return TuneResult(search, candidate, best.value, best.params, rows, importance)


def _importance(optuna: Any, study: Any, complete: Sequence[Any]) -> dict[str, float]:
    """Return setting → its share in the spread of the values (fANOVA, Hutter et al. 2014); {} for too few."""
    if len(complete) < 4 or len({t.value for t in complete}) < 2:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return {
        k: float(v) for k, v in optuna.importance.get_param_importances(study, evaluator=evaluator).items()
    }


def recipe_text(result: TuneResult) -> str:
    """Return a recipe for ``posthue train`` with the best settings, as YAML."""
    import yaml  # noqa: PLC0415

    search, candidate = result.search, result.best
    settings, source = candidate.settings, search.source
    fields = asdict(settings) | {"head_learning_rate": settings.learning_rate}
    del fields["learning_rate"]
    stage = {
        "name": "head",
        "text": source.text if "text" in candidate.modalities else None,
        "image": source.image if "image" in candidate.modalities else None,
        "fusion": candidate.kind,
        "fusion_options": dict(candidate.options),
        "freeze": list(candidate.modalities),
        **fields,
        "schedule": "cosine",
        "augment": False,
        "train": [{"corpus": source.corpus, "split": search.train}],
        "validate": [{"corpus": source.corpus, "split": search.validate, "metric": search.metric}],
    }
    scheme = source.scheme or _scheme(source)
    recipe = {"name": f"{source.corpus}-{candidate.kind}", "schemes": [scheme], "stages": [stage]}
    head = (
        f"# Found by posthue tune: {search.metric} {result.value:.4f} on inner validation parts of\n"
        f"# {source.corpus}, split {search.train}; {len(result.trials)} trials of {candidate.name}, "
        f"seed {search.seed}.\n"
        f"# The epoch is chosen on {search.validate}: change that if you measure on it.\n"
    )
    body: str = yaml.safe_dump(recipe, sort_keys=False)
    return head + body


def _scheme(source: CorpusSource) -> str:
    from posthue.data.corpora import list_corpora  # noqa: PLC0415

    return next(info.schemes[0] for info in list_corpora() if info.name == source.corpus)


def _purpose(search: Search, labelled: Labelled, encoded: EncodedCorpus) -> dict[str, object]:
    """Return what a study depends on; the number of trials may grow."""
    return {
        "command": "tune",
        "corpus": search.source.corpus,
        "scheme": labelled.scheme,
        "train": search.train,
        "candidate": replace(search.candidate).facts(),
        "metric": search.metric,
        "splits": search.splits,
        "seed": search.seed,
        "encoders": dict(encoded.encoders),
        "posts": fingerprint(labelled, encoded),
    }


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


def _optuna() -> Any:
    try:
        optuna: Any = import_module("optuna")
    except ImportError:
        raise MissingExtraError("optuna", "train") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
