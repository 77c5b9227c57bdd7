"""The whole way: select → teach → filter → dedup → balance → split → student → bundle, resumable.

Every stage reads the file of the one before as a stream and writes its own; the file appears whole or not at
all. Run again after a kill, finished stages are not repeated and the result is the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from posthue.errors import InputError, choices
from posthue.files import write_file
from posthue.progress import progress_bar
from posthue.training.distill.crowd_posts import Raw, raw_count, raw_posts, source_facts
from posthue.training.distill.dedup import dedup_posts
from posthue.training.distill.keep import balance_posts, filter_posts
from posthue.training.distill.recipe import DistillRecipe, recipe_dict
from posthue.training.distill.select import select_posts
from posthue.training.distill.splitting import part_counts, split_posts
from posthue.training.distill.store import STAGES, Kept, StageStore, count_rows, stage_key
from posthue.training.distill.student import train_student
from posthue.training.distill.teach import teach
from posthue.training.distill.teachers import make_teacher, teacher_facts

LAST = (*STAGES, "student")


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are. run: the run folder; data: tables and corpora; models: local copies, or None."""

    run: Path
    data: Path
    models: Path | None = None


@dataclass(frozen=True, slots=True)
class Distilled:
    """What a distillation came to. stages: how many posts each kept, in order, and the parts of the split.

    bundle: the student's; None if it was stopped before.
    """

    stages: Sequence[tuple[str, Kept]]
    counts: Path
    bundle: Path | None


def run_distill(
    recipe: DistillRecipe, places: Places, *, until: str = "student", progress: bool | None = None
) -> Distilled:
    """Do the stages that are not done, up to and with ``until``; return what they kept.

    progress: show a bar per stage on stderr; None: on a terminal only.
    Raises InputError where nothing is left to learn from.
    """
    if until not in LAST:
        raise InputError(f"until: {until!r} is not one of {choices(until, LAST)}")
    store = StageStore(places.run)
    write_file(places.run / "recipe.json", json.dumps(recipe_dict(recipe), indent=1, sort_keys=True) + "\n")
    rows: list[tuple[str, Kept]] = []
    key = ""
    for stage in STAGES[: LAST.index(until) + 1]:
        key = stage_key(key, _settings(stage, recipe, places))
        rows.append((stage, _stage(stage, key, recipe, places, store, progress=progress)))
        counts = store.write_counts(rows)
    bundle = None
    if until == "student" or len(rows) == len(STAGES):
        rows += part_counts(store.table("split")).items()
        counts = store.write_counts(rows)
    if until == "student":
        key = stage_key(key, asdict(recipe.student) | {"balance": recipe.balance, "seed": recipe.seed})
        bundle = train_student(
            recipe, store.table("split"), places.run, key=key, data=places.data, models=places.models
        )
    return Distilled(rows, counts, bundle)


def _stage(
    stage: str, key: str, recipe: DistillRecipe, places: Places, store: StageStore, *, progress: bool | None
) -> Kept:
    """Return what a stage kept, doing it if it is not done."""
    kept = store.done(stage, key)
    if kept is not None:
        return kept
    store.begin(stage)
    before = STAGES[STAGES.index(stage) - 1] if stage != STAGES[0] else None
    source = store.table(before) if before else None
    total = count_rows(source) if source else raw_count(recipe.posts, places.data)
    with _bar(stage, total, shown=progress) as advance:
        kept = _do(stage, recipe, places, source, store.table(stage), advance)
    if kept.total == 0:
        told = ", ".join(f"{reason}: {n:,}" for reason, n in kept.dropped.items()) or "there were none"
        raise InputError(f"no post is left after {stage!r} ({told})")
    store.finish(stage, key, kept)
    return kept


def _do(
    stage: str,
    recipe: DistillRecipe,
    places: Places,
    source: Path | None,
    target: Path,
    advance: Callable[[int], None],
) -> Kept:
    if source is None:
        raw = _counted(raw_posts(recipe.posts, places.data), advance)
        return select_posts(raw, recipe.select, target)
    if stage == "teach":
        return teach(source, target, make_teacher(recipe.teacher, places.models), advance)
    if stage == "filter":
        return filter_posts(source, target, recipe.keep, advance)
    if stage == "dedup":
        return dedup_posts(source, target, recipe.dedup, places.data, advance)
    if stage == "balance":
        undersample = recipe.balance == "undersample"
        return balance_posts(
            source, target, undersample=undersample, least=recipe.least, seed=recipe.seed, advance=advance
        )
    return split_posts(source, target, recipe.fractions, seed=recipe.seed, advance=advance)


def _settings(stage: str, recipe: DistillRecipe, places: Places) -> dict[str, object]:
    """Return what a stage's result depends on, beside the stage before."""
    facts: Mapping[str, Callable[[], dict[str, object]]] = {
        "select": lambda: (
            source_facts(recipe.posts, places.data) | asdict(recipe.select) | asdict(recipe.posts)
        ),
        "teach": lambda: teacher_facts(recipe.teacher),
        "filter": lambda: dict(recipe.keep),
        "dedup": lambda: {"distance": recipe.dedup.distance, "against": recipe.dedup.against},
        "balance": lambda: {
            "undersample": recipe.balance == "undersample",
            "least": recipe.least,
            "seed": recipe.seed,
        },
        "split": lambda: {"fractions": dict(recipe.fractions), "seed": recipe.seed},
    }
    return {"stage": stage} | facts[stage]()


def _counted(raw: Iterable[Raw], advance: Callable[[int], None]) -> Iterator[Raw]:
    """Pass posts on, and move the bar by a thousand at a time."""
    number = 0
    for number, item in enumerate(raw, start=1):
        yield item
        if number % 1000 == 0:
            advance(1000)
    advance(number % 1000)


@contextmanager
def _bar(stage: str, total: int | None, *, shown: bool | None) -> Iterator[Callable[[int], None]]:
    with progress_bar(stage, shown=shown) as advance:
        done = 0

        def more(rows: int) -> None:
            nonlocal done
            done += rows
            advance(done, total)

        yield more
