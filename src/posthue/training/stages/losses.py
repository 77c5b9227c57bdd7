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


def class_weights_of(targets: Mapping[str, Tensor], kind: str) -> dict[str, Tensor]:
    """Return scheme → weights [labels]: N / (classes · N_c), or its square root; nothing for kind ``none``.

    targets: scheme → distributions [rows, labels]. kind: balanced, sqrt or none. A label that no row has
    weighs nothing, and is no class; a scheme in which no row has a label has no weights.
    """
    weights: dict[str, Tensor] = {}
    for scheme, rows in targets.items() if kind != "none" else ():
        counts = rows.double().sum(0)
        if counts.any():
            balanced = counts.sum() / ((counts > 0).sum() * counts)
            balanced = torch.where(counts > 0, balanced, 0.0)
            weights[scheme] = (balanced if kind == "balanced" else balanced.sqrt()).float()
    return weights


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


def weighted_targets(
    targets: Mapping[str, Tensor],
    *,
    weight: Tensor,
    class_weights: Mapping[str, Tensor],
    label_smoothing: float,
) -> dict[str, Tensor]:
    """Return targets whose plain cross-entropy is the loss of soft_cross_entropy, row by row.

    The losses inside a fusion then see the weights and the smoothing too. An unlabelled row stays zero.
    """
    weighted = {}
    for scheme, rows in targets.items():
        scale = weight * (rows.sum(-1) > 0)
        if scheme in class_weights:
            scale = scale * (rows * class_weights[scheme].to(rows.device)).sum(-1)
        smoothed = rows * (1 - label_smoothing) + label_smoothing / rows.shape[-1]
        weighted[scheme] = smoothed * scale.unsqueeze(-1)
    return weighted


def focal_weight(logits: Mapping[str, Tensor], targets: Mapping[str, Tensor], gamma: float) -> Tensor:
    """Return (1 − p)^γ of the true label [batch], the mean over schemes that label a row (Lin et al. 2017).

    Times the cross-entropy it is the focal loss; the gradient passes through both.
    """
    total, known = torch.zeros(()), torch.zeros(())
    for scheme, scores in logits.items():
        labelled = targets[scheme].sum(-1)
        right = (scores.float().softmax(-1) * targets[scheme]).sum(-1)
        total = total.to(right.device) + labelled * (1 - right).clamp(min=1e-6) ** gamma
        known = known.to(right.device) + labelled
    return total / known.clamp(min=1.0)
