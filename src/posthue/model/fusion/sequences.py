"""The sequences that attention works on: projected tokens and patches, or one vector where that is all."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from posthue.model.encoders.encoders import EncodedBatch, masked_mean


class Steps(NamedTuple):
    """values: [batch, length, dim]; mask: [batch, length].

    single: it is the pooled vector alone; None where the batch has nothing of the modality.
    """

    values: Tensor
    mask: Tensor
    single: bool | None

    def mean(self) -> Tensor:
        """Average over the real steps [batch, dim]; zeros where there are none."""
        return masked_mean(self.values, self.mask)


class SequenceProjection(nn.Module):
    """Layer norm, dropout and a linear map of every step of one modality's sequence."""

    def __init__(self, source: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.source = source
        self.map = nn.Sequential(nn.LayerNorm(source), nn.Dropout(dropout), nn.Linear(source, dim))

    def forward(self, encoded: EncodedBatch | None, present: Tensor) -> Steps:
        """Project the sequence, or the pooled vector as a sequence of one; mask the absent rows [batch]."""
        if encoded is None:
            empty = torch.zeros((len(present), 1, self.source), device=present.device)
            return Steps(self.map(empty), torch.zeros_like(present).unsqueeze(1), None)
        if encoded.sequence is None:
            values, mask = encoded.pooled.unsqueeze(1), present.unsqueeze(1)
        elif encoded.mask is None:
            values, mask = encoded.sequence, present.unsqueeze(1).expand(encoded.sequence.shape[:2])
        else:
            values, mask = encoded.sequence, encoded.mask & present.unsqueeze(1)
        values = values.masked_fill(~mask.unsqueeze(-1), 0.0)
        return Steps(self.map(values), mask, encoded.sequence is None)


def keys_for(own: Steps, other: Steps) -> tuple[Tensor, Tensor]:
    """Return what ``own`` attends to and its mask: the other's steps, or both's if that is a single vector.

    Attention to a single key has the weight 1 whatever the query says, and the query no influence.
    """
    if not (own.single if other.single is None else other.single):
        return other.values, other.mask
    return torch.cat([own.values, other.values], dim=1), torch.cat([own.mask, other.mask], dim=1)
