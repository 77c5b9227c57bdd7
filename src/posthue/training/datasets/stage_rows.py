"""The rows of a stage: what it is validated on, and what it learns from."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from datasets import Dataset, concatenate_datasets

from posthue.errors import CorpusError, RecipeError
from posthue.training.datasets.leaks import find_leaks, keep_clean, write_leaks
from posthue.training.datasets.pseudo_labels import pseudo_label
from posthue.training.datasets.rows import LoadedRows, read_source
from posthue.training.datasets.unreadable import write_skipped
from posthue.training.recipes.folders import Folders
from posthue.training.recipes.schema import Check, Recipe, Stage, TrainingSource

_log = logging.getLogger(__name__)

S = TypeVar("S", TrainingSource, Check)


@dataclass(frozen=True, slots=True)
class ValidationRows:
    """The rows of a check, whose modalities are those that the model can encode."""

    check: Check
    loaded: LoadedRows


@dataclass(frozen=True, slots=True)
class StageRows:
    """training: without what repeats validation; validation: one per check of the stage."""

    training: Dataset
    validation: Sequence[ValidationRows]


def read_stage(stage: Stage, recipe: Recipe, folders: Folders, modalities: Sequence[str]) -> StageRows:
    """Read the corpora of a stage. modalities: what its model can encode.

    Training posts that repeat a validation post, or nearly, and those with a broken picture are left out,
    and written into the stage's folder as leaks.csv and skipped.csv. Raises CorpusError if none is left.
    """
    validation = read_validation(stage.validate, recipe, folders, modalities)
    sources = [read_training(source, recipe, folders, modalities) for source in stage.train]
    loaded = [*sources, *(each.loaded for each in validation)]
    rows = concatenate_datasets([source.dataset for source in sources])
    leaks = find_leaks(rows, [each.loaded.dataset for each in validation], cache=folders.cache)
    clean = keep_clean(rows, leaks)
    write_leaks(folders.stage(stage.name) / "leaks.csv", leaks)
    write_skipped(folders.stage(stage.name) / "skipped.csv", [row for each in loaded for row in each.skipped])
    _log.info("stage %s: %d posts, %d left out that repeat validation", stage.name, len(clean), len(leaks))
    if not len(clean):
        raise CorpusError(f"stage {stage.name}: every training post repeats a validation post")
    return StageRows(clean, validation)


def read_validation(
    checks: Sequence[Check], recipe: Recipe, folders: Folders, modalities: Sequence[str]
) -> list[ValidationRows]:
    """Read validation sets. modalities: what their model can encode."""
    narrow = [narrowed(check, modalities) for check in checks]
    return [ValidationRows(check, _read(check, recipe, folders)) for check in narrow]


def read_training(
    source: TrainingSource, recipe: Recipe, folders: Folders, modalities: Sequence[str]
) -> LoadedRows:
    """Read a source of training posts, with its pseudo-labels."""
    if not source.pseudo:  # a teacher may read what the model does not
        source = narrowed(source, modalities)
    loaded = _read(source, recipe, folders)
    dataset = loaded.dataset
    for scheme, teacher in source.pseudo.items():
        dataset = pseudo_label(dataset, scheme, folders.stage_model(teacher))
    return replace(loaded, dataset=dataset)


def narrowed(source: S, modalities: Sequence[str]) -> S:
    """Return a source with these modalities only; raise RecipeError if it has none of them."""
    common = tuple(modality for modality in source.modalities if modality in modalities)
    if not common:
        raise RecipeError(f"{source.corpus}: no encoder for its {' or '.join(source.modalities)}")
    return replace(source, modalities=common)


def _read(source: TrainingSource | Check, recipe: Recipe, folders: Folders) -> LoadedRows:
    return read_source(source, recipe.schemes, folders.data, recipe.seed, cache=folders.cache)
