"""What ``posthue distill`` makes, as a YAML file. Every field is documented here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posthue.data.duplicates.fingerprints import DISTANCE, MAX_DISTANCE
from posthue.errors import RecipeError
from posthue.labels import SENTIMENT
from posthue.training.recipes.recipe import OPTIMIZERS, PRECISIONS, SCHEDULES, make_settings

BALANCES = ("undersample", "weights", "none")
TARGETS = ("hard", "soft")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Posts:
    """The crowd: either a table or a split of a corpus, whose labels are not looked at.

    table: csv, tsv, jsonl or parquet, relative to --data. corpus, split: or this. limit: the first so many.
    text_column, image_column, id_column: found by their usual names where null. language_column: codes such
    as en, instead of detecting the language. repost_column: true, or an id, where a post is a repost;
    ``is_retweet``, ``is_repost``, ``retweeted_status_id`` are found. fingerprint_column: 64 bytes per
    picture, where they were computed before (posthue.data.duplicates.fingerprints); pictures are then not
    opened before training.
    """

    table: str | None = None
    corpus: str | None = None
    split: str = "train"
    limit: int | None = None
    text_column: str | None = None
    image_column: str | None = None
    id_column: str | None = None
    language_column: str | None = None
    repost_column: str | None = None
    fingerprint_column: str | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """Which posts are taken.

    language: ISO 639-1 code, or null for any. min_words: mentions, links and punctuation are not counted.
    image: only posts with a picture (the paper's way; off is for looking at the texts only).
    reposts: take reposts, too.
    """

    language: str | None = "en"
    min_words: int = 6
    image: bool = True
    reposts: bool = False


@dataclass(frozen=True, slots=True)
class Teacher:
    """Who labels the texts.

    model: ``default``, the folder of a bundle that reads text and answers in sentiment, or a text
    classification model with the three classes by Hub id or local folder. batch_size, max_length: of the
    latter. threads: null for all cores.
    """

    model: str = "default"
    batch_size: int = 32
    max_length: int = 128
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Dedup:
    """Near-duplicate pictures are dropped; the first of each stays.

    distance: bits of 512 in which near ones differ at most. against: corpora (NAME, or NAME:SPLIT) none of
    whose pictures, nor anything near them, may remain. workers: threads that open pictures.
    """

    distance: int = DISTANCE
    against: tuple[str, ...] = ()
    workers: int = 2


@dataclass(frozen=True, slots=True)
class Student:
    """The image model, and how it is trained: first with the backbone frozen, then with all trainable.

    image: encoder by Hub id or local path. hidden: width of the GELU layer before the classifier; 0 for none.
    dropout: before it. frozen_epochs, epochs: of the two stages; either may be 0. freeze_batchnorm: keep its
    running statistics in the second. targets: hard (the teacher's label) or soft (its probabilities; the loss
    is then KL to them, up to a constant). temperature: softens both sides in training (Hinton et al. 2015).
    The rest as in posthue.training.recipes.recipe.Stage.
    """

    image: str = "google/mobilenet_v2_1.0_224"
    hidden: int = 32
    dropout: float = 0.0
    frozen_epochs: int = 1
    epochs: int = 5
    freeze_batchnorm: bool = False
    targets: str = "hard"
    temperature: float = 1.0
    optimizer: str = "radam"
    learning_rate: float = 1e-4
    head_learning_rate: float = 1e-4
    batch_size: int = 32
    weight_decay: float = 0.0
    warmup: float = 0.0
    schedule: str = "linear"
    label_smoothing: float = 0.2
    augment: bool = False
    shuffle: bool = True
    patience: int = 100
    small_size: int | None = None
    precision: str = "auto"


@dataclass(frozen=True, slots=True)
class DistillRecipe:
    """One distillation.

    name: of the model. keep: label → the probability that its posts must exceed (strictly); empty: no filter.
    balance: undersample to the smallest class, weights (N / (3 · N_c) in the loss), or none. least: posts per
    class without which it is not gone on. fractions: of train, val and test. seed: of everything random.
    """

    name: str
    posts: Posts
    select: Select = field(default_factory=Select)
    teacher: Teacher = field(default_factory=Teacher)
    keep: Mapping[str, float] = field(default_factory=dict)
    dedup: Dedup = field(default_factory=Dedup)
    balance: str = "undersample"
    least: int = 10
    fractions: Mapping[str, float] = field(default_factory=lambda: {"train": 0.8, "val": 0.1, "test": 0.1})
    student: Student = field(default_factory=Student)
    seed: int = 42


_PARTS: Mapping[str, type[Any]] = {
    "posts": Posts,
    "select": Select,
    "teacher": Teacher,
    "dedup": Dedup,
    "student": Student,
}


def read_distill_recipe(path: str | Path) -> DistillRecipe:
    """Read a recipe from YAML; raise RecipeError naming the field that is wrong."""
    import yaml  # noqa: PLC0415

    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"cannot read the recipe {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(values, dict):
        raise RecipeError(
            f"{path} is not a recipe: it must be a mapping with name, posts, teacher and student"
        )
    return distill_recipe_from_dict(values)


def distill_recipe_from_dict(values: Mapping[str, Any]) -> DistillRecipe:
    """Build a recipe from plain data, as YAML gives it; raise RecipeError for what cannot work."""
    if "posts" not in values:
        raise RecipeError("the recipe names no posts: give posts.table or posts.corpus")
    parts = {
        name: make_settings(kind, values[name] or {}, name) for name, kind in _PARTS.items() if name in values
    }
    fields = {f.name: f for f in dataclasses.fields(DistillRecipe)}
    plain = {name: value for name, value in values.items() if name not in parts}
    unknown = [name for name in plain if name not in fields]
    if unknown or not isinstance(values.get("name"), str):
        raise RecipeError(f"the recipe: {unknown[0]!r} is no field" if unknown else "the recipe wants a name")
    _check_plain(plain)
    return _checked(DistillRecipe(**plain, **parts))


def recipe_dict(recipe: DistillRecipe) -> dict[str, Any]:
    """Return plain data that ``distill_recipe_from_dict`` takes back."""
    return dataclasses.asdict(recipe)


def parse_keep(text: str) -> dict[str, float]:
    """Read thresholds as ``positive=.9,neutral=.9,negative=.7``; ``none`` is no filter.

    >>> parse_keep("positive=.9,negative=.7")
    {'positive': 0.9, 'negative': 0.7}
    """
    if text.strip().lower() == "none":
        return {}
    pairs = [item.partition("=") for item in text.split(",") if item.strip()]
    try:
        keep = {label.strip(): float(value) for label, _, value in pairs}
    except ValueError:
        raise RecipeError(
            f"keep {text!r}: write thresholds as positive=.9,neutral=.9,negative=.7, or none"
        ) from None
    _check_keep(keep)
    return keep


def _check_plain(values: Mapping[str, Any]) -> None:
    whole = all(
        isinstance(values.get(n, 0), int) and not isinstance(values.get(n, 0), bool)
        for n in ("seed", "least")
    )
    maps = all(isinstance(values.get(n, {}), Mapping) for n in ("keep", "fractions"))
    if not whole or not maps:
        raise RecipeError(
            "the recipe: seed and least are whole numbers, keep and fractions map names to numbers"
        )


def _check_keep(keep: Mapping[str, Any]) -> None:
    for label, value in keep.items():
        if label not in SENTIMENT.labels:
            raise RecipeError(f"keep: {label!r} is not one of {', '.join(SENTIMENT.labels)}")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
            raise RecipeError(f"keep: {label} wants a probability from 0 to below 1, not {value!r}")


def _checked(recipe: DistillRecipe) -> DistillRecipe:
    _check_keep(recipe.keep)
    student, posts = recipe.student, recipe.posts
    for what, given, known in (
        ("balance", recipe.balance, BALANCES),
        ("student: targets", student.targets, TARGETS),
        ("student: optimizer", student.optimizer, OPTIMIZERS),
        ("student: schedule", student.schedule, SCHEDULES),
        ("student: precision", student.precision, PRECISIONS),
    ):
        if given not in known:
            raise RecipeError(f"{what}: {given!r} is not one of {', '.join(known)}")
    if (posts.table is None) == (posts.corpus is None):
        raise RecipeError("posts: give either table or corpus")
    if not 0 <= recipe.dedup.distance <= MAX_DISTANCE:
        raise RecipeError(f"dedup: distance is 0 to {MAX_DISTANCE} bits of 512")
    if set(recipe.fractions) != set(SPLITS):
        raise RecipeError(f"fractions: give one for each of {', '.join(SPLITS)}")
    if student.frozen_epochs < 0 or student.epochs < 0 or student.frozen_epochs + student.epochs < 1:
        raise RecipeError("student: frozen_epochs and epochs are 0 or more, and not both 0")
    if student.temperature <= 0 or student.batch_size < 1:
        raise RecipeError("student: temperature is above 0, and batch_size at least 1")
    return recipe
