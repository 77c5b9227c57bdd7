"""The words of a reply: the label, its probability, the other schemes, and what the answer comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthue.apps.telegram.texts import label_name, say, scheme_name
from posthue.posts import Modality, Prediction, SchemeResult
from posthue.wording import percent

if TYPE_CHECKING:
    from posthue.runtime.explain import Explanation

MOST_CAPTION, MOST_TEXT = 1024, 4096
_SIGNS = {"negative": "🔴", "neutral": "⚪", "positive": "🟢"}
_SHOWN_LABELS, _SHOWN_WORDS, _LONGEST_WORD = 3, 3, 40
_LITTLE = 0.01


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent. picture: encoded. verdict_on: (scheme, label) that buttons ask about, if any."""

    text: str
    picture: bytes | None = None
    verdict_on: tuple[str, str] | None = None


def post_text(
    prediction: Prediction, main: str, language: str, explanation: Explanation | None = None
) -> str:
    """Return what is said of one predicted post."""
    result = prediction[main]
    lines = [_headline(result, language)]
    lines += [
        f"{scheme_name(language, name)}: {_top(other.probabilities, language)}"
        for name, other in prediction.schemes.items()
    ]
    lines.append("")
    lines.append(_sources(result, language))
    if result.mixed:
        alone = {str(modality): label_name(language, label) for modality, label in result.alone.items()}
        lines.append(say(language, "mixed", **alone))
    words = _words(explanation)
    if words:
        lines.append(say(language, "words", words=words))
    return "\n".join(lines)


def album_text(
    predictions: Sequence[Prediction], main: str, language: str, *, caption: bool, problems: Mapping[int, str]
) -> str:
    """Return what is said of an album, a line per part. problems: what to say of those not predicted."""
    lines = [say(language, "album" if caption else "album_alone", count=len(predictions))]
    for number, prediction in enumerate(predictions):
        phrase = problems.get(number) or _row(prediction, main, language)
        lines.append(f"{number + 1}. {phrase}")
    return "\n".join(lines)


def fitting(text: str, most: int) -> str:
    """Return a text that Telegram takes: it counts UTF-16 units."""
    units = text.encode("utf-16-le")
    if len(units) <= 2 * most:
        return text
    return units[: 2 * (most - 1)].decode("utf-16-le", "ignore").rstrip() + "…"


def _headline(result: SchemeResult, language: str) -> str:
    sign = _SIGNS.get(result.label, "💬")
    name = label_name(language, result.label)
    return f"{sign} {say(language, 'expresses', label=name, percent=percent(result.confidence))}"


def _row(prediction: Prediction, main: str, language: str) -> str:
    result = prediction[main]
    phrases = [f"{_SIGNS.get(result.label, '💬')} {_top(result.probabilities, language, most=1)}"]
    phrases += [
        _top(other.probabilities, language, most=1)
        for name, other in prediction.schemes.items()
        if name != main
    ]
    return " · ".join(phrases)


def _top(probabilities: Mapping[str, float], language: str, *, most: int = _SHOWN_LABELS) -> str:
    order = sorted(probabilities, key=lambda label: -probabilities[label])[:most]
    return ", ".join(f"{label_name(language, label)} {percent(probabilities[label])}" for label in order)


def _sources(result: SchemeResult, language: str) -> str:
    if len(result.by_modality) == 2:
        shares = {str(modality): percent(share) for modality, share in result.shares.items()}
        return say(language, "from_both", **shares)
    return say(language, "from_text" if Modality.TEXT in result.by_modality else "from_image")


def _words(explanation: Explanation | None) -> str:
    if explanation is None:
        return ""
    strong = [word for word in explanation.top_words if word.contribution > _LITTLE]
    texts = (word.text.strip()[:_LONGEST_WORD] for word in strong[:_SHOWN_WORDS])
    return ", ".join(f"“{word}”" for word in texts if word)
