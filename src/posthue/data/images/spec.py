"""How pictures become pixels, as a bundle says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, ClassVar

from posthue.settings import Count, Positive, Range, Rule, check_settings, read_settings

#: A picture whose longer side, in pixels, is at most this counts as tiny.
SMALL_SIDE = 96
#: A picture that declares more is not decoded, where the caller names no limit of its own.
MAX_PIXELS = 178_956_970
_THREE = Rule("a list of three numbers", lambda values: len(values) == 3)


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """How pictures become pixels; part of a bundle, so that training and answering agree."""

    exact: ClassVar[bool] = True

    size: Count = 224
    """Side of the square that the encoder reads, in pixels."""
    crop_ratio: Annotated[float, Range(above=0, most=1)] = 0.875
    """The short side is resized to size / crop_ratio, then the centre is cut out."""
    small_size: Count | None = SMALL_SIDE
    """A picture whose longer side is at most this is resized whole to this square. None: never."""
    mean: Annotated[tuple[float, float, float], _THREE] = (0.5, 0.5, 0.5)
    """Per channel (red, green, blue) of values in [0, 1]."""
    std: Annotated[tuple[Positive, Positive, Positive], _THREE] = (0.5, 0.5, 0.5)
    """As ``mean``."""
    max_pixels: Count = MAX_PIXELS
    """A picture that declares more is refused as a decompression bomb."""

    def __post_init__(self) -> None:
        check_settings(self, "image spec")

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        values = asdict(self)
        return values | {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> ImageSpec:
        """Return the spec that ``to_dict`` gave; raise InputError for unknown or misshapen settings."""
        return read_settings(cls, values, "image spec")
