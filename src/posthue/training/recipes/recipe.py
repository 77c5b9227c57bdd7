"""Recipes: what to train, on what, and how, as a YAML file. Every field is documented here.

A recipe has one or more stages. A stage may start from the weights of an earlier one, so fine-tuning the
encoders apart and fusing them afterwards is one file (see recipes/).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar

from posthue.data.images.decode import SMALL_SIDE
from posthue.errors import RecipeError
from posthue.evaluation.metrics import METRICS
from posthue.labels import SCHEMES

T = TypeVar("T")

FREEZABLE = ("text", "image", "embeddings", "batchnorm")
CLASS_WEIGHTS = ("none", "balanced", "sqrt")
_TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "tuple": (tuple,),
    "Mapping": (Mapping,),
    "None": (NoneType,),
}
_NAMES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number (write 1.0e-4, not 1e-4)",
    "bool": "true or false",
    "tuple": "a list",
    "Mapping": "a mapping",
    "None": "null",
}
SCHEDULES = ("linear", "cosine")
OPTIMIZERS = ("adamw", "radam", "sgd")
LOSSES = ("cross_entropy", "focal")
PRECISIONS = ("auto", "fp32", "bf16")


@dataclass(frozen=True, slots=True)
class TrainingSource:
    """Training posts.

    corpus, split: which ones. modalities: use only these of each post. weight: of each post in the loss.
    limit: so many posts at most, drawn with the recipe's seed. targets: ``post``, ``own`` for the
    modality's own labels where the corpus has them (then modalities must name one), or ``soft`` for the
    probabilities of the teacher that labelled the corpus. pair_with: give each
    text a random picture with the same label from this corpus and split, to make pairs of unpaired sets.
    pseudo: scheme → earlier stage whose model labels these posts softly, from their text.
    """

    corpus: str
    split: str = "train"
    modalities: tuple[str, ...] = ("text", "image")
    weight: float = 1.0
    limit: int | None = None
    targets: str = "post"
    pair_with: Mapping[str, str] | None = None
    pseudo: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """A validation set. metric: accuracy, weighted_f1, macro_f1 or macro_recall.

    The mean of all checks' metrics, weighted by ``weight``, chooses the epoch that is kept. The rest as in
    Source.
    """

    corpus: str
    split: str
    metric: str = "macro_f1"
    modalities: tuple[str, ...] = ("text", "image")
    weight: float = 1.0
    limit: int | None = None
    targets: str = "post"
    pair_with: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One training run.

    name: of its folder. text, image: encoder by Hub id, local path, ``glove:FILE``, or ``stage:NAME`` for
    the encoder of an earlier stage; None for no such encoder. fusion, fusion_options: see
    posthue.model.fusion. start: an earlier stage from which every weight of the same name and shape is taken.
    emoji: give a new text encoder a token for each emoji that it does not know
    (posthue.model.encoders.emoji).
    small_size: side, in pixels, to which tiny pictures are brought (None: like all others).
    token_scores: scheme → corpus, one of the stage's own, whose training posts teach a linear classifier of
    the tokens, which stands beside the (frozen) text encoder's vector (posthue.model.encoders.token_scores).
    freeze: any of text, image, embeddings, batchnorm. epochs, batch_size, weight_decay, warmup (share of the
    steps), label_smoothing: the usual. learning_rate: of encoders; head_learning_rate: of the fusion.
    schedule: of the learning rates after warm-up, linear or cosine, to zero. max_grad_norm: 0 never clips.
    optimizer: adamw (Loshchilov & Hutter 2019), radam (Liu et al. 2020, with decoupled weight decay), or sgd
    (Nesterov momentum 0.9). loss: cross_entropy, or focal with focal_gamma (Lin et al. 2017).
    class_weights: none, balanced (N / (classes · N_c)) or sqrt (its square root).
    modality_dropout: probability with which each modality of a full post is left out.
    augment: flip, turn, shift and shade the pictures. shuffle: draw a new order of the rows every epoch;
    without it batches hold neighbours and only their order changes. patience: stop after so many epochs
    without a better score. precision: auto (bf16 where the processor or the GPU computes it natively), fp32
    or bf16. seed: of this stage's weights and order of rows; None: the recipe's.
    """

    name: str
    train: tuple[TrainingSource, ...]
    validate: tuple[Check, ...]
    text: str | None = None
    image: str | None = None
    small_image: str | None = None
    fusion: str = "joint"
    fusion_options: Mapping[str, Any] = field(default_factory=dict)
    start: str | None = None
    emoji: bool = True
    token_scores: Mapping[str, str] = field(default_factory=dict)
    freeze: tuple[str, ...] = ()
    epochs: int = 3
    batch_size: int = 32
    learning_rate: float = 1e-4
    head_learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.06
    schedule: str = "linear"
    optimizer: str = "adamw"
    loss: str = "cross_entropy"
    focal_gamma: float = 2.0
    max_grad_norm: float = 1.0
    label_smoothing: float = 0.0
    class_weights: str = "none"
    modality_dropout: float = 0.25
    augment: bool = True
    shuffle: bool = True
    patience: int = 3
    max_length: int = 128
    small_size: int | None = SMALL_SIDE
    precision: str = "auto"
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """What ``posthue train`` makes.

    name: of the model. schemes: the label schemes it answers in. seed: of everything random. stages: in
    order. calibrate: validation sets on which the temperatures are fitted; by default the last stage's.
    """

    name: str
    schemes: tuple[str, ...]
    stages: tuple[Stage, ...]
    seed: int = 0
    calibrate: tuple[Check, ...] = ()


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe from YAML; raise RecipeError naming the field that is wrong."""
    import yaml  # noqa: PLC0415

    path = Path(path)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"cannot read the recipe {path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise RecipeError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(values, dict):
        raise RecipeError(f"{path} is not a recipe: it must be a mapping with name, schemes and stages")
    return check_recipe(recipe_from_dict(values))


def recipe_from_dict(values: Mapping[str, Any]) -> Recipe:
    """Build a recipe from plain data, as YAML gives it."""
    values = dict(values)
    values["stages"] = tuple(_stage(stage) for stage in _list(values.get("stages"), "stages"))
    values["calibrate"] = _many(Check, values.get("calibrate", ()), "calibrate")
    return make_settings(Recipe, values, "the recipe")


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """Return plain data that ``recipe_from_dict`` takes back."""
    return dataclasses.asdict(recipe)


def check_recipe(recipe: Recipe) -> Recipe:
    """Return the recipe; raise RecipeError for a value that cannot work, before anything is trained."""
    _each_of(recipe.schemes, SCHEMES, "schemes")
    if not recipe.stages:
        raise RecipeError("the recipe has no stages")
    earlier: list[str] = []
    for stage in recipe.stages:
        if stage.name in earlier:
            raise RecipeError(f"two stages are called {stage.name!r}")
        _check_stage(stage, earlier)
        _each_of(stage.token_scores, recipe.schemes, f"stage {stage.name!r}: token_scores")
        earlier.append(stage.name)
    _check_sources(recipe.calibrate, "calibrate")
    return recipe


def _check_stage(stage: Stage, earlier: list[str]) -> None:
    where = f"stage {stage.name!r}"
    _each_of(stage.freeze, FREEZABLE, f"{where}: freeze")
    _each_of((stage.class_weights,), CLASS_WEIGHTS, f"{where}: class_weights")
    _each_of((stage.precision,), PRECISIONS, f"{where}: precision")
    _each_of((stage.schedule,), SCHEDULES, f"{where}: schedule")
    _each_of((stage.optimizer,), OPTIMIZERS, f"{where}: optimizer")
    _each_of((stage.loss,), LOSSES, f"{where}: loss")
    _check_sources((*stage.train, *stage.validate), where)
    links = [
        link.removeprefix("stage:")
        for link in (stage.text, stage.image, stage.small_image)
        if link and link.startswith("stage:")
    ]
    links += [stage.start] if stage.start else []
    links += [name for source in stage.train for name in source.pseudo.values()]
    _each_of(links, earlier, f"{where}: an earlier stage")
    _check_fusion(stage, where)
    if not (stage.text or stage.image):
        raise RecipeError(f"{where} names neither a text nor an image encoder")
    if stage.token_scores:
        _each_of(stage.token_scores.values(), [s.corpus for s in stage.train], f"{where}: token_scores")
        if stage.text is None or "text" not in stage.freeze:
            raise RecipeError(f"{where}: token_scores want a text encoder, and freeze: [text]")
    if not stage.train or not stage.validate:
        raise RecipeError(f"{where} wants at least one corpus under train and one under validate")
    if not 0 <= stage.modality_dropout <= 0.5 or stage.epochs < 1 or stage.batch_size < 1:
        raise RecipeError(f"{where}: modality_dropout is 0 to 0.5, epochs and batch_size at least 1")


def _check_fusion(stage: Stage, where: str) -> None:
    from posthue.model.fusion import check_fusion_options  # noqa: PLC0415  (torch)

    try:
        check_fusion_options(stage.fusion, stage.fusion_options)
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from None


def _check_sources(sources: Iterable[TrainingSource | Check], where: str) -> None:
    from posthue.data.corpora import list_corpora  # noqa: PLC0415

    corpora = [info.name for info in list_corpora()]
    for source in sources:
        pair = source.pair_with or {}
        _each_of(pair, ("corpus", "split"), f"{where}: pair_with")
        _each_of((source.corpus, pair.get("corpus", source.corpus)), corpora, f"{where}: corpus")
        _each_of(source.modalities, ("text", "image"), f"{where}: {source.corpus}: modalities")
        _each_of((source.targets,), ("post", "own", "soft"), f"{where}: {source.corpus}: targets")
        if isinstance(source, Check):
            _each_of((source.metric,), METRICS, f"{where}: metric")
        else:
            _each_of(source.pseudo, SCHEMES, f"{where}: {source.corpus}: pseudo")


def _each_of(given: Any, known: Any, what: str) -> None:
    for name in given:
        if name not in known:
            raise RecipeError(f"{what}: {name!r} is not one of {', '.join(known) or 'none'}")


def _stage(values: Any) -> Stage:
    if not isinstance(values, Mapping):
        raise RecipeError(f"a stage is a mapping, not {values!r}")
    where = f"stage {values.get('name', '?')!r}"
    filled = dict(values)
    filled["train"] = _many(TrainingSource, values.get("train", ()), f"{where}: train")
    filled["validate"] = _many(Check, values.get("validate", ()), f"{where}: validate")
    return make_settings(Stage, filled, where)


def _many(kind: type[T], items: Any, where: str) -> tuple[T, ...]:
    return tuple(make_settings(kind, item, where) for item in _list(items, where))


def _list(items: Any, where: str) -> Sequence[Any]:
    if not isinstance(items, (list, tuple, NoneType)):
        raise RecipeError(f"{where}: {items!r} is not a list")
    return items or ()


def _check_type(value: Any, wanted: str, what: str) -> None:
    """Raise RecipeError for a value that is not of an annotated type; YAML reads 1e-4 as text."""
    names = [name.partition("[")[0] for name in wanted.split(" | ")]
    kinds = tuple(kind for name in names for kind in _TYPES[name])
    if not isinstance(value, kinds) or (isinstance(value, bool) and "bool" not in names):
        raise RecipeError(f"{what}: {value!r} is not {' or '.join(_NAMES[name] for name in names)}")


def make_settings(kind: type[T], values: Any, where: str) -> T:
    """Build a settings dataclass from plain data; raise RecipeError naming a field that does not fit."""
    if not isinstance(values, Mapping):
        raise RecipeError(f"{where}: {values!r} is not a mapping of fields to values")
    known = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    _each_of(values, known, where)
    filled = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    for name, value in filled.items():
        _check_type(value, str(known[name].type), f"{where}: {name}")
    try:
        return kind(**filled)
    except TypeError as error:
        raise RecipeError(f"{where}: {error}") from None
