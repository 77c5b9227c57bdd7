"""Token scores: a linear classifier on the tf-idf of a text's tokens, beside its encoder's vector.

An encoder tuned on other posts knows what words mean; it does not know which names, tags and phrases go with
which label in the corpus at hand. Counting them does (Salton & Buckley 1988), at the price of one row of a
table per token:

s = (Σ_i w_{t_i}) / √(Σ_i d_{t_i}²) + b       over the tokens t_i of the text

d_t: inverse document frequency; w_t = d_t · (weights of a logistic regression on vectors of length 1), so s
is what that regression says of the text. Given are the scores less their mean: log-probabilities up to a
constant, and to the factor by which training spreads them out.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

#: Below this a text has no token that was seen often enough: its scores are the bias.
_LEAST = 1e-6


class TokenScores(nn.Module):
    """Predict token ids. All zeros until taught.

    tokens: in the vocabulary. sizes: the number of labels of each classifier. dim: their sum.
    table: [tokens, dim + classifiers], of each classifier its weights and then its squared inverse document
    frequency, so that one lookup brings all. bias: [dim].
    """

    table: Tensor
    bias: Tensor

    def __init__(self, tokens: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.tokens = tokens
        self.sizes = tuple(sizes)
        self.dim = sum(self.sizes)
        self.register_buffer("table", torch.zeros(tokens, self.dim + len(self.sizes)))
        self.register_buffer("bias", torch.zeros(self.dim))

    def teach(self, number: int, weights: Tensor, frequency: Tensor, bias: Tensor) -> None:
        """Set a classifier: weights [tokens, labels], squared frequencies [tokens], bias [labels]."""
        first, end = self.span(number)
        self.table[:, first + number : end + number] = weights
        self.table[:, end + number] = frequency
        self.bias[first:end] = bias

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return scores [batch, labels of all] of token ids [batch, length]."""
        mask = attention_mask.to(self.table.dtype).unsqueeze(-1)
        sums = (self.table[input_ids] * mask).sum(1)
        return torch.cat([self._scores(number, sums) for number in range(len(self.sizes))], dim=-1)

    def _scores(self, number: int, sums: Tensor) -> Tensor:
        first, end = self.span(number)
        length = sums[:, end + number, None].clamp(min=_LEAST).sqrt()
        scores = sums[:, first + number : end + number] / length + self.bias[first:end]
        return scores - scores.mean(-1, keepdim=True)

    def span(self, number: int) -> tuple[int, int]:
        """Return where the labels of a classifier begin and end."""
        return sum(self.sizes[:number]), sum(self.sizes[: number + 1])
