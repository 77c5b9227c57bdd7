"""Rows made ready for batches of a model's inputs; what a frozen encoder would give is made beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from datasets import Dataset

from posthue.model.post_model import PostModel
from posthue.posts import State
from posthue.training.datasets.batches import Collator, Features, prepare, row_states
from posthue.training.datasets.logits import predict_logits
from posthue.training.datasets.rows import Ints, single_labels
from posthue.training.datasets.stage_rows import StageRows, ValidationRows
from posthue.training.features.encode import Floats, cached_features
from posthue.training.recipes.schema import Check, Stage
from posthue.training.stages.build import StageModel


@dataclass(frozen=True, slots=True)
class LabelledLogits:
    """Logits [n, labels], true labels [n] and states [n] of n posts."""

    logits: Floats
    labels: Ints
    states: npt.NDArray[np.object_]

    def of_state(self, state: State) -> LabelledLogits:
        """Return the posts of one state."""
        rows = self.states == state
        return LabelledLogits(self.logits[rows], self.labels[rows], self.states[rows])


@dataclass(frozen=True, slots=True)
class ValidationSet:
    """A check of a recipe with its rows, ready for batches."""

    check: Check
    dataset: Dataset
    collator: Collator

    @property
    def name(self) -> str:
        """Corpus, split and modalities, for metric names."""
        return f"{self.check.corpus}/{self.check.split}/{'+'.join(self.check.modalities)}"

    def labelled_logits(self, model: PostModel, *, seen: State = State.BOTH) -> dict[str, LabelledLogits]:
        """Return, per scheme, what a model predicts of the posts with exactly one label of it.

        seen: what the model sees of a post that has both.
        """
        logits = predict_logits(model, self.dataset, self.collator, seen=seen)
        states = np.array(row_states(self.dataset), dtype=object)
        labelled = {scheme: single_labels(self.dataset, scheme) for scheme in logits}
        return {
            scheme: LabelledLogits(logits[scheme][rows], labels, states[rows])
            for scheme, (rows, labels) in labelled.items()
        }


@dataclass(frozen=True, slots=True)
class StageInputs:
    """What a stage learns from, with its collator, and what it is validated on."""

    training: Dataset
    collator: Collator
    validation: Sequence[ValidationSet]


def stage_inputs(rows: StageRows, start: StageModel, stage: Stage, cache: Path) -> StageInputs:
    """Make the rows of a stage ready. cache: folder of the features of frozen encoders."""
    collator = Collator(
        start.processor,
        start.schemes,
        features=_frozen_features(rows.training, start, stage, cache),
        augmented=stage.augment,
    )
    validation = [
        validation_set(each, start, _frozen_features(each.loaded.dataset, start, stage, cache))
        for each in rows.validation
    ]
    return StageInputs(prepare(rows.training, start.processor), collator, validation)


def validation_set(
    rows: ValidationRows, model: StageModel, features: Features | None = None
) -> ValidationSet:
    """Make the rows of a check ready. features: as of a Collator."""
    collator = Collator(model.processor, model.schemes, features=features)
    return ValidationSet(rows.check, prepare(rows.loaded.dataset, model.processor), collator)


def _frozen_features(rows: Dataset, start: StageModel, stage: Stage, cache: Path) -> Features:
    if start.model.fusion.wants_sequences:  # the trainer's features are pooled vectors
        return {}
    frozen = [part for part in start.modalities if part in stage.freeze]
    return {part: cached_features(start.model, start.processor, rows, part, cache) for part in frozen}
