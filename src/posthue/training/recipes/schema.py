"""What a recipe holds: the model, its stages, and the posts that they are trained and checked on.

A recipe has one or more stages. A stage may start from the weights of an earlier one, so fine-tuning the
encoders apart and fusing them afterwards is one file (see recipes/).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from posthue.data.images.spec import SMALL_SIDE
from posthue.evaluation.metrics import METRICS
from posthue.labels import OLD_NAMES, SCHEMES
from posthue.settings import Count, OneOf, Range, Renamed, Share

OPTIMIZERS = ("adamw", "radam", "sgd")
SCHEDULES = ("linear", "cosine")
LOSSES = ("cross_entropy", "focal")
CLASS_WEIGHTS = ("none", "balanced", "sqrt")
PRECISIONS = ("auto", "fp32", "bf16")
FREEZABLE = ("text", "image", "embeddings", "batchnorm")


def _corpora() -> list[str]:
    from posthue.data.corpora import list_corpora  # noqa: PLC0415

    return [info.name for info in list_corpora()]


SchemeName = Annotated[str, Renamed(OLD_NAMES), OneOf(SCHEMES)]
Corpus = Annotated[str, OneOf(_corpora)]
Modalities = tuple[Annotated[str, OneOf(("text", "image"))], ...]
Targets = Annotated[str, OneOf(("post", "own", "soft"))]
Metric = Annotated[str, OneOf(METRICS)]
Optimizer = Annotated[str, OneOf(OPTIMIZERS)]
Schedule = Annotated[str, OneOf(SCHEDULES)]
Loss = Annotated[str, OneOf(LOSSES)]
ClassWeights = Annotated[str, OneOf(CLASS_WEIGHTS)]
Precision = Annotated[str, OneOf(PRECISIONS)]
Factor = Annotated[float, Range(least=0)]
Smoothing = Annotated[float, Range(least=0, below=1)]
#: Of each of two modalities, so never more than a half.
ModalityDropout = Annotated[float, Range(least=0, most=0.5)]


@dataclass(frozen=True, slots=True)
class Partner:
    """The posts of which a picture is taken for texts that have none."""

    corpus: Corpus
    """Name of the corpus."""
    split: str = "train"
    """Its split."""


@dataclass(frozen=True, slots=True)
class TrainingSource:
    """Training posts."""

    corpus: Corpus
    """Name of the corpus (``posthue data list``)."""
    split: str = "train"
    """Its split; ``SPLIT@FILE`` takes the split from a file of ``posthue data check --fix``."""
    modalities: Modalities = ("text", "image")
    """What is used of each post."""
    weight: Factor = 1.0
    """Of each post in the loss."""
    limit: Count | None = None
    """At most so many posts, drawn with the recipe's seed. Null: all."""
    targets: Targets = "post"
    """``post``: the post's labels. ``own``: the modality's own, where the corpus has them (modalities must
    then name one). ``soft``: the probabilities of the teacher that labelled the corpus."""
    pair_with: Partner | None = None
    """Give each text a random picture with the same label from here, to make pairs of unpaired sets."""
    pseudo: Mapping[SchemeName, str] = field(default_factory=dict)
    """Scheme → earlier stage whose model labels these posts softly, from their text."""


