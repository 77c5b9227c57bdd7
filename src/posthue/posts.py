"""What goes in and what comes out: Post, Prediction, and the result of one label scheme.

>>> Post(text="what a day").modalities
(<Modality.TEXT: 'text'>,)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

    ImageSource: TypeAlias = str | Path | bytes | Image.Image | npt.NDArray[np.uint8]


class Modality(StrEnum):
    """One of the two ways in which a post speaks."""

    TEXT = "text"
    IMAGE = "image"


class State(StrEnum):
    """Which modalities a post has; calibration is per state."""

    BOTH = "both"
    TEXT = "text"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Post:
    """A text, an image, or both.

    image: a path, encoded bytes (JPEG, PNG, …), a PIL image, or a uint8 array [height, width] or
    [height, width, 3 or 4]. A text of white space only counts as absent, and so does such a path.
    """

    text: str | None = None
    image: ImageSource | None = None
    id: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.image, str) and not self.image.strip():
            object.__setattr__(self, "image", None)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities that are present, text first."""
        has_text = self.text is not None and bool(self.text.strip())
        present = (Modality.TEXT,) if has_text else ()
        return (*present, Modality.IMAGE) if self.image is not None else present


@dataclass(frozen=True, slots=True)
class SchemeResult:
    """What one label scheme says of one post. Every mapping is in the order of the scheme's labels.

    probabilities: calibrated, sum 1.
    by_modality: the probabilities that each present modality gives alone.
    contributions: exact Shapley value of each present modality for the probability of ``label``,
        with the model's class prior as the value of an empty post (Shapley 1953); they sum to
        probability minus prior.
    shares: absolute contributions scaled to sum 1; 1.0 for a post of one modality.
    mixed: text and image, each alone, are confident of different labels, neither of them neutral.
    """

    label: str
    probabilities: Mapping[str, float]
    by_modality: Mapping[Modality, Mapping[str, float]]
    contributions: Mapping[Modality, float]
    shares: Mapping[Modality, float]
    mixed: bool = False

    @property
    def confidence(self) -> float:
        """The probability of ``label``."""
        return self.probabilities[self.label]

    @property
    def alone(self) -> dict[Modality, str]:
        """The label that each present modality gives alone."""
        return {
            m: max(probabilities, key=probabilities.__getitem__)
            for m, probabilities in self.by_modality.items()
        }


@dataclass(frozen=True, slots=True)
class Prediction:
    """The emotion that a post expresses, per label scheme; or the error that kept it from being predicted."""

    id: str | None = None
    schemes: Mapping[str, SchemeResult] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: str | None = None

    def __getitem__(self, scheme: str) -> SchemeResult:
        return self.schemes[scheme]

    @property
    def ok(self) -> bool:
        """Whether the post was predicted."""
        return self.error is None

    @property
    def mixed(self) -> bool:
        """Whether text and image disagree in any scheme."""
        return any(result.mixed for result in self.schemes.values())

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON: id, one entry per scheme, warnings and error."""
        return {
            "id": self.id,
            **{name: _result_dict(result) for name, result in self.schemes.items()},
            "warnings": list(self.warnings),
            "error": self.error,
        }


def _result_dict(result: SchemeResult) -> dict[str, object]:
    return {
        "label": result.label,
        "probabilities": dict(result.probabilities),
        "by_modality": {str(m): dict(p) for m, p in result.by_modality.items()},
        "contributions": {str(m): v for m, v in result.contributions.items()},
        "shares": {str(m): v for m, v in result.shares.items()},
        "mixed": result.mixed,
    }
