"""Common space fusion: joint fusion whose two vectors must also agree (Duong, Lebret, Aberer 2017).

L = −log p_y + λ·L_aux, where v' (the image in the text's space) is like the text t of its own post and unlike
the texts t_k of posts of other classes; s is the cosine:
hinge        L_aux = mean_k max(0, m − s(v', t) + s(v', t_k))
contrastive  L_aux = −log( e^{s(v', t)/τ} / (e^{s(v', t)/τ} + Σ_k e^{s(v', t_k)/τ}) )     (InfoNCE)

t_k are all texts of the batch whose label is another one. Posts of the same class are no negatives: they may
well be alike. A post without label, without text or without image gives no loss of this kind.
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import normalize

from posthue.model.encoders.encoders import EncodedBatch
from posthue.model.fusion.base import FusionOutput, FusionSettings, Targets
from posthue.model.fusion.joint import POOLINGS, JointFusion
from posthue.model.fusion.options import Dropout, Hidden, Temperature, Weight
from posthue.model.fusion.parts import presence
from posthue.settings import OneOf, Range

FORMS = ("hinge", "contrastive")


class CommonSpaceFusion(JointFusion, kind="common-space"):
    """Joint fusion with the auxiliary task.

    form: of the loss, hinge or contrastive. weight: λ. margin: m, of the hinge. temperature: τ, of the
    contrastive form. The rest as in JointFusion.
    """

    def __init__(
        self,
        settings: FusionSettings,
        *,
        form: Annotated[str, OneOf(FORMS)] = "hinge",
        weight: Weight = 0.5,
        margin: Annotated[float, Range(least=0.0, most=2.0)] = 0.2,
        temperature: Temperature = 0.1,
        pooling: Annotated[str, OneOf(POOLINGS)] = "mean",
        dropout: Dropout = 0.1,
        image_dropout: Dropout = 0.0,
        hidden: Hidden = 0,
    ) -> None:
        settings.both("common-space")
        super().__init__(
            settings, pooling=pooling, dropout=dropout, image_dropout=image_dropout, hidden=hidden
        )
        self.form, self.weight, self.margin, self.temperature = form, weight, margin, temperature

    def forward(
        self,
        text: EncodedBatch | None,
        image: EncodedBatch | None,
        present: Tensor,
        targets: Targets | None = None,
    ) -> FusionOutput:
        """Classify as joint fusion does; with targets give λ·L_aux too."""
        present = presence(text, image, present)
        vectors = self.common(text, image, present)
        logits = self.classify(vectors, present)
        if not targets:
            return FusionOutput(logits)
        return FusionOutput(logits, self.weight * self.agreement(vectors, present, targets))

    def agreement(self, vectors: Tensor, present: Tensor, targets: Targets) -> Tensor:
        """Return L_aux, the mean over the rows that have a pair and a negative; zero if none has."""
        others = different(targets) & present[:, 0].unsqueeze(0)
        counted = present.all(dim=1) & others.any(dim=1)
        if not bool(counted.any()):
            return torch.zeros((), device=vectors.device)
        texts, images = (normalize(vectors[:, i].float(), dim=-1) for i in (0, 1))
        similar = images @ texts.T
        losses = self._losses(similar.diagonal().unsqueeze(1), similar, others)
        return losses[counted].mean()

    def _losses(self, own: Tensor, similar: Tensor, others: Tensor) -> Tensor:
        """Losses [batch] from s(v', t) [batch, 1], s(v', t_k) [batch, batch] and which k count."""
        if self.form == "hinge":
            losses = (self.margin - own + similar).clamp(min=0) * others
            return losses.sum(dim=1) / others.sum(dim=1).clamp(min=1)
        negatives = (similar / self.temperature).masked_fill(~others, float("-inf"))
        own = own / self.temperature
        return torch.logsumexp(torch.cat([own, negatives], dim=1), dim=1) - own.squeeze(1)


def different(targets: Targets) -> Tensor:
    """Tell which rows have different labels [batch, batch]: in any scheme in which both have one."""
    apart: list[Tensor] = []
    for rows in targets.values():
        known, labels = rows.sum(-1) > 0, rows.argmax(-1)
        apart.append((labels[:, None] != labels[None, :]) & known[:, None] & known[None, :])
    return torch.stack(apart).any(dim=0)
