"""Joint fusion: the image is mapped into the text's space, the present vectors are pooled, and classified.

v' = A norm(v) + a;  f = pool of the present of (t, v');  p = softmax(W f + b)      (Duong et al. 2017)

The layer norm is ours: raw CNN features have a large common part, on which the projection was unstable.
A missing modality is left out of the pool, so f is then the one vector that is there.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from posthue.errors import RecipeError
from posthue.model.encoders import Encoded
from posthue.model.fusion.base import Fusion, FusionOutput, FusionSettings, scheme_heads

POOLINGS = ("mean", "sum", "max")


class JointFusion(Fusion, kind="joint"):
    """Pool text and projected image, then one linear classifier per scheme.

    pooling: mean, sum or max over the present modalities. dropout: on the pooled vector, in training.
    image_dropout: on the image's vector, before it is projected; small sets of pictures want much of it.
    hidden: width of an optional GELU layer on the projected image (0: the paper's single linear map).
    """

    def __init__(
        self,
        settings: FusionSettings,
        *,
        pooling: str = "mean",
        dropout: float = 0.1,
        image_dropout: float = 0.0,
        hidden: int = 0,
    ) -> None:
        super().__init__(settings)
        if settings.text_dim is None or settings.image_dim is None:
            raise RecipeError("fusion 'joint' wants a text encoder and an image encoder")
        if pooling not in POOLINGS:
            raise RecipeError(f"pooling {pooling!r} is not one of {', '.join(POOLINGS)}")
        self.pooling = pooling
        self.norm = nn.Sequential(nn.LayerNorm(settings.image_dim), nn.Dropout(image_dropout))
        self.project = _projection(settings.image_dim, settings.text_dim, hidden, dropout)
        self.dropout = nn.Dropout(dropout)
        self.heads = scheme_heads(settings.text_dim, settings.schemes)

    def forward(self, text: Encoded | None, image: Encoded | None, present: Tensor) -> FusionOutput:
        """Classify the pool of the present vectors."""
        vectors = [
            e
            for e in (text and text.pooled, image and self.project(self.norm(image.pooled)))
            if e is not None
        ]
        columns = [i for i, e in enumerate((text, image)) if e is not None]
        pooled = self.pool(torch.stack(vectors, dim=1), present[:, columns].unsqueeze(-1))
        pooled = self.dropout(pooled)
        return FusionOutput({name: head(pooled) for name, head in self.heads.items()})

    def pool(self, vectors: Tensor, present: Tensor) -> Tensor:
        """Pool [batch, modalities, dim] over the modalities where present [batch, modalities, 1] holds."""
        if self.pooling == "max":
            filled = vectors.masked_fill(~present, torch.finfo(vectors.dtype).min)
            return filled.amax(dim=1)
        total = (vectors * present.to(vectors.dtype)).sum(dim=1)
        if self.pooling == "sum":
            return total
        return total / present.sum(dim=1).clamp(min=1).to(vectors.dtype)


def _projection(source: int, target: int, hidden: int, dropout: float) -> nn.Module:
    if not hidden:
        return nn.Linear(source, target)
    return nn.Sequential(nn.Linear(source, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, target))
