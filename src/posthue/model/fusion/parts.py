"""What several fusions share: masked vectors, classifiers, learned absence, and the loss of a classifier."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from posthue.model.encoders.encoders import EncodedBatch
from posthue.model.fusion.base import Targets


def scheme_heads(
    dim: int, schemes: Mapping[str, int], *, hidden: int = 0, dropout: float = 0.0
) -> nn.ModuleDict:
    """Make one classifier per scheme, a ``projection``."""
    return nn.ModuleDict({name: projection(dim, labels, hidden, dropout) for name, labels in schemes.items()})


def projection(source: int, target: int, hidden: int, dropout: float) -> nn.Module:
    """Make a linear map, or one with a layer of so many hidden units, and dropout on them, in between."""
    if not hidden:
        return nn.Linear(source, target)
    return nn.Sequential(nn.Linear(source, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, target))


def presence(text: EncodedBatch | None, image: EncodedBatch | None, present: Tensor) -> Tensor:
    """Return ``present`` [batch, 2], false too where the whole batch lacks a modality."""
    encoded = torch.tensor([text is not None, image is not None], device=present.device)
    return present & encoded


def vector(encoded: EncodedBatch | None, present: Tensor, dim: int) -> Tensor:
    """Return the pooled vectors [batch, dim], zeros in the rows where present [batch] does not hold.

    What stood in those rows, not-a-number included, has no way on.
    """
    if encoded is None:
        return torch.zeros((len(present), dim), device=present.device)
    return encoded.pooled.masked_fill(~present.unsqueeze(-1), 0.0)


def fill(values: Tensor, present: Tensor, absent: Tensor) -> Tensor:
    """Put the vector ``absent`` [dim] into the rows of values [batch, dim] where present is false."""
    return torch.where(present.unsqueeze(-1), values, absent)


def label_loss(logits: Mapping[str, Tensor], targets: Targets, rows: Tensor) -> Tensor:
    """Cross-entropy of several classifiers, over the rows [batch] that count and have a label.

    Summed over schemes and divided by the number of rows of the batch, as the trainer's own loss.
    """
    total = torch.zeros((), device=rows.device)
    for scheme, scores in logits.items():
        if scheme in targets:
            losses = -(targets[scheme] * log_softmax(scores.float(), dim=-1)).sum(-1)
            total = total + torch.where(rows, losses, 0.0).sum()
    return total / max(1, len(rows))
