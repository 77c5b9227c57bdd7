"""Many runs in one folder: each is a file, a finished one is not repeated, and a folder has one purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from posthue.baselines.word_list import WordList
from posthue.evaluation.runs import Run, by_model, claim, read_run, run_path, write_run
from posthue.processes import DoPiece, WorkSpec, do_all
from posthue.progress import progress_bar
from posthue.training.research.candidates import Candidate, candidate_from_facts
from posthue.training.research.corpus import CorpusSource
from posthue.training.research.fitting import TrialData
from posthue.training.research.trial import RunSplit, run_trial


@dataclass(frozen=True, slots=True)
class Sweep:
    """Every candidate on every split of a corpus.

    part: what a split is called: seed or fold. purpose: what every run depends on; candidates and splits may
    be added later.
    """

    part: str
    purpose: Mapping[str, object]
    data: TrialData
    candidates: Sequence[Candidate]
    splits: Sequence[RunSplit]


class Experiment(Protocol):
    """A dataclass of plain data, a source and candidates, that plans the same sweep in every process."""

    def plan(self) -> Sweep:
        """Read and encode the posts, and split them."""
        ...


@dataclass(frozen=True, slots=True)
class SweepRun:
    """One of the runs, and its file."""

    path: Path
    data: TrialData
    candidate: Candidate
    split: RunSplit

    def make(self) -> None:
        """Make the run and write it, whole or not at all."""
        write_run(self.path, run_trial(self.data, self.candidate, self.split))

    def read(self) -> Run:
        """Read the run; raise RecipeError if it was made with other settings."""
        return read_run(self.path, {"candidate": self.candidate.facts()})


def run_all(experiment: Experiment, sweep: Sweep, out: Path, *, workers: int = 1) -> dict[str, list[Run]]:
    """Make the runs that are missing in a folder; return model → its runs.

    sweep: as the experiment plans it. Nothing depends on the number of workers. Raises RecipeError before any
    run is made, if the folder or a finished run in it was made for something else.
    """
    work, runs = _work(experiment, out), _list(sweep, out)
    claim(out, sweep.purpose)
    finished = {i: run.read() for i, run in enumerate(runs) if run.path.exists()}
    missing = [i for i in range(len(runs)) if i not in finished]
    made = do_all(work, missing, workers, here=lambda i: runs[i].make())
    with progress_bar("runs", unit="runs", shown=None if missing else False) as advance:
        advance(0, len(missing))
        for count, i in enumerate(made, start=1):
            finished[i] = runs[i].read()
            advance(count, len(missing))
    return by_model(finished[i] for i in range(len(runs)))


def _list(sweep: Sweep, out: Path) -> list[SweepRun]:
    return [
        SweepRun(run_path(out, candidate.name, sweep.part, split.part), sweep.data, candidate, split)
        for candidate in sweep.candidates
        for split in sweep.splits
    ]


def _work(experiment: Any, out: Path) -> WorkSpec:
    """Return the runs as work for other processes, which plan the experiment anew."""
    kind, fields = type(experiment), asdict(experiment)
    arguments = {"out": out, "module": kind.__module__, "kind": kind.__name__, "fields": fields}
    return WorkSpec(__name__, "prepare_runs", arguments)


def prepare_runs(arguments: Mapping[str, Any]) -> DoPiece:
    """Return what makes and writes a run, in a worker process."""
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()  # the encoders were loaded by the parent
    kind = getattr(import_module(arguments["module"]), arguments["kind"])
    experiment: Experiment = kind(**_restored(arguments["fields"]))
    runs = _list(experiment.plan(), Path(arguments["out"]))
    return lambda number, _: runs[number].make()


def _restored(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an experiment that came as plain data."""
    source = dict(fields["source"])
    source |= {name: Path(source[name]) for name in ("data", "models", "cache") if source[name] is not None}
    source["word_lists"] = {name: WordList(**words) for name, words in source["word_lists"].items()}
    models = [candidate_from_facts(facts) for facts in fields["candidates"]]
    return {**fields, "source": CorpusSource(**source), "candidates": models}
