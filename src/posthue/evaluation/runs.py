"""The answers of one run (a model with a seed, or on a fold), as one file that is there or is not.

A folder of runs has one purpose, which stands in its settings.json.

A parquet file with a row per condition and post: condition, id, true, predicted, and ``p_<label>``. What the
run was made with stands in the file's metadata, so a run is finished exactly when its file exists.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posthue.errors import InputError, RecipeError
from posthue.files import for_arrow, write_file, write_json

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PREDICTIONS = "predictions"
_META = b"posthue"


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model said of posts. ids: [n]; true: label indices [n]; probabilities: [n, labels]."""

    ids: tuple[str, ...]
    true: Ints
    probabilities: Floats

    @property
    def predicted(self) -> Ints:
        """The most probable labels [n]."""
        labels: Ints = self.probabilities.argmax(1)
        return labels


@dataclass(frozen=True, slots=True)
class Run:
    """One run. part: its seed or fold. conditions: condition → answers. facts: settings, seconds, epoch …"""

    model: str
    part: int
    labels: tuple[str, ...]
    conditions: Mapping[str, Answers]
    facts: Mapping[str, Any] = field(default_factory=dict)


def claim(out: Path, purpose: Mapping[str, object]) -> None:
    """Write down what a folder is for; raise RecipeError if it was begun for something else."""
    path = out / "settings.json"
    if path.exists():
        _require_same(_settings(path), purpose, f"{out} was begun", "this one")
    elif out.exists() and any(not path.name.startswith(".") for path in out.iterdir()):
        raise RecipeError(f"{out} holds other files: use a new or an empty folder")
    else:
        write_json(path, purpose)


def run_path(out: Path, model: str, kind: str, part: int) -> Path:
    """Return the file of a run, e.g. predictions/late_product-seed0.parquet."""
    return out / PREDICTIONS / f"{re.sub(r'[^a-zA-Z0-9.=+-]', '_', model)}-{kind}{part}.parquet"


def write_run(path: Path, run: Run) -> None:
    """Write a run to a parquet file, whole or not at all."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    blocks = list(run.conditions.items())
    columns: dict[str, Any] = {
        "condition": [name for name, answers in blocks for _ in answers.ids],
        "id": [post for _, answers in blocks for post in answers.ids],
        "true": [run.labels[i] for _, answers in blocks for i in answers.true],
        "predicted": [run.labels[i] for _, answers in blocks for i in answers.predicted],
    }
    for i, label in enumerate(run.labels):
        columns[f"p_{label}"] = np.concatenate([answers.probabilities[:, i] for _, answers in blocks])
    about = {"model": run.model, "part": run.part, "labels": run.labels, "facts": dict(run.facts)}
    table = pa.table(columns).replace_schema_metadata({_META: json.dumps(about)})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    write_file(path, buffer.getvalue())


def read_run(path: Path, facts: Mapping[str, object] | None = None) -> Run:
    """Read a run; raise InputError for a file that is not one, RecipeError for one made with other facts."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        table = pq.read_table(for_arrow(path))
        about = json.loads(table.schema.metadata[_META])
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        raise InputError(f"{path} is not a file of predictions; delete it, and it is made again") from None
    labels = tuple(about["labels"])
    conditions = np.array(table["condition"].to_pylist(), dtype=object)
    ids = table["id"].to_pylist()
    true = np.array([labels.index(label) for label in table["true"].to_pylist()], dtype=np.int64)
    shares = np.stack([table[f"p_{label}"].to_numpy() for label in labels], axis=1)
    found = {}
    for name in dict.fromkeys(conditions.tolist()):
        rows = np.flatnonzero(conditions == name)
        found[name] = Answers(tuple(ids[i] for i in rows), true[rows], shares[rows])
    wanted = facts or {}
    same = {name: about["facts"].get(name) for name in wanted}
    _require_same(same, wanted, f"{path} was made", "this file")
    return Run(about["model"], about["part"], labels, found, about["facts"])


def by_model(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Group runs by model, in the order in which the models come; each model's by part."""
    grouped: dict[str, list[Run]] = {}
    for run in runs:
        grouped.setdefault(run.model, []).append(run)
    return {model: sorted(found, key=lambda run: run.part) for model, found in grouped.items()}


def pooled(runs: Sequence[Run], condition: str) -> Answers:
    """Return the answers of several runs to one condition, one after the other."""
    parts = [run.conditions[condition] for run in runs]
    return Answers(
        tuple(post for part in parts for post in part.ids),
        np.concatenate([part.true for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
    )


def seconds_per_model(runs: Mapping[str, Sequence[Run]]) -> dict[str, float]:
    """Return the CPU seconds that each model's runs took together, when they were made."""
    return {model: sum(float(run.facts["seconds"]) for run in found) for model, found in runs.items()}


def _require_same(begun: Mapping[str, Any], wanted: Mapping[str, object], what: str, this: str) -> None:
    if different := _differing(begun, json.loads(json.dumps(wanted))):
        raise RecipeError(
            f"{what} with another configuration ({', '.join(different)} differ): "
            f"use a new folder or delete {this}"
        )


def _differing(begun: Mapping[str, Any], wanted: Mapping[str, Any], within: str = "") -> list[str]:
    """Name what differs between two mappings, with dots for what is inside one: encoders.image."""
    names = []
    for key in sorted({*begun, *wanted}):
        old, new = begun.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            names += _differing(old, new, f"{within}{key}.")
        elif old != new:
            names.append(within + key)
    return names


def _settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        settings = None
    if not isinstance(settings, dict):
        raise RecipeError(f"{path} cannot be read: delete the folder, or use a new one")
    return settings
