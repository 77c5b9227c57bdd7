"""Late fusion: two classifiers, each on one modality, whose probabilities are combined.

p_t = softmax(W_t t + b_t),  p_v = softmax(W_v v + b_v)
mean      p = (p_t + p_v) / 2
product   p ∝ p_t · p_v / prior                 (product of experts; both have seen the prior, Hinton 2002)
learned   p = a p_t + (1 − a) p_v               (a learned with the model, one per scheme)
tuned     the same with a chosen on validation  (Snoek et al. 2005 call all of these late fusion)

The classifiers are trained apart, by their own cross-entropies, which is the auxiliary loss: through the
mixture a classifier would only learn what the other leaves over, and could not stand alone. So in training
with targets the fused logits carry no gradient, except to the weights of ``learned``. The logits are the log
of the combined probabilities; with one modality they are those of its classifier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from posthue.errors import RecipeError
from posthue.model.encoders.encoders import EncodedBatch
from posthue.model.fusion.base import Fusion, FusionOutput, FusionSettings, Targets
from posthue.model.fusion.options import Dropout
from posthue.model.fusion.parts import label_loss, presence, scheme_heads, vector
from posthue.numbers import softmax
from posthue.posts import State
from posthue.settings import OneOf

RULES = ("mean", "product", "learned", "tuned")
#: Logits [n, labels] and true labels [n].
Known: TypeAlias = tuple[npt.NDArray[np.floating], npt.NDArray[np.integer]]
_NEVER = -1e4  # the log weight of what is absent: its exponential is zero in fp32


class LateFusion(Fusion, kind="late"):
    """Combine the probabilities of a text classifier and an image classifier.

    rule: how (above). dropout, image_dropout: on the text's and the image's vector, in training.
    """

    def __init__(
        self,
        settings: FusionSettings,
        *,
        rule: Annotated[str, OneOf(RULES)] = "mean",
        dropout: Dropout = 0.1,
        image_dropout: Dropout = 0.1,
    ) -> None:
        super().__init__(settings)
        self.rule, self.dims = rule, settings.both("late")
        self.dropouts = nn.ModuleList([nn.Dropout(dropout), nn.Dropout(image_dropout)])
        self.heads = nn.ModuleList([scheme_heads(dim, settings.schemes) for dim in self.dims])
        for scheme, labels in settings.schemes.items():
            self.register_buffer(f"prior_{scheme}", torch.ones(labels))
            if rule == "learned":
                self.register_parameter(f"share_{scheme}", nn.Parameter(torch.zeros(2)))
            else:
                self.register_buffer(f"share_{scheme}", torch.zeros(2))

    def forward(
        self,
        text: EncodedBatch | None,
        image: EncodedBatch | None,
        present: Tensor,
        targets: Targets | None = None,
    ) -> FusionOutput:
        """Classify each modality, and combine."""
        present = presence(text, image, present)
        apart = [self._classify(i, e, present[:, i]) for i, e in enumerate((text, image))]
        if not targets or not self.training:
            return FusionOutput({s: self.combine(s, [one[s] for one in apart], present) for s in apart[0]})
        self._count(targets)
        loss = label_loss(apart[0], targets, present[:, 0]) + label_loss(apart[1], targets, present[:, 1])
        fused = {s: self.combine(s, [one[s].detach() for one in apart], present) for s in apart[0]}
        return FusionOutput(fused, loss)

    def combine(self, scheme: str, apart: Sequence[Tensor], present: Tensor) -> Tensor:
        """Return the log of the combined probabilities [batch, labels] from both classifiers' logits."""
        logs = torch.stack([log_softmax(logits.float(), dim=-1) for logits in apart], dim=1)
        if self.rule == "product":
            mass = getattr(self, f"prior_{scheme}")
            both = present.all(dim=1, keepdim=True)
            total = logs.masked_fill(~present.unsqueeze(-1), 0.0).sum(dim=1)
            return log_softmax(total - torch.where(both, (mass / mass.sum()).log(), 0.0), dim=-1)
        share: Tensor = getattr(self, f"share_{scheme}")
        weights = log_softmax(share.masked_fill(~present, _NEVER), dim=-1)
        return torch.logsumexp(logs + weights.unsqueeze(-1), dim=1)

    def set_prior(self, scheme: str, prior: Sequence[float]) -> None:
        """Set the prior that ``product`` takes out once; training counts it from its targets otherwise."""
        mass = torch.as_tensor(prior, dtype=torch.float32)
        expected = getattr(self, f"prior_{scheme}")
        if mass.shape != expected.shape or not bool((mass > 0).all()):
            raise RecipeError(f"the prior of {scheme} is {len(expected)} positive numbers")
        expected.copy_(mass / mass.sum())

    def set_text_share(self, scheme: str, share: float) -> None:
        """Set the weight of the text's probabilities, from 0 to 1, as ``tune_late_weight`` found it."""
        if not 0 <= share <= 1:
            raise RecipeError(f"the text's share is from 0 to 1, not {share}")
        values = torch.tensor([share, 1 - share]).clamp(min=1e-6).log()
        getattr(self, f"share_{scheme}").data.copy_(values)

    def _classify(self, column: int, encoded: EncodedBatch | None, present: Tensor) -> dict[str, Tensor]:
        values = self.dropouts[column](vector(encoded, present, self.dims[column]))
        heads = cast("nn.ModuleDict", self.heads[column])
        return {scheme: head(values) for scheme, head in heads.items()}

    @torch.no_grad()
    def _count(self, targets: Targets) -> None:
        for scheme, rows in targets.items():
            getattr(self, f"prior_{scheme}").add_(rows.sum(dim=0))


def tune_shares(fusion: nn.Module, alone: Callable[[State], Mapping[str, Known]]) -> dict[str, float]:
    """Set the text's share of every scheme, chosen on validation posts that have both; return the shares.

    alone: scheme → what is predicted of these posts from their texts, or from their images; a scheme without
    posts stays as it is. Does nothing to any other fusion than ``late`` with the rule ``tuned``.
    """
    if not isinstance(fusion, LateFusion) or fusion.rule != "tuned":
        return {}
    shares = {}
    texts, images = alone(State.TEXT), alone(State.IMAGE)
    for scheme, (logits, labels) in texts.items():
        if len(labels):
            shares[scheme] = tune_late_weight(logits, images[scheme][0], labels)
            fusion.set_text_share(scheme, shares[scheme])
    return shares


def tune_late_weight(
    logits_text: npt.NDArray[np.floating],
    logits_image: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    *,
    steps: int = 101,
) -> float:
    """Return the text's share with the least log loss of the mixture, on validation posts that have both.

    logits_text, logits_image: of each classifier [n, labels]; labels: the true ones [n]; steps: shares that
    are tried, evenly from 0 to 1. Log loss and not accuracy, which on a few hundred posts is all steps.
    """
    rows = np.arange(len(labels))
    text, image = (softmax(values)[rows, labels] for values in (logits_text, logits_image))
    shares = np.linspace(0.0, 1.0, steps)
    mixed = shares[:, None] * text + (1 - shares[:, None]) * image
    return float(shares[np.log(np.clip(mixed, 1e-12, 1.0)).mean(axis=1).argmax()])
