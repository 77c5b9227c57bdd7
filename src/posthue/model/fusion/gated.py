"""Gated residual fusion, ours: two classifiers, a trust in each, and a correction for what only both tell.

x_m = dropout(norm(m)),  ℓ_m = log softmax(U_m x_m)                     each modality's own classifier
      (text_hidden: U_t dropout(GELU(W x_t)) instead of U_t x_t)
h_m = GELU(P_m x_m),  g = σ(G [h_t ; h_v])                              a gate per dimension
r_t = h_t + g_t ⊙ A_v h_v,  r_v = h_v + g_v ⊙ A_t h_t,  z = norm([r_t ; r_v])      cross-modal residual
both present:  logits = a_t ℓ_t + a_v ℓ_v + C z,   a = softplus(T z), one per modality and scheme
one present:   logits = ℓ_m

The classifiers learn from their own cross-entropies (auxiliary loss); the fused logits take them as given.
So with a modality missing the answer *is* that of a unimodal classifier trained as such, and the fusion can
only add to it. With T = C = 0, where training starts, it is a product of experts (Hinton 2002). The gate
follows gated multimodal units (Arevalo et al. 2017). With ``sequences``, h_m also takes in what the other
modality's vector finds in the tokens or patches of m by multi-head attention.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, softplus

from posthue.model.encoders.encoders import EncodedBatch
from posthue.model.fusion.base import Fusion, FusionOutput, FusionSettings, Targets
from posthue.model.fusion.cross_attention import CrossAttention
from posthue.model.fusion.options import Dropout, Grid, Heads, Hidden, Weight, Width
from posthue.model.fusion.parts import label_loss, presence, scheme_heads, vector
from posthue.model.fusion.sequences import SequenceProjection


class GatedFusion(Fusion, kind="gated"):
    """Unimodal log-probabilities, weighted post by post, plus a gated correction.

    dim: of the gated vectors. dropout: on the vectors of both encoders and on z; image_dropout: on the
    image's, whose raw features overfit sooner. auxiliary: weight of the unimodal losses. text_hidden: width
    of a hidden layer in the text's own classifiers, 0 for linear ones; texts of several kinds (tweets with
    pictures, tweets, comments) want it. sequences: attend over tokens and patches, with ``heads`` heads (must
    divide dim); grid: as in AttentionFusion.
    """

    def __init__(
        self,
        settings: FusionSettings,
        *,
        dim: Width = 128,
        dropout: Dropout = 0.3,
        image_dropout: Dropout = 0.5,
        auxiliary: Weight = 1.0,
        text_hidden: Hidden = 0,
        sequences: bool = False,
        heads: Heads = 4,
        grid: Grid = 3,
    ) -> None:
        super().__init__(settings)
        self.dims, self.auxiliary = settings.both("gated"), auxiliary
        self.wants_sequences, self.grid = sequences, grid if sequences else 0
        shares = (dropout, image_dropout)
        pairs = list(zip(self.dims, shares, strict=True))
        self.norms = nn.ModuleList([nn.Sequential(nn.LayerNorm(d), nn.Dropout(p)) for d, p in pairs])
        texts, images = self.dims
        self.classifiers = nn.ModuleList(
            [
                scheme_heads(texts, settings.schemes, hidden=text_hidden, dropout=dropout),
                scheme_heads(images, settings.schemes),
            ]
        )
        self.maps = nn.ModuleList([nn.Sequential(nn.Linear(d, dim), nn.GELU()) for d in self.dims])
        self.gate = nn.Linear(2 * dim, 2 * dim)
        self.crossings = nn.ModuleList([nn.Linear(dim, dim) for _ in self.dims])
        self.norm = nn.Sequential(nn.LayerNorm(2 * dim), nn.Dropout(dropout))
        self.correction = scheme_heads(2 * dim, settings.schemes)
        self.trust = scheme_heads(2 * dim, dict.fromkeys(settings.schemes, 2))
        for values in (*self.correction.parameters(), *self.trust.parameters()):
            nn.init.zeros_(values)
        if sequences:
            self.steps = nn.ModuleList([SequenceProjection(d, dim, p) for d, p in pairs])
            self.attentions = nn.ModuleList([CrossAttention(dim, heads, dropout) for _ in self.dims])

    def forward(
        self,
        text: EncodedBatch | None,
        image: EncodedBatch | None,
        present: Tensor,
        targets: Targets | None = None,
    ) -> FusionOutput:
        """Classify each modality, and both together where both are there."""
        present = presence(text, image, present)
        encoded = (text, image)
        vectors = [n(vector(encoded[i], present[:, i], self.dims[i])) for i, n in enumerate(self.norms)]
        apart = [
            {s: log_softmax(head(x).float(), dim=-1) for s, head in cast("nn.ModuleDict", heads).items()}
            for heads, x in zip(self.classifiers, vectors, strict=True)
        ]
        joined = self._join(encoded, vectors, present)
        learns = self.training and targets is not None
        logits = {
            s: self._fuse(s, [one[s] for one in apart], joined, present, learns=learns) for s in apart[0]
        }
        if targets is None:
            return FusionOutput(logits)
        losses = [label_loss(one, targets, present[:, i]) for i, one in enumerate(apart)]
        return FusionOutput(logits, self.auxiliary * (losses[0] + losses[1]))

    def _join(
        self, encoded: tuple[EncodedBatch | None, EncodedBatch | None], vectors: list[Tensor], present: Tensor
    ) -> Tensor:
        """Return z [batch, 2·dim]."""
        own = [layer(x) for layer, x in zip(self.maps, vectors, strict=True)]
        if self.wants_sequences:
            own = [own[i] + self._look(i, encoded[i], own[1 - i], present[:, i]) for i in (0, 1)]
        gates = torch.sigmoid(self.gate(torch.cat(own, dim=-1))).chunk(2, dim=-1)
        crossed = [own[i] + gates[i] * self.crossings[1 - i](own[1 - i]) for i in (0, 1)]
        joined: Tensor = self.norm(torch.cat(crossed, dim=-1))
        return joined

    def _look(self, column: int, encoded: EncodedBatch | None, other: Tensor, present: Tensor) -> Tensor:
        """What the other modality's vector [batch, dim] finds among this one's steps [batch, dim]."""
        steps = self.steps[column](encoded, present)
        attended: Tensor = self.attentions[column](other.unsqueeze(1), steps.values, steps.mask).squeeze(1)
        return attended

    def _fuse(
        self, scheme: str, apart: list[Tensor], joined: Tensor, present: Tensor, *, learns: bool
    ) -> Tensor:
        trust = softplus(self.trust[scheme](joined).float()).unsqueeze(-1)
        text, image = (logs.detach() if learns else logs for logs in apart)
        both = trust[:, 0] * text + trust[:, 1] * image + self.correction[scheme](joined).float()
        one = torch.where(present[:, :1], apart[0], apart[1])
        return torch.where(present.all(dim=1, keepdim=True), both, one)
