"""Word lists: words and phrases of known feeling, in a file that the user brings.

AFINN (Nielsen 2011), the opinion lexicon (Hu & Liu 2004), a list in another language or of one's own field:
a text's score is the sum over what it has of the list, and its sign the verdict. Nothing is learned.
"""

from __future__ import annotations

import csv
import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posthue.baselines.vader import SPREAD, VERDICT, LexiconScores, lexicon_words
from posthue.data.tables.readers.lines import text_lines
from posthue.errors import TableError

#: The two files of the opinion lexicon, as its authors publish it.
POSITIVE_FILE, NEGATIVE_FILE = "positive-words.txt", "negative-words.txt"

#: A sum of this many words of average strength has a compound of 0.7.
_HALFWAY = 2.0
#: How fast probabilities part with the compound, and what the verdict adds; a temperature is fitted to them.
_SHARPNESS, _VERDICT_POWER = 2.0, 2.0
_NAMED = {"positive": 1.0, "neutral": 0.0, "negative": -1.0}
_MOST_WORDS = 5  # of a phrase
_MOST_SCORE = 1e6
_LAST_MARK = 0x1EFFF
#: Apostrophes as people type them, and what says only how an emoji is drawn.
_ALIKE = str.maketrans({"’": "'", "ʼ": "'", "`": "'", "´": "'", "\ufe0f": None, "\ufe0e": None})


class WordTotals(NamedTuple):
    """What a list says about one text. total: sum of scores; positive, negative: how many words."""

    total: float
    positive: int
    negative: int


@dataclass(frozen=True)
class WordList:
    """Words and phrases with their scores; a final ``*`` behind a word stands for any ending.

    Scores may be on any scale whose middle is 0: they are compared with their mean size. Made by
    ``read_word_list``; entries are as ``plain`` gives them.
    """

    scores: Mapping[str, float]

    @cached_property
    def digest(self) -> str:
        """A name of the list's content."""
        lines = "\n".join(f"{word}\t{score!r}" for word, score in sorted(self.scores.items()))
        return blake2b(lines.encode(), digest_size=12).hexdigest()

    def tally(self, text: str) -> WordTotals:
        """Add up what the text has of the list: the longest phrase that begins at a word, then what follows.

        The text is cleaned as everywhere; mentions and links are dropped. A word with hyphens that is not
        in the list counts by its parts, and so does a run of signs and emoji.
        """
        found = list(self._scores(_tokens(plain(lexicon_words(text)))))
        total = math.fsum(found)
        return WordTotals(total, sum(score > 0 for score in found), sum(score < 0 for score in found))

    def predict(self, texts: Sequence[str]) -> LexiconScores:
        """Return six features of each text, and the probabilities.

        Features: the compound, positive and negative words (logarithms), spread as wide as VADER's, and the
        verdict. The likeliest label is the sign of the sum: p ∝ exp(2 · (−c, 0, c) + 2 · verdict), c the
        compound.
        """
        tallies = [self.tally(text) for text in texts]
        counts = np.log1p([(t.positive, t.negative) for t in tallies]).reshape(-1, 2)
        compound = self._compound(tallies)[:, None]
        verdict = np.eye(3)[self._verdict(tallies)]
        features = np.concatenate([compound / SPREAD, counts / SPREAD, verdict * VERDICT], axis=1)
        odds = np.exp(_SHARPNESS * compound * (-1, 0, 1) + _VERDICT_POWER * verdict)
        probabilities = odds / odds.sum(axis=1, keepdims=True)
        return LexiconScores(features.astype(np.float32), probabilities.astype(np.float32))

    def _compound(self, tallies: Sequence[WordTotals]) -> npt.NDArray[np.float64]:
        """Return the sums, squashed to −1 … 1."""
        totals = np.array([t.total for t in tallies], dtype=np.float64) / self._strength
        squashed: npt.NDArray[np.float64] = totals / np.sqrt(totals**2 + _HALFWAY**2)
        return squashed

    def _verdict(self, tallies: Sequence[WordTotals]) -> npt.NDArray[np.int64]:
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
        found: dict[int, dict[str, float]] = {1: {}}
        for phrase, score in self.scores.items():
            if not _is_stem(phrase):
                tokens = _tokens(phrase)
                found.setdefault(len(tokens), {})[" ".join(tokens)] = score
        return found

    @cached_property
    def _stems(self) -> Mapping[str, float]:
        return {word[:-1]: score for word, score in self.scores.items() if _is_stem(word)}

    @cached_property
    def _longest_signs(self) -> int:
        return max((len(word) for word in self._by_length[1] if not word[0].isalnum()), default=0)

    def _scores(self, tokens: Sequence[str]) -> Iterator[float]:
        longest = max(self._by_length)
        at = 0
        while at < len(tokens):
            for length in range(min(longest, len(tokens) - at), 0, -1):
                score = self._by_length.get(length, {}).get(" ".join(tokens[at : at + length]))
                if score is not None:
                    yield score
                    at += length
                    break
            else:
                yield from self._scores_inside(tokens[at])
                at += 1

    def _scores_inside(self, token: str) -> Iterator[float]:
        """Yield the score of a token by its stem, else those of its parts."""
        if not token[0].isalnum():
            yield from self._signs(token)
            return
        for end in range(len(token), 0, -1) if self._stems else ():
            if (score := self._stems.get(token[:end])) is not None:
                yield score
                return
        parts = token.split("-")
        if len(parts) > 1:
            yield from (self._by_length[1][part] for part in parts if part in self._by_length[1])

    def _signs(self, run: str) -> Iterator[float]:
        """Yield the scores of a run of signs, the longest that begins at each place."""
        at = 0
        while at < len(run):
            for end in range(min(len(run), at + self._longest_signs), at, -1):
                if (score := self._by_length[1].get(run[at:end])) is not None:
                    yield score
                    at = end
                    break
            else:
                at += 1


