"""How a head on cached features is trained (posthue.training.research.heads)."""

from __future__ import annotations

from dataclasses import dataclass

from posthue.errors import RecipeError
from posthue.settings import Count, Share, check_settings
from posthue.training.recipes.schema import (
    ClassWeights,
    Factor,
    Loss,
    ModalityDropout,
    Optimizer,
    Smoothing,
)


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """How a head is trained. The names are those of a recipe's stage."""

    epochs: Count = 30
    """At most; see ``patience``."""
    batch_size: Count = 128
    """Posts of one step."""
    learning_rate: Factor = 1e-3
    """After the warm-up; it falls to 0 as a cosine."""
    weight_decay: Factor = 0.3
    """Decoupled; not on biases and norms."""
    optimizer: Optimizer = "adamw"
    """adamw, radam or sgd."""
    loss: Loss = "cross_entropy"
    """cross_entropy, or focal (Lin et al. 2017)."""
    focal_gamma: Factor = 2.0
    """Of the focal loss: how much less an easy post counts."""
    label_smoothing: Smoothing = 0.05
    """Share of each target that is spread over all labels."""
    class_weights: ClassWeights = "none"
    """Of the labels in the loss: none, balanced (N / (classes · N_c)) or sqrt (its square root)."""
    modality_dropout: ModalityDropout = 0.25
    """Probability with which each modality of a full post is left out."""
    patience: Count = 6
    """So many epochs without a better validation loss end the training."""
    warmup: Share = 0.05
    """Share of the steps in which the learning rate rises from 0."""

    def __post_init__(self) -> None:
        check_settings(self, error=RecipeError)
