"""A recipe on other splits than its corpora's own: those of a file from ``posthue data check --fix``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from posthue.data.splits.files import SPLIT_FILE, read_splits
from posthue.errors import RecipeError
from posthue.training.recipes.schema import Check, Partner, Recipe, Stage, TrainingSource

S = TypeVar("S", TrainingSource, Check)
N = TypeVar("N", TrainingSource, Check, Partner)


def use_splits(recipe: Recipe, given: Sequence[str]) -> Recipe:
    """Return the recipe with ``SPLIT@FILE`` for the splits of some corpora.

    given: CORPUS=FILE, or FILE where the recipe has one corpus. Raises RecipeError for a corpus that the
    recipe does not have, TableError for a file that is no table of splits.
    """
    files = dict(_corpus_and_file(each, _corpora(recipe)) for each in given)
    for file in files.values():
        read_splits(file)
    return replace(
        recipe,
        stages=tuple(_stage(stage, files) for stage in recipe.stages),
        calibrate=tuple(_moved(check, files) for check in recipe.calibrate),
    )


def _corpora(recipe: Recipe) -> list[str]:
    sources: list[TrainingSource | Check] = []
    for stage in recipe.stages:
        sources += [*stage.train, *stage.validate]
    paired = [source.pair_with.corpus for source in sources if source.pair_with]
    return list(dict.fromkeys([*(source.corpus for source in sources), *paired]))


def _corpus_and_file(given: str, corpora: Sequence[str]) -> tuple[str, str]:
    corpus, equals, file = given.partition("=")
    if not equals:
        if len(corpora) > 1:
            raise RecipeError(f"--splits {given}: for which corpus? Say --splits {corpora[0]}={given}")
        return corpora[0], given
    if corpus not in corpora:
        raise RecipeError(f"--splits {given}: the recipe has {', '.join(corpora)}")
    return corpus, file


def _stage(stage: Stage, files: Mapping[str, str]) -> Stage:
    train = tuple(_moved(source, files) for source in stage.train)
    return replace(stage, train=train, validate=tuple(_moved(check, files) for check in stage.validate))


def _moved(source: S, files: Mapping[str, str]) -> S:
    moved = replace(source, pair_with=_named(source.pair_with, files)) if source.pair_with else source
    return _named(moved, files)


def _named(source: N, files: Mapping[str, str]) -> N:
    if source.corpus not in files or SPLIT_FILE in source.split:
        return source
    return replace(source, split=f"{source.split}{SPLIT_FILE}{files[source.corpus]}")
