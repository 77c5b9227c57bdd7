"""Label schemes, and the published maps between them.

A scheme is an ordered list of labels. The order is the order of every probability vector.

>>> SENTIMENT.index("neutral")
1
>>> polarity("mikels", "awe")
'positive'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from posthue.errors import LabelError, choices


@dataclass(frozen=True, slots=True)
class LabelScheme:
    """A named, ordered list of labels."""

    name: str
    labels: tuple[str, ...]

    def index(self, label: str) -> int:
        """Return the position of ``label``; raise LabelError if it is not of this scheme."""
        try:
            return self.labels.index(label)
        except ValueError:
            known = choices(label, self.labels)
            raise LabelError(f"{label!r} is not a label of {self.name}; its labels are {known}") from None

    def __len__(self) -> int:
        return len(self.labels)


SENTIMENT = LabelScheme("sentiment", ("negative", "neutral", "positive"))
EMOTION = LabelScheme("emotion", ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral"))
PLUTCHIK = LabelScheme(
    "plutchik", ("anger", "anticipation", "disgust", "fear", "joy", "sadness", "surprise", "trust")
)
MIKELS = LabelScheme(
    "mikels", ("amusement", "awe", "contentment", "excitement", "anger", "disgust", "fear", "sadness")
)

SCHEMES: Mapping[str, LabelScheme] = MappingProxyType(
    {s.name: s for s in (SENTIMENT, EMOTION, PLUTCHIK, MIKELS)}
)

#: Names that a scheme had before, as recipes and bundles may still have them.
OLD_NAMES: Mapping[str, str] = MappingProxyType({"ekman": "emotion"})

#: GoEmotions' 28 labels to Ekman's, as its authors publish it (Demszky et al. 2020, ekman_mapping.json).
GOEMOTIONS_TO_EMOTION: Mapping[str, str] = MappingProxyType(
    {
        emotion: basic
        for basic, emotions in {
            "anger": "anger annoyance disapproval",
            "disgust": "disgust",
            "fear": "fear nervousness",
            "joy": (
                "joy amusement approval excitement gratitude love optimism relief pride admiration "
                "desire caring"
            ),
            "sadness": "sadness disappointment embarrassment grief remorse",
            "surprise": "surprise realization confusion curiosity",
            "neutral": "neutral",
        }.items()
        for emotion in emotions.split()
    }
)

#: Polarity of each label: Mikels as in You et al. 2016; Ekman as EmotionROI is used (joy, surprise positive).
POLARITY: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "sentiment": {label: label for label in SENTIMENT.labels},
        "emotion": {
            "anger": "negative",
            "disgust": "negative",
            "fear": "negative",
            "joy": "positive",
            "sadness": "negative",
            "surprise": "positive",
            "neutral": "neutral",
        },
        "mikels": {
            **dict.fromkeys(("amusement", "awe", "contentment", "excitement"), "positive"),
            **dict.fromkeys(("anger", "disgust", "fear", "sadness"), "negative"),
        },
    }
)


def scheme(name: str) -> LabelScheme:
    """Return the scheme called ``name``; raise LabelError with the known names."""
    if name not in SCHEMES:
        raise LabelError(f"no label scheme is called {name!r}; there are {choices(name, SCHEMES)}")
    return SCHEMES[name]


def polarity(scheme_name: str, label: str) -> str:
    """Return the sentiment label that ``label`` of ``scheme_name`` maps to; LabelError if there is none."""
    scheme(scheme_name).index(label)
    if scheme_name not in POLARITY:
        raise LabelError(f"no polarity is published for the labels of {scheme_name}")
    return POLARITY[scheme_name][label]
