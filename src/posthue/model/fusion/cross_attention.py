"""Multi-head attention from one sequence to another, of which some steps, or all, may be missing."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from posthue.errors import RecipeError


class CrossAttention(nn.Module):
    """softmax(Q Kᵀ / √d) V with several heads (Vaswani et al. 2017).

    A row whose keys are all masked gets zeros, not not-a-number. dim: of queries, keys and result; heads must
    divide it. dropout: on the attention weights, in training.
    """

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        if dim % heads:
            raise RecipeError(f"dim {dim} cannot be shared out among {heads} heads: make it a multiple")
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(dim, dim) for _ in range(4))
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
        """Attend from queries [batch, q, dim] to keys [batch, k, dim] where mask [batch, k] holds."""
        query, key, value = self._split(self.query(queries)), *map(self._split, self._pairs(keys))
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        scores = scores.masked_fill(~mask[:, None, None, :], torch.finfo(scores.dtype).min)
        mixed = (self.dropout(scores.softmax(dim=-1)) @ value).transpose(1, 2).flatten(2)
        attended: Tensor = self.out(mixed)
        return attended * mask.any(dim=1)[:, None, None]

    def _pairs(self, keys: Tensor) -> tuple[Tensor, Tensor]:
        return self.key(keys), self.value(keys)

    def _split(self, values: Tensor) -> Tensor:
        """[batch, steps, dim] → [batch, heads, steps, dim / heads]."""
        apart: Tensor = values.unflatten(-1, (self.heads, -1))
        return apart.transpose(1, 2)
