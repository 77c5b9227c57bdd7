"""Losses over several label schemes and modality states at once."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import log_softmax


def soft_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    weight: Tensor,
    class_weights: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Cross-entropy to a target distribution. Return (sum of weighted losses, sum of weights).

    logits, targets: [batch, labels]; a row of zeros in targets has no label here and counts nothing.
    weight: [batch]. class_weights: [labels]. label_smoothing: mass spread evenly (Szegedy et al. 2016).
    """
    labels = logits.shape[-1]
    weight = weight * (targets.sum(-1) > 0)
    if class_weights is not None:
        weight = weight * (targets * class_weights.to(targets.device)).sum(-1)
    smoothed = targets * (1 - label_smoothing) + label_smoothing / labels
    losses = -(smoothed * log_softmax(logits.float(), dim=-1)).sum(-1)
    return (losses * weight).sum(), weight.sum()


def modality_states(present: Tensor, dropout: float) -> list[tuple[Tensor, Tensor]]:
    """List the states of a batch under modality dropout as (present [batch, 2], probability [batch]).

    A full post is seen whole with probability 1 − 2p, as text with p and as image with p, never as nothing.
    The encoders have run once, so the exact expectation costs two more heads and has no sampling noise.
    """
    full = present.all(dim=1)
    if dropout == 0 or not bool(full.any()):
        return [(present, torch.ones(len(present), device=present.device))]
    whole = torch.where(full, 1 - 2 * dropout, 1.0)
    part = torch.where(full, dropout, 0.0)
    text_only = torch.stack([present[:, 0], present[:, 1] & ~full], dim=1)
    image_only = torch.stack([present[:, 0] & ~full, present[:, 1]], dim=1)
    return [(present, whole), (text_only, part), (image_only, part)]


def scheme_losses(
    logits: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
    *,
    weight: Tensor,
    class_weights: Mapping[str, Tensor],
    label_smoothing: float,
) -> Tensor:
    """Sum the losses of all schemes over one batch and divide by the number of rows [scalar]."""
    total = torch.zeros((), device=weight.device)
    for scheme, scores in logits.items():
        loss, _ = soft_cross_entropy(
            scores,
            targets[scheme],
            weight=weight,
            class_weights=class_weights.get(scheme),
            label_smoothing=label_smoothing,
        )
        total = total + loss
    return total / len(weight)
