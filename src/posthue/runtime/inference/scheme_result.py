"""From the probabilities of a post's states to a scheme's result: label, shares, and whether the two
disagree.

How much each modality contributed to the label is its exact Shapley value, of two players. The value of a set
of modalities is the probability of the label when the model sees only these; the value of none is the class
prior (Shapley 1953; for features of a model Lundberg and Lee 2017, arXiv 1705.07874).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from posthue.labels import LabelScheme
from posthue.posts import Modality, SchemeResult, State
from posthue.runtime.inference.head import Probabilities

#: From this probability on a modality alone counts as confident.
CONFIDENT = 0.5
_ALONE = {Modality.TEXT: State.TEXT, Modality.IMAGE: State.IMAGE}


def scheme_result(
    scheme: LabelScheme, prior: Sequence[float], found: Mapping[State, Probabilities]
) -> SchemeResult:
    """Return the result of one scheme.

    found: the probabilities [labels] by state: of both, of text alone and of image alone for a post that has
    both, else of the one modality that is there.
    """
    values = {state: probabilities.tolist() for state, probabilities in found.items()}
    whole: list[float] = values[State.BOTH] if State.BOTH in values else next(iter(values.values()))
    label = whole.index(max(whole))
    contributed = contributions({state: row[label] for state, row in values.items()}, prior[label])
    return SchemeResult(
        label=scheme.labels[label],
        probabilities=dict(zip(scheme.labels, whole, strict=True)),
        by_modality={
            modality: dict(zip(scheme.labels, values[state], strict=True))
            for modality, state in _ALONE.items()
            if state in values
        },
        contributions=contributed,
        shares=shares(contributed),
        mixed=State.BOTH in values and _disagree(scheme, values[State.TEXT], values[State.IMAGE]),
    )


def _disagree(scheme: LabelScheme, text: Sequence[float], image: Sequence[float]) -> bool:
    labels = {scheme.labels[row.index(max(row))] for row in (text, image)}
    confident = max(text) >= CONFIDENT and max(image) >= CONFIDENT
    return confident and len(labels) == 2 and "neutral" not in labels


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
