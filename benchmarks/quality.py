"""Measure a bundle on the validation splits of the public corpora; write docs/results/quality.csv.

    python benchmarks/quality.py --data DIR [--model BUNDLE]

Every row: corpus, split, scheme, state, metric, value with its 95 % bootstrap interval (1,000 resamples,
seed 0), n, and what made it. ECE has 15 equal-width bins. The temperatures of the bundle were fitted on these
validation sets, one number per scheme and state, so ECE here is slightly kind. FER2013 is measured a second
time (``public_test-unrepeated``), on the pictures that have no near-duplicate in its train split.
"""

from __future__ import annotations

import argparse
import csv
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import posthue
from posthue.data.corpora import Example, load_corpus
from posthue.data.duplicates.images import image_hashes, near_known
from posthue.evaluation.evaluate import Evaluation, evaluate, predict_corpus
from posthue.posts import State

RESULTS = Path(__file__).parent.parent / "docs" / "results"
SETS = (
    ("mvsa-single", "dev", tuple(State)),
    ("tweeteval-sentiment", "val", (State.TEXT,)),
    ("tweeteval-emotion", "val", (State.TEXT,)),
    ("goemotions", "dev", (State.TEXT,)),
    ("dair-emotion", "val", (State.TEXT,)),
    ("fer2013", "public_test", (State.IMAGE,)),
    ("fer2013", "public_test-unrepeated", (State.IMAGE,)),
    ("reddit-emotion", "all", (State.TEXT,)),
)
UNREPEATED = "-unrepeated"
COLUMNS = ("corpus", "split", "scheme", "state", "metric", "value", "low", "high", "n", "bundle", "seed")


def rows_of(corpus: str, split: str, found: Evaluation, bundle: str) -> Iterator[tuple[object, ...]]:
    """Yield the csv rows of one evaluation."""
    head = (corpus, split, found.scheme, found.state)
    tail = (found.n, bundle, 0)
    for metric, value in found.metrics.items():
        yield (*head, metric, f"{value.value:.4f}", f"{value.low:.4f}", f"{value.high:.4f}", *tail)
    for label, value in found.f1.items():
        yield (*head, f"f1_{label}", f"{value:.4f}", "", "", *tail)
    for name, value in (("ece", found.ece), ("brier", found.brier), ("majority", found.majority)):
        yield (*head, name, f"{value:.4f}", "", "", *tail)


def examples_of(corpus: str, split: str, data: Path) -> Sequence[Example]:
    """Load a split; ``SPLIT-unrepeated`` leaves out pictures within 2 of 64 bits of one of train."""
    splits = load_corpus(corpus, data).splits
    examples = splits[split.removesuffix(UNREPEATED)]
    if not split.endswith(UNREPEATED):
        return examples
    asked, known = (image_hashes([e.post.image for e in some]) for some in (examples, splits["train"]))
    near = near_known(asked, known, max_distance=2)
    return [example for example, found in zip(examples, near, strict=True) if found < 0]


def provenance() -> list[str]:
    """Return what made a result: command, commit and date."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    command = shlex.join(["python", *sys.argv])
    return [command, commit.stdout.strip() or "unknown", datetime.now(UTC).date().isoformat()]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--output", type=Path, default=RESULTS / "quality.csv")
    options = parser.parse_args()
    classifier = posthue.load(options.model)
    bundle = f"{classifier.info.name} {classifier.info.created}"
    command, commit, date = provenance()
    command = command.replace(str(options.data), "DIR")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with options.output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, "command", "commit", "date"])
        for corpus, split, states in SETS:
            examples = examples_of(corpus, split, options.data)
            for found in evaluate(list(predict_corpus(classifier, examples, states))):
                writer.writerows(
                    [*row, command, commit, date] for row in rows_of(corpus, split, found, bundle)
                )
                values = ", ".join(f"{m} {100 * v.value:.1f}" for m, v in found.metrics.items())
                print(
                    f"{corpus} {split} {found.scheme} {found.state} n={found.n}: "
                    f"{values}, ECE {found.ece:.3f}"
                )


if __name__ == "__main__":
    main()
