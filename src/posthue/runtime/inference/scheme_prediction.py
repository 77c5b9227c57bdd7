"""From the probabilities of a post's states to its judgement: label, shares, and whether they disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from posthue.labels import LabelScheme
from posthue.posts import Judgement, Modality, State
from posthue.runtime.inference.head import Probabilities
from posthue.runtime.inference.shapley import contributions, shares

#: From this probability on a modality alone counts as confident.
CONFIDENT = 0.5
_MODALITIES = {State.TEXT: Modality.TEXT, State.IMAGE: Modality.IMAGE}


def judge(scheme: LabelScheme, prior: Sequence[float], found: Mapping[State, Probabilities]) -> Judgement:
    """Return the judgement of one scheme.

    found: the probabilities [labels] by state: of both, of text alone and of image alone for a post that has
    both, else of the one modality that is there.
    """
    values = {state: probabilities.tolist() for state, probabilities in found.items()}
    whole: list[float] = values[State.BOTH] if State.BOTH in values else next(iter(values.values()))
    label = whole.index(max(whole))
    contributed = contributions({state: row[label] for state, row in values.items()}, prior[label])
    return Judgement(
        label=scheme.labels[label],
        probabilities=dict(zip(scheme.labels, whole, strict=True)),
        by_modality={
            modality: dict(zip(scheme.labels, values[state], strict=True))
            for state, modality in _MODALITIES.items()
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
