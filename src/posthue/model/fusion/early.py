"""Early fusion: classify the concatenation of the two vectors.

f = [t ; v];  p = softmax(W f + b)                              (the paper's baseline, Duong et al. 2017)

A missing modality: its place is taken by one learned vector ("absent"), so that zero keeps meaning zero and
the classifier can shift its decision when half of its input is gone. It is learned from the posts that lack
a modality, and from modality dropout; a model trained on full posts only has never seen it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from posthue.model.encoders.encoders import EncodedBatch
from posthue.model.fusion.base import Fusion, FusionOutput, FusionSettings, Targets
from posthue.model.fusion.options import Dropout, Hidden
from posthue.model.fusion.parts import fill, presence, scheme_heads, vector


class EarlyFusion(Fusion, kind="early"):
    """Classify [t ; v] [batch, text_dim + image_dim].

    dropout: on the concatenation, in training. norm: layer norm of each part first, as their scales differ.
    hidden: width of an optional GELU layer (0: the paper's linear classifier).
    """

    def __init__(
        self, settings: FusionSettings, *, dropout: Dropout = 0.1, norm: bool = True, hidden: Hidden = 0
    ) -> None:
        super().__init__(settings)
        self.dims = settings.both("early")
        self.norms = nn.ModuleList([nn.LayerNorm(dim) if norm else nn.Identity() for dim in self.dims])
        self.absent = nn.ParameterList([nn.Parameter(torch.zeros(dim)) for dim in self.dims])
        self.body = nn.Sequential(nn.Dropout(dropout))
        if hidden:
            self.body.extend([nn.Linear(sum(self.dims), hidden), nn.GELU(), nn.Dropout(dropout)])
        self.heads = scheme_heads(hidden or sum(self.dims), settings.schemes)

    def forward(
        self,
        text: EncodedBatch | None,
        image: EncodedBatch | None,
        present: Tensor,
        targets: Targets | None = None,
    ) -> FusionOutput:
        """Classify the concatenation."""
        present = presence(text, image, present)
        parts = [self._part(i, e, present[:, i]) for i, e in enumerate((text, image))]
        values = self.body(torch.cat(parts, dim=-1))
        return FusionOutput({name: head(values) for name, head in self.heads.items()})

    def _part(self, column: int, encoded: EncodedBatch | None, present: Tensor) -> Tensor:
        values = self.norms[column](vector(encoded, present, self.dims[column]))
        return fill(values, present, self.absent[column])
