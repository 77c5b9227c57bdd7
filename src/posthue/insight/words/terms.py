"""The words, hashtags and emoji of texts, counted per label, and those that set a label apart.

>>> counts = count_terms([("so happy today", ("joy",)), ("so sad today", ("sadness",))])
>>> [found.term for found in distinctive(counts)["joy"]][:1]
['happy']
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from math import log, sqrt

from posthue.data.emoji import EMOJI, EMOJI_STYLE
from posthue.data.text import masked

#: Letters and digits, and the marks that sit on letters (Python's ``\w`` has no Indic vowel signs).
_LETTER = "[\\w\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0dff\u0e31-\u0e4e]"
_WORD = re.compile(rf"(?<![@\w]){_LETTER}+(?:['’]{_LETTER}+)*")
_HASHTAG = re.compile(rf"(?<![\w&])#({_LETTER}+)")
#: Words that are frequent in every English text and so say nothing of one (other languages have theirs), in
#: lower case, and what tweets add. Negations are not among them.
STOP_WORDS = frozenset((files(__package__) / "stop_words.txt").read_text(encoding="utf-8").split())

#: Pseudo-words of the prior: the more, the more often a word must occur before it can stand out.
PRIOR_WORDS = 500.0

Labels = Collection[str]


def words_in(text: str, *, clean: bool = False) -> list[str]:
    """Return the words in lower case, in order: no mentions, links, "RT" or bare numbers; #tags as words.

    clean: the text has gone through ``masked`` already; the same below.

    >>> words_in("RT @anna It's SO #Sunny :) http://t.co/x 2016")
    ["it's", 'so', 'sunny']
    """
    raw = _WORD.findall(_clean(text, clean=clean).casefold())
    words = (word.replace("’", "'").strip("_") for word in raw)
    return [word for word in words if word and word not in ("rt", "http") and not word.isdigit()]


def hashtags_in(text: str, *, clean: bool = False) -> list[str]:
    """Return the hashtags in lower case, with their sign.

    >>> hashtags_in("#Sun and #sea, a&#b, issue #5")
    ['#sun', '#sea']
    """
    tags = _HASHTAG.findall(_clean(text, clean=clean).casefold())
    return [f"#{tag}" for tag in tags if not tag.isdigit()]


def emoji_in(text: str, *, clean: bool = False) -> list[str]:
    """Return the emoji, skin colours and variants made one.

    >>> emoji_in("\\N{THUMBS UP SIGN}\\N{EMOJI MODIFIER FITZPATRICK TYPE-4} ok") == ["\\N{THUMBS UP SIGN}"]
    True
    """
    return [EMOJI_STYLE.sub("", emoji) for emoji in EMOJI.findall(_clean(text, clean=clean))]


def _clean(text: str, *, clean: bool) -> str:
    return text if clean else masked(text)


def emoji_name(emoji: str) -> str:
    """Return the Unicode name of an emoji, of its first sign where it is made of several.

    >>> emoji_name("\\N{FACE WITH TEARS OF JOY}")
    'face with tears of joy'
    """
    names = (unicodedata.name(sign, "").lower() for sign in emoji)
    spoken = [name for name in names if name and not name.startswith("zero width")]
    if len(spoken) == 2 and all(name.startswith("regional indicator") for name in spoken):
        return f"flag {''.join(name[-1] for name in spoken).upper()}"
    return spoken[0] if spoken else "emoji"


@dataclass(frozen=True, slots=True)
class TermCounts:
    """How often terms occur. by_label: label → counts of its texts. texts: label → number of texts."""

    by_label: Mapping[str, Counter[str]]
    texts: Mapping[str, int]

    @property
    def total(self) -> Counter[str]:
        """The counts of all labels together."""
        return sum(self.by_label.values(), Counter())


def count_terms(
    rows: Iterable[tuple[str, Labels]],
    *,
    terms: Callable[[str], Sequence[str]] = words_in,
    order: Sequence[str] = (),
) -> TermCounts:
    """Count the terms of texts with their labels; a text with several labels counts for each.

    terms: ``words_in``, ``hashtags_in``, ``emoji_in`` or any function of a text. order: labels that come
    first, in this order, those that do not occur too.
    """
    counts: dict[str, Counter[str]] = {label: Counter() for label in order}
    texts = dict.fromkeys(order, 0)
    for text, labels in rows:
        occurring = terms(text)
        for label in labels:
            counts.setdefault(label, Counter()).update(occurring)
            texts[label] = texts.get(label, 0) + 1
    return TermCounts(counts, texts)


@dataclass(frozen=True, slots=True)
class Distinctive:
    """A term that sets a label apart. score: z of its log-odds. count: in it; elsewhere: in the rest."""

    term: str
    score: float
    count: int
    elsewhere: int


def top_terms(
    counts: TermCounts, *, top: int = 7, stop: Collection[str] = frozenset()
) -> dict[str, list[tuple[str, int]]]:
    """Return the most frequent terms of each label with their counts, without those of ``stop``."""
    return {
        label: [(term, n) for term, n in counted.most_common(top + len(stop)) if term not in stop][:top]
        for label, counted in counts.by_label.items()
    }


def distinctive(
    counts: TermCounts,
    *,
    top: int = 10,
    prior: float = PRIOR_WORDS,
    stop: Collection[str] = STOP_WORDS,
    least: int | None = None,
) -> dict[str, list[Distinctive]]:
    """Return, per label, the terms that are more frequent in it than in all other labels, best first.

    The score is the z-score of the log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi &
    Quinn 2008, Fightin' Words), the prior being the terms of all labels scaled to ``prior`` pseudo-words:
    words that are everywhere score about 0, rare words do not score high by chance. Scores below 0
    are left out, and terms that occur fewer than ``least`` times: once of a few texts, twice from 40, three
    times from 300 if not given. One label alone has none.
    """
    least = 1 + sum(sum(counts.texts.values()) >= many for many in (40, 300)) if least is None else least
    total = counts.total
    size = sum(total.values())
    by_label: dict[str, list[Distinctive]] = {}
    for label, here in counts.by_label.items():
        candidates = [
            Distinctive(term, _log_odds_z(n, total[term] - n, here.total(), size, prior), n, total[term] - n)
            for term, n in here.items()
            if n >= least and term not in stop and here.total() < size
        ]
        above = (item for item in candidates if item.score > 0)
        by_label[label] = sorted(above, key=lambda item: (-item.score, item.term))[:top]
    return by_label


def _log_odds_z(here: int, elsewhere: int, size_here: int, size: int, prior: float) -> float:
    """Return the z-score of one term; the sizes are the counts of all terms in the label and in all."""
    pseudo = prior * (here + elsewhere) / size
    ones, others = here + pseudo, elsewhere + pseudo
    rest_here, rest_elsewhere = size_here + prior - ones, size - size_here + prior - others
    if min(rest_here, rest_elsewhere) <= 0:
        return 0.0
    ratio = log(ones / rest_here) - log(others / rest_elsewhere)
    return ratio / sqrt(1 / ones + 1 / others)


def dominating(counts: TermCounts, *, top: int = 20, stop: Collection[str] = STOP_WORDS) -> list[str]:
    """Return the words among the ``top`` of *every* label that has texts: frequent, and telling nothing.

    A word ablation drops them. The order is that of their frequency. Empty for fewer than two labels.
    """
    lists = [
        {term for term, _ in most_frequent}
        for label, most_frequent in top_terms(counts, top=top, stop=stop).items()
        if counts.texts.get(label)
    ]
    shared = set.intersection(*lists) if len(lists) > 1 else set()
    return [term for term, _ in counts.total.most_common() if term in shared]
