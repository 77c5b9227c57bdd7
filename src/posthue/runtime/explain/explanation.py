"""What an explanation is: numbers that add up, from the prior to the probability of the label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthue.posts import Modality, Post, Prediction, SchemeResult

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class WordPart:
    """A stretch of the text and what it adds to the probability of the label (negative: it speaks against).

    start, end: its place in ``Explanation.text``; the parts follow each other without a gap.
    """

    text: str
    start: int
    end: int
    contribution: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why ``label`` of ``scheme`` has its probability.

    prior + the contributions of the modalities = probability (Shapley values), and the contributions of the
    words sum to that of the text (Owen values: the words are one group of players, the picture another).

    text: as the model read it; "" where it read none.
    picture: what the model saw, uint8 [s, s, 3]; None where it saw none.
    heat: float64 [g, g], what each cell of a grid over the picture adds, against the same picture blurred.
    without: the probabilities of all labels if that modality were missing (the prior if nothing were left).
    evaluations: how many variants of the text and of the picture the model was asked about.
    """

    post: Post
    prediction: Prediction
    scheme: str
    label: str
    prior: float
    contributions: Mapping[Modality, float]
    shares: Mapping[Modality, float]
    without: Mapping[Modality, Mapping[str, float]]
    text: str = ""
    words: tuple[WordPart, ...] = ()
    picture: npt.NDArray[np.uint8] | None = None
    heat: npt.NDArray[np.float64] | None = None
    evaluations: int = 0

    @property
    def result(self) -> SchemeResult:
        """The result of the scheme that is explained."""
        return self.prediction[self.scheme]

    @property
    def probability(self) -> float:
        """The probability of the label that is explained."""
        return self.result.probabilities[self.label]

    @property
    def top_words(self) -> tuple[WordPart, ...]:
        """The parts of the text, those with the largest contribution of either sign first."""
        return tuple(sorted(self.words, key=lambda part: -abs(part.contribution)))

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON, without the picture itself."""
        return {
            "id": self.post.id,
            "scheme": self.scheme,
            "label": self.label,
            "probability": self.probability,
            "prior": self.prior,
            "contributions": {str(m): value for m, value in self.contributions.items()},
            "shares": {str(m): value for m, value in self.shares.items()},
            "without": {str(m): dict(values) for m, values in self.without.items()},
            "text": self.text,
            "words": [
                {"text": w.text, "start": w.start, "end": w.end, "contribution": w.contribution}
                for w in self.words
            ],
            "heat": None if self.heat is None else self.heat.tolist(),
            "warnings": list(self.prediction.warnings),
        }
