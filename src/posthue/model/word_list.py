"""Word lists: words and phrases of known feeling, in a file that the user brings.

AFINN (Nielsen 2011), the opinion lexicon (Hu & Liu 2004), a list in another language or of one's own field:
a text's score is the sum over what it has of the list, and its sign the verdict. Nothing is learned.
"""

from __future__ import annotations

import csv
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posthue.data.readers.lines import text_lines
from posthue.errors import TableError
from posthue.model.lexicon import SPREAD, VERDICT, lexicon_words

Floats = npt.NDArray[np.float32]

#: The two files of the opinion lexicon, as its authors publish it.
POSITIVE_FILE, NEGATIVE_FILE = "positive-words.txt", "negative-words.txt"

#: A sum of this many words of average strength has a compound of 0.7.
_HALFWAY = 2.0
#: How fast probabilities part with the compound, and what the verdict adds; a temperature is fitted to them.
_SHARPNESS, _VERDICT_POWER = 2.0, 2.0
_NAMED = {"positive": 1.0, "neutral": 0.0, "negative": -1.0}
_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[^\w\s]+")
_MOST_WORDS = 5  # of a phrase


class Tally(NamedTuple):
    """What a list says about one text. total: sum of scores; positive, negative: how many words."""

    total: float
    positive: int
    negative: int


