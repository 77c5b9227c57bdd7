"""How much each modality of a post contributed to its label: exact Shapley values of two players.

The value of a set of modalities is the probability of the label when the model sees only these; the value
of none is the class prior (Shapley 1953; for features of a model Lundberg and Lee 2017, arXiv 1705.07874).
"""

from __future__ import annotations

from collections.abc import Mapping

from posthue.posts import Modality, State

_ALONE = {Modality.TEXT: State.TEXT, Modality.IMAGE: State.IMAGE}


def contributions(values: Mapping[State, float], prior: float) -> dict[Modality, float]:
    """Return each present modality's Shapley value; they sum to the value of the whole minus ``prior``.

    >>> contributions({State.BOTH: 0.75, State.TEXT: 0.5, State.IMAGE: 0.25}, 0.25)
    {<Modality.TEXT: 'text'>: 0.375, <Modality.IMAGE: 'image'>: 0.125}
    """
    if State.BOTH not in values:
        return {modality: values[state] - prior for modality, state in _ALONE.items() if state in values}
    both, text, image = values[State.BOTH], values[State.TEXT], values[State.IMAGE]
    return {
        Modality.TEXT: ((text - prior) + (both - image)) / 2,
        Modality.IMAGE: ((image - prior) + (both - text)) / 2,
    }


def shares(contributed: Mapping[Modality, float]) -> dict[Modality, float]:
    """Return the absolute contributions scaled to sum 1; equal shares where nothing was contributed.

    >>> shares({Modality.TEXT: 0.75, Modality.IMAGE: -0.25})[Modality.TEXT]
    0.75
    """
    total = sum(abs(value) for value in contributed.values())
    if total == 0:
        return {modality: 1 / len(contributed) for modality in contributed}
    return {modality: abs(value) / total for modality, value in contributed.items()}
