"""What every fusion is: a module from two encoded modalities to the logits of every label scheme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn

from posthue.errors import RecipeError
from posthue.model.encoders.encoders import EncodedBatch
from posthue.settings import check_options, require_known

#: Scheme → float tensor [batch, labels]: the label distribution of each row, a row of zeros where it has
#: none. A row may be scaled by its weight in the loss.
Targets = Mapping[str, Tensor]


class FusionOutput(NamedTuple):
    """logits: scheme → [batch, labels]; loss: an auxiliary loss (scalar), where the fusion has one."""

    logits: dict[str, Tensor]
    loss: Tensor | None = None


@dataclass(frozen=True, slots=True)
class FusionSettings:
    """What a fusion is built from.

    text_dim, image_dim: sizes of the encoders' vectors; None where the model has no such encoder.
    schemes: scheme → number of labels. options: the settings of this kind of fusion, by name.
    """

    text_dim: int | None
    image_dim: int | None
    schemes: Mapping[str, int]
    options: Mapping[str, Any] = field(default_factory=dict)

    def both(self, kind: str) -> tuple[int, int]:
        """Return the text's and the image's size; raise RecipeError where one encoder is missing."""
        if self.text_dim is None or self.image_dim is None:
            raise RecipeError(f"fusion {kind!r} wants a text encoder and an image encoder")
        return self.text_dim, self.image_dim


class Fusion(nn.Module):
    """Base of the fusions.

    ``forward(text, image, present, targets)``: text and image are Encoded (or None where the batch has none
    of that modality); present is a bool tensor [batch, 2] (text, image). An absent modality is masked, never
    faked. With targets (see Targets) a fusion that has a loss of its own returns it beside the logits.

    kinds: every fusion by its name. A fusion's keyword-only arguments are its options; their annotations
    say what they may hold (posthue.settings).
    wants_sequences: whether it attends over tokens and patches, and not over pooled vectors only; a fusion
    for which that is an option sets it on itself. grid: the patches are averaged to so many rows and columns
    for it (0: all of them).
    """

    kinds: ClassVar[dict[str, type[Fusion]]] = {}
    wants_sequences: bool = False
    grid: int = 0

    def __init_subclass__(cls, *, kind: str, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        Fusion.kinds[kind] = cls

    def __init__(self, settings: FusionSettings) -> None:
        super().__init__()
        self.settings = settings

    def forward(
        self,
        text: EncodedBatch | None,
        image: EncodedBatch | None,
        present: Tensor,
        targets: Targets | None = None,
    ) -> FusionOutput:
        """Return the logits of every scheme."""
        raise AssertionError("a fusion defines forward")


def make_fusion(kind: str, settings: FusionSettings) -> Fusion:
    """Build the fusion called ``kind``; raise RecipeError with the known kinds or the wrong option."""
    check_fusion_options(kind, settings.options)
    return Fusion.kinds[kind](settings, **settings.options)


def check_fusion_options(kind: str, options: Mapping[str, Any]) -> None:
    """Raise RecipeError for an unknown fusion, an unknown option, or a value it cannot have.

    Builds no model, so that a recipe is checked before any encoder is loaded.
    """
    require_known([kind], sorted(Fusion.kinds), "fusion", error=RecipeError)
    check_options(Fusion.kinds[kind], options, f"fusion {kind!r}", error=RecipeError)
