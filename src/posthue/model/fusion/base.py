"""What every fusion is: a module from two encoded modalities to the logits of every label scheme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn

from posthue.errors import RecipeError
from posthue.model.encoders import Encoded


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


class Fusion(nn.Module):
    """Base of the fusions.

    ``forward(text, image, present)``: text and image are Encoded (or None where the batch has none of that
    modality); present is a bool tensor [batch, 2] (text, image). An absent modality is masked, never faked.
    """

    kinds: ClassVar[dict[str, type[Fusion]]] = {}

    def __init_subclass__(cls, *, kind: str, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        Fusion.kinds[kind] = cls

    def __init__(self, settings: FusionSettings) -> None:
        super().__init__()
        self.settings = settings

    def forward(self, text: Encoded | None, image: Encoded | None, present: Tensor) -> FusionOutput:
        """Return the logits of every scheme."""
        raise AssertionError("a fusion defines forward")


def make_fusion(kind: str, settings: FusionSettings) -> Fusion:
    """Build the fusion called ``kind``; raise RecipeError with the known kinds or the wrong option."""
    if kind not in Fusion.kinds:
        raise RecipeError(f"no fusion is called {kind!r}; there are {', '.join(sorted(Fusion.kinds))}")
    try:
        return Fusion.kinds[kind](settings, **settings.options)
    except TypeError as error:
        raise RecipeError(f"fusion {kind!r}: {error}") from None


def scheme_heads(dim: int, schemes: Mapping[str, int]) -> nn.ModuleDict:
    """Make one linear classifier per scheme."""
    return nn.ModuleDict({name: nn.Linear(dim, labels) for name, labels in schemes.items()})
