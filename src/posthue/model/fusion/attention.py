"""Attention fusion over tokens and patches of separately fine-tuned encoders (after L. Alfano's system).

T = P_t tokens, V = P_v patches                         linear projections, [l, dim] and [p, dim]
T' = norm(T + MHA(T → V)),  V' = norm(V + MHA(V → T))   multi-head attention, text→image and image→text
f = [mean T' ; mean V'];  p = softmax(W₂ dropout(ReLU(W₁ f)))

The trap: with one pooled vector per modality, attention has a single key, its weight is 1, and the query has
no influence. So this fusion takes sequences; where only pooled vectors are given, both attend over the
two-vector sequence (t, v). The residual keeps a modality's own content, so one alone is predicted by itself;
in place of the mean of an absent one stands a learned vector.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from posthue.model.encoders.encoders import EncodedBatch
from posthue.model.fusion.base import Fusion, FusionOutput, FusionSettings, Targets
from posthue.model.fusion.cross_attention import CrossAttention
from posthue.model.fusion.options import Dropout, Grid, Heads, Width
from posthue.model.fusion.parts import fill, presence, scheme_heads
from posthue.model.fusion.sequences import SequenceProjection, Steps, keys_for


class AttentionFusion(Fusion, kind="attention"):
    """Cross-attention between tokens and patches, mean pooling, a feed-forward classifier.

    dim: of the projections. heads: of the attention; must divide dim. hidden: width of the ReLU layer.
    dropout: everywhere, in training. sequences: false for a model that is to see pooled vectors only, in
    training and afterwards alike. grid: the patches are averaged to so many rows and columns (0: all of them
    are kept); cached features have 3.
    """

    wants_sequences = True

    def __init__(
        self,
        settings: FusionSettings,
        *,
        dim: Width = 128,
        heads: Heads = 4,
        hidden: Width = 128,
        dropout: Dropout = 0.3,
        sequences: bool = True,
        grid: Grid = 3,
    ) -> None:
        super().__init__(settings)
        dims = settings.both("attention")
        self.wants_sequences, self.grid = sequences, grid
        self.projections = nn.ModuleList([SequenceProjection(source, dim, dropout) for source in dims])
        self.attentions = nn.ModuleList([CrossAttention(dim, heads, dropout) for _ in dims])
        self.norms = nn.ModuleList([nn.LayerNorm(dim) for _ in dims])
        self.absent = nn.ParameterList([nn.Parameter(torch.zeros(dim)) for _ in dims])
        self.body = nn.Sequential(nn.Linear(2 * dim, hidden), nn.ReLU(), nn.Dropout(dropout))
        self.heads = scheme_heads(hidden, settings.schemes)

    def forward(
        self,
        text: EncodedBatch | None,
        image: EncodedBatch | None,
        present: Tensor,
        targets: Targets | None = None,
    ) -> FusionOutput:
        """Attend both ways, pool, classify."""
        present = presence(text, image, present)
        steps = [
            project(self._seen(e), present[:, i])
            for i, (e, project) in enumerate(zip((text, image), self.projections, strict=True))
        ]
        pooled = [self._attend(i, steps[i], steps[1 - i], present[:, i]) for i in (0, 1)]
        values = self.body(torch.cat(pooled, dim=-1))
        return FusionOutput({name: head(values) for name, head in self.heads.items()})

    def _seen(self, encoded: EncodedBatch | None) -> EncodedBatch | None:
        if encoded is None or self.wants_sequences:
            return encoded
        return EncodedBatch(encoded.pooled)

    def _attend(self, column: int, own: Steps, other: Steps, present: Tensor) -> Tensor:
        """Return the mean [batch, dim] of one sequence after it attended to the other."""
        keys, mask = keys_for(own, other)
        attended = self.norms[column](own.values + self.attentions[column](own.values, keys, mask))
        return fill(own._replace(values=attended).mean(), present, self.absent[column])
