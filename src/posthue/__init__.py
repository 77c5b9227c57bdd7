"""posthue tells the emotional colouring of social-media posts from their text, their image, or both.

>>> import posthue
>>> posthue.load().predict(posthue.Post(text="what a day"))["sentiment"].label       # doctest: +SKIP
'positive'
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from posthue._version import __version__
from posthue.errors import (
    BundleError,
    CorpusError,
    EmptyPostError,
    ImageError,
    InputError,
    LabelError,
    MissingExtraError,
    PosthueError,
    RecipeError,
    RowError,
    TableError,
)
from posthue.posts import Modality, Post, Prediction, SchemeResult

if TYPE_CHECKING:
    from posthue.runtime.classifier import PostClassifier, load
    from posthue.runtime.scoring.run import ScoreSettings, score

#: onnxruntime's Linux builds from 1.29 on report to their maker unless this is set before they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = [
    "BundleError",
    "CorpusError",
    "EmptyPostError",
    "ImageError",
    "InputError",
    "LabelError",
    "MissingExtraError",
    "Modality",
    "Post",
    "PostClassifier",
    "PosthueError",
    "Prediction",
    "RecipeError",
    "RowError",
    "SchemeResult",
    "ScoreSettings",
    "TableError",
    "__version__",
    "load",
    "score",
]

#: What needs numpy or pyarrow, and where it is.
_LAZY = {
    "PostClassifier": "posthue.runtime.classifier",
    "load": "posthue.runtime.classifier",
    "ScoreSettings": "posthue.runtime.scoring.run",
    "score": "posthue.runtime.scoring.run",
}


def __getattr__(name: str) -> object:
    """Import what is heavy only when it is asked for: ``import posthue`` stays quick."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
