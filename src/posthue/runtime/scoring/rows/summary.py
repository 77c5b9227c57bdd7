"""What came of a scoring job: rows, labels, and why rows failed. Its memory does not grow with the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posthue.labels import LabelScheme
from posthue.posts import Prediction

_REASONS_KEPT = 1000
_REASONS_SHOWN = 5
_REASONS_SENT = 50
_OTHER = "other reasons"


@dataclass(frozen=True, slots=True)
class ScoreSummary:
    """What came of a job.

    labels: per scheme, how many rows got each label.
    mixed: rows whose text and image disagree in the main scheme, as the column ``mixed`` says.
    errors, warnings: the most common reasons, and how many rows have each.
    """

    output: Path
    rows: int
    failed: int
    labels: Mapping[str, Mapping[str, int]]
    mixed: int
    errors: Mapping[str, int]
    warnings: Mapping[str, int]
    seconds: float

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        return {
            "output": str(self.output),
            "rows": self.rows,
            "failed": self.failed,
            "labels": {name: dict(counts) for name, counts in self.labels.items()},
            "mixed": self.mixed,
            "errors": dict(self.errors),
            "warnings": dict(self.warnings),
            "seconds": round(self.seconds, 3),
        }


def main_scheme(schemes: Mapping[str, LabelScheme]) -> str:
    """Return the scheme that shares and ``mixed`` are given for: sentiment, or else the first."""
    return "sentiment" if "sentiment" in schemes else next(iter(schemes))


class ScoreTally:
    """Counts predictions as they come."""

    def __init__(self, schemes: Mapping[str, LabelScheme]) -> None:
        self.rows = 0
        self._failed = 0
        self._mixed = 0
        self.schemes = tuple(schemes)
        self._main = main_scheme(schemes)
        self._labels = {name: dict.fromkeys(scheme.labels, 0) for name, scheme in schemes.items()}
        self._errors: Counter[str] = Counter()
        self._warnings: Counter[str] = Counter()

    def add(self, predictions: Sequence[Prediction]) -> None:
        """Count a batch."""
        self.rows += len(predictions)
        for prediction in predictions:
            for warning in prediction.warnings:
                _count(self._warnings, _reason(warning))
            for name, result in prediction.schemes.items():
                self._labels[name][result.label] += 1
                self._mixed += result.mixed and name == self._main
            if prediction.error is not None:
                self._failed += 1
                _count(self._errors, _reason(prediction.error))

    def state(self) -> dict[str, Any]:
        """Return the counts as plain data for JSON, to be added to another tally."""
        return {
            "rows": self.rows,
            "failed": self._failed,
            "mixed": self._mixed,
            "labels": {name: dict(counts) for name, counts in self._labels.items()},
            "errors": _most_common(self._errors, _REASONS_SENT),
            "warnings": _most_common(self._warnings, _REASONS_SENT),
        }

    @staticmethod
    def reasons(errors: Mapping[str, int]) -> dict[str, int]:
        """Return how many errors have each reason: an error without the name of its file."""
        found: Counter[str] = Counter()
        for error, count in errors.items():
            _count(found, _reason(error), count)
        return dict(found)

    def merge(self, state: Mapping[str, Any]) -> None:
        """Add the counts that another tally of the same schemes gave as its ``state``."""
        self.rows += state["rows"]
        self._failed += state["failed"]
        self._mixed += state["mixed"]
        for name, counts in state["labels"].items():
            for label, count in counts.items():
                self._labels[name][label] += count
        for counter, counts in ((self._errors, state["errors"]), (self._warnings, state["warnings"])):
            for reason, count in counts.items():
                _count(counter, reason, count)

    def summary(self, output: Path, seconds: float) -> ScoreSummary:
        """Return what was counted."""
        return ScoreSummary(
            output=output,
            rows=self.rows,
            failed=self._failed,
            labels=self._labels,
            mixed=self._mixed,
            errors=_most_common(self._errors, _REASONS_SHOWN),
            warnings=_most_common(self._warnings, _REASONS_SHOWN),
            seconds=seconds,
        )


def _count(counter: Counter[str], reason: str, count: int = 1) -> None:
    counter[reason if reason in counter or len(counter) < _REASONS_KEPT else _OTHER] += count


def _reason(message: str) -> str:
    """Errors of files read ``name: reason (detail)``; the reason is what many rows may share."""
    named, _, reason = message.removeprefix("image not used: ").partition(": ")
    return reason.split(" (", 1)[0] if reason else named


def _most_common(counter: Counter[str], most: int) -> dict[str, int]:
    shown = dict(counter.most_common(most))
    rest = counter.total() - sum(shown.values())
    if rest:
        shown[_OTHER] = shown.get(_OTHER, 0) + rest
    return shown
