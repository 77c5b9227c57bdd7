"""Batch norms of a pretrained encoder can be trained, and the encoder stays as good as it was."""

from __future__ import annotations

import torch
from torch import nn

from posthue.training.stages.batch_norm import anchor, trainable_norms


def pretrained() -> nn.Sequential:
    """An encoder whose batch norms remember far smaller deviations than what comes now."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU()
    )
    for module in model:
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.uniform_(module.weight, 0.05, 0.1)
            nn.init.constant_(module.bias, -0.3)
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.0002, 0.001)
    return model.train()


def used(model: nn.Module, pictures: torch.Tensor) -> torch.Tensor:
    was = model.training
    with torch.no_grad():
        found: torch.Tensor = model.eval()(pictures)
    model.train(was)
    return found


def trained(model: nn.Module, pictures: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model.train()(pictures)
    return found


def test_training_mode_silences_such_an_encoder_and_anchoring_wakes_it() -> None:
    model, pictures = pretrained(), torch.randn(64, 3, 12, 12)
    assert (used(model, pictures) > 0).float().mean() > 0.2
    assert (trained(model, pictures) > 0).float().mean() < 0.01
    model = pretrained()
    anchor(model, trainable_norms(model), pictures.split(16))
    torch.testing.assert_close(trained(model, pictures), used(model, pictures), rtol=1e-3, atol=1e-3)


def test_anchoring_keeps_what_the_encoder_computes_in_use() -> None:
    model, pictures = pretrained(), torch.randn(64, 3, 12, 12)
    before = used(model, pictures)
    anchor(model, trainable_norms(model), pictures.split(16))
    torch.testing.assert_close(used(model, pictures), before, rtol=1e-3, atol=1e-4)
    assert model.training


def test_without_pictures_nothing_changes() -> None:
    model = pretrained()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    anchor(model, trainable_norms(model), [])
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_a_channel_that_is_always_the_same_stays_finite() -> None:
    model, pictures = pretrained(), torch.zeros(8, 3, 12, 12)
    anchor(model, trainable_norms(model), [pictures])
    assert torch.isfinite(trained(model, pictures)).all()


def test_frozen_norms_are_not_among_them() -> None:
    model = pretrained()
    model[1].eval()
    assert trainable_norms(model) == [model[4]]