@dataclass(frozen=True, slots=True)
class Check:
    """A validation set. The weighted mean of all checks' metrics chooses the epoch that is kept."""

    corpus: Corpus
    """Name of the corpus (``posthue data list``)."""
    split: str
    """Its split; ``SPLIT@FILE`` takes the split from a file of ``posthue data check --fix``."""
    metric: Metric = "macro_f1"
    """What is measured: accuracy, weighted_f1, macro_f1 or macro_recall."""
    modalities: Modalities = ("text", "image")
    """What is shown of each post."""
    weight: Factor = 1.0
    """Of its metric in the mean."""
    limit: Count | None = None
    """At most so many posts, drawn with the recipe's seed. Null: all."""
    targets: Targets = "post"
    """As for a training source."""
    pair_with: Partner | None = None
    """As for a training source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """How a model is trained, whatever on."""

    epochs: Count = 3
    """At most; see ``patience``."""
    batch_size: Count = 32
    """Rows of one step."""
    learning_rate: Factor = 1e-4
    """Of the encoders, after the warm-up."""
    head_learning_rate: Factor = 1e-3
    """Of the fusion, after the warm-up."""
    weight_decay: Factor = 0.01
    """Decoupled; not on biases and norms."""
    warmup: Share = 0.06
    """Share of the steps in which the learning rates rise from 0."""
    schedule: Schedule = "linear"
    """How the learning rates fall to 0 after the warm-up: linear or cosine."""
    optimizer: Optimizer = "adamw"
    """adamw (Loshchilov & Hutter 2019), radam (Liu et al. 2020, with decoupled weight decay), or sgd
    (Nesterov momentum 0.9)."""
    loss: Loss = "cross_entropy"
    """cross_entropy, or focal (Lin et al. 2017)."""
    focal_gamma: Factor = 2.0
    """Of the focal loss: how much less an easy row counts; 0 is the cross-entropy."""
    max_grad_norm: Factor = 1.0
    """Longer gradients are cut to this norm; 0 never."""
    label_smoothing: Smoothing = 0.0
    """Share of each target that is spread over all labels."""
    class_weights: ClassWeights = "none"
    """Of the labels in the loss: none, balanced (N / (classes · N_c)) or sqrt (its square root)."""
    modality_dropout: ModalityDropout = 0.25
    """Probability with which each modality of a full post is left out."""
    augment: bool = True
    """Flip, turn, shift and shade the training pictures."""
    shuffle: bool = True
    """Draw a new order of the rows every epoch. Off: batches hold neighbours, in a new order."""
    patience: Count = 3
    """Stop after so many epochs without a better score."""
    precision: Precision = "auto"
    """auto (bf16 where the processor or the GPU computes it natively), fp32 or bf16."""


@dataclass(frozen=True, slots=True)
class Stage(TrainSettings):
    """One training run."""

    name: str
    """Of the stage, and of its folder in the run folder."""
    train: Annotated[tuple[TrainingSource, ...], Range(least=1)]
    """The posts that it learns from."""
    validate: Annotated[tuple[Check, ...], Range(least=1)]
    """The posts that choose its best epoch."""
    text: str | None = None
    """Text encoder: a Hub id, a local path, ``glove:FILE``, or ``stage:NAME`` for that of an earlier stage.
    Null: the model reads no text."""
    image: str | None = None
    """Image encoder: a Hub id, a local path, or ``stage:NAME``. Null: the model reads no pictures."""
    small_image: str | None = None
    """A second image encoder, for pictures of at most ``small_size``, named as ``image``. Null: the same."""
    fusion: str = "joint"
    """How both modalities become one decision (docs/fusions.md); ``single`` where there is one encoder."""
    fusion_options: Mapping[str, Any] = field(default_factory=dict)
    """The fusion's own settings, by name."""
    start: str | None = None
    """An earlier stage, from which every weight of the same name and shape is taken."""
    emoji: bool = True
    """Give a new text encoder a token for each emoji that it does not know."""
    token_scores: Mapping[SchemeName, str] = field(default_factory=dict)
    """Scheme → corpus, one of the stage's own, whose training posts teach a linear classifier of the tokens.
    It stands beside the vector of the text encoder, which must be frozen."""
    freeze: tuple[Annotated[str, OneOf(FREEZABLE)], ...] = ()
    """What is not trained: any of text, image (the encoders), embeddings (of the text encoder), batchnorm."""
    max_length: Count = 128
    """Tokens of a text that are read."""
    small_size: Count | None = SMALL_SIDE
    """Side, in pixels, to which pictures no larger than that are brought. Null: like all others."""
    seed: int | None = None
    """Of this stage's weights and order of rows. Null: the recipe's."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What ``posthue train`` makes."""

    name: str
    """Of the model."""
    schemes: Annotated[tuple[SchemeName, ...], Range(least=1)]
    """The label schemes that the model answers in."""
    stages: Annotated[tuple[Stage, ...], Range(least=1)]
    """In order; the last one's model is exported."""
    seed: int = 0
    """Of everything random."""
    calibrate: tuple[Check, ...] = ()
    """Validation sets on which the temperatures are fitted; by default the last stage's."""
