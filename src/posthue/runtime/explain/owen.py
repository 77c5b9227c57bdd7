"""What variants of one modality of a post are worth.

A text variant is worth the mean of the label's probability with the picture and without it; so the words add
up to the text's own Shapley value: they are Owen values (Owen 1977, with the two modalities as the
coalitions). The same holds for the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posthue.posts import Modality
from posthue.runtime.inference.cache import EncodedModality
from posthue.runtime.inference.head import Head, Row

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Game:
    """What variants of one modality are worth, for every label of one scheme, beside the other modality.

    other: the encoded other modality; None where the post has none. prior: [labels].
    """

    head: Head
    scheme: str
    prior: Floats
    modality: Modality
    other: EncodedModality | None

    def values(self, variants: Sequence[EncodedModality | None], *, beside: bool | None = None) -> Floats:
        """Return probabilities [n, labels] of variants; None is a variant with nothing left.

        beside: with the other modality (True), without it (False), or the mean of both (None).
        """
        others = [self.other, None] if beside is None else [self.other if beside else None]
        if self.other is None:
            others = [None]
        found: Floats = np.mean([self._answers(variants, other) for other in others], axis=0)
        return found

    def _answers(self, variants: Sequence[EncodedModality | None], other: EncodedModality | None) -> Floats:
        rows = [self._row(variant, other) for variant in variants]
        present = [row for row in rows if row is not None]
        found = np.tile(self.prior, (len(rows), 1))
        if present:
            found[[row is not None for row in rows]] = self.head.probabilities(present)[self.scheme]
        return found

    def _row(self, variant: EncodedModality | None, other: EncodedModality | None) -> Row | None:
        if variant is None and other is None:
            return None
        return Row(variant, other) if self.modality is Modality.TEXT else Row(other, variant)