def plain(text: str) -> str:
    """Return text in small letters, with one kind of apostrophe and space and one way to write an accent."""
    return " ".join(unicodedata.normalize("NFC", text).lower().translate(_ALIKE).split())


def read_word_list(path: Path) -> WordList:
    """Read a list: lines of a word or phrase and its score, or the opinion lexicon's folder.

    Between them stands a tab, a semicolon, a comma, or the last space; further columns are passed over. A
    score is a number, or positive, negative, neutral. Lines that begin with ``;`` are comments unless they
    have a tab, and a first line without a score is a header. A word that comes twice has the mean. Raises
    TableError, with the line, for anything else, for phrases of more than five words, and for a list without
    a negative score, of which 0 is not the middle.
    """
    found: dict[str, list[float]] = defaultdict(list)
    if path.is_dir():
        for name, side in ((POSITIVE_FILE, 1.0), (NEGATIVE_FILE, -1.0)):
            for _, line in _lines(_required(path, name)):
                found[plain(line)].append(side)
    else:
        for count, (number, line) in enumerate(_lines(path)):
            word, value = _columns(line)
            score = _score(value)
            if score is not None:
                _check_word(word, path, number)
                found[word].append(score)
            elif count:  # the first may be a header
                raise TableError(f"{path}, line {number}: {value[:40]!r} is no score of {word[:40]!r}")
    scores = {word: math.fsum(values) / len(values) for word, values in found.items()}
    if not any(scores.values()):
        raise TableError(f"{path}: no word has a score other than 0: lines are a word, a tab and a number")
    if min(scores.values()) >= 0:
        raise TableError(
            f"{path}: no word has a negative score: 0 is to be neutral, so subtract the middle of the scale"
        )
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
        if text and not (text.startswith(";") and "\t" not in text):
            yield number, text


def _columns(line: str) -> tuple[str, str]:
    """Return a line's word, as ``plain`` gives it, and what stands beside it."""
    cells = line.split("\t")
    if len(cells) == 1 and len(line) < csv.field_size_limit():
        for delimiter in ";,":
            row = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
            if len(row) > 1 and (delimiter == "," or _score(row[1]) is not None):
                cells = row
                break
    if len(cells) == 1:
        cells = line.rsplit(" ", 1) if " " in line else ["", line]
    word, value = (_unquoted(cell.strip()) for cell in cells[:2])
    return plain(word), value.strip()


def _unquoted(cell: str) -> str:
    return cell[1:-1] if len(cell) > 2 and cell[0] == cell[-1] == '"' else cell


def _check_word(word: str, path: Path, number: int) -> None:
    tokens = _tokens(word)
    if not tokens or len(tokens) > _MOST_WORDS:
        raise TableError(f"{path}, line {number}: {word[:60]!r} is no word, nor a phrase of up to five")
    if word.endswith("*") and len(tokens) > 2 and not _is_stem(word) and tokens[-2][0].isalnum():
        raise TableError(f"{path}, line {number}: {word[:60]!r}: a * may end one word, not a phrase")


def _is_stem(word: str) -> bool:
    return word.endswith("*") and word[0].isalnum() and len(_tokens(word[:-1])) == 1


def _score(value: str) -> float | None:
    if re.fullmatch(r"[+-]?\d+,\d+", value):  # a decimal comma
        value = value.replace(",", ".")
    try:
        score = _NAMED.get(value.lower())
        score = float(value) if score is None else score
    except ValueError:
        return None
    return score if abs(score) <= _MOST_SCORE else None  # neither for nan


def _tokens(text: str) -> list[str]:
    """Return the words of plain text, with apostrophes and hyphens in them, and the runs of other signs."""
    found: list[str] = _pattern().findall(text)
    return found


@cache
def _pattern() -> re.Pattern[str]:
    marks = "".join(
        re.escape(c) for c in map(chr, range(0x300, _LAST_MARK)) if unicodedata.category(c)[0] == "M"
    )
    letter = rf"(?:[^\W_]|[{marks}])"
    return re.compile(rf"[^\W_]{letter}*(?:['-]{letter}+)*|[^\w\s]+")
