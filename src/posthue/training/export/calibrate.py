"""Temperatures and priors of a trained model, fitted on validation sets, every set weighing the same.

Temperatures are fitted per scheme and modality state; the prior of a scheme is the mean label frequency of
the sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from posthue.evaluation.calibration import fit_temperature
from posthue.posts import State
from posthue.training.stages.inputs import LabelledLogits


@dataclass(frozen=True, slots=True)
class Calibration:
    """temperatures: scheme → state → T. priors: scheme → probabilities, in the order of the labels."""

    temperatures: Mapping[str, Mapping[str, float]]
    priors: Mapping[str, Sequence[float]]


def calibrate(sets: Sequence[Mapping[str, LabelledLogits]], modalities: Sequence[str]) -> Calibration:
    """Fit the temperatures and priors of every scheme.

    sets: scheme → logits, of each validation set. modalities: those of the model.
    """
    states = tuple(State) if len(modalities) > 1 else tuple(map(State, modalities))
    by_scheme = {scheme: [labelled[scheme] for labelled in sets] for scheme in sets[0]}
    return Calibration(
        {scheme: _temperatures(some, states) for scheme, some in by_scheme.items()},
        {scheme: _prior(some) for scheme, some in by_scheme.items()},
    )


def _temperatures(sets: Sequence[LabelledLogits], states: Sequence[State]) -> dict[str, float]:
    """Return state → T; a state without examples takes the largest of the others, the least confident."""
    fitted = {state: _temperature([some.of_state(state) for some in sets]) for state in states}
    largest = max((t for t in fitted.values() if t is not None), default=1.0)
    return {str(state): largest if t is None else t for state, t in fitted.items()}


def _temperature(sets: Sequence[LabelledLogits]) -> float | None:
    filled = [some for some in sets if len(some.labels)]
    if not filled:
        return None
    return fit_temperature(
        np.concatenate([some.logits for some in filled]),
        np.concatenate([some.labels for some in filled]),
        weights=np.concatenate([np.full(len(some.labels), 1.0 / len(some.labels)) for some in filled]),
    )


def _prior(sets: Sequence[LabelledLogits]) -> list[float]:
    labels = sets[0].logits.shape[1]
    filled = [some.labels for some in sets if len(some.labels)]
    if not filled:
        return [1.0 / labels] * labels
    mean = np.mean([np.bincount(some, minlength=labels) / len(some) for some in filled], axis=0)
    return [float(p) for p in mean / mean.sum()]
