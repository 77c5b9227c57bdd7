"""An Optuna study in a folder: any number of processes may work on it, and be killed (Akiba et al. 2019).

A process holds the lock of its file in OUT/workers for as long as it lives, so a trial whose process was
killed is known at once, put aside, and made again with the same draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from secrets import token_hex
from time import sleep
from typing import Any

from posthue.errors import MissingExtraError
from posthue.locks import is_locked, lock

STUDY = "posthue"
#: Trials drawn at random before the sampler follows what it has seen.
STARTUP = 10
_WAIT = 0.5  # seconds, for the last trials of other processes


@dataclass(frozen=True, slots=True)
class FinishedTrial:
    """A trial of a search. value: of what is maximised; None where the trial was ended early, pruned."""

    number: int
    value: float | None
    parameters: Mapping[str, Any]

    @property
    def state(self) -> str:
        """complete or pruned."""
        return "pruned" if self.value is None else "complete"


class Study:
    """The trials in ``folder/study.db`` (SQLite). seed: of the draws; raises MissingExtraError."""

    def __init__(self, folder: Path, *, seed: int) -> None:
        self.optuna = load_optuna()
        self._folder, self._seed = folder, seed
        with self._locked():
            url = f"sqlite:///{(folder / 'study.db').absolute()}"
            options = {"connect_args": {"timeout": 120}}
            self._storage = self.optuna.storages.RDBStorage(url, engine_kwargs=options)

    def run(self, objective: Callable[[Any], float], trials: int) -> None:
        """Make trials until so many are finished, over all processes. objective: value of an Optuna trial."""
        with self._worker() as worker:
            while (trial := self._next(trials, worker)) is not None:
                self._measure(trial, objective)

    def finished(self) -> list[FinishedTrial]:
        """List the finished trials."""
        complete = self.optuna.trial.TrialState.COMPLETE
        return [
            FinishedTrial(t.number, t.value if t.state == complete else None, t.params)
            for t in self._finished(self._open())
        ]

    def importance(self) -> dict[str, float]:
        """Return setting → its share in the spread of the values (fANOVA, Hutter et al. 2014).

        {} for too few trials.
        """
        values = [trial.value for trial in self.finished() if trial.value is not None]
        if len(values) < 4 or len(set(values)) < 2:
            return {}
        importance = self.optuna.importance
        shares = importance.get_param_importances(
            self._open(), evaluator=importance.FanovaImportanceEvaluator(seed=0)
        )
        return {name: float(share) for name, share in shares.items()}

    def _next(self, trials: int, worker: str) -> Any:
        """Claim the next trial, or return None when there are enough; wait for those of other processes."""
        while True:
            with self._locked():
                study = self._open()
                self._put_aside_dead(study)
                finished = len(self._finished(study))
                begun = finished + len(self._running(study))
                if finished >= trials:
                    return None
                if begun < trials:
                    seed = self._seed + 7919 * begun
                    study.sampler = self.optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP)
                    trial = study.ask()
                    trial.set_user_attr("worker", worker)
                    return trial
            sleep(_WAIT)

    def _measure(self, trial: Any, objective: Callable[[Any], float]) -> None:
        answer: dict[str, Any]
        try:
            answer = {"values": objective(trial)}
        except self.optuna.TrialPruned:
            answer = {"state": self.optuna.trial.TrialState.PRUNED}
        with self._locked():  # a trial that ended while another process counts would be counted nowhere
            self._open().tell(trial.number, **answer)

    def _put_aside_dead(self, study: Any) -> None:
        for trial in self._running(study):
            worker = trial.user_attrs.get("worker")
            if worker is None or not is_locked(self._folder / "workers" / worker):
                study.tell(trial.number, state=self.optuna.trial.TrialState.FAIL)

    def _finished(self, study: Any) -> list[Any]:
        states = (self.optuna.trial.TrialState.COMPLETE, self.optuna.trial.TrialState.PRUNED)
        return list(study.get_trials(deepcopy=False, states=states))

    def _running(self, study: Any) -> list[Any]:
        return list(study.get_trials(deepcopy=False, states=(self.optuna.trial.TrialState.RUNNING,)))

    @contextmanager
    def _worker(self) -> Iterator[str]:
        name = token_hex(8)
        try:
            with lock(self._folder / "workers" / name):
                yield name
        finally:
            (self._folder / "workers" / name).unlink(missing_ok=True)

    def _locked(self) -> AbstractContextManager[None]:
        return lock(self._folder / "lock", wait=True)

    def _open(self) -> Any:
        pruner = self.optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=3)
        return self.optuna.create_study(
            study_name=STUDY,
            storage=self._storage,
            direction="maximize",
            pruner=pruner,
            load_if_exists=True,
        )


def load_optuna() -> Any:
    """Import Optuna; raise MissingExtraError."""
    try:
        optuna: Any = import_module("optuna")
    except ImportError:
        raise MissingExtraError("optuna", "train") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
