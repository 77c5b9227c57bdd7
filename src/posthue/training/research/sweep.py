"""Many runs in one folder: each is a file, a finished one is not repeated, and a folder has one purpose."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from posthue.errors import RecipeError
from posthue.evaluation.runs import Run, read_run, write_run
from posthue.files import write_json
from posthue.processes import DoPiece, WorkerDiedError, WorkSpec, in_processes
from posthue.progress import progress_bar

PREDICTIONS = "predictions"


@dataclass(frozen=True, slots=True)
class RunJob:
    """A run that is to be there. facts: what it is made with; make: makes it, given these."""

    model: str
    part: int
    facts: Mapping[str, Any]
    make: Callable[[], Run]


def claim(out: Path, purpose: Mapping[str, Any]) -> None:
    """Write down what a folder is for; raise RecipeError if it was begun for something else."""
    path = out / "settings.json"
    wanted = json.loads(json.dumps(dict(purpose)))
    if path.exists():
        begun = _read(path)
        if different := differing(begun, wanted):
            raise RecipeError(
                f"{out} was begun with another configuration ({', '.join(different)} differ): "
                "use a new folder or delete this one"
            )
    elif out.exists() and any(not path.name.startswith(".") for path in out.iterdir()):
        raise RecipeError(f"{out} holds other files: use a new or an empty folder")
    else:
        write_json(path, wanted)


def differing(begun: Mapping[str, Any], wanted: Mapping[str, Any], within: str = "") -> list[str]:
    """Name what differs between two mappings, with dots for what is inside one: encoders.image."""
    found = []
    for key in sorted({*begun, *wanted}):
        old, new = begun.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found += differing(old, new, f"{within}{key}.")
        elif old != new:
            found.append(within + key)
    return found


def run_path(out: Path, model: str, part: int, name: str) -> Path:
    """Return the file of a run, e.g. predictions/late_product-seed0.parquet."""
    return out / PREDICTIONS / f"{re.sub(r'[^a-zA-Z0-9.=+-]', '_', model)}-{name}{part}.parquet"


def run_jobs(
    out: Path, jobs: Sequence[RunJob], *, name: str, module: str, task: Mapping[str, Any], workers: int = 1
) -> list[Run]:
    """Make the runs that are missing, and return all of them; they do not depend on the number of workers.

    module: whose ``planned_jobs(task)`` lists the same jobs anew in a worker process; task: plain data and
    paths. Raises RecipeError before any run is made, if a finished one was made with other settings.
    """
    paths = [_path(out, job, name) for job in jobs]
    finished = {i: read_run(path) for i, path in enumerate(paths) if path.exists()}
    for i, run in finished.items():
        _require_same(paths[i], jobs[i], run)
    missing = [i for i in range(len(jobs)) if i not in finished]
    work = WorkSpec(__name__, "prepare_runs", {"out": out, "name": name, "module": module, "task": task})
    made = _made(out, jobs, missing, name, work, workers)
    with progress_bar("runs", unit="runs", shown=None if missing else False) as advance:
        for done, i in enumerate(made, start=1):
            finished[i] = read_run(paths[i])
            advance(done, len(missing))
    return [finished[i] for i in range(len(jobs))]


def _made(
    out: Path,
    jobs: Sequence[RunJob],
    missing: Sequence[int],
    name: str,
    work: WorkSpec,
    workers: int,
) -> Iterator[int]:
    """Make and write runs, and tell which is there, as they come."""
    workers = min(workers, len(missing))
    if workers > 1:
        try:
            yield from in_processes(work, missing, workers)
        except WorkerDiedError as error:
            raise WorkerDiedError(
                f"{error}: call the same command again, it goes on from here; --workers 1 needs the least "
                "memory"
            ) from None
        return
    for i in missing:
        _make(out, name, jobs[i])
        yield i


def prepare_runs(arguments: Mapping[str, Any]) -> DoPiece:
    """Return what makes and writes a run, in a worker process."""
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()  # the encoders were loaded by the parent
    jobs: Sequence[RunJob] = import_module(arguments["module"]).planned_jobs(arguments["task"])
    return lambda number, _: _make(Path(arguments["out"]), arguments["name"], jobs[number])


def _make(out: Path, name: str, job: RunJob) -> None:
    write_run(_path(out, job, name), job.make())


def _path(out: Path, job: RunJob, name: str) -> Path:
    return run_path(out, job.model, job.part, name)


def _require_same(path: Path, job: RunJob, run: Run) -> None:
    wanted = json.loads(json.dumps(dict(job.facts)))
    if different := differing({key: run.facts.get(key) for key in wanted}, wanted):
        raise RecipeError(
            f"{path} was made with another configuration ({', '.join(different)} differ): "
            "use a new folder or delete this file"
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise RecipeError(f"{path} cannot be read: delete the folder, or use a new one")
    return found