@dataclass(frozen=True)
class WordList:
    """Words and phrases, in lower case, with their scores; a final ``*`` stands for any ending.

    Scores may be on any scale: they are compared with their mean size.
    """

    scores: Mapping[str, float]

    @cached_property
    def digest(self) -> str:
        """A name of the list's content."""
        lines = "\n".join(f"{word}\t{score!r}" for word, score in sorted(self.scores.items()))
        return blake2b(lines.encode(), digest_size=12).hexdigest()

    def tally(self, text: str) -> Tally:
        """Add up what the text has of the list: the longest phrase that begins at a word, then what follows.

        The text is cleaned as everywhere; mentions and links are dropped. A word with hyphens that is not
        in the list counts by its parts, a run of emoji by its signs.
        """
        found = list(self._found(_TOKEN.findall(lexicon_words(text).lower().replace("’", "'"))))
        total = math.fsum(found)
        return Tally(total, sum(score > 0 for score in found), sum(score < 0 for score in found))

    def features(self, texts: Sequence[str]) -> Floats:
        """Return [texts, 6]: compound, positive and negative words (logarithms), and the verdict.

        They are spread as wide as VADER's, to stand beside a text's vector.
        """
        tallies = [self.tally(text) for text in texts]
        counts = np.log1p([(t.positive, t.negative) for t in tallies]).reshape(-1, 2)
        compound = self._compound(tallies)[:, None]
        verdict = np.eye(3)[self._verdict(tallies)] * VERDICT
        return np.concatenate([compound / SPREAD, counts / SPREAD, verdict], axis=1).astype(np.float32)

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Return [texts, 3]: negative, neutral, positive.

        The likeliest label is the sign of the sum. p ∝ exp(2 · (−c, 0, c) + 2 · verdict), c the compound.
        """
        tallies = [self.tally(text) for text in texts]
        compound = self._compound(tallies)[:, None]
        powers = _SHARPNESS * compound * (-1, 0, 1) + _VERDICT_POWER * np.eye(3)[self._verdict(tallies)]
        odds = np.exp(powers)
        found: Floats = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
        return found

    def _compound(self, tallies: Sequence[Tally]) -> npt.NDArray[np.float64]:
        """Return the sums, squashed to −1 … 1."""
        totals = np.array([t.total for t in tallies], dtype=np.float64) / self._strength
        squashed: npt.NDArray[np.float64] = totals / np.sqrt(totals**2 + _HALFWAY**2)
        return squashed

    def _verdict(self, tallies: Sequence[Tally]) -> npt.NDArray[np.int64]:
        """Return 0 for a negative sum, 2 for a positive one, else 1."""
        least = 1e-9 * self._strength
        return np.array([1 + (t.total > least) - (t.total < -least) for t in tallies], dtype=np.int64)

    @cached_property
    def _strength(self) -> float:
        sizes = [abs(score) for score in self.scores.values() if score]
        return math.fsum(sizes) / len(sizes)

    @cached_property
    def _by_length(self) -> Mapping[int, Mapping[str, float]]:
        """Number of tokens of a phrase → its tokens, joined with spaces → score; stems are not among them."""
        found: dict[int, dict[str, float]] = defaultdict(dict)
        for phrase, score in self.scores.items():
            if not phrase.endswith("*"):
                tokens = _TOKEN.findall(phrase)
                found[len(tokens)][" ".join(tokens)] = score
        return found

    @cached_property
    def _stems(self) -> Mapping[str, float]:
        return {word[:-1]: score for word, score in self.scores.items() if word.endswith("*")}

    def _found(self, tokens: Sequence[str]) -> Iterator[float]:
        longest = max(self._by_length, default=1)
        at = 0
        while at < len(tokens):
            for length in range(min(longest, len(tokens) - at), 0, -1):
                score = self._by_length.get(length, {}).get(" ".join(tokens[at : at + length]))
                if score is not None:
                    yield score
                    at += length
                    break
            else:
                yield from self._parts(tokens[at])
                at += 1

    def _parts(self, token: str) -> Iterator[float]:
        """Yield the score of a token by its stem, else those of its parts."""
        for end in range(len(token), 0, -1) if self._stems else ():
            if (score := self._stems.get(token[:end])) is not None:
                yield score
                return
        parts = token.split("-") if token[0].isalnum() else list(token)
        single = self._by_length.get(1, {})
        if len(parts) > 1:
            yield from (single[part] for part in parts if part in single)


def read_word_list(path: Path) -> WordList:
    """Read a list: lines of a word or phrase and its score, or the opinion lexicon's folder.

    Between them stands a tab, else a comma, else the last space; further columns are passed over. A score is
    a number, or positive, negative, neutral. Lines that begin with ``;`` are comments, and a first line
    without a score is a header. A word that comes twice has the mean. Raises TableError, with the line, for
    anything else, for phrases of more than five words, and for a list of which no word has a feeling.
    """
    found: dict[str, list[float]] = defaultdict(list)
    if path.is_dir():
        for name, side in ((POSITIVE_FILE, 1.0), (NEGATIVE_FILE, -1.0)):
            for _, line in _lines(_required(path, name)):
                found[line.lower()].append(side)
    else:
        for count, (number, line) in enumerate(_lines(path)):
            word, said = _columns(line)
            score = _score(said)
            if score is not None:
                _check_word(word, path, number)
                found[word].append(score)
            elif count:  # the first may be a header
                raise TableError(f"{path}, line {number}: {said[:40]!r} is no score of {word[:40]!r}")
    scores = {word: math.fsum(values) / len(values) for word, values in found.items()}
    if not any(scores.values()):
        raise TableError(f"{path}: no word has a score other than 0: lines are a word, a tab and a number")
    return WordList(scores)


def _required(folder: Path, name: str) -> Path:
    if not (folder / name).is_file():
        raise TableError(
            f"{folder}: a folder is read as the opinion lexicon, {POSITIVE_FILE} and {NEGATIVE_FILE}, "
            f"and {name} is missing; name the file of any other list"
        )
    return folder / name


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text_lines(path), start=1):
        text = line.text.strip()
        if text and not text.startswith(";"):
            yield number, text


def _columns(line: str) -> tuple[str, str]:
    """Return a line's word, in lower case, and what is said of it."""
    cells = line.split("\t")
    if len(cells) == 1 and len(line) < csv.field_size_limit():
        cells = next(csv.reader([line], skipinitialspace=True))
    if len(cells) == 1:
        cells = line.rsplit(" ", 1) if " " in line else ["", line]
    word, said = cells[:2]
    return " ".join(word.lower().replace("’", "'").split()), said.strip()


def _check_word(word: str, path: Path, number: int) -> None:
    if not _TOKEN.search(word) or len(_TOKEN.findall(word)) > _MOST_WORDS:
        raise TableError(f"{path}, line {number}: {word[:60]!r} is no word, nor a phrase of up to five")


def _score(said: str) -> float | None:
    try:
        score = _NAMED.get(said.lower())
        score = float(said) if score is None else score
    except ValueError:
        return None
    return score if math.isfinite(score) else None
