"""Batch norms of a pretrained encoder, made ready to be trained.

In training a batch norm divides by the deviation of the batch, in use by the one that it remembers. Where
these are far apart, a network that predicts well falls silent as soon as it is put into training mode: in
MobileNetV2's last layer, whose published weights remember deviations several times smaller than those of
other pictures, nearly all units are zero then, and it hardly learns. ``anchor`` rewrites every batch norm so
that both agree:

y = γ (x − μ) / σ + β = γ' (x − m) / s + β'      γ' = γ s / σ,  β' = β + γ (m − μ) / σ

μ, σ: remembered; m, s: of the pictures at hand, which are remembered from here on. What the encoder computes
in use stays the same.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

#: The most that one batch changes what is remembered: torch's default. (transformers' MobileNetV2 comes with
#: 0.997, which is Keras' share of the past: it would remember the last batch alone.)
MOMENTUM = 0.1

_Norm = nn.modules.batchnorm._BatchNorm


def trainable_norms(model: nn.Module) -> list[_Norm]:
    """Return the batch norms that are in training mode and have weights and a memory."""
    return [
        module
        for module in model.modules()
        if isinstance(module, _Norm) and module.training and module.affine and module.track_running_stats
    ]


def anchor(encoder: nn.Module, norms: Iterable[_Norm], batches: Iterable[Tensor]) -> None:
    """Rewrite the batch norms of an encoder for these inputs; without any input, leave them alone.

    batches: what ``encoder`` takes, some hundred inputs in all. The encoder's mode stays as it was.
    """
    seen = {norm: _Seen(norm) for norm in norms}
    handles = [norm.register_forward_pre_hook(each.add) for norm, each in seen.items()]
    modes = {module: module.training for module in encoder.modules()}
    encoder.eval()
    try:
        with torch.no_grad():
            for batch in batches:
                encoder(batch)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes.items():
            module.training = mode
    for norm, each in seen.items():
        if each.count:
            _rewrite(norm, *each.moments())


class _Seen:
    """Sums over what comes to one batch norm."""

    def __init__(self, norm: _Norm) -> None:
        self.count = 0
        self._sum = torch.zeros(norm.num_features, dtype=torch.float64)
        self._squares = torch.zeros(norm.num_features, dtype=torch.float64)

    def add(self, norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0].detach().double().transpose(0, 1).flatten(1).cpu()  # [channels, everything else]
        self.count += values.shape[1]
        self._sum += values.sum(1)
        self._squares += values.square().sum(1)

    def moments(self) -> tuple[Tensor, Tensor]:
        mean = self._sum / self.count
        return mean, (self._squares / self.count - mean.square()).clamp_min(0.0)


@torch.no_grad()
def _rewrite(norm: _Norm, mean: Tensor, variance: Tensor) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, variance = mean.to(norm.running_mean), variance.to(norm.running_var)
    remembered = torch.sqrt(norm.running_var + norm.eps)
    norm.bias.add_(norm.weight * (mean - norm.running_mean) / remembered)
    norm.weight.mul_(torch.sqrt(variance + norm.eps) / remembered)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
