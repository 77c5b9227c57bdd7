"""The folds or given splits of a benchmark on which a student is trained and tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from posthue.data.corpora import Example, load_corpus
from posthue.data.splits.stratified import stratified_split
from posthue.errors import InputError
from posthue.evaluation.benchmarks import CLASSES, load_benchmark, polar_class


@dataclass(frozen=True, slots=True)
class FoldPart:
    """One fold or given split. validate: chooses the epoch; empty: the last one is taken."""

    name: str
    train: Sequence[Example]
    test: Sequence[Example]
    validate: Sequence[Example] = ()


def tuning_parts(
    name: str, data: str | Path, *, folds: int | None, seed: int, examples: Sequence[Example] | None = None
) -> list[FoldPart]:
    """Return the folds of a benchmark, or its given splits where ``folds`` is None."""
    if folds is None:
        return given_parts(name, data)
    return cross_validation_parts(name, examples or load_benchmark(name, data), folds, seed)


def cross_validation_parts(name: str, examples: Sequence[Example], folds: int, seed: int) -> list[FoldPart]:
    """Return stratified, shuffled folds: scikit-learn's, as the published protocol has them.

    Other folds of posthue (posthue.data.splits.stratified) keep near-duplicates on one side as well, and no
    figure of theirs could stand beside a published one.
    """
    from sklearn.model_selection import StratifiedKFold  # noqa: PLC0415

    classes = [str(polar_class(example)) for example in examples]
    fewest = min(classes.count(label) for label in CLASSES)
    if folds < 2 or fewest < folds:
        raise InputError(
            f"{name}: {folds} folds want 2 or more, and as many pictures of each class ({fewest})"
        )
    made = StratifiedKFold(folds, shuffle=True, random_state=seed).split(classes, classes)
    return [
        FoldPart(f"fold-{i}", [examples[row] for row in train], [examples[row] for row in test])
        for i, (train, test) in enumerate(made, start=1)
    ]


def given_parts(name: str, data: str | Path) -> list[FoldPart]:
    """Return all given splits of a benchmark; raise InputError where there are none, or one is not whole."""
    splits = load_corpus(name, data).splits
    polar = {key: [e for e in examples if polar_class(e)] for key, examples in splits.items()}
    numbered = sorted({key.partition("/")[0] for key in polar if "/" in key})
    if not numbered and {"train", "test"} <= set(polar):
        return [_with_validation("given", polar["train"], polar["test"])]
    if not numbered:
        raise InputError(f"{name} has no given splits here: use --crossval 5")
    return [_given(name, number, polar) for number in numbered]


def _given(name: str, number: str, polar: Mapping[str, list[Example]]) -> FoldPart:
    missing = [part for part in ("train", "val", "test") if not polar.get(f"{number}/{part}")]
    if missing:
        raise InputError(f"{name}: {number} has no list of its {' and '.join(missing)} pictures")
    train, val, test = (polar[f"{number}/{part}"] for part in ("train", "val", "test"))
    return FoldPart(number, train, test, val)


def _with_validation(name: str, train: Sequence[Example], test: Sequence[Example]) -> FoldPart:
    """Hold a tenth of the training pictures out, where no validation part is given."""
    rows = stratified_split([polar_class(e) for e in train], {"train": 0.9, "val": 0.1}, seed=42)
    return FoldPart(name, [train[i] for i in rows["train"]], test, [train[i] for i in rows["val"]])
