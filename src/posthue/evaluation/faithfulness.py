"""Whether an explanation is true of the model: deletion and insertion curves against random orders.

The parts of a post are taken away in the order of their contribution, and the label's probability should
fall fast; or put back, and it should rise fast (Petsiuk et al. 2018, arXiv 1806.07421). The area under such a
curve is compared with that of random orders of the same parts, taken away in the same manner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posthue.evaluation.metrics import MetricInterval
from posthue.posts import Modality
from posthue.runtime.explain import Explainer, Explanation
from posthue.runtime.explain.patches import blurred, hide
from posthue.runtime.explain.words import keep

Floats = npt.NDArray[np.float64]
Masks = npt.NDArray[np.bool_]
STEPS = 10


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much the areas of one post's curves are better than those of random orders (above 0: better)."""

    deletion: float
    insertion: float

    @property
    def mean(self) -> float:
        """The mean of both."""
        return (self.deletion + self.insertion) / 2


def gains(
    explainer: Explainer, explanation: Explanation, modality: Modality, *, orders: int = 3, seed: int = 0
) -> dict[str, Gain]:
    """Measure one modality of an explained post: ``in the post`` (the other modality stays) and ``alone``.

    Empty where the modality has fewer than three parts to order. orders: random orders to compare with.
    """
    found = _contributions(explanation, modality)
    if len(found) < 3:
        return {}
    rng = np.random.default_rng(seed)
    ranked = [np.argsort(-found, kind="stable"), *(rng.permutation(len(found)) for _ in range(orders))]
    fractions, gone = _removals(len(found))
    deleted = np.concatenate([_kept(order, gone) for order in ranked])
    asked = _probabilities(explainer, explanation, modality, np.concatenate([deleted, ~deleted]))
    return {where: _gain(values.reshape(2, len(ranked), -1), fractions) for where, values in asked.items()}


def _gain(curves: Floats, fractions: Floats) -> Gain:
    """Return the gain from curves [deletion or insertion, orders, steps]; order 0 is measured."""
    areas = np.asarray(np.trapezoid(curves, fractions, axis=-1))
    return Gain(
        deletion=float(areas[0, 1:].mean() - areas[0, 0]),
        insertion=float(areas[1, 0] - areas[1, 1:].mean()),
    )


def mean_gain(values: Sequence[float], *, resamples: int = 2000, seed: int = 0) -> MetricInterval:
    """Return the mean of gains with its 95 % bootstrap interval over posts (Efron 1979)."""
    found = np.array(values)
    rows = np.random.default_rng(seed).integers(0, len(found), size=(resamples, len(found)))
    low, high = np.quantile(found[rows].mean(1), (0.025, 0.975))
    return MetricInterval(float(found.mean()), float(low), float(high))


def _contributions(explanation: Explanation, modality: Modality) -> Floats:
    if modality is Modality.TEXT:
        return np.array([word.contribution for word in explanation.words])
    return np.zeros(0) if explanation.heat is None else explanation.heat.ravel()


def _removals(parts: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return the fractions at which a curve is looked at, and how many parts are gone at each."""
    gone = np.unique(np.round(np.linspace(0, parts, min(parts, STEPS) + 1)).astype(np.int64))
    return gone / parts, gone


def _kept(order: npt.NDArray[np.int64], gone: npt.NDArray[np.int64]) -> Masks:
    """Return which parts are left [steps, parts] when the first of ``order`` are gone."""
    place = np.argsort(order)
    found: Masks = place[None, :] >= gone[:, None]
    return found


def _probabilities(
    explainer: Explainer, explanation: Explanation, modality: Modality, masks: Masks
) -> dict[str, Floats]:
    """Return the label's probability [n] where only the parts of masks [n, parts] are left."""
    once, back = np.unique(masks, axis=0, return_inverse=True)
    encoder = explainer.encoder
    if modality is Modality.TEXT:
        places = [(word.start, word.end) for word in explanation.words]
        texts = [keep(explanation.text, places, mask.tolist()) for mask in once]
        variants = encoder.encode_texts(texts, keep=False)
    else:
        picture = encoder.decode(explanation.post)
        variants = encoder.encode_decoded(hide(picture, blurred(picture), once))
    encoded = encoder.encode_post(explanation.post, explanation.result.by_modality)
    game = explainer.game(explanation.scheme, modality, encoded)
    index = list(explanation.result.probabilities).index(explanation.label)
    return {
        where: game.values(variants, beside=beside)[:, index][back.ravel()]
        for where, beside in (("in the post", True), ("alone", False))
    }
