"""What ``posthue distill`` makes, as a YAML file. Every field is documented here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from posthue.data.duplicates.fingerprints import DISTANCE, MAX_DISTANCE
from posthue.errors import RecipeError
from posthue.labels import SENTIMENT
from posthue.settings import Count, Number, OneOf, Positive, Range, Share, read_settings, read_value
from posthue.training.recipes.reading import read_yaml
from posthue.training.recipes.schema import Factor, Optimizer, Precision, Schedule, Smoothing

BALANCES = ("undersample", "weights", "none")
TARGETS = ("hard", "soft")
SPLITS = ("train", "val", "test")

Keep = Mapping[Annotated[str, OneOf(SENTIMENT.labels)], Annotated[float, Range(least=0, below=1)]]


@dataclass(frozen=True, slots=True)
class Posts:
    """The crowd: either a table or a split of a corpus, whose labels are not looked at."""

    table: str | None = None
    """A csv, tsv, jsonl or parquet file, relative to ``--data``."""
    corpus: str | None = None
    """Or a corpus, by name."""
    split: str = "train"
    """Of the corpus."""
    limit: Count | None = None
    """Only the first so many posts. Null: all."""
    text_column: str | None = None
    """Of the table. Null: found by its usual names, as the two below."""
    image_column: str | None = None
    """Paths, addresses or bytes of the pictures."""
    id_column: str | None = None
    """Ids of the posts."""
    language_column: str | None = None
    """Codes such as en. Null: the language is detected."""
    repost_column: str | None = None
    """True, or an id, where a post is a repost. Null: ``is_retweet``, ``is_repost`` or
    ``retweeted_status_id``, where there is one."""
    fingerprint_column: str | None = None
    """64 bytes per picture, where they were computed before (posthue.data.duplicates.fingerprints); pictures
    are then not opened before training."""


@dataclass(frozen=True, slots=True)
class Select:
    """Which posts are taken."""

    language: str | None = "en"
    """ISO 639-1 code. Null: any."""
    min_words: Number = 6
    """Of a text, not counting mentions, links and punctuation."""
    image: bool = True
    """Only posts with a picture (the paper's way; off is for looking at the texts only)."""
    reposts: bool = False
    """Take reposts, too."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """Who labels the texts."""

    model: str = "default"
    """``default`` (the shipped bundle), the folder of a bundle that reads text and answers in sentiment, or a
    text classification model with the three classes, by Hub id or local folder."""
    batch_size: Count = 32
    """Texts at a time; of a model that is no bundle."""
    max_length: Count = 128
    """Tokens of a text that are read; of a model that is no bundle."""
    threads: Count | None = None
    """Of the processor. Null: all cores."""


@dataclass(frozen=True, slots=True)
class Dedup:
    """Near-duplicate pictures are dropped; the first of each stays."""

    distance: Annotated[int, Range(least=0, most=MAX_DISTANCE)] = DISTANCE
    """Bits of 512 in which near ones differ at most."""
    against: tuple[str, ...] = ()
    """Corpora (NAME, or NAME:SPLIT) none of whose pictures, nor anything near them, may remain."""
    workers: Count = 2
    """Threads that open pictures."""


@dataclass(frozen=True, slots=True)
class Student:
    """The image model, and how it is trained: first with the backbone frozen, then with all trainable."""

    image: str = "google/mobilenet_v2_1.0_224"
    """Encoder by Hub id or local path."""
    hidden: Number = 32
    """Width of the GELU layer before the classifier; 0 for none."""
    dropout: Share = 0.0
    """Share of the entries of the encoder's vector that are zeroed in training."""
    frozen_epochs: Number = 1
    """Of the first stage; 0 leaves it out."""
    epochs: Number = 5
    """Of the second stage; 0 leaves it out."""
    freeze_batchnorm: bool = False
    """Keep the running statistics of the batch norms in the second stage."""
    targets: Annotated[str, OneOf(TARGETS)] = "hard"
    """hard (the teacher's label) or soft (its probabilities; the loss is KL to them, up to a constant)."""
    temperature: Positive = 1.0
    """Of soft targets: softens both sides in training (Hinton et al. 2015)."""
    optimizer: Optimizer = "radam"
    """adamw, radam or sgd, as in a recipe's stage."""
    learning_rate: Factor = 1e-4
    """Of the encoder, after the warm-up."""
    head_learning_rate: Factor = 1e-4
    """Of the classifier, after the warm-up."""
    batch_size: Count = 32
    """Pictures of one step."""
    weight_decay: Factor = 0.0
    """Decoupled; not on biases and norms."""
    warmup: Share = 0.0
    """Share of the steps in which the learning rates rise from 0."""
    schedule: Schedule = "linear"
    """How the learning rates fall to 0: linear or cosine."""
    label_smoothing: Smoothing = 0.2
    """Share of each hard target that is spread over all labels; soft ones are left as they are."""
    augment: bool = False
    """Flip, turn, shift and shade the training pictures."""
    shuffle: bool = True
    """Draw a new order of the pictures every epoch."""
    patience: Count = 100
    """Stop a stage after so many epochs without a better score."""
    small_size: Count | None = None
    """Side, in pixels, to which pictures no larger than that are brought. Null: like all others."""
    precision: Precision = "auto"
    """auto (bf16 where the processor or the GPU computes it natively), fp32 or bf16."""


@dataclass(frozen=True, slots=True)
class DistillRecipe:
    """One distillation."""

    name: str
    """Of the model."""
    posts: Posts
    """The crowd that it learns from."""
    select: Select = field(default_factory=Select)
    """Which of them are taken."""
    teacher: Teacher = field(default_factory=Teacher)
    """Who labels their texts."""
    keep: Keep = field(default_factory=dict)
    """Label → the probability that its posts must exceed (strictly). A label not named has no filter."""
    dedup: Dedup = field(default_factory=Dedup)
    """How near-duplicate pictures are dropped."""
    balance: Annotated[str, OneOf(BALANCES)] = "undersample"
    """undersample (to the smallest class), weights (N / (3 · N_c) in the loss), or none."""
    least: Number = 10
    """Posts per class without which it is not gone on."""
    fractions: Mapping[Annotated[str, OneOf(SPLITS)], Share] = field(
        default_factory=lambda: {"train": 0.8, "val": 0.1, "test": 0.1}
    )
    """Of the posts that are left, for train, val and test."""
    student: Student = field(default_factory=Student)
    """The image model that learns from them."""
    seed: int = 42
    """Of everything random."""


def read_distill_recipe(path: str | Path) -> DistillRecipe:
    """Read a recipe from YAML; raise RecipeError naming the field that is wrong."""
    return distill_recipe_from_dict(read_yaml(path), str(path))


def distill_recipe_from_dict(values: object, where: str = "the recipe") -> DistillRecipe:
    """Build a recipe from plain data, as YAML gives it; raise RecipeError for what cannot work.

    where: what the data is called in messages.
    """
    recipe = read_settings(DistillRecipe, values, where, error=RecipeError)
    if (recipe.posts.table is None) == (recipe.posts.corpus is None):
        raise RecipeError(f"{where}: posts: give either table or corpus")
    if set(recipe.fractions) != set(SPLITS):
        raise RecipeError(f"{where}: fractions: give one for each of {', '.join(SPLITS)}")
    if not recipe.student.frozen_epochs + recipe.student.epochs:
        raise RecipeError(f"{where}: student: frozen_epochs and epochs are 0 or more, and not both 0")
    return recipe


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
    found: dict[str, float] = read_value(Keep, keep, "keep", error=RecipeError)
    return found
