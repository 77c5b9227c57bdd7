"""Joint fusion: the image is mapped into the text's space, the present vectors are pooled, and classified.

v' = A norm(v) + a;  f = pool of the present of (t, v');  p = softmax(W f + b)      (Duong et al. 2017)

The layer norm is ours: raw CNN features have a large common part, on which the projection was unstable.
A missing modality is left out of the pool, so f is then the one vector that is there.
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from posthue.model.encoders.encoders import EncodedBatch
from posthue.model.fusion.base import Fusion, FusionOutput, FusionSettings, Targets
from posthue.model.fusion.options import Dropout, Hidden
from posthue.model.fusion.parts import presence, projection, scheme_heads, vector
from posthue.settings import OneOf

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
        pooling: Annotated[str, OneOf(POOLINGS)] = "mean",
        dropout: Dropout = 0.1,
        image_dropout: Dropout = 0.0,
        hidden: Hidden = 0,
    ) -> None:
        super().__init__(settings)
        self.text_dim, self.image_dim = settings.both("joint")
        self.pooling = pooling
        self.norm = nn.Sequential(nn.LayerNorm(self.image_dim), nn.Dropout(image_dropout))
        self.project = projection(self.image_dim, self.text_dim, hidden, dropout)
        self.dropout = nn.Dropout(dropout)
        self.heads = scheme_heads(self.text_dim, settings.schemes)

    def forward(
        self,
        text: EncodedBatch | None,
        image: EncodedBatch | None,
        present: Tensor,
        targets: Targets | None = None,
    ) -> FusionOutput:
        """Classify the pool of the present vectors."""
        return FusionOutput(self.classify(self.common(text, image, present), presence(text, image, present)))

    def common(self, text: EncodedBatch | None, image: EncodedBatch | None, present: Tensor) -> Tensor:
        """Return (t, v') in the text's space [batch, 2, dim]; absent rows hold what is to be masked."""
        mapped = self.project(self.norm(vector(image, present[:, 1], self.image_dim)))
        return torch.stack([vector(text, present[:, 0], self.text_dim), mapped], dim=1)

    def classify(self, vectors: Tensor, present: Tensor) -> dict[str, Tensor]:
        """Return the logits from (t, v') [batch, 2, dim], of which present [batch, 2] are there."""
        pooled = self.dropout(self.pool(vectors, present.unsqueeze(-1)))
        return {name: head(pooled) for name, head in self.heads.items()}

    def pool(self, vectors: Tensor, present: Tensor) -> Tensor:
        """Pool [batch, modalities, dim] over the modalities where present [batch, modalities, 1] holds."""
        if self.pooling == "max":
            filled = vectors.masked_fill(~present, torch.finfo(vectors.dtype).min)
            return filled.amax(dim=1)
        total = vectors.masked_fill(~present, 0.0).sum(dim=1)
        if self.pooling == "sum":
            return total
        return total / present.sum(dim=1).clamp(min=1).to(vectors.dtype)
