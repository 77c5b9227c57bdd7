"""What Serra et al. 2023 (arXiv 2304.14942) published on the image benchmarks. Not ours, and never mixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """A row of the paper's table: accuracy in percent on twitter-5agree, -4agree and -3agree."""

    model: str
    data: str
    thresholds: str
    architecture: str
    accuracy: Mapping[str, float]


def _published(model: str, data: str, thresholds: str, architecture: str, *values: float) -> Published:
    names = ("twitter-5agree", "twitter-4agree", "twitter-3agree")
    return Published(model, data, thresholds, architecture, dict(zip(names, values, strict=True)))


#: Not ours: as the paper prints it. Thresholds are positive/neutral/negative.
PUBLISHED = (
    _published("majority", "", "", "", 65.9, 61.7, 60.6),
    _published("3.1", "A", "none", "ViT-B/32", 82.2, 78.0, 75.5),
    _published("3.2", "A", ".70/.70/.70", "ViT-B/32", 84.7, 79.7, 76.6),
    _published("3.3", "B", ".70/.70/.70", "ViT-B/32", 82.3, 78.7, 75.3),
    _published("3.4", "B", ".90/.90/.70", "ViT-B/32", 84.4, 80.3, 77.1),
    _published("3.5", "A+B", ".90/.90/.70", "ViT-B/32", 86.5, 82.6, 78.9),
    _published("3.6", "A+B", ".90/.90/.70", "ViT-L/32", 85.0, 82.4, 79.4),
    _published("3.7", "A+B", ".90/.90/.70", "ViT-B/16", 87.0, 83.1, 79.4),
    _published("3.8", "A+B", ".90/.90/.70", "ViT-L/16", 87.8, 84.8, 81.9),
)
