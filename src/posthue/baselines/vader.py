"""The lexicon baseline: VADER, which counts words of known feeling and learns nothing (Hutto & Gilbert 2014).

Every table of ours has it, for where labels were made by such a tool it is hard to beat, and elsewhere it
says how much a trained model is worth. It needs vaderSentiment (``posthue[train]``), and no torch. Lists that
the user brings stand beside it (``posthue.baselines.word_list``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from posthue.data.text import normalise_tweet
from posthue.errors import MissingExtraError

#: Compound scores from here on are positive, and from −THRESHOLD down negative: VADER's own rule.
THRESHOLD = 0.05
#: How fast probabilities part with the compound score; temperature scaling adjusts it to a corpus.
SHARPNESS = 4.0
#: Columns of ``lexicon_features``.
FEATURES = ("neg", "neu", "pos", "compound")
#: About the spread of a compound over tweets. Beside a text's vector features stand centred, and thrice as
#: large as its entries, so that a few of some hundreds are not overlooked; so does a verdict.
SPREAD = 0.15
VERDICT = 3.0

Floats = npt.NDArray[np.float32]

_MEANS, _SPREADS = (0.08, 0.77, 0.15, 0.2), (0.04, 0.06, 0.05, SPREAD)
_MASKS = ("@user", "http")
_TIE = 5e-5  # half a step of the score, which has four decimals: the threshold itself is not neutral


class LexiconScores(NamedTuple):
    """What a lexicon says of texts.

    features: [texts, k], to stand beside the texts' vectors. probabilities: [texts, 3], of negative, neutral,
    positive.
    """

    features: Floats
    probabilities: Floats


class Vader:
    """VADER as a lexicon beside others."""

    def predict(self, texts: Sequence[str]) -> LexiconScores:
        """Return ``lexicon_probabilities``, and the scores, scaled, and the verdict [texts, 7].

        The verdict is no linear function of the scores.
        """
        scores = lexicon_features(texts)
        probabilities = _probabilities(scores)
        scaled = (scores - np.array(_MEANS)) / np.array(_SPREADS)
        verdict = np.eye(3)[probabilities.argmax(1)] * VERDICT
        return LexiconScores(np.concatenate([scaled, verdict], axis=1).astype(np.float32), probabilities)


def lexicon_features(texts: Sequence[str]) -> Floats:
    """Return VADER's scores [texts, 4]: shares of negative, neutral and positive words, and the compound.

    Texts are cleaned as everywhere (escapes and HTML entities decoded); mentions and links, which carry no
    feeling, are dropped, or they would count as neutral words. Emoji are read by their names. An empty text
    has the scores 0, 1, 0, 0. Raises MissingExtraError without vaderSentiment.
    """
    scores = [_analyser().polarity_scores(lexicon_words(text)) for text in texts]
    rows = [[score[name] for name in FEATURES] for score in scores]
    found = np.array(rows, dtype=np.float32).reshape(-1, len(FEATURES))
    found[found[:, :3].sum(axis=1) == 0, 1] = 1.0
    return found


def lexicon_probabilities(texts: Sequence[str]) -> Floats:
    """Return the probabilities [texts, 3] of negative, neutral, positive.

    p ∝ exp(4 · (−c, 0.05, c)) for the compound score c, so that the likeliest label is the one that VADER's
    rule gives: positive for c ≥ 0.05, negative for c ≤ −0.05, else neutral.
    """
    return _probabilities(lexicon_features(texts))


def _probabilities(scores: Floats) -> Floats:
    compound = scores[:, FEATURES.index("compound")].astype(np.float64)
    neutral = np.full_like(compound, THRESHOLD - _TIE)
    powers = np.exp(SHARPNESS * np.stack([-compound, neutral, compound], axis=1))
    found: Floats = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return found


def lexicon_words(text: str) -> str:
    """Return a text, cleaned, without mentions and links."""
    return " ".join(token for token in normalise_tweet(text).split() if token not in _MASKS)


@cache
def _analyser() -> Any:
    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("vaderSentiment", "train") from None
    return SentimentIntensityAnalyzer()
